//! The configuration file: TOML that says what flags say, for those who would otherwise say it each time.
//!
//! A key is the name of a flag, a table the name of a command: what stands above the tables is for every command that has
//! such a flag. Since keys, types and values are those of the argument syntax, a flag that is added there can be set here,
//! and nothing can be set that is no flag. Values are taken for defaults of the syntax, so that flags and variables win.
//!
//! No file is opened here: the text is handed in.

mod read;
mod show;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, Subcommand};

use super::precedence;
pub use show::settings;

/// A configuration file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigText {
    /// Its path, for messages.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// The variables that said it, by key, where it is no file that anybody wrote: mistakes are theirs.
    pub variables: &'static [(&'static str, &'static str)],
}

impl ConfigText {
    /// The variable a key comes from.
    fn variable(&self, key: &str) -> Option<&'static str> {
        self.variables.iter().find(|(known, _)| *known == key).map(|(_, variable)| *variable)
    }
}

/// Arguments of `natscope config`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(subcommand_value_name = "COMMAND", arg_required_else_help = true, after_help = EXAMPLES)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with settings.
#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
pub enum ConfigCommand {
    /// Show each setting in force, and where it comes from.
    ///
    /// A flag of the command line, a variable, a line of the configuration file, or the default. Passwords in URLs are left
    /// out.
    Show(ConfigShowArgs),
}

/// Arguments of `natscope config show`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ConfigShowArgs {
    /// Show what this command would run with, given these flags [default: every command, without flags].
    ///
    /// Flags of 'config show' itself, as --json, stand before it; --redact may stand anywhere.
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub line: Vec<OsString>,
}

/// Flags that are about one run: in a file they would be in the way of all others.
const ONE_RUN: &[&str] = &["compare", "config", "dry_run", "list", "output", "replay", "save"];

/// Commands that run the same whatever a file says, so that one with a mistake is not in their way.
const WITHOUT: &[&str] = &["completions", "man"];

/// What a line of the file sets for the command that is run.
#[derive(Clone, Debug)]
pub(super) struct FileValue {
    /// The argument.
    pub(super) id: String,
    /// Its name in the file.
    key: String,
    /// As the command line has it; none: the file says that it is not set.
    pub(super) values: Vec<String>,
    /// How near to the command it stands: 0 above all tables.
    pub(super) depth: usize,
    pub(super) line: usize,
    /// The variable that said it, where there is no file.
    variable: Option<&'static str>,
}

/// The arguments with the file taken into account.
pub(super) struct Settled {
    /// The syntax they were parsed by.
    pub(super) command: Command,
    pub(super) matches: ArgMatches,
    /// What of the file may be in force, where neither flag nor variable says otherwise.
    pub(super) file: Vec<FileValue>,
    /// The file's path.
    pub(super) name: String,
}

/// Parses arguments. `read` is asked for the configuration file, given the one that is named; `Err` is what it says when
/// there is none that can be read.
pub(super) fn settle(
    syntax: &Command,
    arguments: &[OsString],
    read: impl FnOnce(Option<PathBuf>) -> Result<Option<ConfigText>, String>,
) -> Result<Settled, clap::Error> {
    let mut command = syntax.clone();
    let first = match command.try_get_matches_from_mut(arguments) {
        // What is missing may be in the file.
        Err(error) if error.kind() == clap::error::ErrorKind::MissingRequiredArgument => {
            let partly = syntax.clone().ignore_errors(true).try_get_matches_from(arguments)?;
            if path_of(&partly).is_empty() {
                return Err(error);
            }
            partly
        }
        first => first?,
    };
    let path = path_of(&first);
    let text = if path.first().is_some_and(|name| WITHOUT.contains(&name.as_str())) {
        None
    } else {
        read(first.get_one::<PathBuf>("config").cloned()).map_err(|message| refusal(&message))?
    };
    let (name, mut file) = match &text {
        Some(text) => (text.name.clone(), read::values(text, syntax, &path).map_err(|message| refusal(&message))?),
        None => (String::new(), Vec::new()),
    };
    let overruled = precedence::settle(&mut command, &first, &file, &name)?;
    file.retain(|value| !overruled.iter().any(|(_, id)| *id == value.id));
    let mut command = with_values(precedence::without_variables(syntax.clone(), &overruled), &path, &file);
    let matches = command.try_get_matches_from_mut(arguments)?;
    Ok(Settled { command, matches, file, name })
}

