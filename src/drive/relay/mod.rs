//! A DERP relay with a STUN server beside it, which Tailscale's clients accept.
//!
//! It binds everything first and serves later, so that whoever binds it learns the real ports before anyone is
//! answered. A connection is a guest until it is a client: TLS, HTTP and the greeting are bounded in memory and time,
//! and a full house shows guests out. A client has proven its key and was admitted by the rules in force.
//! What strangers send never ends a loop, and STUN never sends more than about three times the bytes that came.
//!
//! Frames and sessions are `derp/`'s; here they get sockets, time and randomness. Several relays make one region when
//! they share a mesh key and each connects to every other one.
//!
//! STUN answers leave from the endpoint the request came to when that was bound by its address. A wildcard socket
//! (`0.0.0.0`, `[::]`) lets the system choose the source address, which on a host with several addresses may be
//! another one; such a socket also knows no RESPONSE-ORIGIN to tell.

mod acme;
mod admission;
mod carrier;
mod certificate;
mod certificate_files;
mod datagrams;
mod embedded;
mod entrance;
mod gate;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod give_back;
mod group;
mod help;
mod http;
mod identity;
mod inherited;
mod kernel;
mod key_file;
pub(in crate::drive) mod listen;
mod map_node;
mod mesh;
mod meta_certificate;
mod metrics;
mod options;
mod private_file;
mod reload;
#[cfg(target_os = "linux")]
mod round_trips;
mod routes;
mod self_check;
mod service;
mod socket;
mod stun;
#[cfg(test)]
mod tests;
mod throttle;
mod websocket;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use embedded::embedded_map;
pub use inherited::Inherited;
pub use key_file::{fresh_key, load_mesh_key, load_or_create_key};
pub use options::{
    Access, AccessRules, AcmeOptions, Allow, Certificates, HelpOptions, Limits, MeshOptions, RelayOptions,
};
pub use reload::Reloader;
pub use self_check::{Checked, SelfCheck};
pub use socket::raise_open_files;

use acme::Acme;
use admission::Admission;
use entrance::Entrance;
use http::Front;
use identity::Identity;
use mesh::Mesh;
use metrics::Metrics;
use reload::Reload;
use routes::{Role, Routes};
use service::Service;
use stun::StunSockets;
use throttle::ThrottleFile;

use crate::drive::wall_clock;
use crate::model::NodePublic;

/// A public key as people write it into lists, `nodekey:` before it or not. `None`: it is none that anybody has.
#[must_use]
pub fn parse_allowed_key(text: &str) -> Option<NodePublic> {
    admission::parse_key(text)
}

/// A relay whose sockets are bound and whose key and certificate are there, and who answers nobody yet.
#[derive(Debug)]
pub struct Relay {
    stun: StunSockets,
    tls: Listeners,
    plain: Listeners,
    metrics: Listeners,
    host_name: String,
    identity: Option<Arc<Identity>>,
    service: Arc<Service>,
    reload: Reload,
    mesh: Option<Mesh>,
    acme: Option<Acme>,
    limits: Limits,
}

impl Relay {
    /// Binds all sockets, reads lists and certificates and makes what is to be made. The error names what failed.
    pub fn bind(options: RelayOptions) -> io::Result<Self> {
        Self::bind_with(options, &Inherited::default())
    }

