//! Explanations of what the doctor finds about names.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NO_ADDRESS: Explanation = text(
    "The relay's name has no address",
    "Clients look the name up to find the relay, unless the map gives an address. Without either there is \
     nowhere to connect to.",
    "An error when this host's resolver answered both lookups, A and AAAA, and there is no address in them. Another resolver \
     may know more: a record that is new takes a while to be seen everywhere. A warning when the lookups themselves failed: \
     then nothing is known of the name, and the rest is undetermined.",
    "Publish A and AAAA records for the name, or give the node IPv4 and IPv6 in the map. `dig +short A NAME \
     @1.1.1.1` tells whether it is only this resolver.",
);

pub(super) const DIFFERS: Explanation = text(
    "The name has other addresses than the map",
    "Clients dial the address in the map and show the name only in TLS. When the relay moves and the map \
     stays, they go to the old place.",
    "The map's address is none of those that DNS gives here. Names that are answered by place (anycast, \
     split DNS, a CDN) differ without being wrong.",
    "Correct the map or the record, or leave the address out of the map so that clients ask DNS.",
);

pub(super) const FAKE: Explanation = text(
    "The name is answered from 198.18.0.0/15",
    "A proxy on this host or router stands in for the relay. What is measured is the way through that proxy, \
     and UDP often does not go through it at all.",
    "The name resolved to an address of that range, which is set aside for benchmarks and is on no real \
     server.",
    "Exempt the relay's name from fake-IP (fake-ip-filter in Clash, a rule in sing-box), or look from a host \
     without that proxy.",
);