/// The names of the command that is run, outermost first.
fn path_of(matches: &ArgMatches) -> Vec<String> {
    let mut path = Vec::new();
    let mut at = matches;
    while let Some((name, below)) = at.subcommand() {
        path.push(name.to_owned());
        at = below;
    }
    path
}

/// The syntax with the file's values for defaults of one command's arguments.
fn with_values(mut command: Command, path: &[String], file: &[FileValue]) -> Command {
    for value in file.iter().filter(|value| !value.values.is_empty()) {
        let global = command.get_arguments().any(|arg| arg.get_id() == value.id.as_str());
        command = at(command, if global { &[] } else { path }, &|command| {
            command.mut_arg(&value.id, |arg| arg.required(false).default_values(value.values.clone()))
        });
    }
    command
}

fn at(command: Command, path: &[String], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [name, below @ ..] => command.mut_subcommand(name, |command| at(command, below, change)),
    }
}

fn refusal(message: &str) -> clap::Error {
    let clean: String = message.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{clean}\n"))
}

/// An argument's name in the file: that of its variable, in the form of a flag. `None`: it cannot be set there.
fn key_of(arg: &clap::Arg) -> Option<String> {
    let variable = arg.get_env()?.to_str()?.strip_prefix("NATSCOPE_")?;
    Some(variable.to_lowercase().replace('_', "-"))
}

fn is_settable(arg: &clap::Arg) -> bool {
    arg.get_env().is_some() && !ONE_RUN.contains(&arg.get_id().as_str())
}

/// What a mistake found after parsing is made of, when it is not all on the command line.
pub(super) fn said_elsewhere(settled: &Settled) -> String {
    let leaf = show::leaf(&settled.matches);
    let path = path_of(&settled.matches);
    let owner = path.iter().try_fold(&settled.command, |command, name| command.find_subcommand(name));
    let shown = |value: &FileValue| {
        let arg = owner.and_then(|owner| owner.get_arguments().find(|arg| arg.get_id() == value.id.as_str()));
        let each = |text: &String| arg.map_or_else(|| text.clone(), |arg| show::harmless(arg, text));
        value.values.iter().map(each).collect::<Vec<_>>().join(", ")
    };
    let places = settled.file.iter().filter(|value| {
        let source = leaf.try_contains_id(&value.id).is_ok().then(|| leaf.value_source(&value.id)).flatten();
        source == Some(clap::parser::ValueSource::DefaultValue) && !value.values.is_empty()
    });
    let places: Vec<String> = places
        .map(|value| match value.variable {
            Some(variable) => format!("{variable} ({} = {})", value.key, shown(value)),
            None => format!("{}:{}: {} = {}", settled.name, value.line, value.key, shown(value)),
        })
        .collect();
    if places.is_empty() {
        String::new()
    } else {
        format!(
            "\n\n{}:\n  {}",
            if settled.file.iter().any(|value| value.variable.is_some()) {
                "set by variables"
            } else {
                "set by the configuration file"
            },
            places.join("\n  ")
        )
    }
}

const EXAMPLES: &str = "\
Examples:
  natscope config show                         every setting of every command
  natscope config show netcheck                those of one
  natscope config show netcheck -4             with these flags
  natscope config show --json nat              for a script

The file is $XDG_CONFIG_HOME/natscope/natscope.toml (~/.config/natscope/natscope.toml), or what
--config or NATSCOPE_CONFIG names. A key is the name of a flag, a table the name of a command:

  lang = \"zh-CN\"                # for every command
  derp-map = [\"default\", \"my.json\"]

  [netcheck]
  no-icmp = true
  timeout = \"20s\"

  [relay]
  hostname = \"relay.example.com\"
  allow = \"clients.txt\"";

#[cfg(test)]
mod tests;