    /// The same with sockets that are there already: each is used for what is to listen where it does, and an error if
    /// nothing is.
    pub fn bind_with(options: RelayOptions, inherited: &Inherited) -> io::Result<Self> {
        let admission = Admission::new(options.access)?;
        let limits = options.rate_limit.map(ThrottleFile::load).transpose()?;
        let key = options.key.map_or_else(fresh_key, Ok)?;
        let mesh_key = options.mesh.as_ref().map(|mesh| mesh.key.clone());
        let service = Arc::new(Service::new(key.clone(), admission, mesh_key, options.max_clients, options.limits)?);
        let mesh_key_file = options.mesh.as_ref().and_then(|mesh| mesh.key_file.clone());
        let mesh = options.mesh.map(|mesh| Mesh::new(mesh, key, Arc::clone(&service)));
        let mut stun = StunSockets::bind(&options.stun_addrs, &options.stun_alternates, options.help, inherited)?;
        if !options.stun_in_kernel.is_empty() {
            stun.take_into_kernel(&options.stun_in_kernel)?;
        }
        let tls = Listeners::bind(&options.https_addrs, inherited)?;
        let plain = Listeners::bind(&options.http_addrs, inherited)?;
        let metrics = Listeners::bind(&options.metrics_addrs, inherited)?;
        inherited.all_used()?;
        let host_name = options
            .host_name
            .or_else(|| tls.addresses.first().map(|address| address.ip().to_string()))
            .unwrap_or_else(|| "localhost".to_owned());
        let host_name = host_name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let identity = if tls.addresses.is_empty() {
            None
        } else {
            let meta = meta_certificate::meta_certificate(&service.public_key(), wall_clock::now())?;
            Some(Arc::new(Identity::load(&host_name, options.certificates.clone(), meta)?))
        };
        let acme = match (&identity, options.certificates) {
            (Some(identity), Certificates::Acme(options)) => {
                let proving = [(&tls, 443), (&plain, 80)];
                if !proving.iter().any(|(there, port)| there.addresses.iter().any(|address| address.port() == *port)) {
                    tracing::warn!(
                        "the authority looks for its proof on ports 443 and 80 of {host_name}, and the relay listens on \
                         neither: something must lead from there to here"
                    );
                }
                Some(Acme::new(options, Arc::clone(identity), !plain.addresses.is_empty())?)
            }
            _ => None,
        };
        let reload = Reload::new(Arc::clone(&service), identity.clone(), limits, mesh_key_file, options.reload_every);
        Ok(Self { stun, tls, plain, metrics, host_name, identity, service, reload, mesh, acme, limits: options.limits })
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

    /// The endpoints of metrics as bound.
    #[must_use]
    pub fn metrics_addrs(&self) -> &[SocketAddr] {
        &self.metrics.addresses
    }

    /// The host name, or IP address, the certificate is for, without brackets.
    #[must_use]
    pub fn host_name(&self) -> &str {
        &self.host_name
    }

    /// The relay's public key, which clients learn from it.
    #[must_use]
    pub fn public_key(&self) -> NodePublic {
        self.service.public_key()
    }

    /// `sha256-raw:<hex>`, as `CertName` of a DERP map pins the certificate. `None` without HTTPS, and while the
    /// certificate is still to come.
    #[must_use]
    pub fn cert_pin(&self) -> Option<String> {
        self.identity.as_ref().and_then(|identity| identity.pin())
    }

    /// When clients begin to refuse the certificate. `None` without HTTPS.
    #[must_use]
    pub fn cert_expires(&self) -> Option<std::time::SystemTime> {
        self.identity.as_ref().and_then(|identity| identity.expires())
    }

    /// Who may use it, for a person to read.
    #[must_use]
    pub fn access(&self) -> String {
        self.service.admission().describe()
    }

    /// Makes it read lists, limits, certificates and the key of the mesh again, while it serves.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reload.reloader()
    }

    /// What it takes to find out whether it answers, once it serves.
    #[must_use]
    pub fn self_check(&self) -> SelfCheck {
        SelfCheck::new(self)
    }

