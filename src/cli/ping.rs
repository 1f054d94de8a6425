//! `natscope ping` and `natscope listen`, which share most of their flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint, value_parser};

use super::{MapArgs, ProbingArgs, values};
use crate::model::{NodePublic, RelayTarget};

/// Arguments of `natscope ping`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = PING_EXAMPLES)]
pub struct PingArgs {
    /// Whom to ping: the nodekey that `natscope listen` prints on the other side.
    #[arg(value_name = "PEER", value_parser = peer)]
    pub peer: NodePublic,

    /// How the relay is reached.
    #[command(flatten)]
    pub relay: ViaArgs,

    /// End after this many pings.
    #[arg(
        short,
        long,
        env = "NATSCOPE_COUNT",
        value_name = "N",
        default_value_t = 10,
        value_parser = value_parser!(u32).range(1..=1_000_000),
        hide_env = true
    )]
    pub count: u32,

    /// Time from one ping to the next, as 1s or 200ms; at least 10ms.
    #[arg(
        short,
        long,
        env = "NATSCOPE_INTERVAL",
        value_name = "DUR",
        default_value = "1s",
        value_parser = values::interval,
        hide_env = true
    )]
    pub interval: Duration,

    /// Bytes of each ping as sent, from 124 to 65000; the pong is not padded.
    ///
    /// A direct path whose MTU is smaller than that shows as pings that are lost or that fall back to the relay.
    #[arg(
        long,
        env = "NATSCOPE_SIZE",
        value_name = "BYTES",
        default_value_t = 124,
        value_parser = value_parser!(u16).range(124..=65_000),
        hide_env = true
    )]
    pub size: u16,

    /// End with the first pong that took a direct path; implies --direct.
    #[arg(long, env = "NATSCOPE_UNTIL_DIRECT", value_parser = values::switch, hide_env = true)]
    pub until_direct: bool,

    /// The map --via names regions of.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where it is sent.
    #[command(flatten)]
    pub probing: ProbingArgs,
}

/// Arguments of `natscope listen`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = LISTEN_EXAMPLES)]
pub struct ListenArgs {
    /// How the relay is reached.
    #[command(flatten)]
    pub relay: ViaArgs,

    /// End after this many answered pings [default: no end].
    #[arg(
        short,
        long,
        env = "NATSCOPE_COUNT",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..),
        hide_env = true
    )]
    pub count: Option<u32>,

    /// The map --via names regions of.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where it is sent.
    #[command(flatten)]
    pub probing: ProbingArgs,
}

/// Flags about the relay and the way to it.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct ViaArgs {
    /// The relay: a region's code or number, http(s)://HOST[:PORT], or HOST[:PORT].
    ///
    /// May be given several times, or as a list with commas: both sides then join every relay of theirs, and meet where
    /// they have one in common.
    #[arg(
        long,
        env = "NATSCOPE_VIA",
        value_name = "RELAY",
        required = true,
        value_delimiter = ',',
        value_parser = value_parser!(RelayTarget),
        value_hint = ValueHint::Hostname,
        hide_env = true
    )]
    pub via: Vec<RelayTarget>,

    /// Also try for a direct path, and say of each pong which path it took.
    ///
    /// Both sides need it. Endpoints of this host are told to the other side through the relay.
    #[arg(long, env = "NATSCOPE_DIRECT", value_parser = values::switch, hide_env = true)]
    pub direct: bool,

    /// With --direct: have the router map a port to this host, by PCP, NAT-PMP or UPnP, and offer that endpoint too.
    ///
    /// The mapping lasts two minutes at most unless it is renewed, and is taken back at the end. UPnP is asked last, since
    /// some routers know only mappings for ever by it: such a one stays where natscope is killed. Nothing else that natscope
    /// does makes a mapping.
    #[arg(long, env = "NATSCOPE_PORTMAP", value_parser = values::switch, hide_env = true)]
    pub portmap: bool,

    /// The private key to join the relay with; made, readable by its owner only, when FILE does not exist.
    ///
    /// Without it, the key is fresh in every run.
    #[arg(long, env = "NATSCOPE_KEY", value_name = "FILE", value_hint = ValueHint::FilePath, hide_env = true)]
    pub key: Option<PathBuf>,

    /// Do not verify the relay's certificate: for a relay with one of its own that is in no map.
    #[arg(long, env = "NATSCOPE_INSECURE", value_parser = values::switch, hide_env = true)]
    pub insecure: bool,
}

fn peer(text: &str) -> Result<NodePublic, String> {
    let key: NodePublic = text
        .trim()
        .parse()
        .map_err(|error| format!("{error}; write nodekey:<64 hex digits> as `natscope listen` prints it"))?;
    if key.is_zero() {
        return Err("nobody has the key of all zeros".to_owned());
    }
    Ok(key)
}

const PING_EXAMPLES: &str = "\
Examples:
  natscope listen --via fra --direct                     on one machine; prints its key
  natscope ping nodekey:… --via fra --direct             on the other
  natscope ping nodekey:… --via https://relay.example    through a relay of your own
  natscope ping nodekey:… --via fra,own -c 100 -i 200ms  join two relays

Exit status:
  0    at least one pong; with --direct, at least one over a direct path
  1    with --direct: answered, but only through the relay
  2    nothing answered";

const LISTEN_EXAMPLES: &str = "\
Examples:
  natscope listen --via fra                              prints its key, answers until Ctrl-C
  natscope listen --via https://relay.example --direct   offers a direct path too
  natscope listen --via fra --key listen.key             keeps its key from run to run

It answers everybody who knows its key and is on the same relay, at a limited rate, with answers that are never larger
than the question.";
