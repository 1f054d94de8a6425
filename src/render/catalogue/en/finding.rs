use super::count;
use super::failure::failure;
use crate::render::catalogue::{Catalogue as _, FindingText, MapWords as _};
use crate::render::number::{percent, span};
use crate::report::{FindingDetail, PlacedMistake};

/// A finding in English.
#[allow(clippy::too_many_lines, reason = "one arm a finding, nothing else")]
pub(super) fn finding(detail: &FindingDetail) -> FindingText {
    match detail {
        FindingDetail::UdpBlocked => text(
            "UDP gets no answer, though relays answer over TCP",
            "STUN packets to several relays got no answer; the same relays answer over TCP.".to_owned(),
            &[
                "the STUN ports of these relays are closed",
                "a firewall on the way drops outgoing UDP or its answers",
                "a firewall on this host drops it",
                "the network allows only TCP through a proxy",
            ],
            "Allow outgoing UDP, at least to port 3478 and to 41641 of peers, and the answers back in. Until then every \
             connection is relayed.",
        ),
        FindingDetail::RelayDown { code, failure: how, .. } => text(
            format!("Region {code} answers STUN, but its relay does not answer"),
            format!("STUN works; the relay: {}.", failure(how)),
            &["the relay process is down or misconfigured", "a firewall or proxy on the way blocks its TCP port"],
            "A low latency does not make this relay usable: latency is UDP, relaying is TLS over TCP. Open the relay's TCP \
             port, and see what `curl -v https://HOST:PORT/derp/latency-check` says.",
        ),
        FindingDetail::RegionUnreachable { code, failure: how, .. } => text(
            format!("Region {code} could not be measured"),
            format!("{}.", failure(how)),
            &[
                "its relays are down",
                "the way to them is blocked from here",
                "the map's address for them is out of date",
            ],
            "See whether the relay runs and UDP 3478 (or the map's STUNPort) is open at it, in the host's firewall and the \
             provider's. While it is down, peers whose home it is can be reached directly only.",
        ),
        FindingDetail::CaptivePortal { location } => text(
            "A captive portal is in the way",
            match location {
                Some(location) => format!("A plain HTTP request to a relay was redirected to {location}."),
                None => "A plain HTTP request to a relay was answered by something else.".to_owned(),
            },
            &["this network wants a login or an agreement first"],
            "Open any http:// page in a browser and log in, then run this again.",
        ),
        FindingDetail::FakeDns { host, address } => text(
            "Names are answered with fake addresses",
            format!("{host} resolves to {address}, which is in 198.18.0.0/15."),
            &["a proxy in fake-IP mode (Clash, sing-box, Surge and the like) answers DNS on this host or its router"],
            "Exempt the relays' names from fake-IP and route their UDP directly; until then latencies and NAT are the \
             proxy's, not the network's.",
        ),
        FindingDetail::ThroughTunnel { interface } => text(
            "Everything was measured through a tunnel",
            format!("Packets leave by {interface}, which looks like a VPN or an overlay network."),
            &["a VPN or an exit node owns the default route"],
            "To measure the network underneath, turn the VPN off or pass --interface with the physical one.",
        ),
        FindingDetail::OddServer { server, endpoint, note } => text(
            format!("The answers of STUN server {server} were left out"),
            format!("{server} ({endpoint}): {}.", super::English.server_note(note)),
            &[
                "a NAT, a container bridge or a proxy stands before that server",
                "the server itself is faulty",
                "a VPN or another uplink of this network leads to it alone",
            ],
            "Verdicts do not rest on it. Its owner should run it on a host network without address translation.",
        ),
        FindingDetail::DnsFailing { names, example, failure: how } => text(
            "Names of servers could not be resolved",
            format!("{}, as {example}: {}.", count(*names, "name", "names"), failure(how)),
            &["the resolver is unreachable or filters", "the names do not exist (any more)"],
            "Check the system's resolver, or give the servers by their addresses (in a map: IPv4 and IPv6 of the node).",
        ),
        FindingDetail::StaleMap { url, age, because } => text(
            "The DERP map is an old copy",
            format!("{url} could not be fetched ({}); a copy {} old was used.", failure(because), span(*age)),
            &["the map's server is unreachable from here"],
            "Check the way to the map's server, or pass --derp-map FILE.",
        ),
        FindingDetail::HardNat => text(
            "The NAT is hard: it gives each destination another endpoint",
            "STUN servers saw different endpoints of one socket.".to_owned(),
            &["the router maps per destination (symmetric NAT)", "a carrier's NAT does"],
            "Peers with a public address, a mapped port, NAT1 or NAT2 can be reached directly; others are mostly relayed. \
             Turn on UPnP, NAT-PMP or PCP, or forward the UDP port on the router; on a firewall, look for \"static port\" \
             or \"endpoint-independent NAT\"; IPv6 avoids it too.",
        ),
        FindingDetail::DoubleNat { wan } => text(
            "Two NATs in a row",
            format!("The router's own outer address, {wan}, is not a public one."),
            &["another router stands before this one", "the provider uses carrier-grade NAT"],
            "Put one of the routers into bridge mode, or ask the provider for a public address; a port forwarded on this \
             router alone cannot be reached from the internet.",
        ),
        FindingDetail::Ipv6BlackHole => text(
            "IPv6 is configured, but nobody answers over it",
            "This host has an IPv6 address and a route; no server answered over IPv6, and servers do over IPv4."
                .to_owned(),
            &["the router announces IPv6 that its provider does not carry", "a firewall drops IPv6"],
            "Fix IPv6 on the router or turn it off there: programs that try it first wait for nothing.",
        ),
        FindingDetail::Ipv6Translated { prefix_only: true, local, mapped } => text(
            "IPv6 prefixes are translated (NPTv6)",
            format!("This host's address is {local}; servers see {mapped}, which differs in the prefix alone."),
            &["the router gives out private prefixes and translates them"],
            "Nothing is broken: the address that servers see is this host's own. A firewall may still keep strangers out.",
        ),
        FindingDetail::Ipv6Translated { prefix_only: false, local, mapped } => text(
            "IPv6 addresses and ports are translated (NAT66)",
            format!("This host's address is {local}; servers see {mapped}."),
            &["the router or a container network shares one IPv6 address", "a VPN does"],
            "IPv6 needs no such NAT: ask for a prefix that is routed to this network, or turn the translation off.",
        ),
        FindingDetail::Ipv4OverIpv6 { address, prefix } => text(
            "IPv4 is carried over IPv6, and the provider translates",
            match prefix {
                Some(prefix) => {
                    format!("There is a NAT64 behind {prefix}, as the resolver tells; {address} got through.")
                }
                None => format!("{address} is an address of such networks (464XLAT, DS-Lite or NAT64)."),
            },
            &["the provider's network is IPv6 alone"],
            "Nothing is broken, but no port can be forwarded over IPv4: let peers connect over IPv6.",
        ),
        FindingDetail::PacketLoss { loss, of } => text(
            format!("UDP loses packets ({})", percent(*loss)),
            format!("{} of {} were lost.", percent(*loss), count(*of, "round trip", "round trips")),
            &["a weak wireless link", "a congested uplink", "a middlebox that limits UDP"],
            "Try a cable, or again when the line is idle; if it stays, ask the provider.",
        ),
        FindingDetail::ProxyOnly { proxy } => text(
            "HTTPS works only through a proxy",
            format!("HTTPS to the relays went through {proxy}; UDP cannot."),
            &["the network allows only its proxy out"],
            "Connections will be relayed through the proxy. For direct ones, allow outgoing UDP.",
        ),
        FindingDetail::ServerUnreachable { server, failure: how } => text(
            format!("STUN server {server} did not answer"),
            format!("{}.", failure(how)),
            &["the server is down or has moved", "its name or port is mistyped", "the way to it is blocked from here"],
            "Nothing, as long as enough others answer: it was left out. Otherwise name another one.",
        ),
        FindingDetail::Relay(finding) => super::relay_fault::relay_fault(finding),
        FindingDetail::StunDown { region: _, code, method, relay_answers, failure: how } => text(
            format!("Region {code} gives no usable STUN answer, and others do"),
            {
                let relay = match relay_answers {
                    Some(true) => " Its relay answers over TCP.",
                    Some(false) => " Its relay does not answer over TCP either.",
                    None => "",
                };
                let method = super::English.method(*method);
                format!("{}; its latency is that of {method}.{relay}", failure(how))
            },
            &[
                "its STUN service is down, or at another port than the map's STUNPort",
                "a firewall there, the host's or the provider's, keeps UDP to that port out",
                "the way to it is blocked from here, or loses many packets",
            ],
            "See whether the STUN service runs and UDP 3478 (or the map's STUNPort) is open at it, in the host's firewall \
             and the provider's. Without STUN it tells nobody their endpoint.",
        ),
        FindingDetail::MapMistake(placed) => {
            let PlacedMistake { place, path, mistake } = placed.as_ref();
            let (title, fix) = super::English.map_mistake(mistake);
            let at = format!("{}:{}:{}", place.file, place.line, place.column);
            let observed = if path.is_empty() { at } else { format!("{at}: {path}") };
            FindingText { title, observed, causes: Vec::new(), fix, snippets: Vec::new() }
        }
        FindingDetail::Map { code: _, place, message, severity: _ } => text(
            format!("In the DERP map: {message}"),
            format!("{place}: {message}"),
            &[],
            "Correct the map at that place.",
        ),
    }
}

pub(super) fn text(title: impl Into<String>, observed: String, causes: &[&str], fix: &str) -> FindingText {
    FindingText {
        title: title.into(),
        observed,
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        fix: fix.to_owned(),
        snippets: Vec::new(),
    }
}