    /// Serves until `shutdown` is ready. Then nobody new is let in, clients are sent what was accepted for them, within
    /// [`Limits::drain`], and all connections are closed. Dropping the future cuts them at once. The error is that of
    /// handing the sockets to the runtime; nothing that peers do ends it.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut listeners = JoinSet::new();
        let stun = self.stun.serve(self.service.tally())?;
        let tasks = TaskTracker::new();
        // Dropped with this future, it cuts every connection.
        let closing = CancellationToken::new();
        let cut = self.service.cut_when_dropped();
        let _closing_guard = closing.clone().drop_guard();
        let entrance = Entrance::new(self.limits.unfinished);
        let front = |role, identity: Option<&Identity>| {
            Ok::<_, io::Error>(Front {
                tls: identity.map(Identity::acceptor).transpose()?,
                routes: Arc::new(Routes::new(role, self.identity.as_ref().and_then(|it| it.acme()).map(Arc::clone))),
                service: Arc::clone(&self.service),
                entrance: Arc::clone(&entrance),
                gate: self.reload.gate(),
                limits: self.limits,
                closing: closing.clone(),
                tasks: tasks.clone(),
            })
        };
        #[cfg(target_os = "linux")]
        let addresses = [&self.tls.addresses[..], &self.plain.addresses[..]].concat();
        // Without HTTPS the plain listener is the main one, as derper's is.
        let beside = self.tls.addresses.first().map_or(Role::Main, |https| Role::BesideHttps { port: https.port() });
        if let Some(identity) = &self.identity {
            self.tls.serve(&mut listeners, &front(Role::Main, Some(identity.as_ref()))?)?;
        }
        self.plain.serve(&mut listeners, &front(beside, None)?)?;
        // Answers until all is over: that the relay stops is of interest too.
        let neighbours = self.mesh.as_ref().map(Mesh::neighbours).unwrap_or_default();
        let meshing = self.mesh.map(Mesh::spawn).transpose()?;
        let mut watched = JoinSet::new();
        let metrics = Metrics::new(Arc::clone(&self.service), self.identity.clone(), neighbours, closing.clone());
        #[cfg(target_os = "linux")]
        if !self.metrics.sockets.is_empty() {
            watched.spawn(round_trips::watch(Arc::clone(&self.service), addresses));
        }
        for socket in self.metrics.sockets {
            watched.spawn(metrics.clone().serve(tokio::net::TcpListener::from_std(socket)?));
        }
        listeners.spawn(entrance.keep_time());
        listeners.spawn(self.reload.run());
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        listeners.spawn(give_back::watch(Arc::clone(&self.service)));
        if let Some(acme) = self.acme {
            listeners.spawn(acme.run());
        }
        shutdown.await;
        closing.cancel();
        self.service.stop();
        stun.stop().await;
        listeners.shutdown().await;
        tasks.close();
        if tokio::time::timeout(self.limits.drain, tasks.wait()).await.is_err() {
            tracing::warn!(
                after_s = self.limits.drain.as_secs_f64(),
                "some clients did not take what was left for them in time, and are cut off"
            );
        }
        drop(cut);
        tasks.wait().await;
        // What clients said last may be for clients of other relays.
        if let Some(meshing) = meshing {
            meshing.leave().await;
        }
        watched.shutdown().await;
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

/// A relay at work. Dropping it cuts it off.
#[derive(Debug)]
pub struct RelayHandle {
    stop: oneshot::Sender<()>,
    task: JoinSet<io::Result<()>>,
}

impl RelayHandle {
    /// Stops the relay and returns when what it accepted is delivered and its sockets are closed. The error is that of
    /// [`Relay::serve`].
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
    fn bind(addresses: &[SocketAddr], inherited: &Inherited) -> io::Result<Self> {
        let sockets = listen::bind_tcp(addresses, inherited)?;
        let addresses = sockets.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        Ok(Self { sockets, addresses })
    }

    fn serve(self, tasks: &mut JoinSet<()>, front: &Front) -> io::Result<()> {
        for socket in self.sockets {
            let listener = tokio::net::TcpListener::from_std(socket)?;
            tasks.spawn(front.clone().serve(listener));
        }
        Ok(())
    }
}

/// Where to connect to for what listens here: a wildcard address is nowhere to go.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}
