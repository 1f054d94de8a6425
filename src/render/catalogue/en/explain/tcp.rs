//! Explanations of what the doctor finds about connections.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const CLOSED: Explanation = text(
    "No TCP connection to the relay",
    "DERP is carried over TCP. Refused means that something answered and wants no connection there; silence \
     means that the packets, or the answers, are dropped.",
    "Several connections were tried within two and a half seconds. Silence does not tell a firewall from a \
     host that is down; where STUN is answered at the same address, the host is up.",
    "See with `ss -lntp` that the relay listens on the port and address of the map, and open the port in the \
     host's firewall and in the provider's. Behind a router, forward it.",
);

pub(super) const PROXY: Explanation = text(
    "The proxy of the environment does not lead to the relay",
    "HTTPS_PROXY, or the system's setting, sends connections through a proxy, and the proxy would not \
     connect to the relay.",
    "The proxy was reached, or not, and the failure is its answer. The relay itself was not asked.",
    "Allow CONNECT to the relay's name and port in the proxy, or add the name to NO_PROXY where it can be \
     reached directly.",
);
