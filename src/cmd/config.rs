//! The configuration file: where it is, what is in it; and `natscope config`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::derp_env;
use super::exit::{CmdError, Exit};
use super::output::{self, Output};
use crate::cli::{self, ConfigArgs, ConfigCommand, ConfigText, GlobalArgs};
use crate::drive::wall_clock;
use crate::render::{self, Style};

/// A file with every setting there is, and comments, has a hundredth of that. What is longer is another file.
const LARGEST: u64 = 256 * 1024;

/// In place of a file: the variables that images of derper take.
const DERP_ENV: &str = "derp-env";

/// What is in the file that is named, or in the usual one where that is there. `Err` says what is wrong. The usual one that
/// nobody asked for and that may not be read, as with sudo or in a container, is no reason not to run: that is a `warning`.
pub(super) fn read(named: Option<PathBuf>, warning: &mut Option<String>) -> Result<Option<ConfigText>, String> {
    if named.as_deref() == Some(Path::new(DERP_ENV)) {
        let text = derp_env::translated(|name| std::env::var(name).ok())?;
        return Ok(Some(ConfigText { name: "DERP_* variables".to_owned(), text, variables: derp_env::KEYS }));
    }
    let Some((path, required)) = place(named) else { return Ok(None) };
    match contents(&path) {
        Ok(text) => Ok(Some(ConfigText { name: path.display().to_string(), text, variables: &[] })),
        Err(error) if !required => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            io::ErrorKind::PermissionDenied => {
                *warning = Some(format!(
                    "the configuration file {} may not be read, and is left out; '--config none' does without one",
                    path.display()
                ));
                Ok(None)
            }
            _ => Err(unreadable(&path, &error)),
        },
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("cannot read the configuration file {}: {error}\n\n'--config none' does without one", path.display())
}

/// Where the file is, and whether it must be there. `None`: there is to be none.
fn place(named: Option<PathBuf>) -> Option<(PathBuf, bool)> {
    use etcetera::BaseStrategy as _;

    match named {
        Some(path) if path.as_os_str().is_empty() || path == Path::new("none") => None,
        Some(path) => Some((path, true)),
        None => {
            let base = etcetera::choose_base_strategy().ok()?;
            Some((base.config_dir().join("natscope").join("natscope.toml"), false))
        }
    }
}

fn contents(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    let refuse = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    if u64::try_from(bytes.len()).map_or(true, |length| length > LARGEST) {
        return refuse(format!("it has more than {} KiB, which no configuration has", LARGEST / 1024));
    }
    match String::from_utf8(bytes) {
        // Some editors begin a file with a byte order mark.
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let line = before.filter(|byte| **byte == b'\n').count() + 1;
            refuse(format!("line {line} is not UTF-8"))
        }
    }
}

pub(super) fn run(args: &ConfigArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let ConfigCommand::Show(show) = &args.command;
    // Was told at the start.
    let mut warned = None;
    let file = read(global.config.clone(), &mut warned).map_err(CmdError::Usage)?;
    let (settings, redact) = match cli::settings(&show.line, file.as_ref()) {
        Ok(settings) => settings,
        Err(exit) => {
            output::print_parse_exit(&exit.text, exit.to_stdout, output.style.lang);
            return Ok(if exit.code == 0 { Exit::Done } else { Exit::Usage });
        }
    };
    let usual = place(global.config.clone()).map(|(path, _)| path.display().to_string());
    let place = match &file {
        Some(file) => Some((file.name.as_str(), true)),
        None => usual.as_deref().map(|name| (name, false)),
    };
    let style = Style { redact: output.style.redact || redact, ..output.style };
    output.text(&render::settings(&settings, place, wall_clock::now(), output.format, &style))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_named(path: &Path) -> Result<Option<ConfigText>, String> {
        let mut warning = None;
        let read = read(Some(path.to_owned()), &mut warning);
        assert_eq!(warning, None);
        read
    }

    #[test]
    fn a_file_that_is_named_must_be_there_and_be_text() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.toml");
        assert!(read_named(&path).unwrap_err().contains("a.toml"));
        for none in ["", "none"] {
            assert_eq!(read(Some(none.into()), &mut None), Ok(None));
        }
        for (bytes, wanted) in
            [(vec![b'#'; 256 * 1024 + 1], "256 KiB"), (b"a = 1\n\n\xff".to_vec(), "line 3 is not UTF-8")]
        {
            std::fs::write(&path, bytes).unwrap();
            let error = read_named(&path).unwrap_err();
            assert!(error.contains(wanted) && error.contains("--config none"), "{error}");
        }
        std::fs::write(&path, "\u{feff}lang = 'en'").unwrap();
        assert_eq!(read_named(&path).unwrap().unwrap().text, "lang = 'en'");
        assert!(read_named(directory.path()).is_err());
    }
}
