//! The embedded relay: STUN, and the HTTP(S) endpoints that latency probing and captive-portal checks need.
//!
//! It binds everything first and serves later, so that whoever binds it learns the real ports before anyone is
//! answered. What strangers send is bounded in memory and in time, never ends a loop and never brings out more than
//! about three times the bytes on the wire that came in. A certificate is made at every start and lives in memory only.
//!
//! It does not speak DERP yet: an upgrade on `/derp` is answered 501. It does no authentication and no rate limiting.
//!
//! Answers leave from the endpoint the request came to when that was bound by its address. A wildcard socket
//! (`0.0.0.0`, `[::]`) lets the system choose the source address, which on a host with several addresses may be
//! another one; such a socket also knows no RESPONSE-ORIGIN to tell.

mod certificate;
mod embedded;
mod group;
mod http;
mod listen;
mod options;
mod routes;
mod stun;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use embedded::embedded_map;
pub use options::{Limits, RelayOptions};

use certificate::Identity;
use routes::{Role, Routes};
use stun::StunSockets;

/// A relay whose sockets are bound and whose certificate is made, and who answers nobody yet.
#[derive(Debug)]
pub struct Relay {
    stun: StunSockets,
    tls: Listeners,
    plain: Listeners,
    host_name: String,
    identity: Option<Identity>,
    limits: Limits,
}

impl Relay {
    /// Binds all sockets and, where HTTPS is asked for, makes the certificate. The error names what could not be bound.
    pub fn bind(options: RelayOptions) -> io::Result<Self> {
        let stun = StunSockets::bind(&options.stun_addrs, &options.stun_alternates)?;
        let tls = Listeners::bind(&options.https_addrs)?;
        let plain = Listeners::bind(&options.http_addrs)?;
        let host_name = options
            .host_name
            .or_else(|| tls.addresses.first().map(|address| address.ip().to_string()))
            .unwrap_or_else(|| "localhost".to_owned());
        let identity = if tls.addresses.is_empty() { None } else { Some(Identity::self_signed(&host_name)?) };
        Ok(Self { stun, tls, plain, host_name, identity, limits: options.limits })
    }

    /// The endpoints of STUN as bound, in the order of [`RelayOptions::stun_addrs`], without the alternates.
    #[must_use]
    pub fn stun_addrs(&self) -> &[SocketAddr] {
        self.stun.primary()
    }

    /// The endpoints of HTTPS as bound.
    #[must_use]
    pub fn https_addrs(&self) -> &[SocketAddr] {
        &self.tls.addresses
    }

    /// The endpoints of HTTP as bound.
    #[must_use]
    pub fn http_addrs(&self) -> &[SocketAddr] {
        &self.plain.addresses
    }

    /// The host name, or IP address, the certificate is for.
    #[must_use]
    pub fn host_name(&self) -> &str {
        &self.host_name
    }

    /// `sha256-raw:<hex>`, as `CertName` of a DERP map pins the certificate. `None` without HTTPS.
    #[must_use]
    pub fn cert_pin(&self) -> Option<&str> {
        self.identity.as_ref().map(Identity::pin)
    }

    /// Serves until `shutdown` is ready; open connections are cut then. Dropping the future does the same. The error
    /// is that of handing the sockets to the runtime; nothing that peers do ends it.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut tasks = JoinSet::new();
        self.stun.serve(&mut tasks)?;
        let main = Arc::new(Routes::new(Role::Main));
        // Without HTTPS the plain listener is the main one, as derper's is.
        let beside = self.tls.addresses.first().map_or(Role::Main, |https| Role::BesideHttps { port: https.port() });
        let acceptor = self.identity.as_ref().map(Identity::acceptor);
        self.tls.serve(&mut tasks, acceptor.as_ref(), &main, self.limits)?;
        self.plain.serve(&mut tasks, None, &Arc::new(Routes::new(beside)), self.limits)?;
        shutdown.await;
        tasks.shutdown().await;
        Ok(())
    }

    /// Serves in the background until the handle is stopped or dropped. Must be called within a tokio runtime.
    #[must_use = "dropping the handle stops the relay"]
    pub fn spawn(self) -> RelayHandle {
        let (stop, stopped) = oneshot::channel();
        let mut task = JoinSet::new();
        // A dropped sender stops it too, though the task is then aborted anyway.
        task.spawn(self.serve(async move { stopped.await.unwrap_or_default() }));
        RelayHandle { stop, task }
    }
}

/// A relay at work. Dropping it stops the relay.
#[derive(Debug)]
pub struct RelayHandle {
    stop: oneshot::Sender<()>,
    task: JoinSet<io::Result<()>>,
}

impl RelayHandle {
    /// Stops the relay and returns when its sockets are closed. The error is that of [`Relay::serve`].
    pub async fn stop(mut self) -> io::Result<()> {
        // Nobody listens any more when it has failed already.
        let _ = self.stop.send(());
        match self.task.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) => Err(io::Error::other(error)),
            None => Ok(()),
        }
    }
}

/// TCP listeners and where they really listen.
#[derive(Debug)]
struct Listeners {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

impl Listeners {
    fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let sockets = listen::bind_tcp(addresses)?;
        let addresses = sockets.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        Ok(Self { sockets, addresses })
    }

    fn serve(
        self,
        tasks: &mut JoinSet<()>,
        tls: Option<&TlsAcceptor>,
        routes: &Arc<Routes>,
        limits: Limits,
    ) -> io::Result<()> {
        for socket in self.sockets {
            let listener = tokio::net::TcpListener::from_std(socket)?;
            tasks.spawn(http::serve(listener, tls.cloned(), Arc::clone(routes), limits));
        }
        Ok(())
    }
}
