//! Argument syntax: what may be written on the command line and in `NATSCOPE_*` variables, as typed values.
//!
//! Nothing here acts: no file is opened, no word is printed, the process is not ended. [`parse`] answers with the
//! arguments or with what is to be shown instead of a run ([`ParseExit`]). What a flag means for a run is decided
//! in `cmd/`.

#![allow(clippy::doc_markdown, reason = "these doc comments are the help text, where backticks would be seen")]
#![allow(rustdoc::broken_intra_doc_links, reason = "for the same reason: [IPV6]:PORT is what a user types")]

mod acme;
mod config;
mod derpmap;
mod diff;
mod doctor;
mod explain;
mod exporter;
mod listen_addr;
mod map;
mod nat;
mod netcheck;
mod output;
mod page;
mod pages;
mod ping;
mod precedence;
mod predict;
mod probing;
mod relay;
mod relay_rules;
mod selftest;
mod values;
mod watch;

pub mod manual;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::model::{harmless_value, without_secrets};
pub use acme::LETS_ENCRYPT;
pub use config::{ConfigArgs, ConfigCommand, ConfigShowArgs, ConfigText, settings};
pub use derpmap::{ConvertArgs, DerpmapArgs, DerpmapCommand, LintArgs, Notation, ShowArgs};
pub use diff::DiffArgs;
pub use doctor::DoctorArgs;
pub use explain::ExplainArgs;
pub use exporter::ExporterArgs;
pub use listen_addr::{ListenAddr, OptionalAddr};
pub use map::MapArgs;
pub use nat::{NatArgs, TransportArg};
pub use netcheck::{LeaveOutArgs, NetcheckArgs};
pub use output::{Color, FailOn, Format, GlobalArgs, Lang};
pub use pages::{CompletionsArgs, ManArgs, Shell};
pub use ping::{ListenArgs, PingArgs, ViaArgs};
pub use predict::PredictArgs;
pub use probing::ProbingArgs;
pub use relay::{CertMode, RelayArgs};
pub use selftest::SelftestArgs;
pub use watch::WatchArgs;

/// Exit code for arguments that cannot be understood (`EX_USAGE` of sysexits.h). clap's own is 2, which natscope
/// needs for "nothing answered".
pub const EXIT_USAGE: u8 = 64;

/// Tell why two machines can or cannot talk directly: UDP, NAT type, DERP relays.
///
/// natscope asks the STUN servers and relays of a DERP map from where it runs, and concludes from their answers
/// what kind of NAT stands in between, which relay is nearest, and what is in the way. A verdict it cannot reach is
/// reported as undetermined, with the reason. Nothing needs root, and no port mapping is ever created.
#[derive(Parser, Clone, Debug, PartialEq)]
#[command(
    name = "natscope",
    version,
    max_term_width = 100,
    propagate_version = false,
    subcommand_value_name = "COMMAND",
    after_help = EXAMPLES_SHORT,
    after_long_help = EXAMPLES_LONG
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Flags every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// What to do.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Command {
    /// Report how this host reaches the internet and the relays.
    ///
    /// Says whether UDP gets out, which public endpoints this host has over IPv4 and IPv6, what kind of NAT stands in
    /// between, which port-mapping services the router offers, whether a captive portal is in the way, the latency of
    /// every DERP region, and which region would be home and why.
    Netcheck(NetcheckArgs),
    /// Watch the network: a dashboard of netcheck, until q.
    ///
    /// The same as `natscope netcheck --watch`. In a terminal it shows the verdict, the regions with their round trips and
    /// losses over time, and what has changed: an external port, the home region, UDP lost. A report is made every 30
    /// seconds, which is no more often than a client measures by itself.
    Watch(WatchArgs),
    /// Tell which kind of NAT stands between this host and the internet.
    ///
    /// Asks STUN servers of several operators from several local ports, and concludes from what each of them saw: Easy
    /// or Hard, NAT1 to NAT4, mapping and filtering in the words of RFC 4787. Each server is judged as well: one that
    /// does not answer, answers from elsewhere or stands behind a NAT of its own is named and left out. What cannot be
    /// told is undetermined, with the reason.
    Nat(NatArgs),
    /// Join a relay and answer pings, until Ctrl-C.
    ///
    /// Prints its key, and a ready-made `natscope ping` line for the other side.
    Listen(ListenArgs),
    /// Ping a peer through a relay of your choice, and over a direct path.
    ///
    /// Says of each pong how long it took, how much of that was the relay's part, and which path it took. With --direct,
    /// both sides exchange endpoints through the relay and try to reach each other; when that fails, it tells why.
    Ping(PingArgs),
    /// Run a DERP relay with a STUN server that Tailscale clients accept.
    ///
    /// Serves DERP over HTTPS, and STUN beside it, to the clients it is told to serve. At the start it prints what it
    /// listens on, who may use it, the certificate's pin and the map node for a Tailscale policy and for Headscale, and
    /// checks that its own ports answer. What happens afterwards is logged to standard error.
    Relay(RelayArgs),
    /// Tell from two saved reports whether the two hosts will connect directly.
    ///
    /// Run `natscope netcheck --save a.json` on one host and the same on the other, bring the files together, and ask. No
    /// packet is sent. The answer is yes or no only when everything the reports leave open comes to the same; otherwise it
    /// is undetermined, with the fact that is missing and how to get it. It also tells by what mechanism, how likely, and
    /// the one change that would help each side.
    Predict(PredictArgs),
    /// Tell what changed between two saved reports.
    ///
    /// Compares what both tell, whichever command wrote them, and says it in words: verdicts, public addresses, regions, a
    /// relay's layers and certificate, findings. Latencies that moved by little are no change. No packet is sent.
    Diff(DiffArgs),
    /// Tell why a DERP relay does not work, and how to mend it.
    ///
    /// Looks at a relay layer by layer, from its name to a packet relayed, and at STUN beside it: names, connections,
    /// certificates, proxies without Upgrade, closed ports, access control, open relays, wrong map entries. Each finding
    /// has a stable code, what was observed, what may be behind it and what to paste to mend it.
    Doctor(DoctorArgs),
    /// Serve metrics for Prometheus: a netcheck every minute, and what the doctor says of relays.
    ///
    /// Measures again and again, and answers /metrics over plain HTTP with what was measured last: latency of each region,
    /// UDP, NAT, port mapping, captive portal, home region; for each --doctor, its layers, findings and certificates. There
    /// is no authentication.
    Exporter(ExporterArgs),
    /// Look at DERP maps: the effective one, mistakes with line and column, other notations.
    Derpmap(DerpmapArgs),
    /// Explain a finding by its code, offline.
    ///
    /// What it means, what it rests on and what that does not prove, and what to do.
    Explain(ExplainArgs),
    /// Try natscope on a relay of its own on loopback; needs no internet.
    ///
    /// Starts the embedded relay and STUN server on loopback and runs a netcheck against it. A new user's first
    /// command: it shows what a report looks like, and that natscope works on this machine.
    Selftest(SelftestArgs),
    /// Show the settings in force, and where each comes from.
    Config(ConfigArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them.
    #[command(hide = true)]
    Man(ManArgs),
}

