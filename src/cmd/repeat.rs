//! `--every`, `--watch` and `--count`: reports one after another, and what changed between them.

use std::time::Duration;

use super::exit::{CmdError, Exit};
use super::netcheck::{Setup, once};
use super::output::{Output, Reader};
use super::pace::WATCH;
use crate::cli::{GlobalArgs, NetcheckArgs};
use crate::model::DerpMap;
use crate::render::{self, Format};
use crate::report::Report;

/// Between reports of `--count` without `--every`. Relays are other people's machines.
const POLITE: Duration = Duration::from_secs(1);

/// Makes one report, or as many as asked for. The exit code is that of the last one.
/// When nobody reads them any more, that is the end, and no failure.
pub(super) async fn run(
    args: &NetcheckArgs,
    global: &GlobalArgs,
    output: &Output,
    setup: &Setup,
    map: &DerpMap,
) -> Result<Exit, CmdError> {
    let Rounds { count: rounds, every } = Rounds::of(args.every, args.watch, args.count);
    let mut previous: Option<Report> = None;
    let mut round = 0;
    loop {
        let begun = tokio::time::Instant::now();
        let home = previous.as_ref().and_then(|report| report.netcheck.as_ref()?.home_region.value().copied());
        let report = once(setup, map, home, output).await?;
        if let Some(path) = &args.save {
            output.save(path, &report)?;
        }
        let reader = tell(output, previous.as_ref(), &report)?;
        let exit = Exit::of(&report, global.fail_on);
        previous = Some(report);
        round += 1;
        if rounds.is_some_and(|rounds| round >= rounds) {
            return Ok(exit);
        }
        if reader == Reader::Gone {
            return Ok(Exit::Done);
        }
        tokio::time::sleep_until(begun + every).await;
    }
}

/// How many reports, and how far apart they begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rounds {
    /// `None`: no end.
    pub(super) count: Option<u32>,
    pub(super) every: Duration,
}

impl Rounds {
    pub(super) fn of(every: Option<Duration>, watch: bool, count: Option<u32>) -> Self {
        let endless = watch || every.is_some();
        Self {
            count: count.or_else(|| (!endless).then_some(1)),
            every: every.unwrap_or(if watch { WATCH } else { POLITE }),
        }
    }
}

/// The first report whole; for a person, afterwards only a line of what changed.
fn tell(output: &Output, previous: Option<&Report>, report: &Report) -> Result<Reader, CmdError> {
    // Pseudonyms are numbered by report, so redacted lines of change would mean nothing.
    let by_line = output.format == Format::Table && !output.style.redact;
    let Some(previous) = previous.filter(|_| by_line) else {
        return output.report(report);
    };
    let time = humantime::format_rfc3339_seconds(report.started_at);
    let changes = render::changes(previous, report, output.style.lang);
    let lines: Vec<String> = changes.iter().map(|change| format!("{time}  {change}\n")).collect();
    output.text(&lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_sets_how_many_and_how_often() {
        let seconds = Duration::from_secs;
        let cases = [
            // --every, --watch, --count: how many, how far apart
            (None, false, None, Some(1), seconds(1)),
            (None, false, Some(3), Some(3), seconds(1)),
            (Some(seconds(10)), false, None, None, seconds(10)),
            (Some(seconds(10)), false, Some(6), Some(6), seconds(10)),
            (None, true, None, None, seconds(30)),
            (None, true, Some(2), Some(2), seconds(30)),
            (Some(seconds(60)), true, None, None, seconds(60)),
            (Some(seconds(60)), true, Some(2), Some(2), seconds(60)),
        ];
        for (every, watch, count, rounds, apart) in cases {
            let told = Rounds::of(every, watch, count);
            assert_eq!(told, Rounds { count: rounds, every: apart }, "{every:?} {watch} {count:?}");
        }
    }
}
