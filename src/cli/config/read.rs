//! The file's text against the argument syntax: which lines are for the command that is run, and what is wrong with any.

use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::explain::edits;
use super::value::values_of;
use super::{ConfigText, FileValue, is_settable, key_of};

/// The lines for the command at `path`, the nearest one of each key. Everything in the file is looked at: a mistake is told
/// by whichever command comes first, not years later.
pub(super) fn values(file: &ConfigText, syntax: &Command, path: &[String]) -> Result<Vec<FileValue>, String> {
    let mut syntax = syntax.clone();
    syntax.build();
    let reader = Reader { file, root: &syntax };
    let table = DeTable::parse(&file.text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        reader.complaint(offset, error.message().lines().collect::<Vec<_>>().join("; ").as_str())
    })?;
    let mut found = Vec::new();
    reader.table(table.get_ref(), &[], &mut found)?;
    let mut values: Vec<FileValue> = Vec::new();
    let args = || reader.command(path).into_iter().flat_map(Command::get_arguments);
    // Outermost first, so that what stands nearer to the command takes the place of what does not.
    for Line { section, key, offset, value } in found {
        // Commands may take a key of one name each in its own way.
        let arg = args().find(|arg| key_of(arg).as_deref() == Some(key));
        let Some(arg) = arg.filter(|_| path.starts_with(&section)) else { continue };
        let id = arg.get_id().to_string();
        let (line, _) = reader.place(offset);
        let words = reader.words(arg, key, value)?;
        values.retain(|known| known.id != id);
        let variable = file.variable(key);
        values.push(FileValue { id, key: key.to_owned(), values: words, depth: section.len(), line, variable });
    }
    Ok(values)
}

/// A key with its value, and where it stands.
struct Line<'a> {
    section: Vec<String>,
    key: &'a str,
    offset: usize,
    value: &'a Spanned<DeValue<'a>>,
}

struct Reader<'a> {
    file: &'a ConfigText,
    root: &'a Command,
}

impl Reader<'_> {
    /// A table, and those in it, whose keys come after its own.
    fn table<'t>(&self, table: &'t DeTable<'t>, section: &[String], found: &mut Vec<Line<'t>>) -> Result<(), String> {
        let mut below = Vec::new();
        for (key, value) in table {
            let (name, offset) = (key.get_ref().as_ref(), key.span().start);
            let mut inner = section.to_vec();
            inner.push(name.to_owned());
            match value.get_ref() {
                DeValue::Table(table) if self.command(&inner).is_some() => below.push((inner, table)),
                DeValue::Table(_) => return Err(self.unknown_command(offset, name, section)),
                DeValue::Array(array) if array.iter().any(|it| it.get_ref().is_table()) => {
                    return Err(self.complaint(offset, &format!("write [{name}] instead of [[{name}]]")));
                }
                _ => {
                    let line = Line { section: section.to_vec(), key: name, offset, value };
                    self.check(&line)?;
                    found.push(line);
                }
            }
        }
        below.into_iter().try_for_each(|(section, table)| self.table(table, &section, found))
    }

    /// Whether every command the line is for takes it.
    fn check(&self, line: &Line<'_>) -> Result<(), String> {
        let Line { section, key, offset, value } = line;
        let args = self.args(key, section);
        if args.is_empty() {
            return Err(self.unknown_key(*offset, key, section));
        }
        if !args.iter().all(|arg| is_settable(arg)) {
            let message = format!("`{key}` is about a single run: write --{key} on the command line instead");
            return Err(self.complaint(*offset, &message));
        }
        args.into_iter().try_for_each(|arg| self.words(arg, key, value).map(drop))
    }

    fn words(&self, arg: &Arg, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, String> {
        if let Some(variable) = self.file.variable(key) {
            return values_of(arg, key, variable, value.get_ref());
        }
        values_of(arg, key, key, value.get_ref()).map_err(|what| self.complaint(value.span().start, &what))
    }

    /// The flags a key of a section means: the command's own, and those of commands below it.
    fn args(&self, key: &str, section: &[String]) -> Vec<&Arg> {
        let known = self.command(section).map(all).unwrap_or_default();
        known.into_iter().filter(|arg| key_of(arg).as_deref() == Some(key)).collect()
    }

    fn command(&self, path: &[String]) -> Option<&Command> {
        path.iter().try_fold(self.root, |command, name| {
            command.get_subcommands().find(|below| below.get_name() == name && !below.is_hide_set())
        })
    }

    fn unknown_command(&self, offset: usize, name: &str, section: &[String]) -> String {
        if let [arg, ..] = self.args(name, section).as_slice() {
            let message = format!("`{name}` takes {}, not a table", super::value::wanted(arg));
            return self.complaint(offset, &message);
        }
        let commands = self.command(section).into_iter().flat_map(Command::get_subcommands);
        let names = commands.filter(|command| !command.is_hide_set()).map(|command| command.get_name().to_owned());
        let message = format!("no command is named `{}`{}", shown(name), near(name, names));
        self.complaint(offset, &message)
    }

    fn unknown_key(&self, offset: usize, key: &str, section: &[String]) -> String {
        let known = self.command(section).map(all).unwrap_or_default();
        let keys = known.into_iter().filter(|arg| is_settable(arg)).filter_map(key_of);
        let owner = match section {
            [] => "no command".to_owned(),
            section => format!("`{}`", section.join(" ")),
        };
        let verb = if section.is_empty() { "has" } else { "does not have" };
        let mut message = format!("{owner} {verb} the setting `{}`{}", shown(key), near(key, keys));
        if !section.is_empty() {
            let others = self.root.get_subcommands().filter(|command| !command.is_hide_set());
            let others = others.filter(|it| all(it).iter().any(|arg| key_of(arg).as_deref() == Some(key)));
            let others: Vec<&str> = others.map(Command::get_name).collect();
            if !others.is_empty() {
                message = format!("{owner} does not have the setting `{key}`; of {} it is one", others.join(", "));
            }
        }
        self.complaint(offset, &format!("{message}\n\n'natscope config show' lists all settings"))
    }

    fn complaint(&self, offset: usize, what: &str) -> String {
        let (line, column) = self.place(offset);
        format!("{}:{line}:{column}: {what}", self.file.name)
    }

    /// Line and column, from 1; columns in characters.
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.file.text.get(..offset).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// The arguments of a command and of those below it.
fn all(command: &Command) -> Vec<&Arg> {
    let below = command.get_subcommands().filter(|command| !command.is_hide_set()).flat_map(all);
    command.get_arguments().chain(below).collect()
}

/// The name that is the fewest edits away, unless that is far.
fn near(name: &str, names: impl Iterator<Item = String>) -> String {
    let plain = shown(name).to_lowercase().replace('_', "-");
    let nearest = names.map(|known| (edits(&plain, &known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 2.max(known.len() / 3) => format!("; the nearest is `{known}`"),
        _ => String::new(),
    }
}

/// What a stranger wrote, short enough for a line.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(40).collect();
    if text.len() < name.len() {
        text.push('…');
    }
    text
}
