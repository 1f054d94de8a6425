//! The house rules that a compiler does not know, each with its reason: which room may know which, which crate and
//! which part of the standard library belongs where, how long a file may be.
//!
//! Text is read, not types: paths in `use` trees and in expressions, with comments and strings left out. That is
//! enough to notice a new arrow, and not enough to stop somebody who wants to hide one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

mod rust;
mod tree;

use std::collections::BTreeSet;

use rust::{Source, paths};

/// The rooms, and the rooms each may know. `drive` and `check` never name each other: the load-bearing wall that lets
/// every verdict be tested without a network, and lets the network be driven without knowing what it is for.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "cmd"]),
    ("cmd", &["cli", "check", "derp", "derpmap", "drive", "model", "probe", "render", "report"]),
    ("cli", &["model", "render"]),
    ("drive", &["derp", "derpmap", "model", "probe", "wire"]),
    ("check", &["derpmap", "model", "probe", "report"]),
    ("render", &["model", "probe", "report"]),
    ("report", &["model", "probe"]),
    ("derpmap", &["model"]),
    ("derp", &["model", "wire"]),
    ("wire", &["model"]),
    ("probe", &["model"]),
    ("model", &[]),
];

/// Arrows that only some files of a room may draw.
const NARROW: &[(&str, &str, &[&str], &str)] = &[(
    "drive",
    "derpmap",
    &["src/drive/map_source/tests"],
    "what a map looks like the caller's decoder knows; only the test of the two together names it here",
)];

const NETWORK: &str = "sockets, TLS and DNS are owned by drive/: all other rooms are functions from data to data";
const TERMINAL: &str = "how a terminal is used is decided where the use-cases are wired together";
const ANYWHERE: &[&str] = &[];

/// The rooms a crate belongs in (none listed: any), and why.
const CRATES: &[(&str, &[&str], &str)] = &[
    ("anstream", &["cmd", "main"], TERMINAL),
    ("aya", &["drive"], NETWORK),
    ("bytes", &["derp", "drive", "wire"], "only where bytes are handled"),
    ("clap", &["cli"], "the argument syntax is one room, so that it can be another one day"),
    ("clap_complete", &["cli"], "completions are made of the argument syntax"),
    ("clap_mangen", &["cli"], "man pages are made of the argument syntax"),
    ("comfy_table", &["render"], "table layout is a rendering"),
    (
        "console",
        &["cmd", "render"],
        "the size of a terminal is asked in cmd/, the width of a character is a rendering's",
    ),
    ("crc32fast", &["derp", "wire"], "a checksum is part of a wire format"),
    ("crypto_box", &["wire"], "boxes are part of wire formats, and wire/nacl alone makes them"),
    ("etcetera", &["cmd", "drive"], "where files are kept is the system's affair"),
    ("futures_util", &["drive"], NETWORK),
    ("getifs", &["drive"], NETWORK),
    ("getrandom", &["drive"], "randomness is an argument: a run with given randomness can be repeated"),
    ("granit_parser", &["derpmap"], "YAML maps are read in one place"),
    ("hickory_resolver", &["drive"], NETWORK),
    ("hmac", &["drive"], "who wrote a cookie, or a relay's message"),
    ("http_body_util", &["drive"], NETWORK),
    ("httparse", &["wire"], "the head of a response, of an exchange that stops being HTTP after it"),
    ("httpdate", &["drive"], NETWORK),
    ("humantime", &["cli", "cmd", "drive", "render"], "durations and times are words at the edges, values inside"),
    ("hyper", &["drive"], NETWORK),
    ("hyper_util", &["drive"], NETWORK),
    ("indicatif", &["cmd"], TERMINAL),
    ("instant_acme", &["drive"], NETWORK),
    ("listenfd", &["drive"], NETWORK),
    ("netlink_packet_core", &["drive"], NETWORK),
    ("netlink_packet_sock_diag", &["drive"], NETWORK),
    ("nix", &["drive"], NETWORK),
    ("object", &["drive"], "the file that a program for the kernel is read from"),
    ("ratatui", &["cmd", "render"], "what a terminal shows is a rendering, and how it is used is decided in cmd/"),
    ("rcgen", &["drive"], NETWORK),
    ("reqwest", &["drive"], NETWORK),
    ("rlimit", &["drive"], "how many files a server may have open is the system's affair"),
    ("rustix", &["drive"], NETWORK),
    ("rustls", &["drive", "main"], NETWORK),
    ("rustls_platform_verifier", &["drive"], NETWORK),
    ("sd_notify", &["drive"], "who looks after the process is the system's affair"),
    ("serde", ANYWHERE, "data is saved and replayed"),
    ("serde_json", ANYWHERE, "data is saved and replayed"),
    ("sha2", &["derp", "drive"], "certificate pins and keys"),
    ("socket2", &["drive"], NETWORK),
    ("stun_rs", &["wire"], "its messages are whole or nothing; wire/stun makes values of them"),
    ("subtle", &["model"], "secrets are compared in constant time"),
    ("thiserror", ANYWHERE, "errors have types"),
    ("tokio", &["drive", "cmd", "main"], "a check is polled by whoever has the clock, a simulator included"),
    ("tokio_rustls", &["drive"], NETWORK),
    ("tokio_util", &["drive"], NETWORK),
    ("tokio_websockets", &["drive"], NETWORK),
    ("toml", &["cli"], "the configuration file is argument syntax in another notation"),
    ("tracing", &["drive", "cmd", "main"], "a function from data to data has nothing to log"),
    ("tracing_subscriber", &["cmd", "main"], TERMINAL),
    ("webpki_roots", &["drive"], NETWORK),
    ("zeroize", &["model"], "secrets are wiped when dropped"),
];

