use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error;

/// A SOCKS5 proxy as a person names it: `host`, `host:port`, `[ip6]:port`, with `user:password@` and `socks5://` before it
/// or not. Shown without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Socks5Proxy {
    host: String,
    port: u16,
    login: Option<(String, String)>,
}

impl Socks5Proxy {
    /// The port of SOCKS (RFC 1928 section 3).
    pub const DEFAULT_PORT: u16 = 1080;
    /// User and password have a length in one byte (RFC 1929).
    const LONGEST_WORD: usize = 255;

    /// A name or an address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// User and password.
    #[must_use]
    pub fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// As a URL, with user and password, for whoever takes one.
    #[must_use]
    pub fn url(&self) -> String {
        let encode = |word: &str| word.bytes().map(encoded).collect::<String>();
        let login = self.login().map(|(user, password)| format!("{}:{}@", encode(user), encode(password)));
        format!("socks5://{}{self}", login.unwrap_or_default())
    }
}

/// Letters and digits as they are, everything else as `%XX`.
fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

impl fmt::Display for Socks5Proxy {
    /// `host:port`, with brackets around IPv6.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Socks5Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socks5Proxy({self}, login: {})", if self.login.is_some() { "yes" } else { "no" })
    }
}

/// Why a text names no SOCKS5 proxy. What was written is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Socks5ProxyError {
    /// Another scheme.
    #[error("only socks5:// proxies are meant; write HOST:PORT or socks5://USER:PASSWORD@HOST:PORT")]
    Scheme,
    /// There is no host, or something else in its place.
    #[error("it names no host; write HOST:PORT or socks5://USER:PASSWORD@HOST:PORT, IPv6 as [IPV6]:PORT")]
    Host,
    /// Something in the place of a port.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// A user without password, or one of them empty, too long, or wrongly encoded.
    #[error("user and password are written USER:PASSWORD@, 1 to 255 bytes each, with %40 for @ and %3A for :")]
    Login,
}

impl FromStr for Socks5Proxy {
    type Err = Socks5ProxyError;

    fn from_str(text: &str) -> Result<Self, Socks5ProxyError> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("socks5") => rest,
            Some(_) => return Err(Socks5ProxyError::Scheme),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login_of(login)?), place),
            None => (None, rest),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(inner) => {
                let (address, after) = inner.split_once(']').ok_or(Socks5ProxyError::Host)?;
                let address: Ipv6Addr = address.parse().map_err(|_| Socks5ProxyError::Host)?;
                let port =
                    if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or(Socks5ProxyError::Port)?) };
                (address.to_string(), port)
            }
            None => match place.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(Socks5ProxyError::Host),
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (place.to_owned(), None),
            },
        };
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if host.is_empty() || host.len() > 253 || !host.chars().all(named) {
            return Err(Socks5ProxyError::Host);
        }
        let port = match port {
            None => Self::DEFAULT_PORT,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(Socks5ProxyError::Port)?
            }
            Some(_) => return Err(Socks5ProxyError::Port),
        };
        Ok(Self { host, port, login })
    }
}

fn login_of(text: &str) -> Result<(String, String), Socks5ProxyError> {
    let (user, password) = text.split_once(':').ok_or(Socks5ProxyError::Login)?;
    let word = |text| {
        let word = decoded(text)?;
        ((1..=Socks5Proxy::LONGEST_WORD).contains(&word.len())).then_some(word)
    };
    word(user).zip(word(password)).ok_or(Socks5ProxyError::Login)
}

/// With `%XX` as the byte it stands for.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok().filter(|digits| !digits.starts_with('+'))?.to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_written_in_several_ways() {
        for (text, shown, login) in [
            ("127.0.0.1:1081", "127.0.0.1:1081", None),
            ("proxy.example", "proxy.example:1080", None),
            ("socks5://proxy.example:9050/", "proxy.example:9050", None),
            ("[2001:db8::1]", "[2001:db8::1]:1080", None),
            ("SOCKS5://u:p@[::1]:5", "[::1]:5", Some(("u", "p"))),
            ("user:p%40ss%3a@proxy.example", "proxy.example:1080", Some(("user", "p@ss:"))),
            ("u:a:b@c@proxy.example", "proxy.example:1080", Some(("u", "a:b@c"))),
        ] {
            let proxy: Socks5Proxy = text.parse().unwrap();
            assert_eq!((proxy.to_string().as_str(), proxy.login()), (shown, login), "{text}");
            assert_eq!(proxy.url().parse(), Ok(proxy.clone()), "{text}");
            assert!(!format!("{proxy:?}").contains("ss:"));
        }
    }

    #[test]
    fn mistakes_are_told_without_the_password() {
        use Socks5ProxyError::{Host, Login, Port, Scheme};
        for (text, wanted) in [
            ("http://a", Scheme),
            ("socks4://a", Scheme),
            ("", Host),
            ("u:p@", Host),
            ("a b", Host),
            ("::1:5", Host),
            ("[::1", Host),
            ("a:0", Port),
            ("a:x", Port),
            ("[::1]5", Port),
            ("u@a", Login),
            ("u:@a", Login),
            ("u:%4@a", Login),
        ] {
            assert_eq!(text.parse::<Socks5Proxy>(), Err(wanted), "{text}");
        }
    }
}
