//! `natscope exporter`.

use std::time::Duration;

use clap::{Args, ValueHint, value_parser};

use super::listen_addr::ListenAddr;
use super::{LeaveOutArgs, MapArgs, ProbingArgs, values};
use crate::model::RelayTarget;

/// Arguments of `natscope exporter`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct ExporterArgs {
    /// Where /metrics is answered over plain HTTP: IP:PORT, [IPV6]:PORT, or :PORT for every address of the host.
    ///
    /// May be given several times. Port 0 means any free one. There is no authentication and no TLS: whoever can reach the
    /// address reads all of it. Beyond loopback, let a firewall or a proxy say who that is.
    #[arg(
        long,
        env = "NATSCOPE_LISTEN",
        value_name = "ADDR",
        value_delimiter = ',',
        value_parser = value_parser!(ListenAddr),
        default_value = "127.0.0.1:9477",
        hide_env = true
    )]
    pub listen: Vec<ListenAddr>,

    /// From the beginning of one measurement to that of the next.
    ///
    /// Not below 30s, as relays are other people's machines; not below 1s where all that is asked has an address of
    /// loopback or of a private network in the map, or is embedded.
    #[arg(
        long,
        env = "NATSCOPE_EVERY",
        value_name = "DUR",
        value_parser = values::duration,
        default_value = "60s",
        hide_env = true
    )]
    pub every: Duration,

    /// Also examine this relay each time, as natscope doctor does: http(s)://HOST[:PORT], HOST[:PORT], or a region of
    /// the map; may be given several times.
    #[arg(
        long = "doctor",
        env = "NATSCOPE_DOCTOR",
        value_name = "TARGET",
        value_delimiter = ',',
        value_parser = value_parser!(RelayTarget),
        value_hint = ValueHint::Hostname,
        hide_env = true
    )]
    pub doctors: Vec<RelayTarget>,

    /// The UDP port of the STUN servers of examined relays that are in no map; 0 for none [default: 3478].
    #[arg(long, env = "NATSCOPE_STUN_PORT", value_name = "PORT", hide_env = true)]
    pub stun_port: Option<u16>,

    /// Where the map is had.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where probes are sent.
    #[command(flatten)]
    pub probing: ProbingArgs,

    /// What is not asked.
    #[command(flatten)]
    pub leave_out: LeaveOutArgs,
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope exporter                                  on 127.0.0.1:9477, every minute
  natscope exporter --derp-map my.json --every 30s   of your own relays
  natscope exporter --doctor relay.example.com       with what the doctor says of a relay
  curl http://127.0.0.1:9477/metrics

'natscope exporter --help' tells what is measured.";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope exporter
      On 127.0.0.1:9477, a netcheck against the public Tailscale relays every minute.
  natscope exporter --derp-map headscale.yaml --every 30s
      Against your own relays, twice a minute.
  natscope exporter --doctor relay.example.com --doctor https://other.example:8443
      With what the doctor says of two relays: layers, findings, how long the certificates last.
  natscope exporter --listen 192.0.2.7:9477
      For a Prometheus on another host. There is no authentication.
  natscope exporter --derp-map embedded --every 5s
      Try it without the internet; then: curl http://127.0.0.1:9477/metrics

Pages:
  /metrics  what was measured last, in Prometheus' text format or in OpenMetrics
  /healthz  ok, as long as the process answers
  /         what is here

What is told:
  A scrape is answered with what was measured last; it starts no measurement and waits for none. What is undetermined
  is never told as 0: it is value=\"undetermined\", or the series is left out. A measurement that fails withdraws what the
  one before it said. A DERP map is read again every hour, and on SIGHUP.

Exit status:
  0    ended by SIGTERM
  64   bad arguments, a map that is none, an address that is taken
  70   natscope's own failure
  130  interrupted";
