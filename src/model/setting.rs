//! A setting in force, and where it comes from.

/// What one flag is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The command it is of, as `netcheck` or `derpmap show`; `None`: all commands have it, and it is the same for all.
    pub command: Option<String>,
    /// Its name in the configuration file; on the command line with two hyphens in front.
    pub key: String,
    /// As it would be written on the command line, passwords left out; none: it is not set.
    pub values: Vec<String>,
    /// Whether the values may tell whose network this is; a switch, a number and one word of a few never do.
    pub telling: bool,
    /// Who says so.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Variable(String),
    /// The configuration file.
    File {
        /// Its path.
        name: String,
        /// The line the key stands in, from 1.
        line: usize,
    },
    /// Nobody has set it.
    Default,
}
