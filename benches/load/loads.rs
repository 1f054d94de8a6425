//! What is asked of a relay. Connections are fresh for each load and shorter than a minute, so that nothing but packets
//! comes on them: a relay says that it is there once a minute.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::process::Process;
use crate::target::{End, Target, packet};

/// Packets on their way between two ends: a sender waits for the receiver, as TCP in a tunnel would.
const WINDOW: u64 = 30;

/// The receiver tells the sender after so many.
const ACKNOWLEDGED: u64 = 8;

/// Bytes of what it tells.
const ACKNOWLEDGEMENT: usize = 16;

/// Before it counts: queues fill, buffers grow.
const WARM_UP: Duration = Duration::from_millis(300);

/// All that was sent arrives in this time, or is lost.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Flood {
    /// Packets that arrived.
    pub(crate) per_second: f64,
    /// Microseconds of a core for each of them.
    pub(crate) cpu: f64,
    pub(crate) lost: u64,
}

pub(crate) struct PingPong {
    /// Microseconds there and back.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

#[derive(Default)]
struct Tally {
    sent: Cell<u64>,
    arrived: Cell<u64>,
    stop: Cell<bool>,
}

/// As many packets as the windows allow.
pub(crate) async fn flood(target: &Target, size: usize, pairs: usize, time: Duration) -> Flood {
    let tally = Rc::<Tally>::default();
    let local = LocalSet::new();
    for _ in 0..pairs {
        let (sender, receiver) = target.pair().await;
        let (from, to) = (sender.key, receiver.key);
        local.spawn_local(receive(receiver, packet(&from, ACKNOWLEDGEMENT), size, Rc::clone(&tally)));
        local.spawn_local(send(sender, packet(&to, size), Rc::clone(&tally)));
    }
    local
        .run_until(async {
            sleep(WARM_UP).await;
            let (began, cpu, arrived) = (Instant::now(), target.process.cpu(), tally.arrived.get());
            sleep(time).await;
            let (took, cpu) = (began.elapsed(), target.process.cpu() - cpu);
            let arrived = tally.arrived.get() - arrived;
            tally.stop.set(true);
            let stopped = Instant::now();
            while tally.arrived.get() < tally.sent.get() && stopped.elapsed() < PATIENCE {
                sleep(Duration::from_millis(5)).await;
            }
            Flood {
                per_second: arrived as f64 / took.as_secs_f64(),
                cpu: cpu * 1e6 / arrived as f64,
                lost: tally.sent.get() - tally.arrived.get(),
            }
        })
        .await
}

async fn send(mut end: End, packet: Vec<u8>, tally: Rc<Tally>) {
    let window = packet.repeat(usize::try_from(WINDOW).unwrap());
    let acknowledgement = crate::target::packet(&end.key, ACKNOWLEDGEMENT).len();
    let (mut sent, mut acknowledged, mut bytes) = (0, 0, 0);
    let mut buffer = vec![0; 4096];
    loop {
        let room = if tally.stop.get() { 0 } else { acknowledged + WINDOW - sent };
        if room > 0 {
            sent += room;
            tally.sent.set(tally.sent.get() + room);
            let packets = usize::try_from(room).unwrap() * packet.len();
            end.stream.write_all(&window[..packets]).await.unwrap();
            end.stream.flush().await.unwrap();
        }
        let read = end.stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "a connection ended early");
        bytes += read;
        acknowledged = (bytes / acknowledgement) as u64 * ACKNOWLEDGED;
    }
}

async fn receive(mut end: End, acknowledgement: Vec<u8>, size: usize, tally: Rc<Tally>) {
    let length = packet(&end.key, size).len();
    let mut buffer = vec![0; 128 << 10];
    let (mut bytes, mut counted, mut acknowledged) = (0, 0, 0);
    loop {
        let read = end.stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "a connection ended early");
        bytes += read;
        let arrived = (bytes / length) as u64;
        tally.arrived.set(tally.arrived.get() + arrived - counted);
        counted = arrived;
        let due = (counted - acknowledged) / ACKNOWLEDGED;
        if due > 0 {
            acknowledged += due * ACKNOWLEDGED;
            end.stream.write_all(&acknowledgement.repeat(usize::try_from(due).unwrap())).await.unwrap();
            end.stream.flush().await.unwrap();
        }
    }
}

/// One packet there and back at a time.
pub(crate) async fn ping_pong(target: &Target, size: usize, time: Duration) -> PingPong {
    let (mut near, mut far) = target.pair().await;
    let (ping, answer) = (packet(&far.key, size), packet(&near.key, size));
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; ping.len()];
    tasks.spawn(async move {
        while far.stream.read_exact(&mut buffer).await.is_ok() {
            far.stream.write_all(&answer).await.unwrap();
            far.stream.flush().await.unwrap();
        }
    });
    let mut took = Vec::new();
    let mut buffer = vec![0; ping.len()];
    let began = Instant::now();
    while began.elapsed() < time {
        let sent = Instant::now();
        near.stream.write_all(&ping).await.unwrap();
        near.stream.flush().await.unwrap();
        near.stream.read_exact(&mut buffer).await.unwrap();
        took.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_by(f64::total_cmp);
    PingPong { p50: took[took.len() / 2], p99: took[took.len() * 99 / 100] }
}

/// KiB of memory for each of so many clients that have logged in and say nothing.
pub(crate) async fn idle(target: &Target, clients: usize) -> f64 {
    // Whatever is made once is made.
    drop(target.end(0).await);
    sleep(PATIENCE).await;
    let before = target.process.memory();
    let mut ends = Vec::new();
    for _ in 0..clients {
        ends.push(target.end(0).await);
    }
    sleep(PATIENCE).await;
    (target.process.memory() - before) / clients as f64
}

/// KiB of memory that a relay uses for each of so many clients that log in at another one, and microseconds of a core.
pub(crate) async fn known(here: &Process, there: &Target, clients: usize) -> [f64; 2] {
    while here.counted("natscope_mesh_nodes_joined ") < 1.0 {
        sleep(Duration::from_millis(50)).await;
    }
    drop(there.end(0).await);
    sleep(PATIENCE).await;
    let (before, used) = (here.memory(), here.cpu());
    let mut ends = Vec::new();
    for _ in 0..clients {
        ends.push(there.end(0).await);
    }
    sleep(PATIENCE).await;
    assert!(here.counted("derp_clients_remote ") >= clients as f64);
    [(here.memory() - before) / clients as f64, (here.cpu() - used) * 1e6 / clients as f64]
}
