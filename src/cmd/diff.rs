//! `natscope diff`: two reports in, what changed out. Sends nothing.

use std::path::Path;

use serde_json::Value;

use super::exit::{CmdError, Exit};
use super::output::Output;
use super::replay;
use crate::cli::DiffArgs;
use crate::render::diff::{compare, diff};
use crate::render::json::last_report;

pub(super) fn run(args: &DiffArgs, output: &Output) -> Result<Exit, CmdError> {
    let standard_input = Path::new("-");
    if args.a == standard_input && args.b == standard_input {
        return Err(CmdError::Usage("both reports are to be read from standard input, which holds one".to_owned()));
    }
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let found = compare((&a.0, &a.1), (&b.0, &b.1)).map_err(|error| CmdError::Usage(error.to_string()))?;
    output.text(&diff(&found, output.format, &output.style))?;
    Ok(Exit::Done)
}

/// The name of a file, and the last report in it.
fn read(path: &Path) -> Result<(String, Value), CmdError> {
    let name = path.display().to_string();
    let text = if path == Path::new("-") { replay::read_from(std::io::stdin()) } else { replay::read(path) };
    let text = text.map_err(|error| {
        CmdError::Usage(format!("cannot read {name}: {error}; diff takes files that --save or --json has written"))
    })?;
    let report = last_report(&text).map_err(|error| CmdError::Usage(format!("{name}:{error}")))?;
    Ok((name, report))
}
