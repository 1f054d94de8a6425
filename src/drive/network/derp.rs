//! The way to a relay, to speak DERP with it: node after node, both address families in a race, proxies, TLS, the
//! upgrade.
//!
//! The request is written by hand: with a fast start there is no answer to it, which no HTTP client would bear.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::causes::{Deadline, Reached, failure_of};
use super::https::{Https, Opened, Stream};
use super::options::NetworkOptions;
use super::resolve::Names;
use super::sockets::{Binding, Routes};
use super::{DriveError, Proxies};
use crate::drive::clock::Clock;
use crate::model::{CertName, Family, Node, NodePublic, Pin};
use crate::probe::{Cause, Failure, HttpsTarget, Stage};
use crate::wire::upgrade::{Request, ResponseHead, ResponseReader, meta_certificate_key};
use crate::wire::x509::Certificate;

/// For all of it at most: name, TCP, TLS, upgrade.
const OVERALL: Duration = Duration::from_secs(10);

/// For one node's name and TCP, so that a dead one does not cost the region.
const NODE: Duration = Duration::from_millis(1500);

/// How long IPv4 stands back where IPv6 is likely to work.
const HEAD_START: Duration = Duration::from_millis(200);

/// A relay to be joined: one region's nodes, or one address.
#[derive(Clone, Debug)]
pub struct RelayAt {
    /// What people call it.
    pub name: String,
    /// The number of its region, for peers to know.
    pub region: u16,
    /// In order of priority; those that only answer STUN are passed over.
    pub nodes: Vec<Node>,
    /// Whether TLS is spoken.
    pub tls: bool,
}

/// A connection to a relay on which frames are spoken from now on.
pub(in crate::drive) struct Dialled {
    pub(in crate::drive) stream: Box<dyn Stream>,
    pub(in crate::drive) remote: SocketAddr,
    /// The relay's key, where its certificate told it: then the request has been sent and is not going to be answered.
    pub(in crate::drive) key: Option<NodePublic>,
    /// What came with the answer.
    pub(in crate::drive) early: BytesMut,
    /// What is to be sent before anything else, together with it.
    pub(in crate::drive) request: BytesMut,
}

/// Dials relays.
pub(in crate::drive) struct Dialer {
    clock: Clock,
    binding: Binding,
    https: Https,
    names: Names,
    routes: Mutex<Routes>,
    families: [bool; 2],
    /// For all of an attempt.
    patience: Duration,
}

impl Dialer {
    pub(in crate::drive) fn new(
        clock: Clock,
        options: NetworkOptions,
        families: [bool; 2],
        patience: Option<Duration>,
    ) -> Result<Self, DriveError> {
        let binding = Binding::verified(&options)?;
        let proxies: &Proxies = &options.proxies;
        Ok(Self {
            clock,
            https: Https::new(clock, binding.clone(), proxies, options.trust.clone()),
            routes: Mutex::new(Routes::new(binding.clone())),
            binding,
            names: Names::new(options.nameservers),
            families,
            patience: patience.map_or(OVERALL, |patience| patience.min(OVERALL)),
        })
    }

