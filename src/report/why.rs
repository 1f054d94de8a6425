use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{DoctorWhy, FilterWhy, ModeWhy, NatWhy, Obstacle, PairWhy};
use crate::model::{Family, RegionId};
use crate::probe::{Failure, PortMappingService};

/// The reason of a verdict, or of its absence: typed, so that each language makes its own sentence of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// This run did not measure it: its command does not, or did not yet when it was saved. That one does.
    NotMeasuredHere {
        /// The command that does, as `natscope nat`.
        ask: &'static str,
    },
    /// Only measured when asked for.
    OnlyWith {
        /// The flag, as `--lifetime`.
        flag: &'static str,
    },
    /// No command of this version measures it.
    NotMeasuredYet,
    /// The run ended before it was asked.
    NotAsked,
    /// A flag leaves it out.
    LeftOut {
        /// The flag, as `--no-icmp`.
        flag: &'static str,
    },
    /// There was nobody to ask over this family: no server to ask has an address of it.
    NoServers {
        /// The family.
        family: Family,
    },
    /// Names had to be resolved first, and that failed.
    NamesFailed {
        /// How.
        failure: Failure,
    },
    /// Nobody answers over UDP on this family, and whether TCP does was not settled.
    TcpNotTried {
        /// The family.
        family: Family,
    },
    /// The run was cut short before it could be settled.
    RanOutOfTime {
        /// When.
        after: Duration,
    },

    /// The operating system cannot open sockets of this family.
    NoOsSupport {
        /// The family.
        family: Family,
    },
    /// The host has no route to the internet over this family.
    NoRoute {
        /// The family.
        family: Family,
    },
    /// No route over any family: this host is offline.
    Offline,
    /// This host itself, or its firewall, refused to send.
    SendRefused {
        /// How.
        failure: Failure,
    },

    /// Servers answered over UDP.
    UdpAnswered {
        /// Answers.
        answers: u32,
        /// Servers that gave them.
        servers: u32,
    },
    /// Nobody answered over UDP though the same relays answer over TCP.
    UdpSilent {
        /// Packets sent, all old enough to have been answered.
        copies: u32,
        /// Independent servers they went to.
        servers: u32,
        /// UDP ports they went to.
        ports: Vec<u16>,
    },
    /// Nobody answered over UDP, but too few servers are known to be up to blame the network.
    TooFewWitnesses {
        /// Independent servers that are up (they answer over TCP) and silent over UDP.
        servers: u32,
        /// How many it takes.
        needed: u32,
    },
    /// Enough servers are up and silent over UDP, but all are of one domain: their owner may have closed their STUN ports.
    WitnessesOfOneOwner {
        /// Independent servers that are up and silent.
        servers: u32,
        /// The domain.
        domain: String,
    },
    /// Only servers inside this host's own network answered over UDP, and none of those on the internet.
    OnlyNeighboursAnswered {
        /// How many did.
        servers: u32,
    },
    /// Neither UDP nor TCP was answered by anybody.
    NothingAnswered,
    /// A captive portal answers for everybody.
    BehindPortal,

    /// Something answered over this family.
    FamilyAnswered {
        /// Independent servers that did.
        servers: u32,
    },
    /// Nobody answered over this family, though the other one works.
    FamilySilent {
        /// Packets sent.
        copies: u32,
        /// Independent servers.
        servers: u32,
    },
    /// No server told us an endpoint over this family.
    NoMappedAddress {
        /// The family.
        family: Family,
    },

    /// The same endpoint for every independent server, on every socket.
    MappingSame {
        /// Independent servers.
        servers: u32,
        /// Local sockets.
        sockets: u32,
    },
    /// The same endpoint for all but servers that disagree on every socket, and are thus odd themselves.
    MappingSameButOddServers {
        /// Independent servers that agree.
        servers: u32,
        /// Servers left out.
        odd: u32,
    },
    /// The same endpoint for every server on most sockets; another one on a socket whose port collides with a
    /// neighbour's behind the same NAT.
    MappingSameButPortCollision {
        /// Sockets that agree.
        sockets: u32,
        /// Sockets that do not.
        collided: u32,
    },
    /// The same endpoint for every server on most sockets; on another one a single server saw another endpoint: it was
    /// wrong, or the port collides with a neighbour's there.
    MappingSameButLoneView {
        /// Sockets that agree.
        sockets: u32,
        /// Sockets that do not.
        differing: u32,
    },
    /// Another endpoint for each destination.
    MappingDiffers {
        /// Independent servers.
        servers: u32,
        /// Distinct endpoints on one socket.
        endpoints: u32,
    },
    /// Servers saw our own local endpoint: nothing translates on the way.
    NoTranslation {
        /// Independent servers.
        servers: u32,
    },
    /// Only this many independent servers answered, and one destination proves nothing.
    TooFewServers {
        /// How many did.
        have: u32,
        /// How many it takes.
        need: u32,
    },
    /// Independent servers agree on it.
    SeenBy {
        /// How many.
        servers: u32,
    },
    /// External ports compared with local ones, socket by socket.
    PortsKept {
        /// Sockets that kept theirs.
        kept: u32,
        /// Sockets compared.
        sockets: u32,
    },
    /// Two servers disagree, and nobody can say whether the NAT or one of them is odd.
    ServersDisagree {
        /// What they saw.
        endpoints: Vec<SocketAddr>,
    },
    /// The sockets disagree with each other.
    SocketsDisagree,
    /// Only one local socket was seen by enough servers, which cannot tell an odd NAT from an odd server or a port
    /// collision.
    OneSocket,
    /// Our public address depends on the destination or the flow: several uplinks, or a pool of addresses.
    SeveralAddresses {
        /// The addresses.
        addresses: Vec<IpAddr>,
    },
    /// The mapping depends on the destination, but whether on the address alone or also on the port takes a server with a second port.
    DependencyNotMeasured,
    /// The servers asked are not on the internet, so they say nothing of the way there.
    ServersNotOnInternet,
    /// UDP gets no answer, so there is no mapping to see.
    UdpIsBlocked,
    /// It follows from the mapping.
    FromMapping,
    /// It follows from mapping and filtering.
    FromMappingAndFiltering,
    /// The difficulty is as measured: no port mapping was verified.
    NoPortMappingVerified,

    /// What was concluded from the filter tests, or why nothing.
    Filter(FilterWhy),

    /// Of further modes of the NAT test.
    Mode(ModeWhy),
    /// Of hairpinning, ports and addresses.
    Nat(NatWhy),

    /// The nearest of the regions that may be home.
    HomeNearest {
        /// Its latency.
        latency: Duration,
        /// Regions compared.
        of: u32,
        /// The runner-up and its latency.
        next: Option<(RegionId, Duration)>,
        /// The `RegionScore` factor, where the map gives it one.
        score: Option<f64>,
    },
    /// The previous home is kept: the new best is not better by enough (less than 10 ms, or more than two thirds).
    HomeKept {
        /// The latency of the home.
        latency: Duration,
        /// The region that would be nearer.
        nearer: RegionId,
        /// Its latency.
        nearer_latency: Duration,
    },
    /// A nearer region is passed over because its relay does not answer over TCP.
    HomeRelayDown {
        /// The region passed over.
        passed_over: RegionId,
        /// What its relay did.
        failure: Failure,
        /// The latency of the one chosen.
        latency: Duration,
    },
    /// This region would be home, but its relay could not be asked whether it answers.
    HomeRelayNotAsked {
        /// The region.
        region: RegionId,
        /// What became of its name; `None`: it has no address that could be asked.
        failure: Option<Failure>,
    },
    /// No region that may be home was measured.
    NoHomeCandidate,
    /// Regions were measured, but no relay that could be home answers over TCP.
    NoRelayAnswers,

    /// Echo replies came.
    IcmpAnswered {
        /// How many.
        answers: u32,
    },
    /// This host does not let us send echo requests.
    IcmpNotPermitted,
    /// No echo reply: relays and networks alike may drop ICMP.
    IcmpSilent {
        /// Requests sent.
        copies: u32,
    },
    /// UDP works, which no captive portal lets through.
    UdpWorks,
    /// A relay's TLS certificate was verified, which no captive portal can fake.
    TlsVerified,
    /// A relay's port 80 gave our challenge back.
    ChallengeEchoed,
    /// Something else than the relay answered on port 80.
    PortalAnswered {
        /// HTTP status.
        status: u16,
        /// Where it redirects to.
        location: Option<String>,
    },
    /// Port 80 answers as the relay does, but our challenge did not come back: an HTTP proxy in between, or a relay without the challenge.
    ChallengeStripped,
    /// No answer from port 80.
    PortalSilent,
    /// No node of this map offers port 80 for the check.
    NoPortalEndpoint,

    /// The router says it would.
    RouterOffers {
        /// The service.
        service: PortMappingService,
        /// What it said of itself.
        detail: Option<String>,
    },
    /// The router says it would not.
    RouterDeclines {
        /// The service.
        service: PortMappingService,
        /// What it said.
        detail: Option<String>,
    },
    /// The router refuses the service's port: nothing listens there.
    RouterRefuses {
        /// The service.
        service: PortMappingService,
    },
    /// The router gave no answer in the time there was.
    RouterSilent {
        /// The service.
        service: PortMappingService,
        /// How long was waited.
        waited: Duration,
    },
    /// Asking the router failed.
    RouterUnreachable {
        /// The service.
        service: PortMappingService,
        /// How.
        failure: Failure,
    },
    /// There is no default gateway with a private address to ask.
    NoGateway,

    /// The router's outer address is in 100.64.0.0/10 (RFC 6598).
    WanIsCarrierGrade {
        /// The address.
        wan: IpAddr,
    },
    /// This host's own address is of 100.64.0.0/10: a carrier's, or that of a cloud's network or of containers.
    OwnAddressIsCarrierGrade {
        /// The address.
        address: IpAddr,
    },
    /// The router's outer address is the one servers see.
    WanIsMappedAddress {
        /// The address.
        wan: IpAddr,
    },
    /// The router's outer address is private: two NATs in a row, whoever owns the second.
    WanIsPrivate {
        /// The address.
        wan: IpAddr,
    },
    /// The router's outer address is public, yet not the one servers see: a second NAT, a VPN, or several uplinks.
    WanIsAnother {
        /// The router's.
        wan: IpAddr,
        /// The one servers see.
        mapped: IpAddr,
    },
    /// The router did not tell its outer address.
    WanUnknown,

    /// No direct path was tried for.
    DirectNotTried,
    /// A pong came over it.
    DirectPong {
        /// From where.
        endpoint: SocketAddr,
        /// How long after the start.
        after: Duration,
    },
    /// The peer answers only through relays, as it does unless it was asked to offer more.
    DirectNotOffered,
    /// This host has no UDP socket to be reached at.
    DirectNoSocket {
        /// Why not.
        failure: Failure,
    },
    /// No pong came, over any path.
    NoPong,
    /// It was tried for and did not come about.
    DirectFailed {
        /// What is in the way, as far as is known.
        obstacle: Obstacle,
    },
    /// Why two hosts will or will not talk directly.
    Pair(PairWhy),

    /// What the doctor says of an open relay.
    Doctor(DoctorWhy),
}
