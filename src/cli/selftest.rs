//! `natscope selftest`.

use std::path::PathBuf;

use clap::Args;

/// Try natscope on a relay of its own on loopback; needs no internet.
///
/// Starts the embedded relay and STUN server on loopback and runs a netcheck against it. A new user's first
/// command: it shows what a report looks like, and that natscope works on this machine.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "Example:\n  natscope selftest -v     with everything that was asked and heard")]
pub struct SelftestArgs {
    /// Keep what was asked and heard in FILE, for `natscope netcheck --replay`.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", hide_env = true)]
    pub save: Option<PathBuf>,
}
