//! The one place that prints: results on standard output or in a file, everything else on standard error.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::exit::CmdError;
use super::replace;
use crate::cli::{Color, Format as CliFormat, GlobalArgs, Lang as CliLang};
use crate::model::without_secrets;
use crate::render::{self, Format, Lang, Style};
use crate::report::Report;

/// Where results go and how they look.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) format: Format,
    pub(super) style: Style,
    quiet: bool,
    logs: bool,
    color: Color,
    file: Option<PathBuf>,
    /// Whether this run has written to the file: its first result replaces what was in it, the next ones follow.
    begun: AtomicBool,
}

/// Whether anybody reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// As far as anybody can tell.
    There,
    /// The pipe is closed: nobody will ever read what else is written.
    Gone,
}

impl Output {
    /// As the arguments, the environment and the terminal have it. A path of `--output` that cannot be written is known
    /// before anything is measured; what is in the file stays until there is a result.
    pub(super) fn new(global: &GlobalArgs) -> Result<Self, CmdError> {
        if let Some(path) = &global.output {
            Self::check_writable(path)?;
        }
        let terminal = global.output.is_none() && io::stdout().is_terminal();
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color(),
        };
        let lang = chosen(global.lang);
        Ok(Self {
            format: match global.format {
                CliFormat::Table => Format::Table,
                CliFormat::Json => Format::Json,
                CliFormat::JsonLine => Format::JsonLine,
                CliFormat::Markdown => Format::Markdown,
                CliFormat::TailscaleJson => Format::TailscaleJson,
                CliFormat::Html => Format::Html,
            },
            style: Style {
                color,
                width: width(terminal),
                lang,
                verbose: global.verbose > 0,
                servers: false,
                redact: global.redact,
            },
            quiet: global.quiet,
            logs: global.verbose > 1 && !global.quiet,
            color: global.color,
            file: global.output.clone(),
            begun: AtomicBool::new(false),
        })
    }

    /// Writes a report.
    pub(super) fn report(&self, report: &Report) -> Result<Reader, CmdError> {
        self.text(&render::render(report, self.format, &self.style))
    }

    /// Writes a result that is text already. What went to a closed pipe is nobody's loss.
    pub(super) fn text(&self, text: &str) -> Result<Reader, CmdError> {
        if let Some(path) = &self.file {
            let written = if self.begun.swap(true, Ordering::Relaxed) {
                let appended = OpenOptions::new().append(true).create(true).open(path);
                appended.and_then(|mut file| file.write_all(text.as_bytes()))
            } else {
                replace::replace(path, text.as_bytes())
            };
            return written.map(|()| Reader::There).map_err(|error| cannot_write(path, &error));
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(Reader::There),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(CmdError::Own(format!("cannot write to standard output: {error}"))),
        }
    }

    /// Says on standard error what the user should know, unless nothing is to be said there.
    pub(super) fn warn(&self, text: &str) {
        self.aside(&render::harmless(&without_secrets(&self.said(&format!("natscope: warning: {text}")))));
    }

    /// A sentence that was made in English, in the language of the output.
    pub(super) fn said(&self, english: &str) -> String {
        render::said(english, self.style.lang)
    }

    /// Says something beside the results, on standard error, unless nothing is to be said there.
    pub(super) fn aside(&self, text: &str) {
        if !self.quiet {
            print_line(text.trim_end());
        }
    }

    /// Whether progress may be drawn.
    pub(super) fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether results may be a dashboard: somebody looks at them as they come, and nothing else is written there.
    pub(super) fn draws_dashboard(&self) -> bool {
        // Elsewhere terminals have no names.
        let named = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let log = self.logs && io::stderr().is_terminal();
        let looked_at = self.file.is_none() && io::stdout().is_terminal() && (named || !cfg!(unix));
        // Pseudonyms are numbered by report, so what changed from one to the next would mean nothing.
        looked_at && !log && self.format == Format::Table && !self.style.redact
    }

    /// From now on, with `-vv`, what happens is logged to standard error: natscope's own doings, not its libraries'.
    pub(super) fn start_log(&self) {
        if self.logs {
            self.log(LevelFilter::DEBUG);
        }
    }

    /// The log of a server, which is what it has to say: from the beginning, and all of it with `-v`.
    pub(super) fn start_server_log(&self, verbose: u8) {
        self.log(match (self.quiet, verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) => LevelFilter::INFO,
            (false, _) => LevelFilter::DEBUG,
        });
    }

    /// The same where nothing is the usual thing to say: what goes wrong, and with `-v` everything.
    pub(super) fn start_quiet_log(&self, verbose: u8) {
        self.log(match (self.quiet, verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) => LevelFilter::WARN,
            (false, _) => LevelFilter::DEBUG,
        });
    }

    /// A line, or several, of a server that are no log: they are to be read or copied as they are.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            print_line(&render::harmless(text));
        }
    }

    fn log(&self, least: LevelFilter) {
        let ansi = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stderr().is_terminal() && !no_color(),
        };
        let ours = Targets::new().with_target("natscope", least);
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(ansi).with_target(false);
        if self.style.redact {
            print_line(&self.said("natscope: warning: the log of -vv is not redacted: keep it to yourself"));
        }
        let lines = match self.style.lang {
            Lang::En => lines.boxed(),
            lang @ Lang::ZhCn => lines.fmt_fields(in_language(lang)).boxed(),
        };
        // There is another log already only where this runs inside another program, whose log it then is.
        drop(tracing_subscriber::registry().with(lines.with_filter(ours)).try_init());
    }

    /// Finds out before anything is measured whether `--save` can keep it. What is in the file stays.
    pub(super) fn check_writable(path: &Path) -> Result<(), CmdError> {
        replace::check_writable(path).map_err(|error| cannot_write(path, &error))
    }

    /// Writes a report with everything it was concluded from, for `--save`.
    pub(super) fn save(&self, path: &Path, report: &Report) -> Result<(), CmdError> {
        replace::replace(path, render::render(report, Format::Json, &self.style).as_bytes())
            .map_err(|error| cannot_write(path, &error))
    }
}