    /// Where the sockets of direct paths are bound.
    pub(in crate::drive) const fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Whether a family may be used.
    pub(in crate::drive) fn allows(&self, family: Family) -> bool {
        let [v4, v6] = self.families;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// The first address of a STUN server, by its pin or its name.
    pub(in crate::drive) async fn stun_address(&self, node: &Node, family: Family) -> Option<IpAddr> {
        if let Some(address) = node.stun_test_ip {
            return Some(address).filter(|address| Family::of(*address) == family);
        }
        let addresses = self.addresses(node, family, self.deadline(NODE * 2)).await;
        addresses.ok()?.first().copied()
    }

    /// Connects to the first node that lets it, and asks it to speak DERP.
    pub(in crate::drive) async fn dial(&self, relay: &RelayAt) -> Result<Dialled, Failure> {
        let begun = self.clock.now();
        let deadline = self.deadline(self.patience);
        let mut failure = Failure::new(Stage::Dns, Cause::NoAddress);
        for node in relay.nodes.iter().filter(|node| !node.stun_only) {
            let target = target_of(node);
            let proxied = async {
                let through = if relay.tls { self.https.through_proxy(&target).await } else { None };
                Ok(through)
            };
            let opened = match deadline.within(Stage::Connect, proxied).await {
                Ok(Some(through)) => through,
                Ok(None) => {
                    let spent = self.clock.now().since_start().saturating_sub(begun.since_start());
                    self.race(node, NODE.min(self.patience.saturating_sub(spent))).await
                }
                Err(late) => Err(late),
            };
            // Only a node that cannot be reached is passed over: one that answers wrongly is to be heard of.
            match opened {
                Ok(opened) => return self.upgrade(relay, node, &target, opened, &deadline).await,
                Err(why) => failure = why,
            }
        }
        Err(failure)
    }

    async fn upgrade(
        &self,
        relay: &RelayAt,
        node: &Node,
        target: &HttpsTarget,
        opened: Opened,
        deadline: &Deadline,
    ) -> Result<Dialled, Failure> {
        let remote = opened.remote;
        let (stream, key): (Box<dyn Stream>, _) = if relay.tls {
            let secured = self.https.secure(target, deadline, async { Ok(opened) }).await?;
            let session = secured.stream.get_ref().1;
            let recent = session.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
            let key = session.peer_certificates().filter(|_| recent).into_iter().flatten().find_map(|der| {
                let certificate = Certificate::decode(der)?;
                meta_certificate_key(&certificate.common_name, certificate.serial?)
            });
            (Box::new(secured.stream), key)
        } else {
            (opened.stream, None)
        };
        let ideal = relay.nodes.first().map(|first| first.name.as_str()).filter(|first| *first != node.name);
        let request =
            Request { host: &node.host_name, port: node.derp_port, fast_start: key.is_some(), ideal_node: ideal };
        let request = request
            .encode()
            .map_err(|error| Failure::new(Stage::Http, Cause::Unsupported { what: error.to_string() }))?;
        let request = BytesMut::from(&request[..]);
        if key.is_some() {
            return Ok(Dialled { stream, remote, key, early: BytesMut::new(), request });
        }
        let mut stream = stream;
        let early = deadline.within(Stage::Http, answered(&mut stream, &request)).await?;
        Ok(Dialled { stream, remote, key: None, early, request: BytesMut::new() })
    }

    /// The addresses of a node, IPv6 with a head start where it is likely to work.
    async fn race(&self, node: &Node, patience: Duration) -> Result<Opened, Failure> {
        let deadline = self.deadline(patience);
        let mut v6 = pin!(self.connect(node, Family::V6, deadline.clone()));
        let mut v4 = pin!(self.connect(node, Family::V4, deadline.clone()));
        let mut failures = Vec::new();
        if self.is_likely(node, Family::V6) && self.may_reach(node, Family::V4) {
            match tokio::time::timeout(HEAD_START, &mut v6).await {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(why)) => failures.push((Family::V6, why)),
                Err(_) => {}
            }
        }
        while failures.len() < 2 {
            let tried = |family| failures.iter().any(|(known, _)| *known == family);
            let (family, outcome) = tokio::select! {
                outcome = &mut v6, if !tried(Family::V6) => (Family::V6, outcome),
                outcome = &mut v4, if !tried(Family::V4) => (Family::V4, outcome),
            };
            match outcome {
                Ok(opened) => return Ok(opened),
                Err(why) => failures.push((family, why)),
            }
        }
        Err(telling(failures.into_iter().map(|(_, why)| why)))
    }

    async fn connect(&self, node: &Node, family: Family, deadline: Deadline) -> Result<Opened, Failure> {
        let addresses = self.addresses(node, family, deadline.clone()).await?;
        let mut failure = Failure::new(Stage::Dns, Cause::NoAddress);
        for address in addresses {
            let remote = SocketAddr::new(address, node.derp_port);
            let begun = self.clock.now();
            match deadline.within(Stage::Connect, self.binding.connect(remote)).await {
                Ok(stream) => {
                    let connect = self.clock.now().since(begun);
                    return Ok(Opened { stream: Box::new(stream), remote, via_proxy: None, connect });
                }
                Err(why) => failure = why,
            }
        }
        Err(failure)
    }

