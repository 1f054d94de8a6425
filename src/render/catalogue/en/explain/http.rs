//! Explanations of what the doctor finds about the way from HTTP to DERP.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NOT_DERP: Explanation = text(
    "What answers gives no sign of being a relay",
    "A web server answers at /derp, and none of its answers is one that a relay gives.",
    "The upgrade was not answered with 101, a request without an upgrade not with derper's 426, and the \
     latency check not as a relay does it. A proxy that has no rule for /derp looks the same.",
    "Check name and port, and that a proxy in front passes /derp on. With -derp=false derper itself answers \
     404.",
);

pub(super) const NO_UPGRADE: Explanation = text(
    "A relay is there, and the upgrade does not get through to it",
    "DERP begins as an HTTP upgrade. Proxies pass the Upgrade header on only when they are told to; without \
     it the relay answers 426, and clients give up without a word to their user.",
    "The upgrade was answered with another status than 101, by something that shows a relay behind it or \
     that answers as proxies do whose relay is out of reach (5xx).",
    "Have the proxy pass Upgrade and Connection on, with HTTP/1.1 and without buffering, or pass TLS through \
     untouched. The finding has what to paste for nginx, Caddy, HAProxy and Traefik.",
);

pub(super) const WEB_SOCKET_ONLY: Explanation = text(
    "Only WebSocket gets through",
    "Some proxies and CDNs know one kind of upgrade. Tailscale's native clients use DERP's own and do not \
     fall back to WebSocket; only those in browsers do.",
    "Upgrade: DERP was refused; Upgrade: websocket at the same place reached a relay that told its key.",
    "Have the proxy pass any Upgrade, pass TLS through untouched, or take the CDN out for this name.",
);

pub(super) const TWO_ONLY: Explanation = text(
    "The server speaks HTTP/2 alone",
    "DERP takes an HTTP/1.1 connection over for itself, which HTTP/2 does not allow. Clients offer no \
     protocol by name and expect HTTP/1.1.",
    "A connection without an offer got no HTTP/1.1 answer, and one that offers both was given h2.",
    "Allow HTTP/1.1 beside HTTP/2 in the proxy.",
);

pub(super) const CDN: Explanation = text(
    "A content-delivery network stands before the relay",
    "CDNs pass ordinary web pages and at most WebSocket, cut idle connections, and carry no UDP: neither \
     DERP nor STUN is at home behind one.",
    "A header that such networks add to their answers. It is a note where the upgrade gets through all the \
     same.",
    "Let the name point to the relay itself (\"DNS only\" in Cloudflare).",
);

pub(super) const ENDPOINTS: Explanation = text(
    "A relay's further endpoints do not answer as they should",
    "Clients measure a relay by /derp/latency-check where UDP is blocked, and look for captive portals at \
     port 80 of nodes with CanPort80.",
    "The status of those two. Both are optional for relaying itself.",
    "Have the proxy pass everything below /derp on. Serve /generate_204 on port 80 (derper -http-port 80), \
     or remove CanPort80 from the map.",
);

pub(super) const NONE: Explanation = text(
    "TLS works, and HTTP is not answered",
    "A connection is made and a request sent, and no answer of HTTP/1 comes back.",
    "The failure of the request: silence, an end in the middle, or something that is no HTTP.",
    "Ask on the relay itself: `curl -v https://HOST:PORT/derp/latency-check`. A proxy that expects the PROXY \
     protocol first looks like this too.",
);
