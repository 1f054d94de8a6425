//! How often is measured, and what watching costs.

use std::time::Duration;

use crate::terminal::Terminal;

#[test]
fn a_run_may_be_asked_for_when_the_last_one_is_old_enough() {
    let Some(terminal) = Terminal::start((80, 24), "watch --derp-map embedded") else { return };
    terminal.shows("next in");
    for _ in 0..20 {
        terminal.keys(&["r"]);
    }
    // The history has a block for each run.
    let screen = terminal.shows("too early: r in");
    assert_eq!(runs(&screen), 1, "{screen}");
    terminal.shows("next in 1");
    terminal.keys(&["r"]);
    let screen = terminal.until("a second run", |screen| runs(screen) == 2);
    assert!(screen.contains("measuring") || screen.contains("next in 2") || screen.contains("next in 30"), "{screen}");
}

/// Blocks behind the first region.
fn runs(screen: &str) -> usize {
    let region = screen.lines().find(|line| line.contains("Embedded one")).unwrap_or_default();
    region.chars().filter(|letter| ('▁'..='█').contains(letter) || *letter == '×').count()
}

#[test]
fn a_pause_ends_with_the_same_key() {
    let Some(terminal) = Terminal::start((80, 24), "watch --derp-map embedded --every 1s") else { return };
    terminal.until("a run", |screen| runs(screen) > 0);
    terminal.keys(&["p"]);
    terminal.shows("paused");
    let before = runs(&terminal.screen());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(runs(&terminal.screen()), before);
    terminal.keys(&["p"]);
    terminal.until("more runs", |screen| runs(screen) > before);
}

/// Between runs it draws a number once a second, and that is all.
#[cfg(target_os = "linux")]
#[test]
fn watching_costs_next_to_nothing() {
    let Some(terminal) = Terminal::start((80, 24), "watch --derp-map embedded --every 5m") else { return };
    terminal.shows("next in");
    // What was opened for the run is put away meanwhile.
    std::thread::sleep(Duration::from_secs(1));
    let before = spent(&terminal.process());
    std::thread::sleep(Duration::from_secs(4));
    let ticks = spent(&terminal.process()) - before;
    assert!(ticks <= 20, "{ticks} hundredths of a second in four seconds");
}

/// Processor time of a process, in hundredths of a second, as Linux counts for programs.
#[cfg(target_os = "linux")]
fn spent(process: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