const ACTS: &[&str] = &["drive", "cmd", "main"];

/// Parts of the standard library that act, as paths; the rooms they belong in, and why.
const STANDARD: &[(&[&str], &[&str], &str)] = &[
    (&["std", "fs"], ACTS, "files are read where inputs are gathered"),
    (&["std", "env"], ACTS, "the environment is an input like any other, and is handed in"),
    (&["std", "process"], ACTS, "a library that ends the process, or starts one, cannot be tested"),
    (&["std", "thread"], ACTS, "no room but drive/ waits"),
    (&["Instant", "now"], ACTS, "time is an argument: checks run in virtual time"),
    (&["SystemTime", "now"], ACTS, "time is an argument: checks run in virtual time"),
    (&["UdpSocket"], ACTS, NETWORK),
    (&["TcpStream"], ACTS, NETWORK),
    (&["TcpListener"], ACTS, NETWORK),
    (&["print", "!"], &["cmd", "main"], "standard output carries results only, written in one place"),
    (&["println", "!"], &["cmd", "main"], "standard output carries results only, written in one place"),
    (&["eprint", "!"], &["cmd", "main"], "standard error is silent with -q"),
    (&["eprintln", "!"], &["cmd", "main"], "standard error is silent with -q"),
];

/// A file longer than this is two things; which?
const LONGEST_FILE: usize = 400;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

#[test]
fn rooms_know_only_the_rooms_they_may() {
    none(&sources().iter().flat_map(arrows).collect::<Vec<_>>());
}

#[test]
fn crates_and_sockets_stay_in_their_rooms() {
    none(&sources().iter().flat_map(belongings).collect::<Vec<_>>());
}

/// A new room or a new crate is given its place here before it is used.
#[test]
fn every_room_and_every_crate_has_its_place() {
    let rooms: BTreeSet<String> = sources().iter().map(|source| source.room.clone()).collect();
    for room in rooms {
        assert!(room == "lib" || ARROWS.iter().any(|(known, _)| *known == room), "src/{room} is no room of ARROWS");
    }
    let dependencies = dependencies("dependencies");
    for name in &dependencies {
        assert!(CRATES.iter().any(|(known, ..)| known == name), "{name} has no room in CRATES");
    }
    for (name, ..) in CRATES {
        assert!(dependencies.iter().any(|known| known == name), "{name} has a room in CRATES and is no dependency");
    }
}

