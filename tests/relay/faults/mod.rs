//! The relay among those who mean no good, for as long as one likes:
//!
//!     NATSCOPE_FAULT_SECONDS=600 NATSCOPE_FAULT_SEED=7 cargo test --locked --test relay faults -- --nocapture
//!
//! The law: of what the honest send within their means nothing is lost, changed or out of order, none of their
//! connections is closed, the relay answers whoever asks how it is, its memory comes back to where it was, and it stops
//! when told to.

mod dice;
mod door;
mod honest;
mod hostile;
mod mesh;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::metrics::{ask, samples};
use crate::program::Program;
use door::{Client, Door};
use honest::Pairs;
use hostile::Crowd;

const PAIRS: u64 = 50;
const HOSTILE: u64 = 28;

/// KiB of memory that the relay may keep: what the allocator does not give back, and what was made for the first time.
const KEPT: u64 = 24 << 10;

/// An answer to whoever asks how it is takes no longer, on a machine that has other things to do.
const ANSWERED: Duration = Duration::from_secs(15);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn span() -> Duration {
    Duration::from_secs(number("NATSCOPE_FAULT_SECONDS").unwrap_or(10))
}

/// Printed, so that a run can be had again; the network's own chances are another matter.
fn seed(run: &str) -> u64 {
    let seed = number("NATSCOPE_FAULT_SEED").unwrap_or_else(|| u64::from(getrandom::u32().unwrap()));
    println!("{run}: NATSCOPE_FAULT_SEED={seed} NATSCOPE_FAULT_SECONDS={}", span().as_secs());
    seed
}

/// KiB.
fn memory(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn metrics_of(program: &Program) -> SocketAddr {
    let told = program.told("Metrics");
    told.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap()
}

/// Asks how it is for so long, and returns the longest time an answer took.
fn watch(metrics: SocketAddr, time: Duration) -> JoinHandle<Duration> {
    tokio::spawn(async move {
        let (began, mut longest) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < time {
            let asked = Instant::now();
            let (status, _) = timeout(ANSWERED, ask(metrics, "GET", "/healthz")).await.expect("an answer in time");
            assert_eq!(status, 200);
            longest = longest.max(asked.elapsed());
            sleep(Duration::from_millis(200)).await;
        }
        longest
    })
}

/// Waits until there are so many clients and no more.
async fn left_with(metrics: SocketAddr, clients: u64) {
    let began = Instant::now();
    loop {
        let found = samples(metrics).await["derp_current_connections"];
        if found == clients {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{found} connections are there, not {clients}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Tells it to stop, and each client reads to the end.
async fn stops(program: Program, clients: Vec<Client>) {
    program.signal("TERM");
    for mut client in clients {
        tokio::spawn(async move { while client.packet().await.is_some() {} });
    }
    let ended = tokio::task::spawn_blocking(|| program.ended());
    let (code, said) = timeout(Duration::from_secs(20), ended).await.expect("it stops").unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

async fn endures(program: Program, door: Door, run: &str) {
    let (seed, time) = (seed(run), span());
    let metrics = metrics_of(&program);
    let pairs = Pairs::start(PAIRS, &door, &door, seed).await;
    left_with(metrics, 2 * PAIRS).await;
    let before = memory(&program);
    let watched = watch(metrics, time);
    let crowd = Crowd::start(HOSTILE, &[door], pairs.keys(), seed);
    let longest = watched.await.unwrap();
    let peak = memory(&program);
    let deeds = crowd.stop().await;
    let (clients, arrived) = pairs.stop().await;
    left_with(metrics, 2 * PAIRS).await;
    // Buffers are given back a second after the last bytes.
    let settled = Instant::now();
    while memory(&program) > before + KEPT && settled.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(200)).await;
    }
    let after = memory(&program);
    println!(
        "{run}: {arrived} packets, none lost; memory {before} KiB before, {peak} KiB under attack, {after} KiB after; \
         /healthz within {longest:?}; {deeds}"
    );
    assert!(after <= before + KEPT, "{before} KiB before, {after} KiB after");
    assert!(arrived > PAIRS * time.as_secs(), "{arrived} packets are too few to tell");
    stops(program, clients).await;
}

const HERE: [&str; 6] = ["--addr", "127.0.0.1:0", "--stun-addr", "none", "--metrics-addr", "127.0.0.1:0"];

#[tokio::test(flavor = "multi_thread")]
async fn the_honest_are_served_among_the_hostile() {
    let program = Program::start(&[&HERE[..], &["--dev"]].concat());
    let door = Door::plain(program.derp());
    endures(program, door, "plain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_honest_are_served_among_the_hostile_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let (certificates, key) = (directory.path().to_str().unwrap(), directory.path().join("relay.key"));
    let own = ["--hostname", "127.0.0.1", "--open", "--cert-dir", certificates, "--key", key.to_str().unwrap()];
    let program = Program::start(&[&HERE[..], &own[..]].concat());
    let door = Door::tls(program.derp(), directory.path());
    endures(program, door, "TLS").await;
}
