//! `--every` and `--count`: reports one after another, and what changed between them.

use std::time::Duration;

use super::exit::{CmdError, Exit};
use super::netcheck::{Setup, once};
use super::output::{Output, Reader};
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
    let rounds = args.count.or_else(|| args.every.is_none().then_some(1));
    let every = args.every.unwrap_or(POLITE);
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
