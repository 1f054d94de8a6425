//! `natscope completions` and the hidden `natscope man`.

use super::exit::{CmdError, Exit};
use super::output::Output;
use crate::cli::{CompletionsArgs, ManArgs, manual};

pub(super) fn completions(args: &CompletionsArgs, output: &Output) -> Result<Exit, CmdError> {
    output.text(&manual::completion(args.shell))?;
    Ok(Exit::Done)
}

pub(super) fn man(args: &ManArgs, output: &Output) -> Result<Exit, CmdError> {
    let pages = manual::man_pages();
    let Some(dir) = &args.dir else {
        if let Some((_, page)) = pages.first() {
            output.text(page)?;
        }
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(dir)
        .map_err(|error| CmdError::Usage(format!("cannot create {}: {error}", dir.display())))?;
    for (name, page) in pages {
        let path = dir.join(name);
        std::fs::write(&path, page)
            .map_err(|error| CmdError::Usage(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(Exit::Done)
}
