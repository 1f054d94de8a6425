use std::net::{IpAddr, SocketAddr};

use super::pseudonym::{Pseudonyms, is_public_host};

/// Characters that end even a URL or a path.
const HARD: &[char] = &[' ', '\t', '\n', '\r', '"', '\'', '`', '<', '>', '“', '”', '«', '»'];
/// Characters between words.
const SOFT: &[char] = &['(', ')', ',', ';', '|', '{', '}', '=', '\\'];
/// Characters a word is taken apart at when it is nothing as a whole.
const INSIDE: &[char] = &[':', '/', '[', ']', '-', '_', '%', '@', '+', '~', '#', '&', '?', '!', '*', '$', '^'];

/// Characters of a text that are kept; nobody reads on, and a stranger's flood is not worth the work.
const LONGEST: usize = 4_000;
/// Digits from which on a hexadecimal number is a hash or a key.
const HASH_DIGITS: usize = 32;

impl Pseudonyms {
    /// Free text: addresses, URLs, domain names, paths and hashes in it, and every name that occurs elsewhere in the
    /// report. Rather too much is replaced than too little.
    pub(super) fn text(&mut self, text: &mut String) {
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(end);
            text.push('…');
        }
        for (phrase, pseudonym) in self.phrases_in(text) {
            *text = text.replace(&phrase, &pseudonym);
        }
        *text = split(text, HARD, |chunk| self.chunk(chunk));
    }

    /// What stands between blanks or quotes: a URL or a path to its end, or words.
    fn chunk(&mut self, chunk: &str) -> String {
        let bare = chunk.trim_end_matches(['.', ',', ';', ':', ')', ']', '!', '?']);
        let tail = chunk.strip_prefix(bare).unwrap_or_default();
        if let Some((before, rest)) = bare.split_once("://") {
            let scheme = before.trim_start_matches(|it: char| !it.is_ascii_alphanumeric());
            let scheme = scheme.rsplit(|it: char| !it.is_ascii_alphanumeric()).next().unwrap_or_default();
            let before = before.strip_suffix(scheme).unwrap_or_default();
            return self.words(before) + &self.url(scheme, rest) + tail;
        }
        let path = bare.trim_start_matches(['(', '[', '{', '=']);
        if is_path(path) {
            return format!("{}PATH{}{tail}", bare.strip_suffix(path).unwrap_or_default(), line_and_column(path));
        }
        self.words(chunk)
    }

    fn words(&mut self, text: &str) -> String {
        split(text, SOFT, |word| self.word(word))
    }

    fn word(&mut self, word: &str) -> String {
        let bare = word.trim_end_matches(['.', ':', '!', '?', '…']);
        // An IPv6 address may end in colons of its own.
        let mut most = word;
        for _ in 0..word.len().saturating_sub(bare.len()).min(4) {
            if let Some(address) = self.address_word(most) {
                return address + word.strip_prefix(most).unwrap_or_default();
            }
            let mut shorter = most.chars();
            shorter.next_back();
            most = shorter.as_str();
        }
        let tail = word.strip_prefix(bare).unwrap_or_default();
        if bare.is_empty() { word.to_owned() } else { self.bare_word(bare) + tail }
    }

    fn bare_word(&mut self, word: &str) -> String {
        if let Some(pseudonym) = self.known_word(word) {
            return pseudonym;
        }
        if is_path(word) {
            return "PATH".to_owned() + &line_and_column(word);
        }
        self.address_word(word)
            .or_else(|| is_mac(word).then(|| "00:00:5e:00:53:00".to_owned()))
            .or_else(|| is_hash(word).then(|| self.hash(word)))
            .or_else(|| self.host_word(word))
            .unwrap_or_else(|| self.pieces(word))
    }

    /// Scheme, host and port of a URL; the rest of a stranger's may hold anything.
    fn url(&mut self, scheme: &str, rest: &str) -> String {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
        if is_public_host(place) || is_public_host(host) {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            return format!("{scheme}://{place}{path}");
        }
        let place = self.place(place);
        format!("{scheme}://{place}{}", if path.len() > 1 { "/…" } else { path })
    }

    /// Host and port of a URL: here even a single label is a host.
    fn place(&mut self, place: &str) -> String {
        if let Some(address) = self.address_word(place) {
            return address;
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
            _ => (place, None),
        };
        let mut host = host.to_owned();
        self.host(&mut host);
        port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// An address: bare, in brackets, with a port, a zone or a prefix length.
    fn address_word(&mut self, word: &str) -> Option<String> {
        if let Ok(mut endpoint) = word.parse::<SocketAddr>() {
            self.endpoint(&mut endpoint);
            return Some(endpoint.to_string());
        }
        if let Some((address, length)) = word.split_once('/') {
            let length: u8 = length.parse().ok()?;
            let mut address: IpAddr = address.parse().ok()?;
            self.address(&mut address);
            return Some(format!("{address}/{length}"));
        }
        let unzoned = word.split_once('%').map_or(word, |(address, _)| address);
        let inner = unzoned.strip_prefix('[').map_or(unzoned, |inner| inner.trim_end_matches(']'));
        let mut address: IpAddr = inner.parse().ok()?;
        self.address(&mut address);
        Some(if inner.len() == unzoned.len() { address.to_string() } else { format!("[{address}]") })
    }

    /// A domain name, with or without a port.
    fn host_word(&mut self, word: &str) -> Option<String> {
        let (host, port) = match word.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, Some(port))
            }
            _ => (word, None),
        };
        let host = match self.known_word(host) {
            Some(known) => known,
            None if is_domain(host) => {
                let mut host = host.to_owned();
                self.host(&mut host);
                host
            }
            None => return None,
        };
        Some(port.map_or(host.clone(), |port| format!("{host}:{port}")))
    }

    fn pieces(&mut self, word: &str) -> String {
        if !word.contains(INSIDE) {
            return word.to_owned();
        }
        // What an address is mailed to says more than where.
        if let Some((_, place)) = word.rsplit_once('@') {
            return "somebody@".to_owned() + &self.bare_word(place);
        }
        split(word, INSIDE, |piece| self.bare_word(piece))
    }

    /// Where a mistake of a map stands: a URL or a file, with line and column.
    pub(super) fn map_place(&mut self, place: &mut String) {
        if place.contains("://") {
            self.text(place);
        } else {
            *place = "FILE".to_owned() + &line_and_column(place);
        }
    }
}

