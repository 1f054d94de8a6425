//! What is on the screen, at several sizes and while they change.

use std::time::Duration;

use crate::terminal::Terminal;

const WATCH: &str = "watch --derp-map embedded";

#[test]
fn verdict_regions_and_keys_are_seen() {
    for (size, typed) in [((80, 24), WATCH), ((200, 50), "netcheck --watch --derp-map embedded")] {
        let Some(terminal) = Terminal::start(size, typed) else { return };
        let screen = terminal.shows("next in");
        let first = screen.lines().next().unwrap();
        assert!(first.starts_with("UDP works."), "{screen}");
        for wanted in ["NAT", "IPv4", "Port mapping", "Regions: 3", "Latency", "Embedded two", "Changes", "STUN"] {
            assert!(screen.contains(wanted), "{wanted} in\n{screen}");
        }
        // What a map on loopback cannot tell is not a no.
        let nat = screen.lines().find(|line| line.contains("NAT  ")).unwrap();
        assert!(nat.starts_with("? NAT") && nat.contains("? ("), "{nat}");
        let last = screen.lines().rfind(|line| !line.is_empty()).unwrap();
        assert!(last.starts_with("q quit  p pause  r measure now  ? help"), "{screen}");
        assert_eq!(screen.lines().count(), usize::from(size.1), "{screen}");
    }
}

#[test]
fn chinese_keeps_its_columns() {
    let Some(terminal) = Terminal::start((80, 24), &format!("{WATCH} --lang zh-CN")) else { return };
    let screen = terminal.shows("后测量");
    assert!(screen.starts_with("UDP 可用。"), "{screen}");
    // The end of the last line is the last column of the terminal.
    let last = screen.lines().rfind(|line| !line.is_empty()).unwrap();
    assert_eq!(console_width(last), 80, "{screen}");
    terminal.keys(&["?"]);
    terminal.shows("滚动区域列表");
}

/// Columns: two for what is not ASCII, which in that line are Chinese characters only.
fn console_width(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

#[test]
fn any_size_will_do_and_the_next_one_too() {
    let Some(terminal) = Terminal::start((80, 24), WATCH) else { return };
    terminal.shows("next in");
    for (columns, lines) in [(20, 5), (200, 50), (5, 1), (80, 24), (1, 1), (33, 9), (120, 3), (80, 24)] {
        terminal.resize(columns, lines);
        let wanted: String = "UDP works".chars().take(usize::from(columns.saturating_sub(1))).collect();
        let screen = terminal.until(&format!("{wanted:?} at {columns}×{lines}"), |screen| screen.starts_with(&wanted));
        assert!(!screen.contains("panicked") && !screen.contains("ended with"), "{screen}");
    }
    let screen = terminal.shows("Embedded three");
    assert!(screen.contains("q quit  p pause  r measure now  ? help"), "{screen}");
    terminal.keys(&["q"]);
    assert_eq!(terminal.ended().0, "0");
}

#[test]
fn help_is_shown_and_left() {
    let Some(terminal) = Terminal::start((80, 24), WATCH) else { return };
    terminal.shows("next in");
    terminal.keys(&["?"]);
    let screen = terminal.shows("this help, and back");
    assert!(screen.contains("no sooner than 10 s") && !screen.contains("Regions"), "{screen}");
    terminal.keys(&["?"]);
    terminal.shows("Regions: 3");
}

/// Several runs, a second of countdown each, keys: the screen is never wiped, and what does not change is not written again.
#[test]
fn nothing_flickers() {
    let Some(terminal) = Terminal::start((80, 24), &format!("{WATCH} --every 2s")) else { return };
    terminal.shows("next in");
    let begun = terminal.written().len();
    std::thread::sleep(Duration::from_secs(5));
    terminal.keys(&["j", "k", "r"]);
    terminal.keys(&["p"]);
    terminal.shows("paused");
    let written = terminal.written();
    // It is the recording of a dashboard that is looked at.
    assert!(written.contains("\u{1b}[?1049h") && written.contains("Regions"), "{written:?}");
    for wipe in ["\u{1b}[2J", "\u{1b}[3J", "\u{1b}[J", "\u{1b}[0J", "\u{1b}c"] {
        assert_eq!(written.matches(wipe).count(), 0, "{wipe:?} in {written:?}");
    }
    assert_eq!(written.matches("\u{1b}[?1049").count(), 1, "{written:?}");
    assert!(written.len() - begun < 8000, "{} bytes for a few numbers: {written:?}", written.len() - begun);

    // In a pause nothing changes. A run that was under way may still end.
    std::thread::sleep(Duration::from_secs(2));
    let still = terminal.written().len();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(terminal.written().len(), still, "{:?}", &terminal.written()[still..]);
}

#[test]
fn colours_are_had_and_done_without() {
    // Green, alone or with a background.
    let colours = ["[38;5;2m", "[38;5;2;", "[32m", "[32;"];
    let drawn = |environment, typed: &str| {
        let terminal = Terminal::with_environment((80, 24), environment, typed)?;
        terminal.shows("next in");
        let written = terminal.written();
        Some(colours.iter().any(|colour| written.contains(colour)))
    };
    let Some(usual) = drawn("", WATCH) else { return };
    assert!(usual);
    assert_eq!(drawn("NO_COLOR=1", WATCH), Some(false));
    assert_eq!(drawn("", &format!("{WATCH} --color never")), Some(false));
    assert_eq!(drawn("NO_COLOR=1", &format!("{WATCH} --color always")), Some(true));
}
