//! `natscope selftest`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `natscope selftest`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "Example:\n  natscope selftest -v     with everything that was asked and heard")]
pub struct SelftestArgs {
    /// Keep what was asked and heard in FILE, for `natscope netcheck --replay`.
    #[arg(long, env = "NATSCOPE_SAVE", value_name = "FILE", hide_env = true)]
    pub save: Option<PathBuf>,
}
