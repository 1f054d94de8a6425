//! `natscope explain`. Asks nothing and nobody.

use super::exit::{CmdError, Exit};
use super::output::Output;
use crate::cli::ExplainArgs;
use crate::render;

pub(super) fn run(args: &ExplainArgs, output: &Output) -> Result<Exit, CmdError> {
    let text = match &args.code {
        Some(code) => render::explain(code, output.format, &output.style)
            .ok_or_else(|| CmdError::Own(format!("no explanation of {code}")))?,
        None => render::explain_list(output.format, &output.style),
    };
    output.text(&text)?;
    Ok(Exit::Done)
}
