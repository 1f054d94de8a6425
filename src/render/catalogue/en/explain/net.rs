//! Explanations of what a report finds in the network.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const UDP_BLOCKED: Explanation = text(
    "UDP gets no answer, though relays answer over TCP",
    "STUN packets leave this host, or should, and nothing comes back, while the same relays answer over TCP. \
     Without UDP there are no direct connections: everything is relayed over TLS, which works and is slower.",
    "It is raised only when several servers were asked over UDP in vain and a relay has answered over TCP. A \
     firewall on this host, the router or the provider can be behind it; so can closed STUN ports at all of the \
     relays, when they are one owner's.",
    "Allow outgoing UDP to port 3478 and to the ports of peers (41641 by default), and what comes back. On the \
     relays open UDP 3478 in the host's firewall and in the provider's. Then run `natscope netcheck` again.",
);

pub(super) const RELAY_DOWN: Explanation = text(
    "A region answers STUN, and its relay does not answer",
    "Latency is measured with STUN over UDP; relaying is TLS over TCP. The region looks healthy in a table of \
     latencies, and no packet gets through its relay.",
    "A node of the region answered STUN; HTTPS to its relays failed in the step that is named (DNS, connect, TLS, \
     HTTP).",
    "See that the relay runs and its TCP port (443, or DERPPort) is open in both firewalls, and what `curl -v \
     https://HOST:PORT/derp/latency-check` says from outside. With a reverse proxy in front, see its log.",
);

pub(super) const REGION_UNREACHABLE: Explanation = text(
    "A region could not be measured",
    "No node of the region gave an answer by which a latency could be told.",
    "The failure of the first step is reported: a name that does not resolve, a connection that was refused or \
     timed out, STUN without answer. When all regions fail, the cause is near this host and other findings say so.",
    "See that the relay runs, that UDP 3478 (or STUNPort) and TCP 443 (or DERPPort) are open, and that name and \
     addresses in the map are those it has now.",
);

pub(super) const CAPTIVE_PORTAL: Explanation = text(
    "A captive portal is in the way",
    "The network answers plain HTTP in the place of the server that was asked, as hotels and airports do until \
     one has logged in. Until then everything else may be blocked.",
    "A request for a page that only answers 204 with an echo was answered with something else, or with a \
     redirection. A relay whose map says CanPort80 without serving that page looks the same.",
    "Open any http:// page in a browser and log in. If there is no portal, remove CanPort80 from the node, or \
     have the relay serve /generate_204 on port 80.",
);

pub(super) const FAKE_DNS: Explanation = text(
    "Names are answered with fake addresses",
    "A resolver answers with addresses of 198.18.0.0/15 that stand for names, so that a proxy can tell \
     connections apart. Whatever was measured by name went through that proxy.",
    "A name of the map resolved to such an address. The range is set aside for benchmarks and is on no real \
     server.",
    "Exempt the relays' names from fake-IP (fake-ip-filter in Clash, a rule in sing-box) and route their UDP \
     directly, or turn the proxy off for the measurement.",
);

pub(super) const THROUGH_TUNNEL: Explanation = text(
    "Everything was measured through a tunnel",
    "The default route goes through a VPN or an overlay network, so latencies and the NAT are those of the \
     tunnel's far end.",
    "The interface that the packets leave by has a name or a kind that tunnels have. Where it is a tunnel on \
     purpose, the report is right for what goes through it.",
    "For the network underneath, turn the VPN off or pass --interface or --bind-address with the physical one.",
);

pub(super) const ODD_SERVER: Explanation = text(
    "The answers of a STUN server were left out",
    "A server said of this host what all others contradict, or answered from elsewhere. Something stands before \
     it: a container's bridge, a load balancer, a NAT.",
    "Its answers are compared with those of other operators' servers to the same socket. Verdicts rest on the \
     others.",
    "Its owner should run it on the host's network (`--network host` in Docker), without address translation \
     before it, and bind it to the address it is asked at.",
);

pub(super) const DNS_FAILING: Explanation = text(
    "Names of servers could not be resolved",
    "Lookups failed or came back empty, so those servers could be asked by their pinned addresses only, or not at \
     all.",
    "The failure of each lookup is in the report; the finding names one.",
    "Try the same name with `dig NAME` or `nslookup NAME`. Check the resolver of this host; where DNS is \
     filtered, give addresses in the map (IPv4, IPv6 of the node).",
);

pub(super) const STALE_MAP: Explanation = text(
    "The DERP map is an old copy",
    "The map could not be fetched now, and the last copy was used. Regions may have come or gone since.",
    "The finding has the copy's age and why the fetch failed.",
    "Check the way to the map's server, or pass --derp-map FILE with a map of your own.",
);

