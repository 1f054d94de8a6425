//! A value of the file as the command line would have it, and as the flag takes it.

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};
use toml::de::DeValue;

/// The words a flag would be given; none where the file says that it is not set. `name` is what errors call it by.
pub(super) fn values_of(arg: &Arg, key: &str, name: &str, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let wrong = |found: &str| format!("`{name}` takes {}, not {found}", wanted(arg));
    let values = match (arg.get_action(), value) {
        (ArgAction::SetTrue | ArgAction::SetFalse, DeValue::Boolean(on)) => return Ok(vec![on.to_string()]),
        (ArgAction::Count, DeValue::Integer(_)) => {
            let text = scalar(value).unwrap_or_default();
            let count = text.parse::<u8>().map_err(|_| format!("`{name}` takes a number from 0 to 255, not {text}"))?;
            return Ok(vec![count.to_string()]);
        }
        (ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count, other) => return Err(wrong(kind(other))),
        (_, DeValue::Boolean(true)) => return bare(arg, key).ok_or_else(|| wrong("true")),
        (_, DeValue::Boolean(false)) => return bare(arg, key).map(|_| Vec::new()).ok_or_else(|| wrong("false")),
        (ArgAction::Append, DeValue::Array(list)) => {
            let words = list.iter().map(|value| scalar(value.get_ref()).ok_or_else(|| kind(value.get_ref())));
            words
                .collect::<Result<Vec<_>, _>>()
                .map_err(|found| format!("`{name}` takes a list of strings, and one of them is {found}"))?
        }
        (_, one) => vec![scalar(one).ok_or_else(|| wrong(kind(one)))?],
    };
    values.iter().try_for_each(|value| taken(arg, name, value))?;
    Ok(values)
}

/// What a flag takes, in the words of TOML.
pub(super) fn wanted(arg: &Arg) -> String {
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => "true or false".to_owned(),
        ArgAction::Count => "a number".to_owned(),
        action => {
            let name = arg.get_value_names().and_then(<[_]>::first).map_or("VALUE", |name| name.as_str());
            let list = if matches!(action, ArgAction::Append) { " or a list of them" } else { "" };
            format!("a value ({name}){list}")
        }
    }
}

/// A string, or a number written as one.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            i128::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        _ => None,
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What the flag means without a value, where it may be written so.
fn bare(arg: &Arg, key: &str) -> Option<Vec<String>> {
    let arg = arg.clone().env(Resettable::Reset);
    let id = arg.get_id().to_string();
    if arg.is_positional() {
        return None;
    }
    let matches = Command::new("natscope").arg(arg).try_get_matches_from(["natscope", &format!("--{key}")]).ok()?;
    Some(matches.get_raw(&id)?.map(|value| value.to_string_lossy().into_owned()).collect())
}

/// Whether the flag's own parser takes the value.
fn taken(arg: &Arg, name: &str, value: &str) -> Result<(), String> {
    let alone = Arg::new("value")
        .long("value")
        .value_parser(arg.get_value_parser().clone())
        .value_delimiter(arg.get_value_delimiter())
        .ignore_case(arg.is_ignore_case_set())
        .action(ArgAction::Append);
    let parsed = Command::new("natscope").arg(alone).try_get_matches_from(["natscope", &format!("--value={value}")]);
    let Err(error) = parsed else { return Ok(()) };
    let short: String = super::show::harmless(arg, value).chars().take(80).collect();
    let mut message = format!("`{name}` is set to \"{short}\"");
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let valid = context(ContextKind::ValidValue);
    if let Some(source) = std::error::Error::source(&error) {
        message = format!("{message}: {source}");
    } else if !valid.is_empty() {
        message = format!("{message}: write one of {}", valid.join(", "));
    } else {
        message = format!("{message}, which is not {}", wanted(arg));
    }
    if let Some(near) = context(ContextKind::SuggestedValue).first() {
        message = format!("{message}; the nearest is {near}");
    }
    Err(message)
}
