//! `GET /derp/latency-check`, phase by phase: TCP or a proxy, TLS, request.
//!
//! Dials the one address it is given, follows nothing, reuses nothing, and reads no body. Any HTTP status is an
//! answer; what it implies is the check's business.

mod proxy;
mod tls;
mod verifier;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::causes::{Deadline, failure_of};
use super::http::{USER_AGENT, exchange};
use super::options::{Proxies, Trust};
use super::sockets::Binding;
use crate::drive::clock::Clock;
use crate::drive::tls_roots;
use crate::probe::{Cause, Failure, HttpsAnswer, HttpsTarget, Stage};
pub(in crate::drive) use proxy::of_environment;
pub(super) use proxy::words;
use proxy::{Proxy, ProxyRules};
pub(super) use tls::cause_of_tls;
pub(super) use verifier::{RelayVerifier, Rule, sha256_hex};

/// The port a `Host` header leaves out.
const HTTPS_PORT: u16 = 443;

/// What HTTPS probes of a run share: rules and roots, no connections.
pub(super) struct Https {
    clock: Clock,
    binding: Binding,
    proxies: ProxyRules,
    trust: Trust,
    roots: OnceCell<Result<Arc<dyn ServerCertVerifier>, String>>,
}

/// A connection on which TLS is to be spoken with the relay.
pub(super) struct Opened {
    pub(super) stream: Box<dyn Stream>,
    pub(super) remote: SocketAddr,
    pub(super) via_proxy: Option<String>,
    pub(super) connect: Duration,
}

/// A connection on which TLS is spoken with the relay.
pub(super) struct Secured {
    pub(super) stream: TlsStream<Box<dyn Stream>>,
    pub(super) remote: SocketAddr,
    via_proxy: Option<String>,
    connect: Duration,
    tls: Duration,
}

