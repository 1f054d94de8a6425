//! `natscope predict`: two reports in, one prediction out. Sends nothing.

use std::path::Path;
use std::time::Duration;

use super::exit::{CmdError, Exit};
use super::output::Output;
use super::replay;
use crate::check::predict::{predict, side_of};
use crate::cli::{GlobalArgs, PredictArgs};
use crate::drive::wall_clock;
use crate::render::json::{Concluded, conclusions_from};
use crate::report::{Command, Report, Side};

pub(super) fn run(args: &PredictArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let started_at = wall_clock::now();
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let predict = Some(predict(&a, &b));
    let took = wall_clock::now().duration_since(started_at).unwrap_or(Duration::ZERO);
    let report = Report { predict, ..Report::new(Command::Predict, started_at, took) };
    output.report(&report)?;
    Ok(Exit::of(&report, global.fail_on))
}

/// What the report in a file says of its host.
fn read(path: &Path) -> Result<Side, CmdError> {
    let name = path.display().to_string();
    let text = replay::read(path).map_err(|error| {
        CmdError::Usage(format!(
            "cannot read {name}: {error}; predict takes two files that `natscope netcheck --save FILE` has written, one on \
             each host"
        ))
    })?;
    let refuse = |error: &dyn std::fmt::Display| {
        CmdError::Usage(format!("{name}:{error}; predict takes files that `natscope netcheck --save FILE` has written"))
    };
    let Concluded { mut report, record } = conclusions_from(&text).map_err(|error| refuse(&error))?;
    // A report of `natscope nat` shows less than it has heard: local addresses and tunnels are in the record only. What it
    // concluded of the NAT stands: pseudonyms hide which servers are of one operator, so less follows from them.
    if let (None, Some(record)) = (&report.netcheck, record) {
        let value = serde_json::from_str(record)
            .map_err(|error| refuse(&format!("{}:{}: {error}", error.line(), error.column())))?;
        report.netcheck = replay::again(None, &name, &value, false)?.netcheck;
    }
    Ok(side_of(&report))
}
