//! Proxies in front of relays: which one, and the way through it.
//!
//! The rules are those of the environment variables as curl and Tailscale's clients know them. As there, requests
//! to this host itself never go through a proxy. What goes wrong on the way is told as the proxy's doing, never as
//! the relay's.

use std::net::{IpAddr, SocketAddr};

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Stream, authority};
use crate::drive::network::http::{USER_AGENT, exchange, told};
use crate::drive::network::options::Proxies;
use crate::drive::network::sockets::Binding;
use crate::probe::{Cause, Failure, HttpsTarget, ProxyFacts, Stage};

/// When which proxy is used.
pub(super) struct ProxyRules(Option<Matcher>);

impl ProxyRules {
    pub(super) fn of(proxies: &Proxies) -> Self {
        Self(match proxies {
            Proxies::Environment => Some(Matcher::from_system()),
            Proxies::None => None,
            Proxies::Explicit { https, except } => {
                Some(Matcher::builder().https(https.clone()).no(except.clone()).build())
            }
        })
    }

    /// The proxy for `https://host:port/`.
    pub(super) fn for_target(&self, host: &str, port: u16) -> Option<Proxy> {
        let bare = bare(host);
        if bare.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback()) {
            return None;
        }
        let uri = format!("https://{}/", authority(host, Some(port))).parse().ok()?;
        Proxy::of(&self.0.as_ref()?.intercept(&uri)?)
    }
}

/// The proxies of the environment for hosts it makes no exception for, without credentials.
pub(in crate::drive) fn of_environment() -> ProxyFacts {
    let matcher = Matcher::from_system();
    let name = |url: &'static str| {
        let found = matcher.intercept(&Uri::from_static(url))?;
        Proxy::of(&found).map(|proxy| proxy.name())
    };
    // No exception is likely to name these: the whole domain exists to be documentation.
    ProxyFacts { https: name("https://relay.example/"), http: name("http://relay.example/") }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// A proxy.
pub(super) struct Proxy {
    scheme: String,
    host: String,
    port: u16,
    /// Value of `Proxy-Authorization`.
    authorization: Option<String>,
    /// User and password of SOCKS.
    login: Option<(String, String)>,
}

impl Proxy {
    fn of(found: &Intercept) -> Option<Self> {
        let uri = found.uri();
        let scheme = uri.scheme_str()?.to_owned();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => 1080,
        };
        Some(Self {
            scheme,
            host: bare(uri.host()?).to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
            authorization: found.basic_auth().and_then(|value| value.to_str().ok()).map(str::to_owned),
            login: found.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned())),
        })
    }

    /// `scheme://host:port`, without credentials.
    pub(super) fn name(&self) -> String {
        format!("{}://{}", self.scheme, authority(&self.host, Some(self.port)))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn speaks_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Connects to the proxy itself. Its name is resolved the system's way: it is often known nowhere else.
    pub(super) async fn dial(&self, binding: &Binding) -> Result<(TcpStream, SocketAddr), Failure> {
        let mut last = "its name has no address".to_owned();
        let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        for address in addresses.map_err(|error| self.refused(&error.to_string()))? {
            match binding.connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(failure) => last = words(&failure.cause),
            }
        }
        Err(self.refused(&last))
    }

    /// Has the proxy connect `stream` to the relay.
    pub(super) async fn tunnel(&self, stream: &mut Box<dyn Stream>, target: &HttpsTarget) -> Result<(), Failure> {
        match self.scheme.as_str() {
            "http" | "https" => self.connect(stream, target).await,
            "socks5" | "socks5h" => match self.socks5(stream, target).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(said)) => Err(self.refused(&said)),
                Err(error) => Err(self.refused(&error.to_string())),
            },
            other => Err(Failure::new(Stage::Connect, Cause::Unsupported { what: format!("{other} proxies") })),
        }
    }

    /// CONNECT (RFC 9110 section 9.3.6), by name as Tailscale's clients do, and with only 200 for success.
    async fn connect(&self, stream: &mut Box<dyn Stream>, target: &HttpsTarget) -> Result<(), Failure> {
        let authority = authority(&target.host_name, Some(target.port));
        let authorization = match &self.authorization {
            Some(value) => format!("Proxy-Authorization: {value}\r\n"),
            None => String::new(),
        };
        let request = format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {USER_AGENT}\r\n{authorization}\r\n"
        );
        let answer = exchange(&mut **stream, &request, Stage::Connect).await;
        let head = answer.map_err(|failure| self.refused(&words(&failure.cause)))?;
        if head.status != 200 {
            return Err(Failure::new(Stage::Connect, Cause::Proxy { said: head.status_line }));
        }
        if !head.rest.is_empty() {
            return Err(self.refused("it sent data before the relay could have"));
        }
        Ok(())
    }

    /// SOCKS5 (RFC 1928, RFC 1929). `Ok(Err)`: what the proxy said.
    async fn socks5(&self, stream: &mut Box<dyn Stream>, target: &HttpsTarget) -> std::io::Result<Result<(), String>> {
        const PASSWORD: u8 = 2;
        let greeting: &[u8] = if self.login.is_some() { &[5, 2, 0, PASSWORD] } else { &[5, 1, 0] };
        stream.write_all(greeting).await?;
        stream.flush().await?;
        let mut choice = [0; 2];
        stream.read_exact(&mut choice).await?;
        match (choice, &self.login) {
            ([5, 0], _) => {}
            ([5, PASSWORD], Some((user, password))) => {
                let mut login = vec![1];
                for word in [user, password] {
                    let Ok(length) = u8::try_from(word.len()) else {
                        return Ok(Err("user or password is too long for SOCKS".into()));
                    };
                    login.push(length);
                    login.extend(word.as_bytes());
                }
                stream.write_all(&login).await?;
                stream.flush().await?;
                let mut verdict = [0; 2];
                stream.read_exact(&mut verdict).await?;
                let [_, status] = verdict;
                if status != 0 {
                    return Ok(Err("SOCKS: user or password refused".into()));
                }
            }
            ([5, _], _) => return Ok(Err("SOCKS: it wants another authentication".into())),
            _ => return Ok(Err("it does not speak SOCKS5".into())),
        }

        let mut request = vec![5, 1, 0];
        match target.address.filter(|_| self.scheme == "socks5") {
            Some(IpAddr::V4(v4)) => {
                request.push(1);
                request.extend(v4.octets());
            }
            Some(IpAddr::V6(v6)) => {
                request.push(4);
                request.extend(v6.octets());
            }
            None => {
                let Ok(length) = u8::try_from(target.host_name.len()) else {
                    return Ok(Err("the host name is too long for SOCKS".into()));
                };
                request.extend([3, length]);
                request.extend(target.host_name.as_bytes());
            }
        }
        request.extend(target.port.to_be_bytes());
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut reply = [0; 4];
        stream.read_exact(&mut reply).await?;
        let [_, code, _, kind] = reply;
        if code != 0 {
            return Ok(Err(format!("SOCKS: {}", socks_words(code))));
        }
        // The bound address, which is of no interest, and its port.
        let length = match kind {
            1 => 4,
            4 => 16,
            3 => usize::from(stream.read_u8().await?),
            _ => return Ok(Err("SOCKS: malformed reply".into())),
        };
        let mut bound = vec![0; length + 2];
        stream.read_exact(&mut bound).await?;
        Ok(Ok(()))
    }

    fn refused(&self, said: &str) -> Failure {
        let said = format!("{}: {}", self.name(), told(said));
        Failure::new(Stage::Connect, Cause::Proxy { said })
    }
}

