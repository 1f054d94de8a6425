//! Every setting in force, and where it comes from.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{ConfigText, FileValue, Settled, is_settable, key_of, path_of, settle};
use crate::model::{Origin, Setting, harmless_value};

/// What the command of a line would run with; without one, what every command would. And whether `--redact` is in force for
/// that line: what would be hidden in its output is not to be shown here.
pub fn settings(line: &[OsString], file: Option<&ConfigText>) -> Result<(Vec<Setting>, bool), super::super::ParseExit> {
    let mut syntax = relaxed(super::super::syntax());
    syntax.build();
    let lines: Vec<Vec<OsString>> = if line.is_empty() {
        leaves(&syntax).into_iter().map(|path| path.into_iter().map(OsString::from).collect()).collect()
    } else {
        vec![line.to_vec()]
    };
    let mut shown: Vec<Setting> = Vec::new();
    let mut redact = false;
    for line in lines {
        let arguments: Vec<OsString> = std::iter::once("natscope".into()).chain(line).collect();
        // Each is parsed as it would be run, so that what overrules what is found by the same rules.
        let settled = settle(&relaxed(super::super::syntax()), &arguments, |_| Ok(file.cloned()))
            .map_err(|error| super::super::ParseExit::from(&error))?;
        redact |= leaf(&settled.matches).get_flag("redact");
        for setting in of_run(&syntax, &settled) {
            if !shown.contains(&setting) {
                shown.push(setting);
            }
        }
    }
    // What all commands have comes first, as in the file.
    shown.sort_by_key(|setting| setting.command.is_some());
    Ok((shown, redact))
}

/// The matches of the command that is run.
pub(super) fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| leaf(below))
}

fn of_run(syntax: &Command, settled: &Settled) -> Vec<Setting> {
    let path = path_of(&settled.matches);
    let command = path.iter().try_fold(syntax, |command, name| command.find_subcommand(name));
    let matches = leaf(&settled.matches);
    let args = command.into_iter().flat_map(Command::get_arguments).filter(|arg| is_settable(arg));
    args.filter_map(|arg| of_arg(arg, &path, matches, settled)).collect()
}

fn of_arg(arg: &Arg, path: &[String], matches: &ArgMatches, settled: &Settled) -> Option<Setting> {
    let id = arg.get_id().as_str();
    let from_file = settled.file.iter().find(|value| value.id == id);
    let origin = match (matches.value_source(id), from_file) {
        (Some(ValueSource::CommandLine), _) => Origin::Flag,
        (Some(ValueSource::EnvVariable), _) => Origin::Variable(arg.get_env()?.to_string_lossy().into_owned()),
        (_, Some(FileValue { variable: Some(name), .. })) => Origin::Variable((*name).to_owned()),
        (_, Some(value)) => Origin::File { name: settled.name.clone(), line: value.line },
        _ => Origin::Default,
    };
    let near = from_file.is_some_and(|value| value.depth > 0) && matches!(origin, Origin::File { .. });
    let all = arg.is_global_set() && !near;
    let values = match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => vec![matches.get_flag(id).to_string()],
        ArgAction::Count => vec![matches.get_count(id).to_string()],
        _ => matches.get_raw(id).into_iter().flatten().map(|value| harmless(arg, &value.to_string_lossy())).collect(),
    };
    let telling = arg.get_action().takes_values()
        && arg.get_possible_values().is_empty()
        && !values
            .iter()
            .all(|value: &String| value.starts_with(|c: char| c.is_ascii_digit()) && value.parse::<f64>().is_ok());
    Some(Setting { command: (!all).then(|| path.join(" ")), key: key_of(arg)?, values, telling, origin })
}

/// A value without the password or token that may be in it.
pub(super) fn harmless(arg: &Arg, value: &str) -> String {
    harmless_value(value, arg.is_hide_env_values_set())
}

/// The syntax with nothing that must be given: what is asked is what flags are set to.
fn relaxed(command: Command) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| arg.required(false));
    below.into_iter().fold(command, |command, name| command.mut_subcommand(name, relaxed))
}

/// The commands that can be run and have settings of their own, as paths.
fn leaves(command: &Command) -> Vec<Vec<String>> {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown
        .flat_map(|below| {
            let name = below.get_name().to_owned();
            if below.has_subcommands() {
                return leaves(below).into_iter().map(|path| [vec![name.clone()], path].concat()).collect();
            }
            let own = below.get_arguments().any(|arg| is_settable(arg) && !arg.is_global_set());
            if own { vec![vec![name]] } else { Vec::new() }
        })
        .collect()
}