/// What to show instead of running: help, the version, or what is wrong with the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseExit {
    /// Text with ANSI styles, ending in a newline. Print it through `anstream`, which strips them where they do not
    /// belong.
    pub text: String,
    /// The exit code: 0 for help and version, else [`EXIT_USAGE`].
    pub code: u8,
    /// Whether the text is what was asked for, and belongs on standard output; otherwise on standard error.
    pub to_stdout: bool,
}

/// Parses the arguments, the program's own name first, without a configuration file. Variables `NATSCOPE_<FLAG>` stand in
/// for flags that are not written; where the two exclude each other, the command line wins.
pub fn parse<I>(arguments: I) -> Result<Cli, ParseExit>
where
    I: IntoIterator<Item: Into<OsString>>,
{
    parse_with_config(arguments, |_| Ok(None))
}

/// The same with a configuration file, which stands in for what neither the command line nor a variable says. `read` is
/// given the file that is named, if one is, and answers with what is in it, or in the usual one; with `None` where there is
/// none, and with what is wrong where it cannot be read.
pub fn parse_with_config<I>(
    arguments: I,
    read: impl FnOnce(Option<PathBuf>) -> Result<Option<ConfigText>, String>,
) -> Result<Cli, ParseExit>
where
    I: IntoIterator<Item: Into<OsString>>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    parse_settled(&arguments, read).map_err(|error| ParseExit::from(&error))
}

fn parse_settled(
    arguments: &[OsString],
    read: impl FnOnce(Option<PathBuf>) -> Result<Option<ConfigText>, String>,
) -> Result<Cli, clap::Error> {
    let mut settled = config::settle(&syntax(), arguments, read)?;
    let mut matches = settled.matches.clone();
    let mut cli = Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut settled.command))?;
    if cli.global.json {
        cli.global.format = Format::Json;
    }
    check(&cli).map_err(|(kind, message)| {
        let message = message + &config::said_elsewhere(&settled);
        precedence::error(&mut settled.command, cli.command.name(), kind, message)
    })?;
    Ok(cli)
}

/// The argument syntax.
fn syntax() -> clap::Command {
    Cli::command()
}

