//! However it ends, the terminal is what it was, and the exit status says how.

use std::net::UdpSocket;
use std::process::Command;

use crate::terminal::Terminal;

const WATCH: &str = "watch --derp-map embedded";

#[test]
fn q_is_all_well() {
    for typed in [WATCH, "netcheck --watch --derp-map embedded"] {
        let Some(terminal) = Terminal::start((80, 24), typed) else { return };
        terminal.shows("next in");
        terminal.keys(&["q"]);
        let (status, screen) = terminal.ended();
        assert_eq!(status, "0");
        assert!(screen.starts_with("before") && !screen.contains("Regions"), "what was there is there again: {screen}");
    }
}

/// Not only between runs.
#[test]
fn q_ends_a_run_as_well() {
    // Nothing answers there, so that the run takes its time.
    let directory = tempfile::tempdir().unwrap();
    let map = directory.path().join("map.json");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let node =
        format!(r#"{{"Name":"1a","RegionID":1,"HostName":"a","IPv4":"127.0.0.1","STUNPort":{port},"STUNOnly":true}}"#);
    let text =
        format!(r#"{{"Regions":{{"1":{{"RegionID":1,"RegionCode":"one","RegionName":"One","Nodes":[{node}]}}}}}}"#);
    std::fs::write(&map, text).unwrap();
    let Some(terminal) = Terminal::start((80, 24), &format!("watch --derp-map {}", map.display())) else { return };
    let screen = terminal.shows("measuring");
    assert!(screen.contains("The first report is under way."), "{screen}");
    terminal.keys(&["q"]);
    assert_eq!(terminal.ended().0, "0");
}

#[test]
fn ctrl_c_and_signals_interrupt() {
    let ends: [(&str, &[&str]); 4] = [("C-c", &[]), ("", &["-TERM"]), ("", &["-INT"]), ("", &["-HUP"])];
    for (key, signal) in ends {
        let Some(terminal) = Terminal::start((80, 24), WATCH) else { return };
        terminal.shows("next in");
        if signal.is_empty() {
            terminal.keys(&[key]);
        } else {
            assert!(Command::new("kill").args(signal).arg(terminal.process()).status().unwrap().success());
        }
        assert_eq!(terminal.ended().0, "130", "{key}{signal:?}");
    }
}

/// A run that cannot be made ends the dashboard, and the reason stands where it can be read.
#[test]
fn a_run_that_fails_says_why() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let Some(terminal) = Terminal::start((80, 24), &format!("{WATCH} -4 --bind-port {port}")) else { return };
    let (status, screen) = terminal.ended();
    assert_eq!(status, "64", "{screen}");
    assert!(screen.contains("natscope: ") && screen.contains(&port.to_string()), "{screen}");
}

/// What it came to is not to vanish with the dashboard.
#[test]
fn the_last_report_of_several_stays() {
    let Some(terminal) = Terminal::start((80, 50), &format!("{WATCH} --count 2 --every 1s")) else { return };
    let (status, screen) = terminal.ended();
    assert_eq!(status, "0", "{screen}");
    assert_eq!(screen.matches("UDP works.").count(), 1, "{screen}");
    assert!(screen.contains("Embedded two"), "{screen}");
    assert_eq!(terminal.written().matches("\u{1b}[?1049h").count(), 1, "there was a dashboard");
}
