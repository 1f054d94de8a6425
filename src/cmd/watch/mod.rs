//! The dashboard of `--watch`, where there is a terminal for it.

mod screen;

use std::cell::Cell;
use std::pin::Pin;
use std::time::Duration;

use super::exit::{CmdError, Exit};
use super::netcheck::{Setup, silently};
use super::output::Output;
use super::repeat::{self, Rounds};
use crate::check::netcheck::NetcheckCheck;
use crate::cli::{GlobalArgs, NetcheckArgs};
use crate::model::DerpMap;
use crate::probe::Moment;
use crate::render::dashboard::{Dashboard, Pace, Wish};
use crate::report::Report;
use screen::{Event, Screen, Termination};

/// From the beginning of one run to that of the next for which somebody presses a key. Keys are pressed in impatience, and
/// relays are other people's machines.
const AGAIN: Duration = Duration::from_secs(10);

/// A run under way.
type Run<'a> = Pin<Box<dyn Future<Output = Result<Report, CmdError>> + 'a>>;

/// Shows the dashboard until somebody leaves it, or there were as many reports as asked for. Where there turns out to be no
/// terminal, reports come as lines.
pub(super) async fn run(
    args: &NetcheckArgs,
    global: &GlobalArgs,
    output: &Output,
    setup: &Setup,
    map: &DerpMap,
) -> Result<Exit, CmdError> {
    let Ok(mut screen) = Screen::open(output.style.color) else {
        return repeat::run(args, global, output, setup, map).await;
    };
    let rounds = Rounds::of(args.every, args.watch, args.count);
    let mut events = screen.events();
    let mut termination = Termination::listen().map_err(|error| cannot_show(&error))?;
    let size = screen.size().map_err(|error| cannot_show(&error))?;
    let pace = Pace { every: rounds.every, again: AGAIN };
    let mut board = Dashboard::new(output.style.lang, output.style.color, pace, size);
    let began = tokio::time::Instant::now();
    let progress = Cell::new((0, 0));
    let mut under_way: Option<Run<'_>> = None;
    let mut made = 0;
    loop {
        let now = Moment::after_start(began.elapsed());
        if board.is_due(now) {
            board.begin(now);
            progress.set((0, 0));
            let home = board.latest().and_then(|report| report.netcheck.as_ref()?.home_region.value().copied());
            let progress = &progress;
            under_way = Some(Box::pin(async move {
                let mut tell = |_: Moment, check: &NetcheckCheck| progress.set(check.progress());
                silently(setup, map, home, Some(&mut tell)).await
            }));
        }
        let (answered, of) = progress.get();
        board.progress(answered, of);
        screen.draw(&board, now).map_err(|error| cannot_show(&error))?;
        let wake_at = board.wake_at(now).map(|moment| began + moment.since_start());
        tokio::select! {
            report = ended(&mut under_way) => {
                under_way = None;
                let report = report?;
                if let Some(path) = &args.save {
                    output.save(path, &report)?;
                }
                let exit = Exit::of(&report, global.fail_on);
                board.report(report);
                made += 1;
                if rounds.count.is_some_and(|count| made >= count) {
                    // What it came to is not to vanish with the dashboard.
                    drop(screen);
                    if let Some(report) = board.latest() {
                        output.report(report)?;
                    }
                    return Ok(exit);
                }
            }
            event = events.recv() => {
                let now = Moment::after_start(began.elapsed());
                match event {
                    Some(Event::Key(key)) => match board.key(now, key) {
                        Wish::Stay => {}
                        Wish::Quit => return Ok(Exit::Done),
                        Wish::Interrupt => return Err(CmdError::Interrupted),
                    },
                    Some(Event::Resize(size)) => board.resize(size),
                    Some(Event::Redraw) => screen.clear().map_err(|error| cannot_show(&error))?,
                    // Without keys there would be no way to leave.
                    None => return Err(CmdError::Own("the terminal cannot be read any more".to_owned())),
                }
            }
            () = termination.next() => return Err(CmdError::Interrupted),
            () = until(wake_at) => {}
        }
    }
}

/// The end of the run under way; never where there is none.
async fn ended<F: Future<Output = T> + Unpin, T>(under_way: &mut Option<F>) -> T {
    match under_way {
        Some(run) => run.await,
        None => std::future::pending().await,
    }
}

async fn until(wake_at: Option<tokio::time::Instant>) {
    match wake_at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn cannot_show(error: &std::io::Error) -> CmdError {
    CmdError::Own(format!("cannot use the terminal: {error}"))
}
