//! Texts without what nobody else is to know: passwords of URLs, and what stands behind their `?`, which may be a token.

/// Takes the place of what is left out.
const HIDDEN: &str = "***";

/// Characters that end a URL in a sentence. The apostrophe does not: a password may hold it, and rather a quote of the
/// sentence is hidden as well than half a password shown.
const ENDS: &[char] = &['"', '`', '<', '>', '“', '”', '，', '。', '；', '：', '（', '）'];

/// What behind a query is the sentence's, and not the URL's.
const END_OF_SENTENCE: &[char] = &[':', '.', ',', ';', ')', '!', '\''];

/// A sentence, or several, with the URLs in it shown without user, password and query.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| c.is_whitespace() || c.is_control() || ENDS.contains(&c)) {
        let bare = part.trim_end_matches(|c: char| c.is_whitespace() || c.is_control() || ENDS.contains(&c));
        shown.push_str(&harmless_url(bare));
        shown.push_str(part.strip_prefix(bare).unwrap_or_default());
    }
    shown
}

/// One value as it was written, blanks and quotes included. `login` says that it may hold USER:PASSWORD@ without being a
/// URL.
#[must_use]
pub fn harmless_value(value: &str, login: bool) -> String {
    if value.contains("://") {
        return harmless_url(value);
    }
    match value.rsplit_once('@') {
        Some((_, place)) if login => format!("{HIDDEN}@{place}"),
        _ => value.to_owned(),
    }
}

/// A text in which a URL may begin, which goes on to its end.
fn harmless_url(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else { return text.to_owned() };
    let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let hidden = match login_end(scheme, rest) {
        Some(end) => format!("{HIDDEN}{}", rest.get(end..).unwrap_or_default()),
        None => rest.to_owned(),
    };
    let shown = match hidden.split_once('?') {
        // Punctuation of the sentence is not the URL's.
        Some((path, query)) if query.trim_end_matches(END_OF_SENTENCE).is_empty() => {
            format!("{path}?{query}")
        }
        Some((path, query)) => {
            let end = query.trim_end_matches(END_OF_SENTENCE).len();
            format!("{path}?{HIDDEN}{}", query.get(end..).unwrap_or_default())
        }
        None => hidden,
    };
    format!("{before}://{shown}")
}

/// Where user and password end, at the `@`. A password may hold a `/` that should have been `%2F`: then what is before
/// the first one is no host with a port. Rather too much is hidden than too little.
fn login_end(scheme: &str, rest: &str) -> Option<usize> {
    let last = rest.rfind('@')?;
    // It has no path.
    if scheme.to_ascii_lowercase().starts_with("socks") {
        return Some(last);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(end) = authority.rfind('@') {
        return Some(end);
    }
    let inner = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    inner.contains(':').then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_tokens_are_left_out_and_nothing_else() {
        for (text, wanted) in [
            ("http://me:secret@maps.example/a@b", "http://***@maps.example/a@b"),
            ("https://token@maps.example", "https://***@maps.example"),
            ("https://maps.example/a@b", "https://maps.example/a@b"),
            ("https://[2001:db8::1]/a@b", "https://[2001:db8::1]/a@b"),
            ("socks5://u:p/w@host:1080", "socks5://***@host:1080"),
            ("SOCKS5h://u:p@w@host", "SOCKS5h://***@host"),
            ("http://u:p/w@proxy.example:3128", "http://***@proxy.example:3128"),
            ("http://u:p?w@proxy.example", "http://***@proxy.example"),
            ("https://maps.example/m?token=abc", "https://maps.example/m?***"),
            ("fetching https://maps.example/m?token=abc: refused", "fetching https://maps.example/m?***: refused"),
            ("https://u:pa'ss@maps.example/m?token=a'b", "https://***@maps.example/m?***"),
            ("cannot fetch 'https://a.example/m?t=1': refused", "cannot fetch 'https://a.example/m?***': refused"),
            ("cannot fetch 'https://a.example/m': refused", "cannot fetch 'https://a.example/m': refused"),
            ("is it `https://u:p@a.example/x?y`, or not?", "is it `https://***@a.example/x?***`, or not?"),
            ("see (https://a.example/b), https://c:d@e.", "see (https://a.example/b), https://***@e."),
            ("无法获取 https://a.example/m?t=1（超时）", "无法获取 https://a.example/m?***（超时）"),
            ("alice@example.org stun:a.example?transport=udp", "alice@example.org stun:a.example?transport=udp"),
            ("\u{1b}[33mhttp://u:p@a\u{1b}[0m", "\u{1b}[33mhttp://***@a\u{1b}[0m"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), wanted);
        }
    }

    #[test]
    fn a_value_is_hidden_whatever_is_in_the_password() {
        for (value, login, wanted) in [
            ("user:my pass'word@proxy.example:1080", true, "***@proxy.example:1080"),
            ("socks5://user:my p/ss@proxy.example", true, "socks5://***@proxy.example"),
            ("proxy.example:1080", true, "proxy.example:1080"),
            ("maps/a@b.json", false, "maps/a@b.json"),
        ] {
            assert_eq!(harmless_value(value, login), wanted);
        }
    }
}
