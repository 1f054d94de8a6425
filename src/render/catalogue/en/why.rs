use std::fmt::Display;

use super::count;
use super::doctor;
use super::failure::failure;
use super::nat_why;
use super::predict;
use crate::probe::PortMappingService;
use crate::render::catalogue::{RegionNames, service};
use crate::render::number::{round_trip, span};
use crate::report::{FilterWhy, Why};

/// The reason as a clause without a full stop.
#[allow(clippy::too_many_lines, reason = "one arm a reason, nothing else")]
pub(super) fn why(why: &Why, names: &RegionNames<'_>) -> String {
    match why {
        Why::Doctor(why) => doctor::why(why),
        Why::NotMeasuredHere { ask } => format!("this run did not measure it; `{ask}` does"),
        Why::OnlyWith { flag } => format!("only measured with {flag}"),
        Why::NotMeasuredYet => "this version does not measure it".to_owned(),
        Why::NotAsked => "the run ended before it was asked".to_owned(),
        Why::LeftOut { flag } => format!("left out by {flag}"),
        Why::NoServers { family } => format!("none of the servers to ask has an {family} address"),
        Why::NamesFailed { failure: how } => format!("no server could be asked: {}", failure(how)),
        Why::TcpNotTried { family } => {
            format!("no answer over {family} UDP, and whether TCP gets through was not settled")
        }
        Why::RanOutOfTime { after } => format!("the run ended after {} before it was settled", span(*after)),

        Why::NoOsSupport { family } => format!("this system cannot open {family} sockets"),
        Why::NoRoute { family } => format!("this host has no {family} route to the internet"),
        Why::Offline => "this host has no route to the internet".to_owned(),
        Why::SendRefused { failure: how } => format!("this host or its firewall refused to send: {}", failure(how)),

        Why::UdpAnswered { answers, servers } => {
            format!("{} from {}", count(*answers, "answer", "answers"), self::servers(*servers))
        }
        Why::UdpSilent { copies, servers, ports } => format!(
            "no answer to {} to UDP {} of {}, which do answer over TCP",
            packets(*copies),
            joined("port", "ports", ports),
            self::servers(*servers)
        ),
        Why::TooFewWitnesses { servers, needed } => format!(
            "no answer over UDP, but only {} known to be up; it takes {needed} to blame the network",
            count(*servers, "server is", "servers are")
        ),
        Why::WitnessesOfOneOwner { servers, domain } => format!(
            "no answer over UDP from {}, but all are of {domain}, whose owner may have closed their STUN ports",
            self::servers(*servers)
        ),
        Why::OnlyNeighboursAnswered { servers } => {
            format!("only {} inside this network answered", self::servers(*servers))
        }
        Why::NothingAnswered => "nobody gave a usable answer, over UDP or TCP".to_owned(),
        Why::BehindPortal => "a captive portal answers for everybody".to_owned(),

        Why::FamilyAnswered { servers } => format!("{} answered", self::servers(*servers)),
        Why::FamilySilent { copies, servers } => {
            format!("no answer to {} to {}", packets(*copies), self::servers(*servers))
        }
        Why::NoMappedAddress { family } => format!("no server told us an {family} endpoint"),

        Why::MappingSame { servers, sockets } => {
            format!("{} saw the same endpoint, on {}", self::servers(*servers), count(*sockets, "socket", "sockets"))
        }
        Why::MappingSameButOddServers { servers, odd } => format!(
            "{} saw the same endpoint; {} on every socket and left out",
            self::servers(*servers),
            count(*odd, "server that disagrees", "servers that disagree")
        ),
        Why::MappingSameButPortCollision { sockets, collided } => format!(
            "the same endpoint on {}; another on {}, whose port collides with a neighbour's",
            count(*sockets, "socket", "sockets"),
            count(*collided, "socket", "sockets")
        ),
        Why::MappingSameButLoneView { sockets, differing } => format!(
            "the same endpoint on {}; on {} one server saw another: it was wrong, or the port collides with a neighbour's",
            count(*sockets, "socket", "sockets"),
            count(*differing, "socket", "sockets")
        ),
        Why::MappingDiffers { servers, endpoints } => {
            format!("{} saw {} of one socket", self::servers(*servers), count(*endpoints, "endpoint", "endpoints"))
        }
        Why::NoTranslation { servers } => format!("{} saw our own local endpoint", self::servers(*servers)),
        Why::TooFewServers { have: 0, need } => format!("no server answered, and it takes {need} independent ones"),
        Why::TooFewServers { have, need } => {
            format!("{} answered, and it takes {need}", count(*have, "independent server", "independent servers"))
        }
        Why::ServersDisagree { endpoints } => {
            format!("servers disagree ({}), and whether the NAT or a server is odd cannot be told", row(endpoints))
        }
        Why::SeenBy { servers } => format!("{} agree", self::servers(*servers)),
        Why::PortsKept { kept, sockets } => {
            format!("{kept} of {} kept the local port", count(*sockets, "socket", "sockets"))
        }
        Why::OneSocket => {
            "only one socket was seen by enough servers, which cannot tell an odd NAT from an odd server".to_owned()
        }
        Why::SocketsDisagree => "the sockets disagree with each other".to_owned(),
        Why::SeveralAddresses { addresses } => {
            format!("the public address varies ({}): several uplinks, or a pool of addresses", row(addresses))
        }
        Why::DependencyNotMeasured => {
            "it depends on the destination; whether on its port too takes a server with a second port".to_owned()
        }
        Why::ServersNotOnInternet => {
            "the servers asked are not on the internet, so they say nothing of the way there".to_owned()
        }
        Why::UdpIsBlocked => "UDP gets no answer, so there is no mapping to see".to_owned(),
        Why::FromMapping => "it follows from the mapping".to_owned(),
        Why::FromMappingAndFiltering => "it follows from mapping and filtering".to_owned(),
        Why::NoPortMappingVerified => "as measured: no port mapping was verified".to_owned(),

        Why::Filter(why) => filter(why),

        Why::Mode(mode) => super::mode_why::why(mode),

        Why::Nat(why) => nat_why::nat_why(why),

        Why::HomeNearest { latency: _, of, next, score } => {
            let mut text = vec![format!("nearest of {}", count(*of, "region", "regions"))];
            if let Some((region, latency)) = next {
                text.push(format!("next is {} at {}", names.code(*region), round_trip(*latency)));
            }
            if let Some(score) = score {
                text.push(format!("the map weighs it by {score}"));
            }
            text.join("; ")
        }
        Why::HomeKept { latency: _, nearer, nearer_latency } => {
            format!("kept: {} at {} is not nearer by enough to move", names.code(*nearer), round_trip(*nearer_latency))
        }
        Why::HomeRelayDown { passed_over, failure: how, latency: _ } => {
            format!("{} is nearer, but its relay does not answer: {}", names.code(*passed_over), failure(how))
        }
        Why::HomeRelayNotAsked { region, failure: Some(how) } => {
            format!("{} is nearest, but its relay could not be asked: {}", names.code(*region), failure(how))
        }
        Why::HomeRelayNotAsked { region, failure: None } => {
            format!("{} is nearest, but its relay has no address that could be asked", names.code(*region))
        }
        Why::NoHomeCandidate => "no region that may be home was measured".to_owned(),
        Why::NoRelayAnswers => "regions were measured, but no relay that could be home answers over TCP".to_owned(),

        Why::IcmpAnswered { answers } => count(*answers, "echo reply", "echo replies"),
        Why::IcmpNotPermitted => "this host does not let us send echo requests".to_owned(),
        Why::IcmpSilent { copies } => format!(
            "no reply to {}, but relays and networks often drop ICMP",
            count(*copies, "echo request", "echo requests")
        ),
        Why::UdpWorks => "UDP works, which no captive portal lets through".to_owned(),
        Why::TlsVerified => "a relay's certificate was verified, which no captive portal can fake".to_owned(),
        Why::ChallengeEchoed => "a relay's port 80 gave our challenge back".to_owned(),
        Why::PortalAnswered { status, location: Some(location) } => {
            format!("port 80 answered with status {status}, redirecting to {location}")
        }
        Why::PortalAnswered { status, location: None } => {
            format!("port 80 answered with status {status} instead of the relay")
        }
        Why::ChallengeStripped => {
            "port 80 answered like a relay without our challenge: an HTTP proxy, or a relay that does not echo it"
                .to_owned()
        }
        Why::PortalSilent => "no answer from port 80".to_owned(),
        Why::NoPortalEndpoint => "no node of this map offers port 80 for the check".to_owned(),

        Why::RouterOffers { service: asked, detail } => with_detail("the router offers it", *asked, detail.as_deref()),
        Why::RouterDeclines { service: asked, detail } => with_detail("the router declines", *asked, detail.as_deref()),
        Why::RouterRefuses { service: asked } => {
            format!("the router has nothing listening on the {} port", service(*asked))
        }
        Why::RouterSilent { service: asked, waited } => {
            format!("the router gave no {} answer in {}", service(*asked), span(*waited))
        }
        Why::RouterUnreachable { service: asked, failure: how } => {
            format!("asking the router over {} failed: {}", service(*asked), failure(how))
        }
        Why::NoGateway => "there is no default gateway with a private address".to_owned(),

        Why::WanIsCarrierGrade { wan } => format!("the router's outer address {wan} is in 100.64.0.0/10"),
        Why::OwnAddressIsCarrierGrade { address } => {
            format!("this host's address {address} is in 100.64.0.0/10, which carriers use, and clouds as well")
        }
        Why::WanIsMappedAddress { wan } => format!("the router's outer address {wan} is the one servers see"),
        Why::WanIsPrivate { wan } => format!("the router's outer address {wan} is private: two NATs in a row"),
        Why::WanIsAnother { wan, mapped } => format!(
            "the router's outer address is {wan}, servers see {mapped}: a second NAT, a VPN, or several uplinks"
        ),
        Why::WanUnknown => "the router did not tell its outer address".to_owned(),

        Why::DirectNotTried => "not tried for: --direct was not given".to_owned(),
        Why::DirectPong { endpoint, after } => format!("a pong came from {endpoint} after {}", span(*after)),
        Why::DirectNotOffered => "the peer offers none: it was started without --direct".to_owned(),
        Why::DirectNoSocket { failure: how } => format!("this host has no UDP socket for it: {}", failure(how)),
        Why::NoPong => "the peer did not answer at all".to_owned(),
        Why::DirectFailed { obstacle } => super::ping::obstacle(*obstacle),
        Why::Pair(pair) => predict::why(pair),
    }
}