/// The text with each part between `separators` told anew.
fn split(text: &str, separators: &[char], mut tell: impl FnMut(&str) -> String) -> String {
    let mut told = String::with_capacity(text.len());
    for part in text.split_inclusive(separators) {
        let bare = part.strip_suffix(separators).unwrap_or(part);
        if !bare.is_empty() {
            told.push_str(&tell(bare));
        }
        told.push_str(part.strip_prefix(bare).unwrap_or_default());
    }
    told
}

/// Whether a word begins as a path does, on Unix or Windows.
fn is_path(word: &str) -> bool {
    let drive = |word: &str| word.len() > 2 && word.is_char_boundary(1) && matches!(word.get(1..3), Some(":\\" | ":/"));
    ["/", "~", "./", "../", "\\\\"].iter().any(|start| word.starts_with(start)) || drive(word)
}

/// `:3:5` of `/home/me/map.json:3:5`.
fn line_and_column(place: &str) -> String {
    let numbers = place
        .rsplit(':')
        .take(2)
        .take_while(|part| !part.is_empty() && part.len() < 10 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let digits: usize = numbers.map(|number| number.len() + 1).sum();
    place.get(place.len() - digits..).unwrap_or_default().to_owned()
}

fn is_mac(word: &str) -> bool {
    let pairs: Vec<_> = word.split([':', '-']).collect();
    pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_hash(word: &str) -> bool {
    word.len() >= HASH_DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_domain(word: &str) -> bool {
    let mut labels = word.split('.').rev();
    let last = labels.next().unwrap_or_default();
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|it| it.is_alphanumeric() || matches!(it, '-' | '_'));
    let mut others = labels.peekable();
    others.peek().is_some()
        && last.chars().count() >= 2
        && last.chars().any(char::is_alphabetic)
        && is_label(last)
        && others.all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        let mut names = Pseudonyms::collecting();
        names.region_name(&mut "Acme HQ".to_owned(), false);
        names.host(&mut "relay".to_owned());
        names.text(&mut text.to_owned());
        names.collected();
        let mut text = text.to_owned();
        names.text(&mut text);
        text
    }

    #[test]
    fn text_loses_what_identifies_and_nothing_else() {
        for (text, expected) in [
            ("connect to 45.77.1.9:443 failed.", "connect to 203.0.113.1:443 failed."),
            ("[2a02:1::5]:3478, fe80::1%eth0; 10.1.2.3/24", "[2001:db8::1]:3478, fe80::2; 192.168.0.1/24"),
            ("http://u:p@Proxy.corp.lan:3128/x?mac=1", "http://host-1.example:3128/…"),
            ("(at http://a.test:80/x(1),y;z=2).", "(at http://host-1.example:80/…)."),
            ("net 2a02:8109:9a40::: 2a02:8109::/32", "net 2001:db8::1: 2001:db8::2/32"),
            ("at=http://a.test,b", "at=http://host-1.example"),
            ("C:\\Users\\alice\\derp.json:3:5", "PATH:3:5"),
            ("(/home/al(ice)/x)", "(PATH)"),
            ("http://intranet/", "http://host-1.example/"),
            ("http://[2a02:1::5]:80/login", "http://[2001:db8::1]:80/…"),
            ("https://login.tailscale.com/derpmap/default?k=v", "https://login.tailscale.com/derpmap/default"),
            ("see derp1.tailscale.com:443", "see derp1.tailscale.com:443"),
            ("the RELAY in Acme HQ is down", "the host-1.example in Region 1 is down"),
            ("/home/alice/derp.json:3:5: bad", "PATH:3:5: bad"),
            ("from 00:1a:2b:3c:4d:5e", "from 00:00:5e:00:53:00"),
            ("alice@example.org", "somebody@host-1.example"),
            ("MiniUPnPd/2.3.1 on Linux, status 200", "MiniUPnPd/2.3.1 on Linux, status 200"),
            ("srflx=81.2.69.142,ec2-1-2.cloud.test", "srflx=203.0.113.1,host-1.example"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
        for flood in ["@", ":", ".", "[", "::1", "://", "a.", "-", "/"] {
            let text = redacted(&flood.repeat(100_000));
            assert!(text.chars().count() <= 2 * LONGEST + 20, "{flood}: {}", text.len());
        }
        let pin = format!("sha256-raw:{}", "ab".repeat(32));
        assert_eq!(redacted(&pin), format!("sha256-raw:{:064}", 1));
    }
}
