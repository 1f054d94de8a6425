//! What changes while it is watched is told in the words that lines have for it.

use std::net::UdpSocket;
use std::process::{Command, Stdio};

use crate::terminal::Terminal;
use crate::tools::Running;
use crate::tools::program::{NATSCOPE, bare};

#[test]
fn a_relay_that_goes_and_comes_is_told() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let map = directory.path().join("map.json");
    let node = format!(
        r#"{{"Name":"7a","RegionID":7,"HostName":"127.0.0.1","IPv4":"127.0.0.1","IPv6":"none","STUNPort":{port},"STUNOnly":true}}"#
    );
    let text =
        format!(r#"{{"Regions":{{"7":{{"RegionID":7,"RegionCode":"mine","RegionName":"My Own","Nodes":[{node}]}}}}}}"#);
    std::fs::write(&map, text).unwrap();
    let relay = relay(port);
    let Some(terminal) =
        Terminal::start((80, 24), &format!("watch --derp-map {} -4 --no-icmp --every 1s", map.display()))
    else {
        return;
    };
    let screen = terminal.shows("UDP works.");
    assert!(screen.contains("STUN"), "{screen}");
    drop(relay);
    let screen = terminal.shows("region mine lost");
    let region = screen.lines().find(|line| line.contains("My Own")).unwrap();
    // Not a word of its round trip, but why there is none.
    assert!(region.contains(" ? ") && region.contains("STUN: "), "{screen}");
    let _relay = self::relay(port);
    let screen = terminal.shows("region mine answers again");
    assert!(screen.contains("region mine lost"), "what was told stays: {screen}");
    let screen = terminal.until("a gap in the history", |screen| {
        screen.lines().any(|line| line.contains("My Own") && line.contains('×'))
    });
    assert!(!screen.contains("panicked"), "{screen}");
    terminal.keys(&["q"]);
    assert_eq!(terminal.ended().0, "0");
}

/// A relay with STUN on this port of loopback.
fn relay(port: u16) -> Running {
    let mut command: Command = bare(NATSCOPE);
    command.args(["relay", "--dev", "--addr", "127.0.0.1:0", "--stun-addr", &format!("127.0.0.1:{port}")]);
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}
