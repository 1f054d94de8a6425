//! `natscope completions` and `natscope man`: the argument syntax told to shells and to man.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `natscope completions`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "\
Where to put it:
  bash        natscope completions bash > ~/.local/share/bash-completion/completions/natscope
  zsh         natscope completions zsh > DIR/_natscope          DIR: one of $fpath
  fish        natscope completions fish > ~/.config/fish/completions/natscope.fish
  powershell  natscope completions powershell >> $PROFILE
  elvish      natscope completions elvish >> ~/.config/elvish/rc.elv")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// A shell that completion scripts are made for.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Friendly interactive shell.
    Fish,
    /// PowerShell.
    Powershell,
    /// Elvish.
    Elvish,
}

/// Arguments of `natscope man`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ManArgs {
    /// Write every page to this directory, as natscope.1, natscope-netcheck.1 and so on.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
