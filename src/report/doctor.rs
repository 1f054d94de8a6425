use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{DoctorWhy, Verdict};
use crate::model::RegionId;
use crate::probe::{CertificateSeen, Failure};

/// What `natscope doctor` has seen of a relay, or of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Doctor {
    /// What was named on the command line.
    pub target: String,
    /// Each relay, in the map's order.
    pub nodes: Vec<NodeExam>,
}

impl Doctor {
    /// Each layer over all relays: failed where one failed, else fine where one is; the longest time of those that count.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerExam> {
        let worst = |layer: Layer| {
            let seen = || self.nodes.iter().flat_map(|node| &node.layers).filter(move |exam| exam.layer == layer);
            let state = seen().map(|exam| exam.state).max().unwrap_or(LayerState::Skipped);
            let took = seen().filter(|exam| exam.state == state).filter_map(|exam| exam.took).max();
            LayerExam { layer, state, took }
        };
        Layer::ALL.into_iter().map(worst).collect()
    }

    /// Whether some relay answered anything at all.
    #[must_use]
    pub fn anything_answered(&self) -> bool {
        self.nodes.iter().any(|node| {
            node.facts.stun.iter().any(|stun| stun.tailnode.is_some() || stun.plain.is_some())
                || node.facts.addresses.iter().any(|address| address.tcp.is_ok())
                // A proxy connects to the relay before it says so.
                || node.facts.via_proxy.is_some()
        })
    }
}

/// What was seen of one relay.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeExam {
    /// Its name in the map, or its URL.
    pub name: String,
    /// Its region, where it is of a map.
    pub region: Option<(RegionId, String)>,
    /// Its host name.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Whether TLS is spoken with it.
    pub tls: bool,
    /// Whether it answers STUN and relays nothing.
    pub stun_only: bool,
    /// Every layer, in order.
    pub layers: Vec<LayerExam>,
    /// Layers that were skipped since nothing certain came of what was asked, and why.
    pub undetermined: Vec<(Layer, DoctorWhy)>,
    /// Whether it relays for anybody: two throw-away keys were let in, and a packet went from one to the other.
    pub open_relay: Verdict<bool>,
    /// `sha256-raw:` with the hash of its certificate.
    pub cert_pin: Option<String>,
    /// What else was seen.
    pub facts: ExamFacts,
}

impl NodeExam {
    /// Whether it was looked at to the end: to the layer that fails, or as far as the relay's greeting (which a node that
    /// answers STUN alone does not have) and STUN (which the map may rule out), and for as long as it was to be held.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let failed = self.layers.iter().any(|exam| exam.state == LayerState::Failed);
        let looked_at = |layer| self.layer(layer) != LayerState::Skipped;
        let stun = self.facts.no_stun || looked_at(Layer::Stun);
        let derp = self.stun_only || looked_at(Layer::Derp);
        failed || (derp && stun && !self.facts.hold_cut_short && self.undetermined.is_empty())
    }

    /// Why nothing is known of a layer, where it was asked about.
    #[must_use]
    pub fn undetermined(&self, wanted: Layer) -> Option<&DoctorWhy> {
        self.undetermined.iter().find(|(layer, _)| *layer == wanted).map(|(_, why)| why)
    }

    /// The state of a layer.
    #[must_use]
    pub fn layer(&self, wanted: Layer) -> LayerState {
        self.layers.iter().find(|exam| exam.layer == wanted).map_or(LayerState::Skipped, |exam| exam.state)
    }
}

/// A step from the map to the relay's service, each resting on those before it; STUN rests on DNS alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The entry in the map.
    Map,
    /// The name.
    Dns,
    /// The TCP connection.
    Tcp,
    /// The TLS session and the certificate.
    Tls,
    /// The upgrade from HTTP.
    Http,
    /// The DERP session, up to a packet relayed.
    Derp,
    /// STUN over UDP.
    Stun,
    /// What is between this host and the relay, as far as it can be told.
    Path,
}

impl Layer {
    /// All of them, in order.
    pub const ALL: [Self; 8] =
        [Self::Map, Self::Dns, Self::Tcp, Self::Tls, Self::Http, Self::Derp, Self::Stun, Self::Path];