pub(in crate::drive) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Https {
    pub(super) fn new(clock: Clock, binding: Binding, proxies: &Proxies, trust: Trust) -> Self {
        Self { clock, binding, proxies: ProxyRules::of(proxies), trust, roots: OnceCell::new() }
    }

    /// Measures a relay. The deadline is for all phases; the one it falls into is the one that failed.
    pub(super) async fn measure(&self, target: &HttpsTarget, deadline: Deadline) -> Result<HttpsAnswer, Failure> {
        let Secured { mut stream, remote, via_proxy, connect, tls } =
            self.secure(target, &deadline, self.open(target)).await?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let cert_sha256 = leaf.map(|der| sha256_hex(der));

        let authority = authority(&target.host_name, Some(target.port).filter(|port| *port != HTTPS_PORT));
        let request = format!(
            "GET /derp/latency-check HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {USER_AGENT}\r\nConnection: close\r\n\r\n"
        );
        let begun = self.clock.now();
        let head = deadline.within(Stage::Http, exchange(&mut stream, &request, Stage::Http)).await?;
        Ok(HttpsAnswer {
            remote,
            via_proxy,
            connect,
            tls,
            request: self.clock.now().since(begun),
            status: head.status,
            cert_sha256,
        })
    }

    /// Speaks TLS with a relay over the connection that `open` makes, and verifies it as the map says.
    pub(super) async fn secure(
        &self,
        target: &HttpsTarget,
        deadline: &Deadline,
        open: impl Future<Output = Result<Opened, Failure>>,
    ) -> Result<Secured, Failure> {
        let unsupported = |what| Failure::new(Stage::Tls, Cause::Unsupported { what });
        let bare = target.host_name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let host = ServerName::try_from(bare.clone())
            .map_err(|_| unsupported(format!("a certificate for {bare:?}, which is no host name")))?;
        let rule = Rule::of(target, &host).map_err(unsupported)?;
        let expected = match &rule {
            Rule::Chain(name) => name.to_str().into_owned(),
            _ => bare,
        };
        // Roots are loaded while TCP connects, the first time: neither waits for the other.
        let roots = async { if rule.needs_roots() { self.roots().await.map(Some) } else { Ok(None) } };
        let (opened, roots) =
            tokio::try_join!(deadline.within(Stage::Connect, open), deadline.beside(Stage::Tls, roots))?;
        let Opened { stream, remote, via_proxy, connect } = opened;

        let verifier = Arc::new(RelayVerifier::new(rule, roots, tls_roots::provider()));
        let config = tls_roots::config_with(verifier).map_err(|error| unsupported(error.to_string()))?;
        let begun = self.clock.now();
        let handshake = async {
            let connector = TlsConnector::from(Arc::new(config));
            connector.connect(host, stream).await.map_err(|error| of_handshake(&error, &expected))
        };
        let stream = deadline.within(Stage::Tls, handshake).await?;
        Ok(Secured { stream, remote, via_proxy, connect, tls: self.clock.now().since(begun) })
    }

    /// The way through a proxy, where the environment wants one for this relay.
    pub(super) async fn through_proxy(&self, target: &HttpsTarget) -> Option<Result<Opened, Failure>> {
        let proxy = self.proxies.for_target(&target.host_name, target.port)?;
        Some(self.open_through(&proxy, target).await)
    }

    /// TLS with whoever is at the other end of `stream`, who must be `host` by a certificate trusted here.
    pub(super) async fn handshake(&self, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Failure> {
        let unsupported = |what| Failure::new(Stage::Tls, Cause::Unsupported { what });
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| unsupported(format!("a certificate for {host:?}, which is no host name")))?;
        let config = tls_roots::config_with(self.roots().await?).map_err(|error| unsupported(error.to_string()))?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.map_err(|error| of_handshake(&error, host))
    }

    /// A connection to the relay, through a proxy where the environment wants one.
    pub(super) async fn open(&self, target: &HttpsTarget) -> Result<Opened, Failure> {
        if let Some(proxy) = self.proxies.for_target(&target.host_name, target.port) {
            return self.open_through(&proxy, target).await;
        }
        self.open_directly(target).await
    }

    /// A connection to the relay's address, whatever the environment wants.
    pub(super) async fn open_directly(&self, target: &HttpsTarget) -> Result<Opened, Failure> {
        let address = target.address.ok_or(Failure::new(Stage::Dns, Cause::NoAddress))?;
        let remote = SocketAddr::new(address, target.port);
        let begun = self.clock.now();
        let stream = self.binding.connect(remote).await?;
        let connect = self.clock.now().since(begun);
        Ok(Opened { stream: Box::new(stream), remote, via_proxy: None, connect })
    }

    async fn open_through(&self, proxy: &Proxy, target: &HttpsTarget) -> Result<Opened, Failure> {
        let refused = |said| Failure::new(Stage::Connect, Cause::Proxy { said });
        let begun = self.clock.now();
        let (stream, remote) = proxy.dial(&self.binding).await?;
        let connect = self.clock.now().since(begun);
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if proxy.speaks_tls() {
            let roots = self.roots().await?;
            let config = tls_roots::config_with(roots).map_err(|error| refused(error.to_string()))?;
            let name = ServerName::try_from(proxy.host().to_owned()).map_err(|error| refused(error.to_string()))?;
            let connector = TlsConnector::from(Arc::new(config));
            let wrapped = connector.connect(name, stream).await;
            stream = Box::new(wrapped.map_err(|error| refused(format!("TLS with the proxy itself: {error}")))?);
        }
        proxy.tunnel(&mut stream, target).await?;
        Ok(Opened { stream, remote, via_proxy: Some(proxy.name()), connect })
    }

    /// The trusted roots, loaded when first needed, off the threads that receive.
    pub(super) async fn roots(&self) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
        let load = || async {
            let trust = self.trust.clone();
            let loading = tokio::task::spawn_blocking(move || match &trust {
                Trust::System => tls_roots::system_verifier(),
                Trust::Explicit(roots) => tls_roots::verifier_of(roots),
            });
            match loading.await {
                Ok(verifier) => verifier.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        };
        let roots = self.roots.get_or_init(load).await.clone();
        roots.map_err(|error| {
            Failure::new(Stage::Tls, Cause::Unsupported { what: format!("trusted root certificates: {error}") })
        })
    }
}

/// `host[:port]` as URLs and `Host` headers have it.
pub(super) fn authority(host: &str, port: Option<u16>) -> String {
    let host = match host.parse() {
        Ok(IpAddr::V6(v6)) => format!("[{v6}]"),
        _ => host.to_owned(),
    };
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

pub(super) fn of_handshake(error: &std::io::Error, expected: &str) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => Failure::new(Stage::Tls, cause_of_tls(error, expected)),
        None => failure_of(Stage::Tls, error),
    }
}
