//! Which runs `--format html` has a page for: those that end in one report.

use super::{Cli, Command, Format};

/// Refuses the format where there is no page, and says what to use.
pub(super) fn check(cli: &Cli) -> Result<(), String> {
    if cli.global.format != Format::Html {
        return Ok(());
    }
    match &cli.command {
        Command::Netcheck(netcheck) if netcheck.dry_run => {
            Err("the format 'html' has no place for what --dry-run tells; use 'json' or 'table'".to_owned())
        }
        Command::Netcheck(netcheck)
            if netcheck.watch || netcheck.every.is_some() || netcheck.count.is_some_and(|count| count > 1) =>
        {
            Err("a page of the format 'html' is one report, and --every, --watch and --count make several; use 'json-line' \
                 or 'table'"
                .to_owned())
        }
        Command::Watch(_) => Err("a page of the format 'html' is one report, and a watch makes several; use 'json-line' or \
             'table'"
            .to_owned()),
        Command::Netcheck(_)
        | Command::Nat(_)
        | Command::Doctor(_)
        | Command::Selftest(_)
        | Command::Predict(_)
        | Command::Ping(_) => Ok(()),
        Command::Listen(_)
        | Command::Relay(_)
        | Command::Diff(_)
        | Command::Exporter(_)
        | Command::Derpmap(_)
        | Command::Explain(_)
        | Command::Config(_)
        | Command::Completions(_)
        | Command::Man(_) => Err(format!(
            "the format 'html' is that of a report of netcheck, nat, doctor, selftest, predict or ping; for `natscope {}` \
             use 'table' or 'markdown'",
            cli.command.name()
        )),
    }
}
