//! All set-ups at once, and their table.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Setup, faults, healthy, proxies, rare};

/// Set-ups that run side by side.
const AT_ONCE: usize = 4;

fn setups() -> Vec<&'static Setup> {
    healthy::SETUPS.iter().chain(proxies::SETUPS).chain(faults::SETUPS).chain(rare::SETUPS).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_code_is_raised_by_its_fault_and_by_nothing_else() {
    let setups = setups();
    let mut wrong = Vec::new();
    let mut running = tokio::task::JoinSet::new();
    let mut waiting = setups.iter().enumerate();
    loop {
        while running.len() < AT_ONCE {
            let Some((index, setup)) = waiting.next() else { break };
            let run = (setup.run)();
            running.spawn(async move { (index, run.await) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (index, seen) = ended.unwrap();
        let (setup, Some(seen)) = (setups[index], seen) else { continue };
        let (serious, all) = (seen.codes(true), seen.codes(false));
        let errors = seen.report["findings"].as_array().unwrap().iter().any(|it| it["severity"] == "error");
        let as_expected = serious == setup.raises && setup.notes.iter().all(|note| all.contains(note));
        if !as_expected || !matches!((seen.exit, errors), (1 | 2, true) | (0, false)) {
            wrong.push(format!(
                "{}: {serious:?} of {all:?}, exit {}\n{:#}",
                setup.name, seen.exit, seen.report["findings"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Codes that cannot be seen from outside, or that another test raises, in a network of its own.
const ELSEWHERE: &[(&str, &str)] = &[
    ("DNS-001", "a name whose resolver refuses (tests/doctor/namespace.rs)"),
    ("DNS-002", "a hosts file with another address than the map (tests/doctor/namespace.rs)"),
    ("DNS-003", "a hosts file with an address of 198.18.0.0/15 (tests/doctor/namespace.rs)"),
    ("STUN-003", "a server behind a network that masquerades (tests/doctor/namespace.rs)"),
    ("STUN-004", "UDP over IPv6 dropped by nftables (tests/doctor/namespace.rs)"),
    ("TCP-002", "a proxy that refuses CONNECT (tests/doctor/hostile.rs)"),
    ("DERP-006", "doctor --local beside a process called derper (tests/doctor/namespace.rs)"),
    ("HOST-001", "doctor --local where nothing listens (tests/doctor/namespace.rs)"),
    ("HOST-002", "doctor --local with a relay on loopback (tests/doctor/namespace.rs)"),
    ("HOST-003", "doctor --local, the system's word (src/check/doctor/local.rs)"),
    ("HOST-004", "doctor --local beside a process called derper (tests/doctor/namespace.rs)"),
    ("HOST-005", "doctor --local beside a process called derper (tests/doctor/namespace.rs)"),
    ("PATH-001", "two reports compared (tests/doctor/namespace.rs)"),
];

#[test]
fn the_table_in_the_docs_is_that_of_these_tests() {
    let mut text = String::from(
        "# What the doctor finds, and how that is proven\n\n\
         Each row is a set-up of real components that a test starts; the program is run against it. What it raises above a \
         note is all of it. `natscope explain CODE` tells what a code means.\n\n\
         This table is written by `NATSCOPE_REFRESH=1 cargo test --test doctor`.\n\n\
         | set-up | raised |\n| --- | --- |\n",
    );
    for Setup { name, raises, notes, .. } in setups() {
        let mut raised = raises.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        raised.extend(notes.iter().map(|code| format!("{code} (note)")));
        let raised = if raised.is_empty() { "nothing".to_owned() } else { raised.join(", ") };
        writeln!(text, "| {name} | {raised} |").unwrap();
    }
    text.push_str("\n## Codes that are raised elsewhere\n\n| code | where |\n| --- | --- |\n");
    for (code, place) in ELSEWHERE {
        writeln!(text, "| {code} | {place} |").unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    if std::env::var_os("NATSCOPE_REFRESH").is_some_and(|value| value == "1") {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "docs/doctor.md is not this: run NATSCOPE_REFRESH=1 cargo test --test doctor");
}

/// A code without a set-up is one nobody has seen.
#[test]
fn every_code_of_the_doctor_has_its_set_up() {
    let raised = |code: &str| {
        let in_table = setups().iter().any(|setup| setup.raises.contains(&code) || setup.notes.contains(&code));
        in_table || ELSEWHERE.iter().any(|(known, _)| *known == code)
    };
    let missing: Vec<_> = natscope::render::codes()
        .filter(|code| !code.starts_with("NET-") && !code.starts_with("MAP-"))
        .filter(|code| !raised(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