/// What clap's tables cannot say.
fn check(cli: &Cli) -> Result<(), (ErrorKind, String)> {
    page::check(cli).map_err(|message| (ErrorKind::InvalidValue, message))?;
    let conflict = |message| (ErrorKind::ArgumentConflict, message);
    match &cli.command {
        Command::Netcheck(netcheck) => {
            if netcheck.dry_run && cli.global.format == Format::TailscaleJson {
                let message =
                    "the format 'tailscale-json' has no place for what --dry-run tells; use 'json' or 'table'";
                return Err((ErrorKind::InvalidValue, message.to_owned()));
            }
            return netcheck.probing.check().map_err(conflict);
        }
        Command::Watch(watch) => return watch.probing.check().map_err(conflict),
        Command::Nat(nat) => nat.check().map_err(conflict)?,
        Command::Listen(listen) => listen.probing.check().map_err(conflict)?,
        Command::Ping(ping) => ping.probing.check().map_err(conflict)?,
        Command::Relay(relay) => relay.check().map_err(conflict)?,
        Command::Doctor(doctor) => doctor.check().map_err(conflict)?,
        Command::Exporter(exporter) => exporter.probing.check().map_err(conflict)?,
        Command::Predict(_)
        | Command::Diff(_)
        | Command::Derpmap(_)
        | Command::Explain(_)
        | Command::Selftest(_)
        | Command::Config(_)
        | Command::Completions(_)
        | Command::Man(_) => {}
    }
    if cli.global.format == Format::TailscaleJson {
        let message = format!(
            "the format 'tailscale-json' is that of `tailscale netcheck`, and only `natscope netcheck` can write it; \
             for `natscope {}` use 'json'",
            cli.command.name()
        );
        return Err((ErrorKind::InvalidValue, message));
    }
    Ok(())
}

impl Command {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Netcheck(_) => "netcheck",
            Self::Watch(_) => "watch",
            Self::Nat(_) => "nat",
            Self::Listen(_) => "listen",
            Self::Ping(_) => "ping",
            Self::Relay(_) => "relay",
            Self::Predict(_) => "predict",
            Self::Diff(_) => "diff",
            Self::Doctor(_) => "doctor",
            Self::Exporter(_) => "exporter",
            Self::Derpmap(_) => "derpmap",
            Self::Explain(_) => "explain",
            Self::Selftest(_) => "selftest",
            Self::Config(_) => "config",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

impl From<&clap::Error> for ParseExit {
    fn from(error: &clap::Error) -> Self {
        let to_stdout = !error.use_stderr();
        let code = if to_stdout { 0 } else { EXIT_USAGE };
        let mut text = error.render().ansi().to_string();
        if !to_stdout {
            // What was written may be, or hold, a password.
            if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) {
                let flag = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
                text = text.replace(value, &harmless_value(value, flag.starts_with("--socks5")));
            }
            text = without_secrets(&text);
        }
        Self { text, code, to_stdout }
    }
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope selftest                      see it work, without the internet
  natscope netcheck                      report on this host and network
  natscope watch                         the same again and again, as a dashboard
  natscope nat                           which kind of NAT is in the way
  natscope relay --dev                   a DERP relay on loopback
  natscope netcheck --derp-map my.json   the same against your own relays
  natscope predict a.json b.json         whether two hosts will connect directly
  natscope doctor relay.example.com      why a relay does not work
  natscope exporter                      metrics for Prometheus
  natscope derpmap lint my.json          mistakes in a DERP map, with line and column
  natscope explain NET-010               what a finding means, and what to do

'natscope COMMAND --help' tells more.";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope selftest
      Start a relay on loopback and report on it: shows what a report looks like, without the internet.
  natscope netcheck
      Report on this host and network, against the public Tailscale relays.
  natscope watch
      The same every 30 seconds, as a dashboard that tells what has changed.
  natscope nat
      Which kind of NAT stands in between, asked of public STUN servers.
  natscope netcheck --derp-map https://example.com/derpmap.json --region fra
      Against your own relays, one region only.
  natscope relay --hostname relay.example.com --allow clients.txt
      A DERP relay for the clients whose keys are in the file.
  natscope netcheck --json --output report.json
      For a script, to a file.
  natscope predict a.json b.json
      Whether the hosts of two saved reports (--save) will connect directly, and what would help.
  natscope doctor relay.example.com
      Why a relay of your own does not work, and what to paste to mend it.
  natscope derpmap lint my.json
      Mistakes in a DERP map, with line and column.
  natscope explain NET-010
      What a finding means, what it rests on and what to do.
  natscope completions bash > ~/.local/share/bash-completion/completions/natscope
      Complete flags with the Tab key.

Configuration file:
  What flags say may also stand in a file, $XDG_CONFIG_HOME/natscope/natscope.toml (~/.config/natscope/natscope.toml), or
  the one that --config names: `lang = \"zh-CN\"` for every command, `no-icmp = true` below `[netcheck]` for one. Flags win
  over variables, and these over the file. 'natscope config show' tells what is in force and from where.

Environment:
  Every flag has a variable NATSCOPE_<FLAG>, as NATSCOPE_DERP_MAP for --derp-map; the flag wins over the variable.
  Switches take 1, true, yes or on, and 0, false, no, off or nothing. NO_COLOR is honoured.

Exit status:
  0    done; nothing found at or above --fail-on
  1    findings at or above --fail-on
  2    nothing answered
  3    inconclusive: the question has no verdict, and the report says why
  64   bad arguments, or an input file that is not what it should be
  70   natscope's own failure
  130  interrupted";

#[cfg(test)]
mod tests;
