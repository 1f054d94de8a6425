//! Where there is no terminal, or it is not asked for, it is lines as before.

use std::process::Stdio;

use crate::terminal::Terminal;
use crate::tools::not_run;
use crate::tools::program::{NATSCOPE, assert_valid, bare, installed};

#[test]
fn in_a_pipe_it_is_lines() {
    for typed in ["netcheck --watch", "watch"] {
        let mut command = bare(NATSCOPE);
        command.args(typed.split(' ')).args(["--derp-map", "embedded", "--count", "2", "--every", "1s"]);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.trim_start().starts_with("UDP works."), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert_eq!(text.matches("UDP works.").count(), 1, "the second report is what changed: {text}");
    }
}

/// In a terminal, but not written there, or not to be drawn on.
#[test]
fn in_a_terminal_it_is_lines_when_there_is_a_reason() {
    for (environment, typed) in [
        ("", "watch --derp-map embedded --count 1 | cat"),
        ("", "netcheck --watch --derp-map embedded --count 1 | cat"),
        ("TERM=dumb", "watch --derp-map embedded --count 1"),
        ("", "watch --derp-map embedded --count 1 --redact"),
        ("", "watch --derp-map embedded --count 1 -vv"),
        ("", "watch --derp-map embedded --count 1 --format markdown"),
        ("", "netcheck --every 1s --derp-map embedded --count 1"),
    ] {
        let Some(terminal) = Terminal::with_environment((100, 50), environment, typed) else { return };
        let (status, screen) = terminal.ended();
        assert_eq!(status, "0", "{typed}: {screen}");
        let written = terminal.written();
        assert!(!written.contains("\u{1b}[?1049h"), "{typed}: {written:?}");
        assert!(written.contains("UDP works"), "{typed}: {written:?}");
    }
}

/// A serial line does not know its size; so is the terminal that script makes without one of its own.
#[test]
fn on_a_terminal_without_a_size_it_is_lines() {
    if !installed("script") {
        not_run("script");
        return;
    }
    let typed = format!("stty size; {NATSCOPE} watch --derp-map embedded --count 1 -q");
    let output = bare("script").args(["-qec", &typed, "/dev/null"]).env("TERM", "vt100").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("0 0"), "{text}");
    assert!(text.contains("UDP works") && !text.contains("\u{1b}[?1049h"), "{text:?}");
}

#[test]
fn machines_get_what_they_did() {
    let mut command = bare(NATSCOPE);
    command.args(["watch", "--derp-map", "embedded", "--count", "2", "--every", "1s", "--format", "json-line"]);
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let reports: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 2);
    reports.iter().for_each(assert_valid);
    assert_eq!(reports[0]["command"], "netcheck");
}
