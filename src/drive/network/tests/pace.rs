//! How the driver keeps up with its check, and how it ends.

use std::time::Duration;

use tokio::net::UdpSocket;

use super::stun::{SHARED, question, response, server};
use super::*;
use crate::model::Family;
use crate::probe::Slot;

/// Asks ten questions and notes, each time it has no more of them, how much it has been told.
struct Noting {
    asking: Asking,
    told: Vec<usize>,
}

impl Check for Noting {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        let probe = self.asking.poll_probe(now);
        if probe.is_none() {
            self.told.push(self.asking.heard.len());
        }
        probe
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.asking.poll_timeout()
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.asking.observe(now, observation);
    }

    fn is_done(&self) -> bool {
        self.asking.is_done()
    }
}

#[tokio::test]
async fn all_that_was_heard_is_told_before_the_check_is_asked_again() {
    let options = NetworkOptions { bind_address: Some("127.0.0.1".parse().unwrap()), ..NetworkOptions::default() };
    // These fail in the act of launching, so all ten outcomes are there at once.
    let slot = Slot::Shared { family: Family::V6, index: 0 };
    let questions = (0..10).map(|_| question(slot, "[::1]:3478".parse().unwrap()));
    let mut noting = Noting { asking: Asking::new(questions), told: Vec::new() };
    run(&mut noting, Network::new(options), None).await.unwrap();
    // The check is told of each before it is asked for the next question, so nothing is left to tell in the end.
    assert_eq!(noting.told, [10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flight_of_sixty_leaves_within_five_milliseconds() {
    let server = server(|request, from| vec![response(request, from)]).await;
    let slot = |index| Slot::Shared { family: Family::V4, index };
    let mut best = Duration::MAX;
    // The best of some tries: the machine may be busy with other things.
    for _ in 0..10 {
        let questions = (0..60).map(|number| question(slot(number % 3), server));
        let heard = ask(NetworkOptions::default(), Asking::new(questions)).await;
        assert_eq!(heard.len(), 60);
        let first = heard.iter().map(|observation| observation.sent_at).min().unwrap();
        let last = heard.iter().map(|observation| observation.sent_at).max().unwrap();
        best = best.min(last.since(first));
    }
    println!("60 probes left within {best:?}");
    assert!(best < Duration::from_millis(5), "{best:?}");
}

#[tokio::test]
async fn a_dropped_run_closes_its_sockets() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let mut asking = Asking::new([question(SHARED, address)]);
    let running = run(&mut asking, Network::new(NetworkOptions::default()), None);
    let _ = tokio::time::timeout(Duration::from_millis(50), running).await;
    let mut buffer = [0; 64];
    let received = tokio::time::timeout(Duration::from_secs(2), server.recv_from(&mut buffer)).await;
    let (_, from) = received.expect("nothing was sent").unwrap();
    // Once its listener has been called off, nobody holds the port any more.
    for _ in 0..100 {
        if UdpSocket::bind(("0.0.0.0", from.port())).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("port {} is still held", from.port());
}

/// A check that takes its time over every question, as on a busy host, and notes how many had been asked when it first
/// heard something.
struct Ponderous {
    asking: Asking,
    asked: usize,
    asked_when_heard: Option<usize>,
}

impl Check for Ponderous {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        std::thread::sleep(Duration::from_millis(20));
        let probe = self.asking.poll_probe(now);
        self.asked += usize::from(probe.is_some());
        probe
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.asking.poll_timeout()
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.asked_when_heard.get_or_insert(self.asked);
        self.asking.observe(now, observation);
    }

    fn is_done(&self) -> bool {
        self.asking.is_done()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_told_while_there_is_still_something_to_ask() {
    let server = server(|request, from| vec![response(request, from)]).await;
    let asking = Asking::new((0..50).map(|_| question(SHARED, server)));
    let mut check = Ponderous { asking, asked: 0, asked_when_heard: None };
    run(&mut check, Network::new(NetworkOptions::default()), None).await.unwrap();
    assert_eq!(check.asking.heard.len(), 50);
    assert!(check.asked_when_heard.is_some_and(|asked| asked < 50), "answers waited for the last question");
}
