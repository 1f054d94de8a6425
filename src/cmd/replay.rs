//! `--replay`: concludes again from what a saved report heard. Sends nothing.

use std::path::Path;

use super::exit::{CmdError, Exit};
use super::netcheck::{Setup, conclude};
use super::output::Output;
use super::{inputs, nat};
use crate::cli::GlobalArgs;
use crate::drive::network::NetworkOptions;
use crate::render::json;
use crate::report::Command;

/// Larger than any report: a record of 500 probes is a few hundred kilobytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Makes the report of `command` from the file at `path`, whichever command has saved it.
pub(super) fn run(command: Command, path: &Path, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let name = path.display().to_string();
    let refuse = |error: &dyn std::fmt::Display| CmdError::Usage(format!("{name}: {error}"));
    let length = std::fs::metadata(path).map_err(|error| refuse(&error))?.len();
    if length > MAX_BYTES {
        return Err(refuse(&format!("{length} bytes is more than any saved report has ({MAX_BYTES} at most)")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(&error))?;
    let value = serde_json::from_str(&text)
        .map_err(|error| refuse(&format!("{}:{}: this is not JSON: {error}", error.line(), error.column())))?;
    let (started_at, saved) = json::saved_from(&value).map_err(|error| refuse(&error))?;
    let input = inputs::from_json(&name, &saved.inputs)?;
    let setup = Setup {
        command,
        options: input.options.clone(),
        network: NetworkOptions::default(),
        findings: Vec::new(),
        keep: global.verbose > 0,
    };
    let took = saved.record.ended_at.since_start();
    let report = conclude(&setup, &input, &saved.record, started_at, took)?;
    if command == Command::Nat {
        return nat::finish(report, None, global, output);
    }
    output.report(&report)?;
    Ok(Exit::of(&report, global.fail_on))
}
