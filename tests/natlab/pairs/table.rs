//! The table of all pairs, and the file it is kept in.

use std::fmt::Write as _;
use std::path::PathBuf;

use libtest_mimic::Failed;

use super::behaviour::{NATS, Promise, promise};
use super::{Outcome, Pair, expected};

const REFRESH: &str = "NATSCOPE_REFRESH=1 cargo test --test natlab pair::";

/// Of what is there, as Markdown: what is promised, and what came out.
pub fn table(outcome: impl Fn(Pair) -> Option<Outcome>) -> String {
    let mut text = "| pings ↓ listens → |".to_owned();
    let names = NATS.iter().map(|nat| nat.name);
    text.extend(names.map(|name| format!(" {name} |")));
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(NATS.len()));
    for (a, nat) in NATS.iter().enumerate() {
        write!(text, "\n| **{}** |", nat.name).unwrap();
        for (b, other) in NATS.iter().enumerate() {
            let promised = match promise(nat, other) {
                Promise::Direct => "D",
                Promise::Prediction => "P+",
                Promise::Guesses => "P",
                Promise::Relay => "R",
            };
            let measured = match outcome((a, b)) {
                Some(Outcome::Direct) => "direct",
                Some(Outcome::BothHard) => "relay ¹",
                Some(Outcome::HardAgainstStrict) => "relay ²",
                Some(Outcome::Blocked) => "relay ³",
                None => "–",
            };
            write!(text, " {promised}: {measured} |").unwrap();
        }
    }
    text.push('\n');
    text
}

/// The file says what the trials require: each fails when something else comes out.
pub fn is_kept() -> Result<(), Failed> {
    // Written after all trials, when it is to be.
    if is_refreshing() {
        return Ok(());
    }
    let kept = std::fs::read_to_string(path()).unwrap_or_default();
    if kept == document(|pair| Some(expected(pair))) {
        return Ok(());
    }
    Err(format!("{} is stale; run: {REFRESH}", path().display()).into())
}

pub fn is_refreshing() -> bool {
    std::env::var_os("NATSCOPE_REFRESH").is_some()
}

/// Writes the file anew.
pub fn keep(outcome: impl Fn(Pair) -> Option<Outcome>) {
    std::fs::create_dir_all(path().parent().expect("a directory")).expect("a directory");
    std::fs::write(path(), document(outcome)).expect("the file");
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/direct-paths.md")
}

fn document(outcome: impl Fn(Pair) -> Option<Outcome>) -> String {
    let mut nats = String::new();
    for nat in &NATS {
        let mapping = if nat.is_hard { "hard" } else { "easy" };
        let (mapping, filtering) = if nat.is_blocked() { ("–", "–") } else { (mapping, nat.filtering) };
        writeln!(nats, "| {} | {} | {mapping} | {filtering} |", nat.name, nat.called).unwrap();
    }
    format!(
        "<!-- Written by tests/natlab from what it measured. Refresh: {REFRESH} -->\n\n\
         # Who reaches whom directly\n\n\
         For each pair of NATs: what the definitions of both (RFC 4787) promise, and what `natscope ping --direct` came to\n\
         in the NAT lab. There each of the two clients is behind a NAT of its own, made by the Linux kernel, and\n\
         `natscope relay` is on the internet between them. The first pong always comes through the relay.\n\n\
         {}\n\
         - **D**: direct. **P+**: direct for those who predict a port. **P**: direct for those who guess at hundreds of\n  \
         ports. **R**: relay.\n\
         - natscope neither predicts nor guesses ports, so P+ and P are relayed today.\n\
         - ¹ and natscope says that both NATs give every destination another external port.\n\
         - ² and natscope says which side's NAT does, and that the other side's lets only endpoints in that it has sent to.\n\
         - ³ and natscope says on which side UDP gets no answer.\n\n\
         | NAT | | mapping | filtering |\n|---|---|---|---|\n{nats}\n\
         Easy is a mapping that does not depend on the destination, hard is one that does.\n",
        table(outcome)
    )
}