/// Each dependency is code of strangers, and time at every build.
#[test]
fn no_dependency_is_unused() {
    let sources = sources();
    let written: Vec<_> = sources.iter().flat_map(|source| paths(&source.tokens)).collect();
    let dependencies_of_sources = dependencies("dependencies");
    let unused = unused(&dependencies_of_sources, &written);
    assert!(unused.is_empty(), "no source outside of tests names {unused:?}");

    let others = tree::rust_files().into_iter().filter(|path| !path.starts_with("src/"));
    let others: String = others.map(|path| tree::text(&path)).collect();
    for name in dependencies("dev-dependencies") {
        let in_sources = written.iter().any(|path| path.in_tests && path.starts_with(&[&name]));
        assert!(in_sources || others.contains(&format!("{name}::")), "no test names {name}");
    }
}

/// Those that no path outside of tests starts with.
fn unused<'a>(dependencies: &'a [String], written: &[rust::Written]) -> Vec<&'a String> {
    let used = |name: &str| written.iter().any(|path| !path.in_tests && path.starts_with(&[name]));
    dependencies.iter().filter(|name| !used(name)).collect()
}

/// The crates of a table of the manifest, as sources name them.
/// Those of single systems too.
fn dependencies(table: &str) -> Vec<String> {
    let manifest: toml::Table = tree::text("Cargo.toml").parse().unwrap();
    let systems = manifest["target"].as_table().unwrap().values();
    let tables = systems.filter_map(|system| system.get(table)).chain([&manifest[table]]);
    let names: Vec<String> =
        tables.flat_map(|table| table.as_table().unwrap().keys()).map(|name| name.replace('-', "_")).collect();
    assert!(names.len() > 3, "no {table}");
    names
}

#[test]
fn no_file_is_two_things() {
    let mut complaints = Vec::new();
    for path in tree::rust_files() {
        // The tests at the end of a file are not what it is about.
        let is_test = path.starts_with("tests/") || path.contains("/tests") || path.ends_with("/sample.rs");
        let text = tree::text(&path);
        let lines = text.lines().take_while(|line| is_test || *line != "#[cfg(test)]").count();
        if lines > LONGEST_FILE && !LONG_FILES.iter().any(|(known, _)| *known == path) {
            complaints.push(format!("{path} has {lines} lines: which two things is it? Split it by meaning"));
        }
    }
    none(&complaints);
}

/// A test that did not run must not look passed. What needs more than there is says NOT RUN where it is seen: the test
/// harness swallows what a passing test prints.
#[test]
fn no_test_is_left_out_in_silence() {
    // In two halves, or this file would be the first to be found.
    let ignore = format!("#[{}", "ignore");
    let swallowed = format!("eprintln!(\"NOT {}", "RUN");
    let own_main = ["tests/derper/", "tests/kernel_stun/", "tests/natlab/", "tests/port_mapping/"];
    let mut complaints = Vec::new();
    for path in tree::rust_files() {
        for (number, line) in tree::text(&path).lines().enumerate() {
            if line.trim_start().starts_with(&ignore) {
                complaints.push(format!("{path}:{}: a test that is ignored proves nothing", number + 1));
            }
            if line.contains(&swallowed) && !own_main.iter().any(|own| path.starts_with(own)) {
                complaints.push(format!("{path}:{}: nobody sees this: tests/tools has not_run", number + 1));
            }
        }
    }
    none(&complaints);
}

/// One call of the C library, which no crate wraps.
#[test]
fn nothing_else_is_unsafe() {
    // In two halves, or this file would be the first to be found.
    let word = format!("unsafe{}", "_code");
    let complaints: Vec<_> = tree::rust_files()
        .into_iter()
        .filter(|path| path != "src/drive/relay/give_back.rs" && tree::text(path).contains(&word))
        .map(|path| format!("{path}: {word} is for src/drive/relay/give_back.rs"))
        .collect();
    none(&complaints);
    let lines = tree::text("src/drive/relay/give_back.rs");
    assert_eq!(lines.matches(&word).count(), 1);
    assert_eq!(lines.matches("unsafe {").count(), 1);
}

