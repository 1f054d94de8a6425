//! `natscope derpmap`: look at maps, look through them, write them in another notation.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint, value_parser};

use crate::model::MapSource;

/// Arguments of `natscope derpmap`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(subcommand_value_name = "COMMAND", arg_required_else_help = true, after_help = EXAMPLES)]
pub struct DerpmapArgs {
    /// What to do with the map.
    #[command(subcommand)]
    pub command: DerpmapCommand,
}

/// What to do with a map.
#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
pub enum DerpmapCommand {
    /// Show the map in force, and which source each region comes from.
    ///
    /// Later sources are laid over earlier ones: a region replaces the one of its number, null removes it,
    /// OmitDefaultRegions removes all below. With --json, the map itself is in 'derpmap.map'.
    Show(ShowArgs),
    /// Find mistakes in maps, with file, line and column.
    ///
    /// Reads DERPMap JSON, Tailscale policies (HuJSON) and Headscale's YAML as the programs read them that they are written
    /// for, and tells what these refuse, ignore or misunderstand. No relay is asked: for that there is 'natscope netcheck
    /// --derp-map FILE'. Each source is looked through by itself. With -q, the answer is one line.
    Lint(LintArgs),
    /// Write a map as DERPMap JSON, Tailscale policy or Headscale YAML.
    ///
    /// What a client reads of a map is kept, null and OmitDefaultRegions included. Comments go, and so does what no client
    /// reads: unknown keys and the rest of a policy. What is corrected or left out on the way is told on standard error.
    Convert(ConvertArgs),
}

/// Arguments of `natscope derpmap show`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ShowArgs {
    /// URL, file, - for standard input, or the word default for the public Tailscale map, which it is without any.
    #[arg(
        value_name = "SOURCE",
        env = "NATSCOPE_DERP_MAP",
        value_parser = value_parser!(MapSource),
        value_hint = ValueHint::AnyPath,
        hide_env = true
    )]
    pub sources: Vec<MapSource>,

    /// Where the last copy of a fetched map is kept [default: the user's cache directory].
    #[arg(long, env = "NATSCOPE_CACHE_DIR", value_name = "DIR", hide_env = true)]
    pub cache_dir: Option<PathBuf>,
}

/// Arguments of `natscope derpmap lint`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "\
Exit status:
  0    no mistake at or above --fail-on (default: error)
  1    mistakes at or above --fail-on; a text that cannot be read as a map is one
  2    a URL that does not answer
  64   bad arguments, or a file that is not there")]
pub struct LintArgs {
    /// URL, file, - for standard input, or the word default for the public Tailscale map.
    #[arg(
        value_name = "SOURCE",
        required = true,
        value_parser = value_parser!(MapSource),
        value_hint = ValueHint::AnyPath
    )]
    pub sources: Vec<MapSource>,
}

/// Arguments of `natscope derpmap convert`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ConvertArgs {
    /// URL, file, - for standard input, or the word default for the public Tailscale map.
    ///
    /// Of several, the map in force is written, without any null.
    #[arg(
        value_name = "SOURCE",
        required = true,
        value_parser = value_parser!(MapSource),
        value_hint = ValueHint::AnyPath
    )]
    pub sources: Vec<MapSource>,

    /// The notation to write.
    #[arg(long, env = "NATSCOPE_TO", value_name = "NOTATION", value_enum, hide_env = true)]
    pub to: Notation,
}

/// A notation of maps.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// DERPMap JSON, as clients and derper take it.
    Json,
    /// The section derpMap of a Tailscale policy.
    Hujson,
    /// A file for derp.paths of Headscale.
    Yaml,
}

const EXAMPLES: &str = "\
Examples:
  natscope derpmap lint policy.hujson                     what is wrong with it, and where
  natscope derpmap lint -q --fail-on warning derp.yaml    one line, for a monitor or a commit hook
  natscope derpmap show default my.json                   the public map with your own laid over it
  natscope derpmap convert derp.yaml --to json > derp.json";
