//! How soon the first packet leaves, and how much memory a run takes.
//!
//! The bounds are wide where the build is not optimized. `cargo test --release --test netcheck startup -- --nocapture`
//! has those of the built program and prints its figures.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::program::{Files, bare, peak_memory};
use crate::server::{Server, stun_region};

/// Starts measured.
const STARTS: usize = 20;

#[test]
fn the_first_packet_leaves_soon_after_the_start() {
    let socket = UdpSocket::bind("127.0.120.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let files = Files::new();
    let map = files.map([stun_region(901, socket.local_addr().unwrap())]);
    let mut times: Vec<Duration> = (0..STARTS).map(|_| first_packet(&socket, &map)).collect();
    times.sort_unstable();
    let median = times[STARTS / 2];
    println!("first packet after {median:?} (median of {STARTS}; {:?} to {:?})", times[0], times[STARTS - 1]);
    assert!(median < Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 20 }), "{times:?}");
}

fn first_packet(socket: &UdpSocket, map: &Path) -> Duration {
    let mut command = bare("netcheck --no-icmp --timeout 100ms --derp-map");
    command.arg(map).stdout(Stdio::null());
    // What the run before has sent late is not ours.
    socket.set_nonblocking(true).unwrap();
    while socket.recv(&mut [0; 2048]).is_ok() {}
    socket.set_nonblocking(false).unwrap();
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    // A signal, as that of another test's child, is no packet.
    while let Err(error) = socket.recv(&mut [0; 2048]) {
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
    }
    let took = begun.elapsed();
    child.wait().unwrap();
    took
}

#[test]
fn a_full_report_takes_little_memory() {
    let servers: Vec<Server> = (121..149).map(Server::honest_stun).collect();
    let files = Files::new();
    let map = files.map((901..).zip(&servers).map(|(id, server)| stun_region(id, server.address)));
    let most_mib = if cfg!(debug_assertions) { 60 } else { 25 };
    for (name, map) in [("embedded relays", Path::new("embedded")), ("28 regions", &map)] {
        let mut command = bare("netcheck --derp-map");
        command.arg(map);
        let (output, peak) = peak_memory(command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        println!("{name}: {:.1} MiB at most", f64::from(u32::try_from(peak).unwrap()) / 1024.0);
        assert!((1..most_mib * 1024).contains(&peak), "{name}: {peak} KiB");
    }
}
