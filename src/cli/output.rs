//! Flags every command takes: in which form the answer is written, where to, and what counts as a failure.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{ArgAction, Args, ValueEnum, ValueHint};

use super::values;

/// Flags every command takes.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// In which form to write the answer.
    #[arg(
        long,
        global = true,
        env = "NATSCOPE_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_env = true
    )]
    pub format: Format,

    /// Short for --format json.
    #[arg(long, global = true, env = "NATSCOPE_JSON", value_parser = values::switch, hide_env = true)]
    pub json: bool,

    /// Write the answer to FILE instead of standard output.
    ///
    /// Progress, warnings and logs stay on standard error.
    #[arg(short, long, global = true, env = "NATSCOPE_OUTPUT", value_name = "FILE", hide_env = true)]
    pub output: Option<PathBuf>,

    /// When to colour the answer.
    ///
    /// With auto, when it goes to a terminal and NO_COLOR is not set.
    #[arg(
        long,
        global = true,
        env = "NATSCOPE_COLOR",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_env = true
    )]
    pub color: Color,

    /// Language of the answer [default: that of the locale].
    #[arg(
        long,
        global = true,
        env = "NATSCOPE_LANG",
        value_name = "LANG",
        value_enum,
        ignore_case = true,
        hide_env = true
    )]
    pub lang: Option<Lang>,

    /// Say nothing on standard error but errors: no progress, no warnings.
    #[arg(short, long, global = true, env = "NATSCOPE_QUIET", value_parser = values::switch, hide_env = true)]
    pub quiet: bool,

    /// Show more; twice, log to standard error too.
    ///
    /// Once (-v), the answer includes what was asked and heard. Twice (-vv), what happens is logged to standard
    /// error as well. In NATSCOPE_VERBOSE, write how many times.
    #[arg(short, long, global = true, env = "NATSCOPE_VERBOSE", action = ArgAction::Count, hide_env = true)]
    pub verbose: u8,

    /// Longest time a run may take, as 5s, 1m30s, 250ms; at least 100ms.
    ///
    /// Loading the DERP map counts. What has not answered by then is undetermined. Without it, each command stops by itself when nothing more
    /// would be learned.
    #[arg(
        long,
        global = true,
        env = "NATSCOPE_TIMEOUT",
        value_name = "DUR",
        value_parser = values::timeout,
        hide_env = true
    )]
    pub timeout: Option<Duration>,

    /// From which severity of a finding on to exit with 1.
    ///
    /// Only 'natscope derpmap lint' has findings of severity error today, so that the default, error, makes no other run
    /// fail: use warning to have one fail when something is wrong.
    #[arg(
        long,
        global = true,
        env = "NATSCOPE_FAIL_ON",
        value_name = "SEVERITY",
        value_enum,
        default_value_t,
        hide_env = true
    )]
    pub fail_on: FailOn,

    /// Leave out of the answer what tells where it was made: addresses, host names, interface names.
    #[arg(long, global = true, env = "NATSCOPE_REDACT", value_parser = values::switch, hide_env = true)]
    pub redact: bool,

    /// Take settings from this file; none for no file [default: natscope/natscope.toml in the user's configuration directory].
    ///
    /// TOML. A key is the name of a flag, a table the name of a command; 'natscope config --help' has an example. Flags and
    /// variables win over it. Paths in it are taken from where natscope is run, as on the command line. In place of a file,
    /// derp-env means the variables DERP_DOMAIN, DERP_ADDR and so on that container images of derper take.
    #[arg(
        long,
        global = true,
        env = "NATSCOPE_CONFIG",
        value_name = "FILE|none",
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        value_hint = ValueHint::FilePath,
        hide_env = true
    )]
    pub config: Option<PathBuf>,
}

/// The form of the answer.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line, one line a report.
    JsonLine,
    /// Markdown, for a bug report.
    Markdown,
    /// The field names of `tailscale netcheck --format json` (netcheck only).
    TailscaleJson,
    /// One page for a browser or for paper, which loads nothing (of netcheck, nat, doctor, selftest, predict and ping).
    Html,
}

/// When to colour.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// The language of the answer.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[value(name = "en")]
    En,
    /// Chinese, simplified.
    #[value(name = "zh-CN", aliases = ["zh", "zh_CN"])]
    ZhCn,
}

/// From which severity of a finding on a run counts as failed.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// No finding makes it fail.
    Never,
    /// Any finding.
    Info,
    /// Warnings and errors.
    Warning,
    /// Errors only.
    #[default]
    Error,
}
