//! `--replay`: concludes again from what a saved report heard. Sends nothing.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;

use super::exit::{CmdError, Exit};
use super::inputs::{self, Inputs};
use super::netcheck::{Setup, conclude};
use super::output::Output;
use super::{classic, lifetime, nat, stream};
use crate::cli::GlobalArgs;
use crate::drive::network::NetworkOptions;
use crate::render::json;
use crate::report::{Command, Report};

/// Larger than any report: a record of 500 probes is a few hundred kilobytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What `--replay` takes.
pub(super) const SAVED: &str = "--replay takes a file that --save has written";

/// Reads a file of JSON; its name, and what is in it. `wanted` says what it should be.
pub(super) fn saved(path: &Path, wanted: &str) -> Result<(String, Value), CmdError> {
    let name = path.display().to_string();
    let text = read(path).map_err(|error| CmdError::Usage(format!("cannot read {name}: {error}; {wanted}")))?;
    if text.trim().is_empty() {
        return Err(CmdError::Usage(format!("{name} is empty; {wanted}")));
    }
    let value = serde_json::from_str(&text).map_err(|error| {
        let (line, column, problem) = (error.line(), error.column(), error.to_string());
        // The parser tells the place once more.
        let problem = problem.split(" at line ").next().unwrap_or_default();
        CmdError::Usage(format!("{name}:{line}:{column}: this is not JSON: {problem}; {wanted}"))
    })?;
    Ok((name, value))
}

/// Makes the report of `command` from the file at `path`, whichever command has saved it. That of a selftest stays one:
/// it says less of this host than a netcheck does.
pub(super) fn run(command: Command, path: &Path, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let (name, value) = saved(path, SAVED)?;
    if let Some((report, answered)) = stream::again(command, &name, &value, global.verbose > 0)? {
        output.report(&report)?;
        return Ok(Exit::of_nat(&report, answered, global.fail_on));
    }
    let report = again(Some(command), &name, &value, global.verbose > 0)?;
    let command = report.command;
    if command == Command::Nat {
        return nat::finish(report, None, global, output);
    }
    output.report(&report)?;
    Ok(Exit::of(&report, global.fail_on))
}

/// The report of `command` (`None`: of the command that was saved) from the JSON of a file called `name`.
pub(super) fn again(command: Option<Command>, name: &str, value: &Value, keep: bool) -> Result<Report, CmdError> {
    let (started_at, saved) = json::saved_from(value).map_err(|error| CmdError::Usage(format!("{name}: {error}")))?;
    if stream::is_of_connections(&saved.inputs) {
        return Err(CmdError::Usage(format!(
            "{name}: this is what natscope nat heard over connections, which says nothing of UDP; replay it with natscope \
             nat --replay"
        )));
    }
    let Inputs { input, command: saved_by, findings, socks5 } = inputs::from_json(name, &saved.inputs)?;
    let command = match (command, saved_by) {
        (Some(Command::Netcheck) | None, Some(Command::Selftest)) => Command::Selftest,
        (Some(command), _) | (None, Some(command)) => command,
        (None, None) => Command::Netcheck,
    };
    let (options, network) = (input.options.clone(), NetworkOptions::default());
    let setup = Setup { command, options, network, findings, keep, socks5 };
    let took = saved.record.ended_at.since_start();
    let mut report = conclude(&setup, &input, &saved.record, started_at, took)?;
    for (index, further) in saved.further.iter().enumerate() {
        let heard = match further.check.as_str() {
            lifetime::CHECK => lifetime::again(&mut report, further),
            classic::CHECK => classic::again(&mut report, further),
            other => Err(format!("no check is called {other:?}")),
        };
        heard.map_err(|error| CmdError::Usage(format!("{name}: further[{index}]: {error}")))?;
        report.took += further.tape.record.ended_at.since_start();
    }
    if let Some(kept) = &mut report.saved {
        kept.further = saved.further;
    }
    // What was redacted stays so, whoever concludes from it.
    report.redacted = value.get("redacted").and_then(Value::as_bool).unwrap_or_default();
    Ok(report)
}

/// The text of the file. The length it claims is not asked: pipes and devices claim none.
pub(super) fn read(path: &Path) -> io::Result<String> {
    read_from(File::open(path)?)
}

/// The same of what is open already.
pub(super) fn read_from(file: impl io::Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        let what = format!("longer than any saved report ({MAX_BYTES} bytes at most)");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "this is not UTF-8 text"))
}