/// What a tool left in the folder is not to be kept by mistake.
#[test]
fn what_is_no_text_is_a_picture_or_a_seed() {
    let expected = |path: &str| path.starts_with("fuzz/seeds/") || path.starts_with("docs/images/");
    assert_eq!(tree::binaries().into_iter().filter(|path| !expected(path)).collect::<Vec<_>>(), [] as [String; 0]);
}

/// The project stands alone: a path of one machine means nothing on another.
#[test]
fn no_file_names_a_directory_of_one_machine() {
    // In two halves, or this file would be the first to be found.
    let words = [("/wor", "k/"), ("/far", "m/"), ("/roo", "t/"), ("/home", "/"), ("/User", "s/"), ("../sha", "red")];
    let words = words.map(|(one, two)| format!("{one}{two}"));
    let mut complaints = Vec::new();
    for path in tree::files() {
        for (number, line) in tree::text(&path).lines().enumerate() {
            // Redaction replaces home directories, and so has to know their names.
            let known = |word: &&String| path.starts_with("src/render/redact/") && **word == words[3];
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())).filter(|word| !known(word)) {
                complaints.push(format!("{path}:{}: {word} is a place on one machine", number + 1));
            }
        }
    }
    none(&complaints);
}

fn arrows(source: &Source) -> Vec<String> {
    let Some((_, may)) = ARROWS.iter().find(|(room, _)| *room == source.room) else { return Vec::new() };
    let mut complaints = Vec::new();
    for path in paths(&source.tokens) {
        let Some(target) = source.resolve(&path.segments) else { continue };
        let place = format!("{}:{}", source.path, path.line);
        if target == "*" {
            complaints.push(format!("{place}: a glob import of the crate hides which rooms are meant"));
        }
        let is_room = ARROWS.iter().any(|(room, _)| *room == target);
        if !is_room || target == source.room {
            continue;
        }
        if !may.contains(&target) {
            let known = if may.is_empty() { "no other room".to_owned() } else { format!("only {}", may.join(", ")) };
            complaints.push(format!("{place}: {}/ may not know {target}/; it knows {known}", source.room));
        }
        for (room, narrow, files, reason) in NARROW {
            let here = files.iter().any(|file| source.path.starts_with(file));
            if *room == source.room && *narrow == target && !here {
                complaints.push(format!("{place}: only {} may know {target}/: {reason}", files.join(", ")));
            }
        }
    }
    complaints
}

/// Crates and parts of the standard library out of their rooms, tests left out except for the wire codecs' oracle.
fn belongings(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for path in paths(&source.tokens).iter().filter(|path| !path.in_tests || path.starts_with(&["stun_rs"])) {
        let crates = CRATES.iter().filter(|(name, ..)| path.starts_with(&[name]));
        let standard = STANDARD.iter().filter(|(acts, ..)| match acts {
            ["std", ..] => path.starts_with(acts),
            _ => path.contains(acts),
        });
        let owned = crates.map(|(_, rooms, why)| (rooms, why)).chain(standard.map(|(_, rooms, why)| (rooms, why)));
        for (rooms, why) in owned {
            if !rooms.is_empty() && !rooms.contains(&source.room.as_str()) {
                let place = format!("{}:{}", source.path, path.line);
                let written = path.segments.join("::");
                complaints.push(format!(
                    "{place}: {written} belongs in {}, not in {}/: {why}",
                    rooms.join(", "),
                    source.room
                ));
            }
        }
    }
    complaints
}

