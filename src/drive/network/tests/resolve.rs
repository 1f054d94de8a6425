use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;

use super::*;
use crate::model::Family;

/// What a nameserver does with a query.
#[derive(Clone, Copy)]
enum Answer {
    /// Nothing.
    Silence,
    /// That response code and no records.
    Code(u8),
    /// This address, after a while.
    Address([u8; 4], Duration),
}

/// A nameserver, and how many queries it got.
async fn nameserver(answer: Answer) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = socket.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            counted.fetch_add(1, Ordering::SeqCst);
            let query = buffer[..length].to_vec();
            let socket = Arc::clone(&socket);
            tokio::spawn(async move {
                let (code, record, delay) = match answer {
                    Answer::Silence => return,
                    Answer::Code(code) => (code, None, Duration::ZERO),
                    Answer::Address(address, delay) => (0, Some(address), delay),
                };
                tokio::time::sleep(delay).await;
                socket.send_to(&dns_response(&query, code, record), from).await.unwrap();
            });
        }
    });
    (address, count)
}

/// A response to `query` with that code, and with that address when it asks for one of IPv4.
fn dns_response(query: &[u8], code: u8, address: Option<[u8; 4]>) -> Vec<u8> {
    let name = query[12..].iter().position(|byte| *byte == 0).unwrap();
    let question = &query[12..12 + name + 5];
    let is_a = question[name + 1..name + 3] == [0, 1];
    let record = address.filter(|_| is_a);
    let mut bytes = query[..2].to_vec();
    bytes.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(record.is_some()), 0, 0, 0, 0]);
    bytes.extend(question);
    if let Some(octets) = record {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(octets);
    }
    bytes
}

fn with(nameservers: &[SocketAddr]) -> NetworkOptions {
    NetworkOptions { nameservers: Nameservers::Explicit(nameservers.to_vec()), ..NetworkOptions::default() }
}

fn question(family: Family) -> Question {
    Question::Resolve { host: "relay.example".into(), family, timeout: Duration::from_secs(2) }
}

fn resolved(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Resolved(answer) => answer.addresses.iter().map(ToString::to_string).collect(),
        other => panic!("not resolved: {other:?}"),
    }
}

#[tokio::test]
async fn an_address_is_found_and_none_is_not_a_failure() {
    let (server, _) = nameserver(Answer::Address([192, 0, 2, 9], Duration::ZERO)).await;
    assert_eq!(resolved(&outcome_of(with(&[server]), question(Family::V4)).await), ["192.0.2.9"]);
    assert!(resolved(&outcome_of(with(&[server]), question(Family::V6)).await).is_empty());
}

#[tokio::test]
async fn nxdomain_is_no_such_name() {
    let (server, _) = nameserver(Answer::Code(3)).await;
    let failure = failure_of(with(&[server]), question(Family::V4)).await;
    assert_eq!(failure, Failure::new(Stage::Dns, Cause::NoSuchName));
}

#[tokio::test]
async fn an_error_of_the_nameserver_is_told() {
    for (code, words) in [(2, "Server Failure"), (5, "Refused")] {
        let (server, _) = nameserver(Answer::Code(code)).await;
        let failure = failure_of(with(&[server]), question(Family::V4)).await;
        let Cause::Resolver { said } = &failure.cause else { panic!("{failure:?}") };
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn silence_times_out_in_time() {
    let (server, _) = nameserver(Answer::Silence).await;
    let timeout = Duration::from_millis(300);
    let question = Question::Resolve { host: "relay.example".into(), family: Family::V4, timeout };
    let heard = ask(with(&[server]), Asking::new([question])).await;
    let failure = Failure::new(Stage::Dns, Cause::TimedOut { after: timeout });
    assert_eq!(heard[0].outcome, Outcome::Failed(failure));
    assert!(heard[0].round_trip() < timeout + Duration::from_millis(500));
}

#[tokio::test]
async fn a_complaint_is_told_though_another_nameserver_is_silent() {
    let (failing, _) = nameserver(Answer::Code(2)).await;
    let (silent, _) = nameserver(Answer::Silence).await;
    for order in [[failing, silent], [silent, failing]] {
        let timeout = Duration::from_millis(700);
        let question = Question::Resolve { host: "relay.example".into(), family: Family::V4, timeout };
        let failure = failure_of(with(&order), question).await;
        assert!(matches!(failure, Failure { stage: Stage::Dns, cause: Cause::Resolver { .. } }), "{failure:?}");
    }
}

#[tokio::test]
async fn a_slow_nameserver_is_waited_for() {
    let (server, _) = nameserver(Answer::Address([192, 0, 2, 9], Duration::from_millis(1200))).await;
    assert_eq!(resolved(&outcome_of(with(&[server]), question(Family::V4)).await), ["192.0.2.9"]);
}

#[tokio::test]
async fn a_dead_or_failing_first_nameserver_costs_little() {
    let (good, _) = nameserver(Answer::Address([192, 0, 2, 9], Duration::ZERO)).await;
    for bad in [Answer::Silence, Answer::Code(2)] {
        let (bad, _) = nameserver(bad).await;
        let heard = ask(with(&[bad, good]), Asking::new([question(Family::V4)])).await;
        assert_eq!(resolved(&heard[0].outcome), ["192.0.2.9"]);
        assert!(heard[0].round_trip() < Duration::from_secs(1), "{:?}", heard[0].round_trip());
    }
}

#[tokio::test]
async fn the_first_nameserver_has_the_word_while_it_answers() {
    let (first, _) = nameserver(Answer::Code(3)).await;
    let (second, count) = nameserver(Answer::Address([192, 0, 2, 9], Duration::ZERO)).await;
    let failure = failure_of(with(&[first, second]), question(Family::V4)).await;
    assert_eq!(failure.cause, Cause::NoSuchName);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_asked_for_once_a_run() {
    let (server, count) = nameserver(Answer::Address([192, 0, 2, 9], Duration::from_millis(20))).await;
    let questions = (0..10).map(|_| question(Family::V4));
    let heard = ask(with(&[server]), Asking::new(questions)).await;
    assert_eq!(heard.len(), 10);
    assert!(heard.iter().all(|observation| resolved(&observation.outcome) == ["192.0.2.9"]));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_a_nameserver_there_is_no_resolver() {
    let failure = failure_of(with(&[]), question(Family::V4)).await;
    assert_eq!(failure, Failure::new(Stage::Dns, Cause::NoResolver));
}

#[tokio::test]
async fn localhost_needs_no_nameserver() {
    let question = |family| Question::Resolve { host: "localhost".into(), family, timeout: Duration::from_secs(2) };
    let outcome = outcome_of(NetworkOptions::default(), question(Family::V4)).await;
    assert_eq!(resolved(&outcome), ["127.0.0.1"]);
}