/// What clap has to say instead of a run.
pub(super) fn print_parse_exit(text: &str, to_stdout: bool, lang: Lang) {
    if lang != Lang::En && !to_stdout {
        // Colours stand amid the sentences.
        let plain = anstream::adapter::strip_str(text).to_string();
        return print_line(render::said(&plain, lang).trim_end());
    }
    // The text carries colours; the streams drop them where they do not belong.
    let written = if to_stdout { write!(anstream::stdout(), "{text}") } else { write!(anstream::stderr(), "{text}") };
    // Nobody is left to tell when even that fails.
    drop(written);
}

/// The last word of a command that failed.
pub(super) fn print_error(error: &CmdError, lang: Lang) {
    if !matches!(error, CmdError::Interrupted) {
        let said = render::said(&format!("natscope: {error}"), lang);
        print_line(&render::harmless(&without_secrets(&said)));
    }
}

fn print_line(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// The language of the output, by the flag, else by the locale.
pub(super) fn chosen(flag: Option<CliLang>) -> Lang {
    match flag {
        Some(CliLang::En) => Lang::En,
        Some(CliLang::ZhCn) => Lang::ZhCn,
        None => Lang::from_locale(&locale()),
    }
}

/// The same for arguments that could not be understood; a configuration file is not asked.
pub(super) fn lang_of(arguments: &[OsString]) -> Lang {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let after =
        words.iter().zip(words.iter().skip(1)).find(|(flag, _)| *flag == "--lang").map(|(_, lang)| lang.as_ref());
    let flag = words.iter().find_map(|word| word.strip_prefix("--lang=")).or(after);
    let variable = env::var("NATSCOPE_LANG").ok().filter(|value| !value.is_empty());
    Lang::from_locale(&flag.map(str::to_owned).or(variable).unwrap_or_else(locale))
}

/// The fields of a line of the log, the sentences among them in a language.
fn in_language(lang: Lang) -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(move |writer, field, value| {
        let said = render::harmless(&render::said(&format!("{value:?}"), lang));
        if field.name() == "message" { write!(writer, "{said}") } else { write!(writer, "{field}={said}") }
    })
    .delimited(" ")
}

fn cannot_write(path: &Path, error: &io::Error) -> CmdError {
    CmdError::Usage(format!("cannot write {}: {error}", path.display()))
}

/// <https://no-color.org>: set to anything but nothing.
fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn locale() -> String {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}

/// Columns: the terminal's, or 80 where there is none or it does not know.
fn width(terminal: bool) -> usize {
    if !terminal {
        return 80;
    }
    match console::Term::stdout().size_checked() {
        Some((_, columns)) if columns > 0 => usize::from(columns),
        _ => 80,
    }
}