fn sources() -> Vec<Source> {
    let files = tree::rust_files().into_iter().filter(|path| path.starts_with("src/"));
    let sources: Vec<Source> = files.map(|path| Source::new(&path, &tree::text(&path))).collect();
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The guard is guarded: each of these must be noticed, or must not.
#[test]
fn violations_are_noticed() {
    for (path, text, wanted) in [
        ("src/check/nat.rs", "use crate::drive::network;", "check/ may not know drive/"),
        (
            "src/check/nat.rs",
            "use crate::{\n    probe::{Probe, Slot},\n    wire::stun,\n};",
            "check/ may not know wire/",
        ),
        ("src/check/nat.rs", "fn f() { let x = crate::render::table(); }", "check/ may not know render/"),
        ("src/check/nat/plan.rs", "use super::super::super::cmd;", "check/ may not know cmd/"),
        ("src/model/nat.rs", "use super::super::{probe::Probe};", "model/ may not know probe/; it knows no other room"),
        ("src/cmd/netcheck.rs", "pub(in crate::wire) fn f() {}", "cmd/ may not know wire/"),
        ("src/main.rs", "use natscope::{cli, check};", "main/ may not know check/"),
        ("src/report/nat.rs", "use crate::*;", "a glob import"),
        ("src/check/nat.rs", "#[cfg(test)] mod tests { use crate::drive; }", "check/ may not know drive/"),
        ("src/drive/host.rs", "use crate::derpmap::parse;", "the caller's decoder"),
        ("src/drive/map_source/mod.rs", "use crate::derpmap::parse;", "the caller's decoder"),
        (
            "src/check/nat.rs",
            "async fn f() { tokio::time::sleep(d).await }",
            "tokio::time::sleep belongs in drive, cmd, main",
        ),
        ("src/check/nat.rs", "use tokio;", "tokio belongs in"),
        ("src/wire/stun.rs", "use std::{fmt, net::{IpAddr, UdpSocket}};", "std::net::UdpSocket belongs in"),
        ("src/check/nat.rs", "let now = std::time::Instant::now();", "time is an argument"),
        ("src/render/table.rs", "let a = std::env::var(\"A\");", "std::env::var belongs in"),
        ("src/report/nat.rs", "fn f() { println!(\"x\"); }", "standard output carries results only"),
        ("src/check/nat.rs", "#[cfg(test)] mod tests { use stun_rs::Message; }", "stun_rs::Message belongs in wire"),
        ("src/check/nat.rs", "let c = '\"'; use clap::Parser; let d = '\"';", "clap::Parser belongs in cli"),
    ] {
        let source = Source::new(path, text);
        let complaints = [arrows(&source), belongings(&source)].concat();
        assert!(
            complaints.iter().any(|complaint| complaint.contains(wanted)),
            "{text}: {wanted} not in {complaints:?}"
        );
    }
    for (path, text) in [
        ("src/check/nat.rs", "use crate::{model::Family, probe::Probe, report}; use super::super::check;"),
        ("src/check/nat.rs", "// crate::drive\n/* use /* crate::drive */ tokio::net; */ let x = \"crate::drive\";"),
        ("src/check/nat.rs", "let x = r#\"use \"crate::drive\"#; let y = 'c'; fn f<'a>(x: &'a str) {}"),
        ("src/check/nat.rs", "//! [`crate::drive`]\n/// [`tokio::spawn`]\nfn f() {}"),
        ("src/check/nat.rs", "#[cfg(test)]\nmod tests { fn f() { std::env::var(\"A\"); println!(); } }"),
        ("src/cli/tests.rs", "fn f() { let a = std::env::var(\"A\"); }"),
        (
            "src/report/mod.rs",
            "mod check; pub use check::Check; let cmd = self::drive(); let x = a.tokio; let bytes = 1; f(bytes);",
        ),
        ("src/drive/map_source/tests.rs", "use crate::derpmap::parse; let now = std::time::Instant::now();"),
        ("src/wire/stun.rs", "let version = env!(\"CARGO_PKG_VERSION\"); use stun_rs::Message;"),
    ] {
        let source = Source::new(path, text);
        let complaints = [arrows(&source), belongings(&source)].concat();
        assert!(complaints.is_empty(), "{text}: {complaints:?}");
    }
    let source = Source::new(
        "src/cmd/a.rs",
        "use one::A; fn f() { two::g(); let three = 3; } #[cfg(test)] mod tests { use four::B; }",
    );
    let names = ["one", "two", "three", "four"].map(str::to_owned);
    assert_eq!(unused(&names, &paths(&source.tokens)), ["three", "four"]);
}
