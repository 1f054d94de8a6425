//! Manual pages and completion scripts, made from the argument syntax so that they cannot say anything else.
//!
//! Pure: files are named and filled here, and written by whoever asks. The copies in `man/` and `completions/` are
//! these, byte for byte (`tests/generated.rs`).

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::aot;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Cli, Shell};

/// Every manual page, as file name and roff text: `natscope.1`, then one for each command and each command of a command.
#[must_use]
pub fn man_pages() -> Vec<(PathBuf, String)> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    pages(&root)
}

/// The pages of a command and of those below it.
fn pages(command: &clap::Command) -> Vec<(PathBuf, String)> {
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    std::iter::once(page(command)).chain(below.flat_map(pages)).collect()
}

/// The completion script of every shell, under the file name its shell looks for.
#[must_use]
pub fn completions() -> Vec<(PathBuf, String)> {
    [
        (Shell::Bash, "natscope.bash"),
        (Shell::Zsh, "_natscope"),
        (Shell::Fish, "natscope.fish"),
        (Shell::Powershell, "natscope.ps1"),
        (Shell::Elvish, "natscope.elv"),
    ]
    .into_iter()
    .map(|(shell, name)| (PathBuf::from(name), completion(shell)))
    .collect()
}

/// The completion script of one shell.
#[must_use]
pub fn completion(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
        Shell::Powershell => aot::Shell::PowerShell,
        Shell::Elvish => aot::Shell::Elvish,
    };
    let mut bytes = Vec::new();
    aot::generate(shell, &mut shown(), "natscope", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The syntax without what is hidden: the generator would offer hidden commands too.
fn shown() -> clap::Command {
    let root = Cli::command();
    clap::Command::new("natscope")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(root.get_arguments())
        .subcommands(root.get_subcommands().filter(|command| !command.is_hide_set()))
}

fn page(command: &clap::Command) -> (PathBuf, String) {
    // The generator's synopsis would name every flag; the options stand below anyway.
    let usage = command.clone().render_usage().to_string();
    let command = command.clone().override_usage(usage.trim_start_matches("Usage: ").to_owned());
    // The date stays empty: a page must not change from one day to the next.
    let man =
        Man::new(command.clone()).source(concat!("natscope ", env!("CARGO_PKG_VERSION"))).manual("natscope manual");
    let mut bytes = Vec::new();
    let written = man
        .render_title(&mut bytes)
        .and_then(|()| man.render_name_section(&mut bytes))
        .and_then(|()| man.render_synopsis_section(&mut bytes))
        .and_then(|()| man.render_description_section(&mut bytes))
        .and_then(|()| man.render_options_section(&mut bytes))
        .and_then(|()| if command.has_subcommands() { man.render_subcommands_section(&mut bytes) } else { Ok(()) });
    debug_assert!(written.is_ok(), "a Vec takes whatever is written");
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.push_str(&closing_sections(&command));
    text.push_str(&see_also(&command));
    (PathBuf::from(man.get_filename()), text)
}

/// What stands after the options in `--help`, where an unindented line ending in a colon opens a section, as
/// sections of a page. The lines are kept as they are: they are examples and tables.
fn closing_sections(command: &clap::Command) -> String {
    let mut roff = Roff::new();
    let closing = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let mut open = false;
    for line in closing.unwrap_or_default().lines() {
        match line.strip_suffix(':').filter(|heading| !heading.starts_with(' ')) {
            Some(heading) => {
                if open {
                    roff.control("fi", []);
                }
                open = true;
                roff.control("SH", [heading.to_uppercase().as_str()]);
                roff.control("nf", []);
            }
            None if line.is_empty() => {}
            None => {
                roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
        }
    }
    if open {
        roff.control("fi", []);
    }
    roff.to_roff()
}

fn see_also(command: &clap::Command) -> String {
    let mut roff = Roff::new();
    let name = command.get_display_name().unwrap_or(command.get_name());
    let others: Vec<String> = if command.has_subcommands() {
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        shown.map(|command| format!("{name}-{}(1)", command.get_name())).collect()
    } else {
        vec!["natscope(1)".to_owned()]
    };
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(others.join(", "))]);
    roff.to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_each_command_that_is_shown() {
        let names: Vec<_> = man_pages().into_iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(
            names,
            [
                "natscope.1",
                "natscope-netcheck.1",
                "natscope-watch.1",
                "natscope-nat.1",
                "natscope-listen.1",
                "natscope-ping.1",
                "natscope-relay.1",
                "natscope-predict.1",
                "natscope-diff.1",
                "natscope-doctor.1",
                "natscope-exporter.1",
                "natscope-derpmap.1",
                "natscope-derpmap-show.1",
                "natscope-derpmap-lint.1",
                "natscope-derpmap-convert.1",
                "natscope-explain.1",
                "natscope-selftest.1",
                "natscope-config.1",
                "natscope-config-show.1",
                "natscope-completions.1"
            ]
        );
    }

    #[test]
    fn pages_keep_examples_and_exit_codes() {
        let pages = man_pages();
        let (_, root) = pages.first().unwrap();
        for wanted in [".SH EXAMPLES", ".SH ENVIRONMENT", ".SH \"EXIT STATUS\"", "bad arguments", ".SH \"SEE ALSO\""] {
            assert!(root.contains(wanted), "{wanted} in\n{root}");
        }
    }

    #[test]
    fn every_flag_is_in_every_completion() {
        let netcheck = Cli::command().find_subcommand("netcheck").cloned().unwrap();
        let longs: Vec<_> = netcheck.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect();
        assert!(longs.len() > 12);
        for (path, script) in completions() {
            for long in &longs {
                assert!(script.contains(long.as_str()), "{long} in {}", path.display());
            }
        }
    }
}