fn filter(why: &FilterWhy) -> String {
    match why {
        FilterWhy::StrangerPassed { from } => format!("a packet from {from} came through, where nothing had been sent"),
        FilterWhy::NeighbourPassed { from, silent } => format!(
            "a packet from {from} came through, from another port of the server; {} from another address did not, by the \
             NAT or a firewall on this host",
            packets(*silent)
        ),
        FilterWhy::OnlyTheAddresseePassed { silent } => format!(
            "{} from the server's other port did not come through, by the NAT or a firewall on this host",
            packets(*silent)
        ),
        FilterWhy::TooFewCopies { silent, needed } => {
            format!(
                "nothing came through from elsewhere, but that takes {needed} packets to tell, and there were {silent}"
            )
        }
        FilterWhy::AddressNotTested { from } => format!(
            "a packet from {from} came through, from another port of the server; that a server sent from another \
             address could not be proven"
        ),
        FilterWhy::SendingNotProven => {
            "nothing came through from elsewhere, but that the server sent it could not be proven".to_owned()
        }
        FilterWhy::NoFilterServer => "no server on the internet that answers offers the test (RFC 5780)".to_owned(),
        FilterWhy::ChangeIgnored { server } => format!("{server} ignores the request to answer from elsewhere"),
        FilterWhy::ChangeRefused { server, code } => {
            format!("{server} refuses to answer from elsewhere (error {code})")
        }
        FilterWhy::NoHelper { server } => {
            format!("{server} is a relay with one address, and no other relay sends packets for it now (--stun-helper)")
        }
    }
}

pub(super) fn servers(number: u32) -> String {
    count(number, "server", "servers")
}

pub(super) fn packets(number: u32) -> String {
    count(number, "packet", "packets")
}

fn joined(one: &str, many: &str, items: &[impl Display]) -> String {
    format!("{} {}", if items.len() == 1 { one } else { many }, row(items))
}

fn row(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn with_detail(text: &str, asked: PortMappingService, detail: Option<&str>) -> String {
    match detail {
        Some(detail) if !detail.is_empty() => format!("{text} over {} ({detail})", service(asked)),
        _ => format!("{text} over {}", service(asked)),
    }
}