    /// The layer of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Derp => "derp",
            Self::Stun => "stun",
            Self::Path => "path",
        }
    }
}

/// A layer and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerExam {
    /// Which.
    pub layer: Layer,
    /// What became of it.
    pub state: LayerState,
    /// How long its own step took, where it was taken.
    pub took: Option<Duration>,
}

/// What became of a layer. In order of what counts when several are looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerState {
    /// Not looked at: a layer below it failed, the relay has none, or there was no time.
    Skipped,
    /// It does what it should.
    Ok,
    /// It does not.
    Failed,
}

/// What was seen of a relay beside its faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExamFacts {
    /// Its addresses, and what TCP said at each.
    pub addresses: Vec<AddressExam>,
    /// The proxy that connections went through.
    pub via_proxy: Option<String>,
    /// The version of TLS.
    pub tls_version: Option<String>,
    /// Its own certificate.
    pub certificate: Option<CertificateSeen>,
    /// For how long it is still valid; absent where it is not valid now.
    pub certificate_left: Option<Duration>,
    /// How many certificates it presents, a meta-certificate not counted.
    pub chain: Option<usize>,
    /// What clients do with this certificate and this entry of a map.
    pub clients: Vec<ClientView>,
    /// What its web server calls itself.
    pub server: Option<String>,
    /// Seconds its clock is ahead of this host's.
    pub date_ahead_s: Option<i64>,
    /// Its key in hex.
    pub key: Option<String>,
    /// Whether `Upgrade: DERP` is answered with 101.
    pub upgrade: Option<bool>,
    /// Whether a fast start works; absent where the certificate offers none.
    pub fast_start: Option<bool>,
    /// Whether DERP works inside a WebSocket, where that was tried.
    pub websocket: Option<bool>,
    /// Whether a throw-away key is let in.
    pub admitted: Option<bool>,
    /// From sending a packet to hearing its answer: twice through the relay.
    pub exchange: Option<Duration>,
    /// The map says that it has no STUN.
    pub no_stun: bool,
    /// What each of its STUN addresses said.
    pub stun: Vec<StunExam>,
    /// How long a connection was held, keep-alives heard, and whether it was still up at the end; with `--long`.
    pub hold: Option<(Duration, u32, bool)>,
    /// A connection was to be held, and the time was over before it could be.
    pub hold_cut_short: bool,
}

/// An address of a relay.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressExam {
    /// The address.
    pub address: IpAddr,
    /// The time of the TCP handshake, or why there was none.
    pub tcp: Result<Duration, Failure>,
}

/// What a STUN address said.
#[derive(Clone, Debug, PartialEq)]
pub struct StunExam {
    /// The address.
    pub server: SocketAddr,
    /// The round trip of a request in the form of Tailscale's clients.
    pub tailnode: Option<Duration>,
    /// The round trip of a request without attributes.
    pub plain: Option<Duration>,
    /// This host's endpoint as it sees it.
    pub mapped: Option<SocketAddr>,
    /// Why there was no answer.
    pub failure: Option<Failure>,
}

/// A program that uses relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Tailscale's own client, written in Go.
    Tailscale,
    /// `tailscale-rs`, its library in Rust.
    TailscaleRs,
}

impl Client {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tailscale => "tailscale",
            Self::TailscaleRs => "tailscale-rs",
        }
    }
}

/// What a client does with the certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientView {
    /// Which client.
    pub client: Client,
    /// Whether it takes the certificate.
    pub accepts: bool,
    /// Why, or why not.
    pub because: ClientReason,
}

/// Why a client takes a certificate, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientReason {
    /// A chain to a trusted root, for the name.
    Chain,
    /// A chain to a trusted root; the address is not looked at.
    ChainOnly,
    /// The pin matches.
    Pin,
    /// `InsecureForTests`.
    Insecure,
    /// It has no use for pins.
    NoPins,
    /// Plain HTTP takes a setting of its own, for tests.
    NoTls,
    /// The certificate is not good enough for the node.
    Refused,
}
