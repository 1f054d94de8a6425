//! Bytes into text, and what to say of bytes that are none.

use super::MAX_MAP_BYTES;
use super::error::{MapError, Problem};

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// The text without its byte order mark, or why it cannot be a map.
pub(super) fn check<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, MapError> {
    if bytes.len() > MAX_MAP_BYTES {
        return Err(MapError::whole(name, Problem::TooLarge { bytes: bytes.len() }));
    }
    if let Some(looks_like) = binary(bytes) {
        return Err(MapError::whole(name, Problem::Binary { looks_like }));
    }
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(name, bytes, error.valid_up_to()))?;
    if text.trim().is_empty() {
        return Err(MapError::whole(name, Problem::Empty));
    }
    if is_html(text) {
        return Err(MapError::whole(name, Problem::Html));
    }
    Ok(text)
}

fn binary(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "gzip-compressed data: unpack it first"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\xff\xfe", "UTF-16: save the file as UTF-8"),
        (b"\xfe\xff", "UTF-16: save the file as UTF-8"),
        (b"\x89PNG", "a picture"),
        (b"\x7fELF", "a program"),
    ];
    let magic = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|&(_, looks_like)| looks_like);
    magic.or_else(|| bytes.contains(&0).then_some("binary data"))
}

/// The line is shown with the bad bytes replaced.
fn not_utf8(name: &str, bytes: &[u8], valid: usize) -> MapError {
    let (before, after) = bytes.split_at_checked(valid).unwrap_or((bytes, b""));
    let mut shown = String::from_utf8_lossy(before).into_owned();
    let start = shown.len();
    let line_end = after.iter().position(|&byte| byte == b'\n').unwrap_or(after.len()).min(200);
    shown.push_str(&String::from_utf8_lossy(after.get(..line_end).unwrap_or_default()));
    let source = super::Source { name, text: &shown };
    MapError::new(source, super::tree::Span::new(start, start + 1), String::new(), Problem::NotUtf8)
}

fn is_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(512).collect::<String>().to_ascii_lowercase();
    // An XML prolog or a comment may come first.
    start.starts_with('<')
        && ["<!doctype html", "<html", "<head", "<body", "<?xml", "<!--"].iter().any(|tag| start.contains(tag))
}
