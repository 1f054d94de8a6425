//! The table of all testers, and the file it is kept in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use libtest_mimic::Failed;

use super::testers::TESTERS;
use super::{Row, Said, rows};

const REFRESH: &str = "NATSCOPE_REFRESH=1 cargo test --test natlab beside::";

/// Of what was heard, as Markdown.
pub fn table(said: &BTreeMap<(Row, &str), Said>) -> String {
    let mut text = "| NAT | round trip | natscope |".to_owned();
    let programs = || std::iter::once("natscope").chain(TESTERS.iter().map(|tester| tester.program));
    text.extend(TESTERS.iter().map(|tester| format!(" {} |", tester.program)));
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(programs().count()));
    for row in rows() {
        write!(text, "\n{}", head(row)).unwrap();
        for program in programs() {
            match said.get(&(row, program)) {
                None => text.push_str(" – |"),
                Some(Said { words, is_right, took }) => {
                    let took = took.as_secs_f64();
                    let took = if took < 1.0 { format!("{:.0} ms", took * 1000.0) } else { format!("{took:.1} s") };
                    let verdict = if *is_right { "right".to_owned() } else { format!("**wrong**: {words}") };
                    write!(text, " {verdict}, {took} |").unwrap();
                }
            }
        }
    }
    text.push('\n');
    text
}

fn head(row: Row) -> String {
    format!("| {} | {} ms |", row.nat, row.rtt_ms)
}

/// The file has every row, natscope is right in each, and was heard beside all the others.
pub fn is_kept() -> Result<(), Failed> {
    // Written after all trials, when it is to be.
    if is_refreshing() {
        return Ok(());
    }
    let kept = std::fs::read_to_string(path()).unwrap_or_default();
    let stale = |what: &str| Err(format!("{}: {what}; run: {REFRESH}", path().display()).into());
    for row in rows() {
        let Some(line) = kept.lines().find(|line| line.starts_with(&head(row))) else {
            return stale(&format!("{row:?} is not there"));
        };
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells.len() != 3 + TESTERS.len() || cells.contains(&"–") || !cells[2].starts_with("right, ") {
            return stale(line);
        }
    }
    Ok(())
}

pub fn is_refreshing() -> bool {
    std::env::var_os("NATSCOPE_REFRESH").is_some()
}

/// Writes the file anew.
pub fn keep(said: &BTreeMap<(Row, &str), Said>) {
    let testers: String = TESTERS.iter().map(|tester| format!("- {}: {}\n", tester.program, tester.called)).collect();
    let total = |program: &str| {
        let all = said.iter().filter(|((_, one), _)| *one == program);
        let right = all.clone().filter(|(_, said)| said.is_right).count();
        let seconds: f64 = all.clone().map(|(_, said)| said.took.as_secs_f64()).sum();
        format!("| {program} | {right} of {} | {seconds:.1} s |\n", all.count())
    };
    let totals: String =
        std::iter::once("natscope").chain(TESTERS.iter().map(|tester| tester.program)).map(total).collect();
    let text = format!(
        "<!-- Written by tests/natlab from what it measured. Refresh: {REFRESH} -->\n\n\
         # Testers of NATs, side by side\n\n\
         Each tester in the NAT lab, behind NATs of the Linux kernel, at the end of a wire of the given round trip, with\n\
         coturn as the server: its verdict against what is true, and how long it took from start to end. Every tester has\n\
         a fresh lab of its own for every line.\n\n\
         {}\n\
         | tester | right | time in all |\n|---|---|---|\n{totals}\n\
         {testers}\n\
         The times are those of the run that wrote this file, on a machine of two cores, natscope a debug build. The other\n\
         testers run only then, since they take minutes. Ordinary test runs ask natscope alone, and fail where it is wrong.\n\n\
         A filter that lets nothing in shows by silence, which cannot be told before a packet that is let in would have\n\
         arrived: after a round trip. The tests hold natscope to 1.5 round trips and 30 ms (firewall, port-restricted; 20 to\n\
         200 ms; no loss): a run that is given no more time than that (`--timeout`, 100 ms at least) comes to the same\n\
         verdict. The table's runs go on for what else there is to be told, as hairpinning, for two round trips. So does\n\
         a restricted cone: what comes from a server's other address can be proven only when it has told that address.\n\n\
         A tester of RFC 3489 knows \"symmetric\" for every mapping that depends on the destination, and is right when it\n\
         says so. Each is asked of one server, as it asks for; natscope is asked of three, one of which is that. Behind a\n\
         symmetric NAT natscope leaves the filter undetermined, since it cannot prove what a server sends to another\n\
         mapping than the one that asked.\n",
        table(said)
    );
    std::fs::create_dir_all(path().parent().expect("a directory")).expect("a directory");
    std::fs::write(path(), text).expect("the file");
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/nat-testers.md")
}
