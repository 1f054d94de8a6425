//! `natscope doctor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint, value_parser};

use super::{MapArgs, ProbingArgs, values};
use crate::model::RelayTarget;

/// Arguments of `natscope doctor`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct DoctorArgs {
    /// The relay: http(s)://HOST[:PORT], HOST[:PORT], or a region of the map; without it, every relay of --derp-map.
    ///
    /// A relay that is in the map too is judged by its entry there: its pin, its addresses, its STUN port.
    #[arg(
        value_name = "TARGET",
        value_parser = value_parser!(RelayTarget),
        value_hint = ValueHint::Hostname
    )]
    pub target: Option<RelayTarget>,

    /// Also hold a connection this long and see whether it is kept [default with the bare flag: 110s].
    ///
    /// Relays say something every 60 to 65 seconds; proxies in front of them like to cut what is silent for 60 or 100.
    #[arg(
        long,
        env = "NATSCOPE_LONG",
        value_name = "DUR",
        value_parser = values::duration,
        num_args = 0..=1,
        default_missing_value = "110s",
        require_equals = true,
        hide_env = true
    )]
    pub long: Option<Duration>,

    /// The UDP port of the relay's STUN server where no map says it; 0 for none [default: 3478].
    #[arg(long, env = "NATSCOPE_STUN_PORT", value_name = "PORT", hide_env = true)]
    pub stun_port: Option<u16>,

    /// This is the relay's own host: also look at its sockets, its clock and the derpers that run on it (Linux).
    ///
    /// Without a target, nothing else is looked at.
    #[arg(long, env = "NATSCOPE_LOCAL", value_parser = values::switch, hide_env = true)]
    pub local: bool,

    /// A report of the same command from another host (--json or --save): tells a relay's fault from one of this end.
    #[arg(long, env = "NATSCOPE_COMPARE", value_name = "FILE", value_hint = ValueHint::FilePath, hide_env = true)]
    pub compare: Option<PathBuf>,

    /// The map.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where it is looked.
    #[command(flatten)]
    pub probing: ProbingArgs,

    /// Keep what was asked and heard in FILE, for --replay.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub save: Option<PathBuf>,

    /// Conclude from a file of --save instead of asking the network.
    #[arg(long, env = "NATSCOPE_REPLAY", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub replay: Option<PathBuf>,
}

impl DoctorArgs {
    /// What clap's tables cannot say.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.target.is_none() && self.map.derp_maps.is_empty() && self.replay.is_none() && !self.local {
            return Err(
                "name a relay, as https://relay.example or a region of the map; or a map with --derp-map, to have each \
                 of its relays examined"
                    .to_owned(),
            );
        }
        self.probing.check()
    }
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope doctor relay.example.com                  a relay over TLS on port 443
  natscope doctor http://192.0.2.7:3340              one over plain HTTP
  natscope doctor myregion --derp-map policy.hujson  the relays of a region, by their entries
  natscope doctor --derp-map headscale.yaml          every relay of a map
  natscope doctor relay.example.com -q               one line, for a monitor

'natscope doctor --help' tells what is looked at.";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope doctor relay.example.com
      A relay over TLS on port 443, with STUN on UDP 3478.
  natscope doctor http://192.0.2.7:3340
      One over plain HTTP, as behind a proxy.
  natscope doctor myregion --derp-map policy.hujson
      The relays of a region, judged as clients judge them: by pin, CertName, ports and addresses of the map.
  natscope doctor --derp-map headscale.yaml
      Every relay of a map, and the mistakes in the map.
  natscope doctor relay.example.com --long
      Also whether a proxy cuts silent connections; takes two minutes.
  natscope doctor relay.example.com -q
      One line and an exit status, for a monitor.
  natscope doctor relay.example.com --local
      On the relay's own host: also its sockets, its clock, and how derper was started.
  natscope doctor relay.example.com --compare other.json
      With the report of another host: whether UDP is stopped near this one.
  natscope doctor relay.example.com --save night.json
      Keep what was seen; --replay concludes from it again.

Layers, each resting on those before it (STUN rests on the name alone):
  map    the entry in the DERP map
  dns    the name, compared with the map's addresses
  tcp    connections to each address
  tls    the handshake, and the certificate by the rules of Tailscale's client
  http   the upgrade to DERP, past whatever proxy stands in front
  derp   the session up to the relay's greeting, and a packet between two throw-away keys
  stun   STUN over IPv4 and IPv6, in the form of Tailscale's clients and in the plain one
  path   what stands at this end

A relay that lets throw-away keys in and carries a packet between them is open to everybody; the test sends two packets.

Exit status:
  0    no finding at or above --fail-on
  1    findings at or above --fail-on
  2    nothing answered
  3    the time was up before there was a verdict";
