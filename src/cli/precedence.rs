//! Which of two settings that exclude each other wins: the command line over the environment, and that over the
//! configuration file, where a command's own table wins over what is for all. Two of the same origin are an error.
//!
//! clap counts a variable as if its flag had been written, so with clap's own conflict table a `NATSCOPE_4=1` in a
//! profile would make every `-6` an error.

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::config::FileValue;
use super::{Format, OptionalAddr};

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
    (Some("netcheck"), "dry_run", &["every", "watch", "count", "save"]),
    (Some("watch"), "only_v4", &["only_v6"]),
    (Some("explain"), "list", &["code"]),
    (Some("nat"), "only_v4", &["only_v6"]),
    (Some("ping"), "only_v4", &["only_v6"]),
    (Some("listen"), "only_v4", &["only_v6"]),
    // One serves anyone, the others say who is served.
    (Some("relay"), "open", &["allow", "verify_client_url", "verify_tailscaled"]),
    (Some("doctor"), "only_v4", &["only_v6"]),
    (
        Some("doctor"),
        "replay",
        &[
            "target",
            "derp_maps",
            "regions",
            "only_v4",
            "only_v6",
            "bind_address",
            "bind_port",
            "interface",
            "long",
            "stun_port",
            "local",
            "compare",
            "save",
        ],
    ),
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

/// Settings of which only some values cannot be in force with a switch of the command: the weaker of the two yields. Of two
/// that are equally strong the command itself says what is wrong, since it depends on the value.
const AT_ODDS: &[AtOdds] = &[
    // All of it stays on this host.
    AtOdds { owner: "relay", switch: "dev", other: "addrs", when: beyond_loopback },
    AtOdds { owner: "relay", switch: "dev", other: "stun_addrs", when: beyond_loopback },
    AtOdds { owner: "relay", switch: "dev", other: "stun_alternate_addrs", when: beyond_loopback },
    AtOdds { owner: "relay", switch: "dev", other: "metrics_addr", when: beyond_loopback },
    // It is plain HTTP, beside which there is none.
    AtOdds { owner: "relay", switch: "dev", other: "http_addrs", when: |_| true },
    AtOdds { owner: "relay", switch: "dev", other: "cert_mode", when: |value| value != "none" },
];

struct AtOdds {
    owner: &'static str,
    switch: &'static str,
    other: &'static str,
    /// Whether a value of `other`, as it is written, excludes the switch.
    when: fn(&str) -> bool,
}

/// What cannot be read is not taken for loopback; it is refused for itself.
fn beyond_loopback(value: &str) -> bool {
    match value.parse() {
        Ok(OptionalAddr::Off) => false,
        Ok(OptionalAddr::On(address)) => !address.is_loopback(),
        Err(_) => true,
    }
}

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
    let is_out = |overruled: &Overruled, owner, id| overruled.contains(&(owner, id));
    // What has lost to something stronger excludes nothing any more: so the strongest are settled first.
    for Conflict { owner, stronger, weaker, is_hard } in conflicts(matches, file) {
        if is_out(&overruled, owner, stronger.1) || is_out(&overruled, owner, weaker.1) {
            continue;
        }
        if stronger.0 > weaker.0 {
            overruled.push((owner, weaker.1));
        } else if is_hard {
            let ids = [stronger.1, weaker.1];
            let lines = ids.map(|id| file.iter().find(|value| value.id == id).map(|value| value.line));
            let place = match (stronger.0, lines) {
                (Rank::File(_), [Some(one), Some(other)]) => format!(" ({name}, lines {one} and {other})"),
                _ => String::new(),
            };
            return Err(conflict(command, owner, ids, &place));
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

/// Two settings that exclude each other, with what says them; of equal ones, the first is the one of the table.
struct Conflict {
    owner: Option<&'static str>,
    stronger: (Rank, &'static str),
    weaker: (Rank, &'static str),
    /// Whether two that are equally strong are an error here.
    is_hard: bool,
}

/// All there are, those of the strongest settings first.
fn conflicts(matches: &ArgMatches, file: &[FileValue]) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut add = |owner, one: (Rank, &'static str), other: (Rank, &'static str), is_hard| {
        let (stronger, weaker) = if other.0 > one.0 { (other, one) } else { (one, other) };
        found.push(Conflict { owner, stronger, weaker, is_hard });
    };
    for &(owner, one, others) in EXCLUSIVE {
        let Some(matches) = of_owner(matches, owner) else { continue };
        let Some(rank) = in_force(matches, one, file) else { continue };
        for &other in others {
            if let Some(other_rank) = in_force(matches, other, file) {
                add(owner, (rank, one), (other_rank, other), true);
            }
        }
    }
    for AtOdds { owner, switch, other, when } in AT_ODDS {
        let Some(matches) = of_owner(matches, Some(owner)) else { continue };
        let Some(rank) = in_force(matches, switch, file) else { continue };
        let Some(other_rank) = in_force(matches, other, file) else { continue };
        if written(matches, other, file).iter().any(|value| when(value)) {
            add(Some(*owner), (rank, *switch), (other_rank, *other), false);
        }
    }
    // Stable: among equals the order of the tables counts. Two of the strongest rank come before one of them and a weaker.
    found.sort_by_key(|conflict| std::cmp::Reverse((conflict.stronger.0, conflict.weaker.0)));
    found
}

/// The values in force of an argument, as they are written.
fn written(matches: &ArgMatches, id: &str, file: &[FileValue]) -> Vec<String> {
    let given = matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
    let values: Vec<String> = if given {
        matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect()
    } else {
        file.iter().filter(|value| value.id == id).flat_map(|value| value.values.clone()).collect()
    };
    values.iter().flat_map(|value| value.split(',')).map(|value| value.trim().to_owned()).collect()
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
    let shown = |id: &str| {
        owning.get_arguments().find(|arg| arg.get_id() == id).map_or_else(|| id.to_owned(), ToString::to_string)
    };
    let message = format!("the argument '{}' cannot be used with '{}'{place}", shown(one), shown(other));
    error(command, owner.unwrap_or_default(), ErrorKind::ArgumentConflict, message)
}