pub(super) const HARD_NAT: Explanation = text(
    "The NAT is hard: it gives each destination another endpoint",
    "An endpoint learned from one server is of no use to a peer, since the NAT will use another for it. Two hosts \
     behind such NATs stay relayed; a hard and an easy one usually connect.",
    "Servers of several operators saw different endpoints of one socket (RFC 4787: address-dependent, or address- \
     and port-dependent, mapping).",
    "Turn on UPnP, NAT-PMP or PCP on the router, or forward the UDP port; on pfSense and OPNsense set \"static \
     port\" for outbound NAT, elsewhere look for \"endpoint-independent\" or \"full cone\" NAT. IPv6 avoids NAT \
     altogether. `natscope predict` tells what it means for a pair of hosts.",
);

pub(super) const DOUBLE_NAT: Explanation = text(
    "Two NATs in a row",
    "The router's own outer address is not public: a second router, or the provider's carrier-grade NAT, stands \
     behind it.",
    "The router told its outer address by UPnP, NAT-PMP or PCP; it is private, carrier-grade (100.64.0.0/10), or \
     not the one that servers see.",
    "Put the provider's box or the own router into bridge mode, or ask the provider for a public address. A port \
     forwarded on the inner router alone is not reachable.",
);

pub(super) const IPV6_BLACK_HOLE: Explanation = text(
    "IPv6 is configured, but nobody answers over it",
    "This host has a global IPv6 address and a route, and programs that try IPv6 first wait for nothing.",
    "No server answered over IPv6 while servers answered over IPv4; the same servers have IPv6 addresses.",
    "Fix IPv6 on the router (its uplink, its firewall), or turn off its announcements until the provider carries \
     IPv6.",
);

pub(super) const PACKET_LOSS: Explanation = text(
    "UDP to the relays loses packets",
    "A share of the round trips had no answer though others to the same servers did. Calls and games suffer from \
     one per cent on.",
    "Counted over all servers that answered at all; a server that never answers does not count as loss.",
    "Try a cable in place of the wireless link, and again with an idle line; if it stays, ask the provider. Some \
     routers limit UDP: look for flood protection.",
);

pub(super) const PROXY_ONLY: Explanation = text(
    "HTTPS works only through a proxy",
    "The network lets nothing out but what goes through its HTTP proxy. UDP cannot, so all connections are \
     relayed through that proxy.",
    "Relays answered over HTTPS through the proxy of the environment, and not without it.",
    "For direct connections the network has to allow outgoing UDP. The proxy must allow CONNECT to the relays' \
     ports.",
);

pub(super) const SERVER_UNREACHABLE: Explanation = text(
    "A STUN server did not answer",
    "One of the servers asked was silent, or its name could not be resolved, while others answered. The verdicts \
     rest on those.",
    "The finding has the failure of that server.",
    "Nothing, as long as others answer. If it is your own, see that UDP 3478 is open; Tailscale's servers answer \
     only requests of its own form, which natscope sends.",
);

pub(super) const IPV6_TRANSLATED: Explanation = text(
    "IPv6 addresses are translated",
    "Servers see another IPv6 address than this host has. Where only the prefix differs and the port is kept, each host \
     still has an address of its own (NPTv6, RFC 6296); else several hosts share one, as over IPv4 (NAT66).",
    "The finding has this host's address and the one that servers see.",
    "NPTv6 breaks nothing by itself. With NAT66, ask the provider for a prefix that is routed to this network and turn \
     the translation off on the router or the container network.",
);

pub(super) const IPV4_OVER_IPV6: Explanation = text(
    "IPv4 is carried over IPv6",
    "The provider's network is IPv6 alone, and IPv4 is translated at its edge (464XLAT, DS-Lite or NAT64): many customers \
     share an IPv4 address, as behind a carrier-grade NAT.",
    "The finding has the address that gives it away, as one of 192.0.0.0/29 (RFC 7335) on an interface of this host, or \
     the prefix behind which all of IPv4 is reached, which the resolver tells by the addresses it makes up for \
     ipv4only.arpa (RFC 7050). That name is asked for only on hosts without IPv4; what is told of the NAT over IPv4 is then \
     the NAT64's.",
    "No port can be forwarded over IPv4. Let peers connect over IPv6, or through a relay.",
);

pub(super) const STUN_DOWN: Explanation = text(
    "A region's STUN gives no usable answer",
    "The region was measured by HTTPS or ICMP, not by STUN, though STUN answers elsewhere. Its latency is then not quite \
     comparable with the others', and it tells nobody their endpoint. By ICMP alone it is not chosen as home.",
    "The finding has what became of the STUN packets, with how many were sent when none was answered. A link that loses \
     many packets can look the same for one run.",
    "See that the relay's STUN service runs (derper: not started with `-stun=false`), at the map's STUNPort (3478 when \
     it gives none), and that this UDP port is open in the host's firewall and the provider's: `natscope nat \
     --stun-server HOST:PORT` asks it alone. A node without STUN gets STUNPort -1 in the map.",
);
