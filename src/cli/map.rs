//! Flags of commands that use a DERP map: where the map is had, and which of its regions count.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint, value_parser};

use crate::model::MapSource;

/// Where the DERP map is had, and which of its regions count.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "DERP map")]
pub struct MapArgs {
    /// A DERP map: URL, file, - for standard input, or the word embedded [default: the public Tailscale map].
    ///
    /// May be given several times: later maps are laid over earlier ones, and a region that is null removes that of
    /// an earlier map. DERPMap JSON, Tailscale policy files (HuJSON) and Headscale YAML are told apart by content.
    /// embedded starts a relay on loopback and uses that. When the public map cannot be fetched, the last copy of it
    /// is used, and the report says so.
    #[arg(
        long = "derp-map",
        env = "NATSCOPE_DERP_MAP",
        value_name = "URL|FILE|-",
        value_parser = value_parser!(MapSource),
        value_hint = ValueHint::AnyPath,
        hide_env = true
    )]
    pub derp_maps: Vec<MapSource>,

    /// Use only this region of the map; may be given several times.
    #[arg(
        long = "region",
        env = "NATSCOPE_REGION",
        value_name = "CODE|ID",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new(),
        hide_env = true
    )]
    pub regions: Vec<String>,

    /// Where the last copy of a fetched map is kept [default: the user's cache directory].
    #[arg(long, env = "NATSCOPE_CACHE_DIR", value_name = "DIR", hide_env = true)]
    pub cache_dir: Option<PathBuf>,
}
