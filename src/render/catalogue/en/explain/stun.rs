//! Explanations of what the doctor finds about STUN.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NONE: Explanation = text(
    "STUN is not answered",
    "Clients measure relays with STUN over UDP and choose their home by it. A relay whose STUN is silent is \
     not measured and not chosen, however well it relays.",
    "Requests in the form of Tailscale's clients, several copies over more than a second; a refusal is told \
     where one came. Silence does not tell a closed port at the relay from UDP that does not leave this \
     host's network.",
    "Open UDP 3478 (or STUNPort) in the host's firewall and in the provider's, publish it as UDP from a \
     container, and see derper's log for the STUN listener. Compare with another network (--compare).",
);

pub(super) const TAILNODE_ONLY: Explanation = text(
    "STUN answers the form of Tailscale's clients alone",
    "derper and Headscale answer only requests that name themselves as Tailscale's and end in a fingerprint. \
     Ordinary STUN testers get nothing and call a healthy server dead.",
    "Both forms were sent to the same server, and one was answered.",
    "Nothing. Test such servers with natscope or Tailscale.",
);

pub(super) const MAPPED: Explanation = text(
    "STUN tells an endpoint that this host cannot have there",
    "The server sees clients at addresses of its own side: their packets are translated before they reach \
     it. Clients then tell their peers an address that leads nowhere.",
    "The server's address is public, and the endpoint it told is private, or its own. A router that turns a request back \
     (hairpinning) can look the same from the relay's own network: ask from outside.",
    "Run the server on the host's own network (docker run --network host), without a translating balancer in \
     front.",
);

pub(super) const FAMILY: Explanation = text(
    "STUN is answered over one address family alone",
    "Clients measure IPv4 and IPv6 apart. Over the family without answers they will not learn their endpoint \
     from this relay.",
    "The relay takes TCP connections over that family from here, so there is a way; STUN over it was not \
     answered.",
    "Open the UDP port for both families, and bind the STUN server to both.",
);

pub(super) const ELSEWHERE: Explanation = text(
    "STUN is answered from another address than was asked",
    "A NAT lets answers in only from where a packet was sent to, so most clients never see this one.",
    "The source of the answer differs from the address that was asked. It got through here since no filter \
     stands between.",
    "Bind the server to the address it is asked at; on hosts with several addresses set the source by a \
     routing rule.",
);
