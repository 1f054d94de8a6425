//! `natscope explain`.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, Error};

use super::values;

/// Arguments of `natscope explain`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "Examples:\n  natscope explain MAP-002\n  natscope explain --list")]
pub struct ExplainArgs {
    /// The code of a finding, as MAP-002.
    #[arg(
        value_name = "CODE",
        required_unless_present = "list",
        value_parser = CodeParser,
        hide_possible_values = true
    )]
    pub code: Option<String>,

    /// List every code with its title.
    #[arg(long, env = "NATSCOPE_LIST", value_parser = values::switch, hide_env = true)]
    pub list: bool,
}

/// Takes a code in any case, and without its hyphen and zeros; offers what is near to one that is none.
#[derive(Clone, Copy)]
struct CodeParser;

impl TypedValueParser for CodeParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        let text = value.to_string_lossy();
        let wanted = plain(&text);
        if let Some(code) = crate::render::codes().find(|code| plain(code) == wanted) {
            return Ok(code.to_owned());
        }
        let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        let message = format!(
            "no finding has the code '{shown}'; near to it are {}\n\n'natscope explain --list' lists all",
            nearest(&wanted).join(", ")
        );
        Err(Error::raw(ErrorKind::InvalidValue, format!("{message}\n")).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(crate::render::codes().map(PossibleValue::new)))
    }
}

/// `MAP2` for `map-002`, `Map 2` and `MAP2` alike.
fn plain(code: &str) -> String {
    let code: String =
        code.chars().filter(char::is_ascii_alphanumeric).take(40).collect::<String>().to_ascii_uppercase();
    let digits = code.find(|c: char| c.is_ascii_digit()).unwrap_or(code.len());
    let (layer, number) = code.split_at(digits);
    format!("{layer}{}", number.trim_start_matches('0'))
}

/// The three codes that are the fewest edits away.
fn nearest(wanted: &str) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = crate::render::codes().collect();
    codes.sort_by_key(|code| edits(wanted, &plain(code)));
    codes.truncate(3);
    codes
}

/// Levenshtein's distance.
pub(super) fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, c) in from.chars().enumerate() {
        let mut diagonal = done;
        let mut left = done + 1;
        let mut next = vec![left];
        for (other, &above) in to.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(c != *other)).min(above + 1).min(left + 1);
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_may_be_written_in_short() {
        for text in ["MAP-002", "map-2", "Map002", "map 2"] {
            assert_eq!(plain(text), "MAP2");
        }
        assert_eq!(plain("NET-010"), "NET10");
    }

    #[test]
    fn what_is_near_is_offered() {
        assert_eq!((edits("", "abc"), edits("abc", "abc"), edits("kitten", "sitting")), (3, 0, 3));
        assert_eq!(nearest("NAT2").first(), Some(&"NET-002"));
        assert!(nearest("MAP99").iter().all(|code| code.starts_with("MAP-")));
    }
}
