//! `natscope watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{LeaveOutArgs, MapArgs, NetcheckArgs, ProbingArgs, values};

/// Arguments of `natscope watch`: those of `natscope netcheck --watch`.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
pub struct WatchArgs {
    /// Where the map is had.
    #[command(flatten)]
    pub map: MapArgs,

    /// From where probes are sent.
    #[command(flatten)]
    pub probing: ProbingArgs,

    /// What is not asked.
    #[command(flatten)]
    pub leave_out: LeaveOutArgs,

    /// Report again every so often [default: 30s].
    #[arg(
        long,
        env = "NATSCOPE_EVERY",
        value_name = "DUR",
        value_parser = values::duration,
        help_heading = "Repeating",
        hide_env = true
    )]
    pub every: Option<Duration>,

    /// End after this many reports [default: no end]. The last one stays on the screen.
    #[arg(
        long,
        env = "NATSCOPE_COUNT",
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Repeating",
        hide_env = true
    )]
    pub count: Option<u32>,

    /// Keep what was asked and heard for the last report in FILE, for netcheck --replay.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", help_heading = "Saving", hide_env = true)]
    pub save: Option<PathBuf>,
}

impl From<&WatchArgs> for NetcheckArgs {
    fn from(args: &WatchArgs) -> Self {
        let WatchArgs { map, probing, leave_out, every, count, save } = args.clone();
        Self { map, probing, leave_out, every, watch: true, count, save, replay: None, dry_run: false }
    }
}

const EXAMPLES_SHORT: &str = "\
Examples:
  natscope watch                              against the public Tailscale relays
  natscope watch --derp-map my.json           against your own
  natscope watch --every 5m --bind-port 41641
  natscope watch | tee changes.log            no terminal: a line for each change";

const EXAMPLES_LONG: &str = "\
Examples:
  natscope watch
      Against the public Tailscale relays, every 30 seconds.
  natscope watch --derp-map my.json --region 901 --region fra
      Two regions of your own map.
  natscope watch --derp-map embedded
      Against a relay that natscope starts on loopback; needs no internet.
  natscope watch --every 5m --bind-port 41641
      From one local port, so that a changed external port is seen as a change.
  natscope watch | tee changes.log
      No terminal: the first report whole, then a line for each change.

Keys:
  q            quit (exit status 0); Ctrl-C does too, with exit status 130
  p            pause, and go on
  r            measure now, no sooner than 10 seconds after the last run began
  Up Down j k  scroll the regions; PgUp, PgDn, Home and End too
  ?            what keys do and signs mean

Without a terminal:
  Lines are written instead, as by netcheck --every, when standard output is no terminal, TERM is dumb, --output or a
  --format other than table is asked for, with --redact, and with -vv when its log goes to the terminal.";
