use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::model::{Level, NatType};
use crate::render::sample;
use crate::report::{Confidence, LatencyMethod, Verdict, Why};

fn seconds(seconds: u64) -> Moment {
    Moment::after_start(Duration::from_secs(seconds))
}

const PACE: Pace = Pace { every: Duration::from_secs(30), again: Duration::from_secs(10) };

fn empty(lang: Lang, size: (u16, u16)) -> Dashboard {
    Dashboard::new(lang, false, PACE, size)
}

/// The screen as text, wide characters in their two columns, blanks at the ends of lines left out.
fn screen(board: &Dashboard, now: Moment) -> String {
    let mut terminal = Terminal::new(TestBackend::new(board.size.0, board.size.1)).unwrap();
    terminal.draw(|frame| board.draw(now, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..board.size.1 {
        let mut line = String::new();
        let mut x = 0;
        while x < board.size.0 {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(console::measure_text_width(symbol).max(1)).unwrap();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A quarter of an hour: steady, then a relay that slows down, then UDP that is lost and comes back.
fn watched_for_a_while(lang: Lang, size: (u16, u16)) -> Dashboard {
    let mut board = empty(lang, size);
    for run in 0..30_u64 {
        let mut report = if (20..23).contains(&run) { sample::udp_blocked() } else { sample::healthy() };
        report.started_at += Duration::from_secs(30 * run);
        let slower = Duration::from_millis(if run > 25 { 9 } else { run % 3 });
        for region in report.netcheck.iter_mut().flat_map(|netcheck| &mut netcheck.regions) {
            if let Some(latency) = region.latency.as_mut().filter(|_| region.method == Some(LatencyMethod::Stun)) {
                *latency += slower;
            }
        }
        if let Some(netcheck) = &mut report.netcheck {
            let home = &netcheck.home_region;
            if let (Some(id), Some(Why::HomeNearest { latency, of, next, score })) = (home.value(), home.why().cloned())
            {
                let next = next.map(|(id, latency)| (id, latency + slower));
                let why = Why::HomeNearest { latency: latency + slower, of, next, score };
                netcheck.home_region = Verdict::known(*id, Confidence::High, home.evidence().to_vec()).because(why);
            }
        }
        board.begin(seconds(30 * run));
        board.report(report);
    }
    board
}

fn snapshot(name: &str, board: &Dashboard, now: Moment) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, screen(board, now));
    });
}

#[test]
fn looks() {
    for lang in Lang::ALL {
        for (columns, lines) in [(80, 24), (200, 50), (20, 5), (40, 12)] {
            let name = format!("dashboard.{columns}x{lines}.{}", lang.name());
            snapshot(&name, &watched_for_a_while(lang, (columns, lines)), seconds(30 * 29 + 12));
        }
        let mut help = watched_for_a_while(lang, (80, 24));
        help.key(seconds(900), Key::Help);
        snapshot(&format!("dashboard.help.{}", lang.name()), &help, seconds(900));
        let mut first = empty(lang, (80, 24));
        first.begin(seconds(0));
        first.progress(3, 28);
        snapshot(&format!("dashboard.first.{}", lang.name()), &first, seconds(1));
        for (name, report) in [("blocked", sample::udp_blocked()), ("offline", sample::offline())] {
            let mut board = empty(lang, (80, 24));
            board.begin(seconds(0));
            board.report(report);
            snapshot(&format!("dashboard.{name}.{}", lang.name()), &board, seconds(3));
        }
    }
}

#[test]
fn the_guide_shows_what_is_drawn() {
    let guide = include_str!("../../../docs/guide.md");
    let drawn = screen(&watched_for_a_while(Lang::En, (80, 24)), seconds(30 * 29 + 12));
    assert!(guide.contains(&format!("```text\n{drawn}```")), "docs/guide.md shows another screen than\n{drawn}");
}

/// Whatever the size, the report and the key, nothing panics, and nothing is drawn beside the terminal.
#[test]
fn every_size_can_be_drawn() {
    let reports: [fn() -> Report; 5] =
        [sample::healthy, sample::udp_blocked, sample::offline, sample::hostile, sample::hard_nat];
    let keys =
        [Key::Down, Key::PageDown, Key::Last, Key::Help, Key::Up, Key::PageUp, Key::Help, Key::First, Key::Pause];
    for lang in Lang::ALL {
        for columns in [0, 1, 2, 3, 7, 19, 20, 33, 60, 72, 80, 120, 300] {
            for lines in [0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 24, 80] {
                let mut board = empty(lang, (columns, lines));
                screen(&board, seconds(0));
                for (report, key) in reports.iter().cycle().zip(keys) {
                    board.begin(seconds(1));
                    board.report(report());
                    board.key(seconds(2), key);
                    let text = screen(&board, seconds(3));
                    assert!(!text.contains('\u{1b}'), "{text}");
                }
            }
        }
    }
}

#[test]
fn a_size_that_no_screen_has_can_be_drawn_too() {
    for columns in [21_846, u16::MAX] {
        let mut board = empty(Lang::En, (columns, 3));
        board.report(sample::healthy());
        board.resize((columns, 3));
        screen(&board, seconds(1));
    }
}

/// A terminal that has become smaller since it was told of is no reason to draw beside it.
#[test]
fn a_size_that_is_not_told_is_drawn_in() {
    let mut board = watched_for_a_while(Lang::En, (200, 50));
    board.key(seconds(900), Key::Last);
    for (columns, lines) in [(0, 0), (1, 1), (10, 2), (20, 5), (80, 24)] {
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal.draw(|frame| board.draw(seconds(901), frame)).unwrap();
    }
}

#[test]
fn the_undetermined_is_never_a_no() {
    let mut board = empty(Lang::En, (80, 24));
    board.begin(seconds(0));
    board.report(sample::offline());
    let text = screen(&board, seconds(1));
    let nat = text.lines().find(|line| line.contains("NAT")).unwrap();
    assert!(nat.contains("? ("), "{text}");
}

/// All that users of games and of Tailscale ask for, in a line.
#[test]
fn the_nat_has_its_difficulty_its_type_and_its_level() {
    let mut report = sample::healthy();
    report.nat_v6 = None;
    let nat = report.nat_v4.as_mut().unwrap();
    nat.nat_type = Verdict::known(NatType::PortRestrictedCone, Confidence::High, []);
    nat.level = Some(Level::Nat3);
    for (lang, wanted) in
        [(Lang::En, "easy, port-restricted cone (NAT3)"), (Lang::ZhCn, "易穿透，端口受限锥形（NAT3）")]
    {
        let mut board = empty(lang, (80, 24));
        board.begin(seconds(0));
        board.report(report.clone());
        let text = screen(&board, seconds(1));
        assert!(text.contains(wanted) && text.contains("81.2.69.142:41641"), "{text}");
        assert!(!text.contains("Type") && !text.contains("类型"), "{text}");
    }
}

/// A map of one region has its pane as others have.
#[test]
fn a_single_region_has_a_title() {
    let mut report = sample::healthy();
    report.netcheck.as_mut().unwrap().regions.truncate(1);
    let mut board = empty(Lang::En, (80, 24));
    board.begin(seconds(0));
    board.report(report);
    assert!(screen(&board, seconds(1)).contains("─ Regions: 1 ─"), "{}", screen(&board, seconds(1)));
}

#[test]
fn runs_begin_by_themselves_and_no_sooner_than_is_polite() {
    let mut board = empty(Lang::En, (80, 24));
    assert!(board.is_due(seconds(0)), "the first one at once");
    board.begin(seconds(0));
    assert!(!board.is_due(seconds(100)), "one at a time");
    board.key(seconds(1), Key::Measure);
    board.report(sample::healthy());
    assert!(!board.is_due(seconds(29)), "a wish during a run is that run's");
    assert!(board.is_due(seconds(30)));

    board.key(seconds(5), Key::Measure);
    assert!(!board.is_due(seconds(5)));
    assert!(screen(&board, seconds(5)).contains("too early: r in 5 s"), "{}", screen(&board, seconds(5)));
    assert!(screen(&board, seconds(10)).contains("next in 20 s"));
    assert!(!board.is_due(seconds(11)), "what was refused is not kept in mind");
    board.key(seconds(10), Key::Measure);
    assert!(board.is_due(seconds(10)));
    board.begin(seconds(10));
    board.report(sample::healthy());
    assert!(!board.is_due(seconds(39)) && board.is_due(seconds(40)), "the interval begins anew");
    // Nobody who presses keys gets more than one run in ten seconds.
    let mut begun = Vec::new();
    for second in 40..200 {
        board.key(seconds(second), Key::Measure);
        if board.is_due(seconds(second)) {
            begun.push(second);
            board.begin(seconds(second));
            board.report(sample::healthy());
        }
    }
    assert!(begun.windows(2).all(|pair| pair[1] - pair[0] >= 10) && begun.len() == 16, "{begun:?}");
}

#[test]
fn a_pause_lasts_until_it_is_ended() {
    let mut board = empty(Lang::En, (80, 24));
    board.begin(seconds(0));
    board.report(sample::healthy());
    board.key(seconds(1), Key::Pause);
    assert!(!board.is_due(seconds(10_000)));
    assert_eq!(board.wake_at(seconds(2)), None, "and nothing is drawn meanwhile");
    assert!(screen(&board, seconds(2)).contains("paused"));
    board.key(seconds(40), Key::Measure);
    assert!(board.is_due(seconds(40)), "one may ask for a run nevertheless");
    board.begin(seconds(40));
    board.report(sample::healthy());
    assert!(!board.is_due(seconds(80)));
    board.key(seconds(80), Key::Pause);
    assert!(board.is_due(seconds(80)));
}

#[test]
fn it_wakes_once_a_second_and_when_a_run_is_due() {
    let mut board = empty(Lang::En, (80, 24));
    board.begin(Moment::after_start(Duration::from_millis(300)));
    board.report(sample::healthy());
    let mut now = Moment::after_start(Duration::from_millis(2_750));
    let mut woken = 0;
    while !board.is_due(now) {
        let next = board.wake_at(now).unwrap();
        assert!(next > now && next.since(now) <= Duration::from_secs(1));
        now = next;
        woken += 1;
    }
    assert_eq!(now, Moment::after_start(Duration::from_millis(30_300)));
    assert_eq!(woken, 28);
}

#[test]
fn scrolling_ends_at_the_last_region() {
    let mut report = sample::healthy();
    let netcheck = report.netcheck.as_mut().unwrap();
    netcheck.regions =
        (1..=28).map(|id| sample::measured(id, &format!("r{id}"), "Somewhere", id * 1000, id * 1000, 1)).collect();
    let mut board = empty(Lang::En, (80, 24));
    board.begin(seconds(0));
    board.report(report);
    let shows = |board: &Dashboard, code: &str| screen(board, seconds(1)).contains(&format!("  {code} "));
    assert!(shows(&board, "r1") && !shows(&board, "r28"));
    for _ in 0..100 {
        board.key(seconds(1), Key::Down);
    }
    assert!(!shows(&board, "r1") && shows(&board, "r28"), "{}", screen(&board, seconds(1)));
    board.key(seconds(1), Key::Up);
    assert!(!shows(&board, "r28"), "one up is one up, however often down was pressed");
    board.key(seconds(1), Key::Last);
    assert!(shows(&board, "r28"));
    board.resize((80, 60));
    assert!(shows(&board, "r1") && shows(&board, "r28"), "{}", screen(&board, seconds(1)));
    assert_eq!(board.key(seconds(1), Key::Quit), Wish::Quit);
    assert_eq!(board.key(seconds(1), Key::Interrupt), Wish::Interrupt);
}

#[test]
fn changes_are_bounded_and_the_newest_is_seen() {
    let mut board = empty(Lang::En, (80, 24));
    for run in 0..1000 {
        board.begin(seconds(run));
        board.report(if run % 2 == 0 { sample::healthy() } else { sample::udp_blocked() });
    }
    assert!(board.changes.len() <= CHANGES);
    let text = screen(&board, seconds(1000));
    assert!(text.contains("UDP"), "{text}");
}

#[test]
fn colours_only_where_they_may_be() {
    let cells = |color: bool| {
        let mut board = Dashboard::new(Lang::En, color, PACE, (80, 24));
        board.begin(seconds(0));
        board.report(sample::udp_blocked());
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| board.draw(seconds(1), frame)).unwrap();
        let looks: Vec<_> = terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::style).collect();
        looks
    };
    let plain = ratatui::buffer::Cell::default().style();
    assert!(cells(false).iter().all(|look| *look == plain));
    assert!(cells(true).iter().any(|look| *look != plain));
}