/// The replies of RFC 1928 section 6.
const fn socks_words(code: u8) -> &'static str {
    match code {
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "general failure",
    }
}

/// A cause as part of a sentence about the proxy.
fn words(cause: &Cause) -> String {
    match cause {
        Cause::Refused => "connection refused".into(),
        Cause::Unreachable => "unreachable".into(),
        Cause::NotPermitted => "not permitted".into(),
        Cause::Reset => "connection reset".into(),
        Cause::Closed => "connection closed".into(),
        Cause::Malformed { problem } => problem.clone(),
        Cause::TooLarge { .. } => "its answer is too large".into(),
        Cause::Os { message } => message.clone(),
        Cause::Unsupported { what } => format!("not supported here: {what}"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(https: &str, except: &str) -> ProxyRules {
        ProxyRules::of(&Proxies::Explicit { https: https.into(), except: except.into() })
    }

    fn chosen(https: &str, except: &str, host: &str) -> Option<String> {
        rules(https, except).for_target(host, 443).map(|proxy| proxy.name())
    }

    #[test]
    fn the_proxy_is_named_without_credentials() {
        let proxy = rules("http://user:secret@proxy.example:3128", "").for_target("relay.example", 443).unwrap();
        assert_eq!(proxy.name(), "http://proxy.example:3128");
        assert_eq!(proxy.authorization.as_deref(), Some("Basic dXNlcjpzZWNyZXQ="));
        let proxy = rules("socks5h://u:p@[2001:db8::1]", "").for_target("relay.example", 443).unwrap();
        assert_eq!(proxy.name(), "socks5h://[2001:db8::1]:1080");
        assert_eq!(proxy.login, Some(("u".into(), "p".into())));
    }

    #[test]
    fn exceptions_and_this_host_go_direct() {
        let proxy = "http://proxy.example:3128";
        assert_eq!(chosen(proxy, "", "relay.example"), Some(proxy.into()));
        assert_eq!(chosen(proxy, "example", "relay.example"), None);
        assert_eq!(chosen(proxy, "192.0.2.0/24,other", "192.0.2.7"), None);
        assert_eq!(chosen(proxy, "2001:db8::/32", "2001:db8::7"), None);
        for host in ["localhost", "127.0.0.5", "::1", "[::1]"] {
            assert_eq!(chosen(proxy, "", host), None, "{host}");
        }
        assert_eq!(chosen("", "", "relay.example"), None);
    }
}
