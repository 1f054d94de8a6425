//! `natscope netcheck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{MapArgs, ProbingArgs, values};

/// Arguments of `natscope netcheck`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct NetcheckArgs {
    /// Where the map is had.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where probes are sent.
    #[command(flatten)]
    pub probing: ProbingArgs,

    /// What is not asked.
    #[command(flatten)]
    pub leave_out: LeaveOutArgs,

    /// Report again every so often, until --count or Ctrl-C.
    #[arg(
        long,
        env = "NATSCOPE_EVERY",
        value_name = "DUR",
        value_parser = values::duration,
        help_heading = "Repeating",
        hide_env = true
    )]
    pub every: Option<Duration>,

    /// Watch: a report every 30 seconds; --every and --count choose otherwise.
    ///
    /// In a terminal, a dashboard until q: see natscope watch. Elsewhere as --every: the first report is whole, then a line
    /// for each change. In the formats for scripts every report is whole; json-line puts each on a line of its own.
    #[arg(
        long,
        env = "NATSCOPE_WATCH",
        value_parser = values::switch,
        help_heading = "Repeating",
        hide_env = true
    )]
    pub watch: bool,

    /// End after this many reports [default: 1, or no end with --every or --watch].
    #[arg(
        long,
        env = "NATSCOPE_COUNT",
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Repeating",
        hide_env = true
    )]
    pub count: Option<u32>,

    /// Keep what was asked and heard in FILE, for --replay.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub save: Option<PathBuf>,

    /// Conclude from a file of --save instead of asking the network.
    #[arg(long, env = "NATSCOPE_REPLAY", value_name = "FILE", help_heading = "Saving and replaying", hide_env = true)]
    pub replay: Option<PathBuf>,

    /// Print what would be asked, and ask nothing.
    ///
    /// A table; with --format json or json-line, an object with the list plan, each step of it an object. The DERP map
    /// itself is fetched.
    #[arg(
        long,
        env = "NATSCOPE_DRY_RUN",
        value_parser = values::switch,
        help_heading = "Saving and replaying",
        hide_env = true
    )]
    pub dry_run: bool,
}

/// Parts of the report that are left out. Their verdicts are then undetermined, since they were not asked for.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Leaving out")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct LeaveOutArgs {
    /// Do not find out the NAT's behaviour.
    #[arg(long, env = "NATSCOPE_NO_NAT", value_parser = values::switch, hide_env = true)]
    pub no_nat: bool,

    /// Do not ask the router for port-mapping services (asking never creates a mapping).
    #[arg(long, env = "NATSCOPE_NO_PORTMAP", value_parser = values::switch, hide_env = true)]
    pub no_portmap: bool,

    /// Do not measure relays over HTTPS.
    #[arg(long, env = "NATSCOPE_NO_HTTPS", value_parser = values::switch, hide_env = true)]
    pub no_https: bool,

    /// Do not send ICMP echo.
    #[arg(long, env = "NATSCOPE_NO_ICMP", value_parser = values::switch, hide_env = true)]
    pub no_icmp: bool,

    /// Do not look for a captive portal.
    #[arg(long, env = "NATSCOPE_NO_CAPTIVE_PORTAL", value_parser = values::switch, hide_env = true)]
    pub no_captive_portal: bool,
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope netcheck                              against the public Tailscale relays
  natscope netcheck --derp-map my.json           against your own
  natscope netcheck --every 10s --format json-line
  natscope netcheck --save night.json            keep the evidence";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope netcheck
      Against the public Tailscale relays.
  natscope netcheck --derp-map https://login.tailscale.com/derpmap/default --derp-map my.json
      Your own regions laid over the public ones.
  natscope netcheck --derp-map policy.hujson --region 901 --region fra
      Two regions of a policy file.
  natscope netcheck --derp-map embedded
      Against a relay that natscope starts on loopback; needs no internet.
  natscope netcheck --watch
      A dashboard, every 30 seconds; in a pipe a line for each change, such as home region fra → ams.
  natscope netcheck --every 10s --count 6 --format json-line
      Watch for a minute, a JSON document a line.
  natscope netcheck --save night.json
  natscope netcheck --replay night.json --format markdown
      Keep what was heard; conclude from it again later, elsewhere.
  natscope netcheck --dry-run
      What would be asked of whom.
  natscope netcheck --format tailscale-json
      For scripts that parse the JSON of `tailscale netcheck`.";
