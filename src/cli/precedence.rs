//! Which of two settings that exclude each other wins: the command line over the environment, and that over the
//! configuration file, where a command's own table wins over what is for all. Two of the same origin are an error.
//!
//! clap counts a variable as if its flag had been written, so with clap's own conflict table a `NATSCOPE_4=1` in a
//! profile would make every `-6` an error.

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::Format;
use super::config::FileValue;

/// Arguments that cannot both be in force, by id; the command they belong to, or none for global ones.
const EXCLUSIVE: &[(Option<&str>, &str, &[&str])] = &[
    (None, "json", &["format"]),
    (Some("netcheck"), "only_v4", &["only_v6"]),
    (
        Some("netcheck"),
        "replay",
        &[
            // A replay asks nothing, so nothing about asking can be chosen; the map is that of the saved run.
            "derp_maps",
            "regions",
            "only_v4",
            "only_v6",
            "bind_address",
            "bind_port",
            "interface",
            "no_nat",
            "no_portmap",
            "no_https",
            "no_icmp",
            "no_captive_portal",
            "every",
            "watch",
            "count",
            "save",
            "dry_run",
        ],
    ),
    (Some("netcheck"), "dry_run", &["every", "count", "save"]),
    (Some("watch"), "only_v4", &["only_v6"]),
    (Some("explain"), "list", &["code"]),
    (Some("nat"), "only_v4", &["only_v6"]),
    (Some("ping"), "only_v4", &["only_v6"]),
    (Some("listen"), "only_v4", &["only_v6"]),
    // One serves anyone, the others say who is served.
    (Some("relay"), "open", &["allow", "verify_client_url", "verify_tailscaled"]),
    (
        Some("nat"),
        "replay",
        &[
            "server",
            "stun_servers",
            "derp_maps",
            "regions",
            "only_v4",
            "only_v6",
            "bind_address",
            "bind_port",
            "interface",
            "no_portmap",
            "no_https",
            "transport",
            "socks5",
            "lifetime",
            "rfc3489",
            "save",
        ],
    ),
];

/// Variables that say the same as words of the command line, which are then what is meant, rather than both.
const SAME: &[(&str, &str, &str)] = &[("nat", "server", "stun_servers")];

/// The variables and values of the file to leave out, as command and argument id, because what goes first says otherwise.
pub(super) type Overruled = Vec<(Option<&'static str>, &'static str)>;

/// Who says it; later ones win.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The file, this many tables deep.
    File(usize),
    Variable,
    CommandLine,
}

/// Finds what excludes each other. `Err` when both come from the command line, or both from the environment, or both from
/// one place of the file, whose path is `name`.
pub(super) fn settle(
    command: &mut Command,
    matches: &ArgMatches,
    file: &[FileValue],
    name: &str,
) -> Result<Overruled, clap::Error> {
    let mut overruled = Overruled::new();
    for &(owner, one, others) in EXCLUSIVE {
        let Some(matches) = of_owner(matches, owner) else { continue };
        let Some(one_rank) = in_force(matches, one, file) else { continue };
        for &other in others {
            let Some(other_rank) = in_force(matches, other, file) else { continue };
            if one_rank == other_rank {
                let lines = [one, other].map(|id| file.iter().find(|value| value.id == id).map(|value| value.line));
                let place = match (one_rank, lines) {
                    (Rank::File(_), [Some(one), Some(other)]) => format!(" ({name}, lines {one} and {other})"),
                    _ => String::new(),
                };
                return Err(conflict(command, owner, [one, other], &place));
            }
            overruled.push((owner, if one_rank > other_rank { other } else { one }));
        }
    }
    for &(owner, words, flag) in SAME {
        let Some(matches) = of_owner(matches, Some(owner)) else { continue };
        let elsewhere = in_force(matches, flag, file).is_some_and(|rank| rank < Rank::CommandLine);
        if in_force(matches, words, file) == Some(Rank::CommandLine) && elsewhere {
            overruled.push((Some(owner), flag));
        }
    }
    Ok(overruled)
}

/// The same command line syntax, deaf to these variables.
pub(super) fn without_variables(mut command: Command, overruled: &Overruled) -> Command {
    for &(owner, id) in overruled {
        let deaf = |arg: clap::Arg| arg.env(Resettable::Reset);
        command = match owner {
            Some(owner) => command.mut_subcommand(owner, |subcommand| subcommand.mut_arg(id, deaf)),
            None => command.mut_arg(id, deaf),
        };
    }
    command
}

/// An error with the usage of the subcommand it is about.
pub(super) fn error(command: &mut Command, subcommand: &str, kind: ErrorKind, message: String) -> clap::Error {
    match command.find_subcommand_mut(subcommand) {
        Some(subcommand) => subcommand.error(kind, message),
        None => command.error(kind, message),
    }
}

fn of_owner<'a>(matches: &'a ArgMatches, owner: Option<&str>) -> Option<&'a ArgMatches> {
    match owner {
        None => Some(matches),
        Some(owner) => matches.subcommand().filter(|(name, _)| *name == owner).map(|(_, matches)| matches),
    }
}

/// Where an argument was set, `None` when it says nothing: a default, a switch turned off, or `--format json`, which is
/// what `--json` says too.
fn in_force(matches: &ArgMatches, id: &str, file: &[FileValue]) -> Option<Rank> {
    let off = matches.try_get_one::<bool>(id).is_ok_and(|value| value == Some(&false));
    let same = matches.try_get_one::<Format>(id).is_ok_and(|value| value == Some(&Format::Json));
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => (!off && !same).then_some(Rank::CommandLine),
        Some(ValueSource::EnvVariable) => (!off && !same).then_some(Rank::Variable),
        // A default, and none, give way to the file.
        _ => {
            let value = file.iter().find(|value| value.id == id)?;
            let says_nothing = match value.values.as_slice() {
                [] => true,
                [one] => one == "false" || (id == "format" && one == "json"),
                _ => false,
            };
            (!says_nothing).then_some(Rank::File(value.depth))
        }
    }
}

fn conflict(command: &mut Command, owner: Option<&str>, [one, other]: [&str; 2], place: &str) -> clap::Error {
    let owning = owner.and_then(|owner| command.find_subcommand(owner)).unwrap_or(command);
    let written = |id: &str| {
        owning.get_arguments().find(|arg| arg.get_id() == id).map_or_else(|| id.to_owned(), ToString::to_string)
    };
    let message = format!("the argument '{}' cannot be used with '{}'{place}", written(one), written(other));
    error(command, owner.unwrap_or_default(), ErrorKind::ArgumentConflict, message)
}