    async fn addresses(&self, node: &Node, family: Family, deadline: Deadline) -> Result<Vec<IpAddr>, Failure> {
        let nowhere = Err(Failure::new(Stage::Dns, Cause::NoAddress));
        if !self.allows(family) {
            return nowhere;
        }
        let pinned = match family {
            Family::V4 => pinned(node.ipv4),
            Family::V6 => pinned(node.ipv6),
        };
        match pinned {
            Pin::Address(address) => return Ok(vec![address]),
            Pin::Disabled => return nowhere,
            Pin::Resolve => {}
        }
        if let Some(address) = node.host_address() {
            return if Family::of(address) == family { Ok(vec![address]) } else { nowhere };
        }
        let addresses = self.names.addresses(&node.host_name, family, deadline).await?;
        if addresses.is_empty() { nowhere } else { Ok(addresses) }
    }

    fn may_reach(&self, node: &Node, family: Family) -> bool {
        let disabled = match family {
            Family::V4 => node.ipv4 == Pin::Disabled,
            Family::V6 => node.ipv6 == Pin::Disabled,
        };
        self.allows(family) && !disabled && node.host_address().is_none_or(|address| Family::of(address) == family)
    }

    /// Whether there is a route over that family.
    fn is_likely(&self, node: &Node, family: Family) -> bool {
        const SOMEWHERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        let towards = match node.ipv6 {
            Pin::Address(address) => address.into(),
            Pin::Resolve | Pin::Disabled => SOMEWHERE,
        };
        let mut routes = self.routes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.may_reach(node, family) && routes.local_address(towards).is_some()
    }

    fn deadline(&self, after: Duration) -> Deadline {
        Deadline::new(self.clock.instant(self.clock.now()), after, Reached::new(Stage::Connect))
    }
}

/// Sends the request and reads the answer; what came after it is frames.
async fn answered(stream: &mut Box<dyn Stream>, request: &[u8]) -> Result<BytesMut, Failure> {
    let failed = |error: std::io::Error| failure_of(Stage::Http, &error);
    stream.write_all(request).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut reader = ResponseReader::new();
    let mut buffer = BytesMut::with_capacity(4096);
    loop {
        buffer.clear();
        if stream.read_buf(&mut buffer).await.map_err(failed)? == 0 {
            return Err(Failure::new(Stage::Http, Cause::Closed));
        }
        let head: Option<ResponseHead> = reader
            .feed(&buffer)
            .map_err(|error| Failure::new(Stage::Http, Cause::Malformed { problem: error.to_string() }))?;
        match head {
            Some(head) if head.is_switching() => return Ok(reader.rest()),
            Some(head) => return Err(Failure::new(Stage::Http, Cause::Status { code: head.status })),
            None => {}
        }
    }
}

/// The failure that says most: a family that was never there says nothing.
fn telling(failures: impl Iterator<Item = Failure>) -> Failure {
    let weight = |failure: &Failure| match failure.cause {
        Cause::NoAddress | Cause::Unsupported { .. } => 0,
        Cause::Unreachable => 1,
        _ => 2,
    };
    failures.max_by_key(weight).unwrap_or(Failure::new(Stage::Dns, Cause::NoAddress))
}

fn pinned<A: Into<IpAddr>>(pin: Pin<A>) -> Pin<IpAddr> {
    match pin {
        Pin::Address(address) => Pin::Address(address.into()),
        Pin::Resolve => Pin::Resolve,
        Pin::Disabled => Pin::Disabled,
    }
}

fn target_of(node: &Node) -> HttpsTarget {
    HttpsTarget {
        host_name: node.host_name.clone(),
        address: node.host_address(),
        port: node.derp_port,
        cert_name: match &node.cert_name {
            CertName::HostName => String::new(),
            CertName::Name(name) => name.clone(),
            CertName::Sha256Raw(hash) => format!("sha256-raw:{hash}"),
        },
        insecure_for_tests: node.insecure_for_tests,
    }
}
