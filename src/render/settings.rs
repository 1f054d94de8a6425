//! `natscope config show`: the settings in force, a table for each command that has some of its own.

use std::time::SystemTime;

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde_json::{Value, json};

use super::catalogue::{self, Catalogue, MapWord};
use super::clean::clean;
use super::map_lint::indented;
use super::{Format, Style, json};
use crate::model::{Origin, Setting};
use crate::report::SCHEMA;

const UNDERLINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// What takes the place of a value that tells whose network this is.
const HIDDEN: &str = "REDACTED";

/// The settings. `file` is where the configuration file is, or would be, and whether it is there.
/// [`Format::TailscaleJson`] and [`Format::Html`] have no form for it; the arguments refuse them.
#[must_use]
pub fn settings(
    settings: &[Setting],
    file: Option<(&str, bool)>,
    started_at: SystemTime,
    format: Format,
    style: &Style,
) -> String {
    let hidden: Vec<Setting> = settings.iter().map(|setting| shown(setting, style.redact)).collect();
    let file = file.map(|(name, there)| (if style.redact { HIDDEN } else { name }, there));
    match format {
        Format::Table | Format::Html => table(&hidden, file, style),
        Format::Markdown => indented(&table(&hidden, file, style)),
        Format::Json | Format::TailscaleJson => json::finish(&format!("{:#}", document(&hidden, file, started_at))),
        Format::JsonLine => json::finish(&document(&hidden, file, started_at).to_string()),
    }
}

fn shown(setting: &Setting, redact: bool) -> Setting {
    let mut setting = setting.clone();
    if redact {
        if setting.telling && setting.origin != Origin::Default {
            setting.values.iter_mut().for_each(|value| HIDDEN.clone_into(value));
        }
        if let Origin::File { name, .. } = &mut setting.origin {
            HIDDEN.clone_into(name);
        }
    }
    setting
}

fn table(settings: &[Setting], file: Option<(&str, bool)>, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let mut blocks: Vec<String> = Vec::new();
    if let Some((name, there)) = file {
        let word = if there { MapWord::ConfigFile } else { MapWord::NoConfigFile };
        blocks.push(format!(" {}", words.labelled(words.map_word(word), &clean(name))));
    }
    let mut commands: Vec<Option<&str>> = Vec::new();
    for setting in settings {
        if !commands.contains(&setting.command.as_deref()) {
            commands.push(setting.command.as_deref());
        }
    }
    for command in commands {
        let mut table = Table::new();
        table.load_style(UNDERLINED).set_content_arrangement(ContentArrangement::Dynamic);
        table.force_no_tty().set_width(u16::try_from(style.width.max(40)).unwrap_or(u16::MAX));
        let owner =
            command.map_or_else(|| words.map_word(MapWord::EveryCommand).to_owned(), |name| format!("[{name}]"));
        table.set_header([owner.as_str(), words.map_word(MapWord::Value), words.map_word(MapWord::Source)]);
        for setting in settings.iter().filter(|setting| setting.command.as_deref() == command) {
            let values = setting.values.iter().map(|value| clean(value)).collect::<Vec<_>>().join(", ");
            let values = if values.is_empty() { "-".to_owned() } else { values };
            table.add_row([setting.key.clone(), values, origin(&setting.origin, words)]);
        }
        blocks.push(table.trim_fmt());
    }
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

fn origin(origin: &Origin, words: &dyn Catalogue) -> String {
    match origin {
        Origin::Flag => words.map_word(MapWord::FromFlag).to_owned(),
        Origin::Variable(name) => format!("{} {}", words.map_word(MapWord::FromVariable), clean(name)),
        Origin::File { name, line } => format!("{}:{line}", clean(name)),
        Origin::Default => words.map_word(MapWord::FromDefault).to_owned(),
    }
}

fn document(settings: &[Setting], file: Option<(&str, bool)>, started_at: SystemTime) -> Value {
    let settings = settings.iter().map(|setting| {
        let mut value = json!({ "command": setting.command, "key": setting.key, "values": setting.values });
        if let Value::Object(object) = &mut value {
            let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
            match &setting.origin {
                Origin::Flag => drop(put("source", json!("flag"))),
                Origin::Variable(name) => {
                    put("source", json!("env"));
                    put("variable", json!(name));
                }
                Origin::File { name, line } => {
                    put("source", json!("file"));
                    put("file", json!(name));
                    put("line", json!(line));
                }
                Origin::Default => drop(put("source", json!("default"))),
            }
        }
        value
    });
    json!({
        "schema": SCHEMA,
        "tool": { "name": "natscope", "version": env!("CARGO_PKG_VERSION") },
        "command": "config show",
        "started_at": json::rfc3339(started_at),
        "config": {
            "file": file.filter(|(_, there)| *there).map(|(name, _)| name),
            "settings": settings.collect::<Vec<_>>(),
        },
        "findings": [],
    })
}

#[cfg(test)]
mod tests {
    use super::super::Lang;
    use super::*;

    fn some() -> Vec<Setting> {
        let setting = |command: Option<&str>, key: &str, value: &str, telling, origin| Setting {
            command: command.map(str::to_owned),
            key: key.to_owned(),
            values: vec![value.to_owned()],
            telling,
            origin,
        };
        let file = Origin::File { name: "a/natscope.toml".to_owned(), line: 7 };
        vec![
            setting(None, "format", "table", false, Origin::Default),
            setting(None, "lang", "en", false, Origin::Variable("NATSCOPE_LANG".to_owned())),
            setting(Some("relay"), "hostname", "relay.example.com", true, file),
            setting(Some("relay"), "open", "true", false, Origin::Flag),
        ]
    }

    #[test]
    fn each_setting_tells_where_it_comes_from() {
        let text = settings(
            &some(),
            Some(("a/natscope.toml", true)),
            SystemTime::UNIX_EPOCH,
            Format::Table,
            &Style::default(),
        );
        for wanted in ["relay.example.com", "a/natscope.toml:7", "NATSCOPE_LANG", "command line", "default", "[relay]"]
        {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        let value: Value =
            serde_json::from_str(&settings(&some(), None, SystemTime::UNIX_EPOCH, Format::Json, &Style::default()))
                .unwrap();
        let sources: Vec<_> =
            value["config"]["settings"].as_array().unwrap().iter().map(|it| it["source"].clone()).collect();
        assert_eq!(sources, ["default", "env", "file", "flag"]);
        assert_eq!(value["config"]["settings"][2]["line"], 7);
    }

    #[test]
    fn redaction_covers_names_and_paths() {
        for format in Format::ALL {
            let style = Style { redact: true, ..Style::default() };
            let text = settings(&some(), Some(("a/natscope.toml", true)), SystemTime::UNIX_EPOCH, format, &style);
            assert!(!text.contains("example.com") && !text.contains("natscope.toml"), "{text}");
        }
    }

    #[test]
    fn chinese_is_chinese() {
        let style = Style { lang: Lang::ZhCn, ..Style::default() };
        let text = settings(&some(), Some(("x", false)), SystemTime::UNIX_EPOCH, Format::Table, &style);
        assert!(
            text.contains("所有命令") && text.contains("环境变量 NATSCOPE_LANG") && !text.contains("default"),
            "{text}"
        );
    }
}
