//! Proxies in front of relays: which one, and the way through it.
//!
//! The rules are those of the environment variables as curl and Tailscale's clients know them. As there, requests
//! to this host itself never go through a proxy. What goes wrong on the way is told as the proxy's doing, never as
//! the relay's.

use std::net::{IpAddr, SocketAddr};

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;

use super::{Stream, authority};
use crate::drive::network::http::{USER_AGENT, exchange, told};
use crate::drive::network::options::Proxies;
use crate::drive::network::sockets::Binding;
use crate::drive::network::socks::{self, Place};
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

    /// SOCKS5. `Ok(Err)`: what the proxy said.
    async fn socks5(&self, stream: &mut Box<dyn Stream>, target: &HttpsTarget) -> std::io::Result<Result<(), String>> {
        let login = self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        if let Err(said) = socks::greet(stream, login).await? {
            return Ok(Err(said));
        }
        let place = match target.address.filter(|_| self.scheme == "socks5") {
            Some(address) => Place::Address(SocketAddr::new(address, target.port)),
            None => Place::Name(target.host_name.clone(), target.port),
        };
        // Where it is bound is of no interest.
        Ok(socks::request(stream, socks::CONNECT, &place).await?.map(drop))
    }

    fn refused(&self, said: &str) -> Failure {
        let said = format!("{}: {}", self.name(), told(said));
        Failure::new(Stage::Connect, Cause::Proxy { said })
    }
}

/// A cause as part of a sentence about the proxy.
pub(in crate::drive::network) fn words(cause: &Cause) -> String {
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
