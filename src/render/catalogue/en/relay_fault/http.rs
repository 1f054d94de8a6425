//! The way from HTTP to DERP.

use super::super::finding::text;
use super::{by, elsewhere, failure, pasted};
use crate::render::catalogue::{FindingText, snippet};
use crate::report::RelayFault;

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NotDerp { disabled: true, status, .. } => text(
            "The relay is switched off",
            format!("The upgrade at /derp is answered with {status}, \"derp server disabled\"."),
            &["derper runs with -derp=false, for STUN alone"],
            "Start it without -derp=false, or mark the node STUNOnly in the map.",
        ),
        RelayFault::NotDerp { status, server, wants_tls: true, .. } => text(
            "The port speaks HTTPS, and was asked in plain HTTP",
            format!(
                "The upgrade at /derp is answered with {status}{}, and the words that it wants TLS.",
                by(server.as_deref())
            ),
            &[
                "the URL says http:// in place of https://",
                "a proxy in front speaks plain HTTP to a relay that speaks TLS",
            ],
            "Ask with https://. In a proxy's configuration, use https for the relay too.",
        ),
        RelayFault::NotDerp { status, location, server, disabled: false, wants_tls: false } => text(
            "What answers there gives no sign of being a DERP relay",
            format!(
                "The upgrade at /derp is answered with {status}{}{}.",
                by(server.as_deref()),
                location.as_ref().map_or_else(String::new, |to| format!(", and redirected to {to}"))
            ),
            &[
                "it is another web site: the wrong name, port or virtual host",
                "a proxy in front has no rule for /derp",
                "a login page or a firewall answers in its place",
            ],
            "See that the name and port are the relay's, and that a proxy in front passes /derp on to it, unchanged and without \
             a login.",
        ),
        RelayFault::NoUpgrade { status, location, server, relay_seen, host } => {
            let behind = if *relay_seen { " A relay is behind it: it answers other requests." } else { "" };
            let causes: &[&str] = match status {
                500..=599 => &[
                    "the proxy does not reach the relay: it is down, or on another port, or speaks TLS where plain HTTP is \
                     expected (or the reverse)",
                    "the relay's certificate is not accepted by the proxy",
                    "the proxy does not know the answer to an upgrade to DERP",
                ],
                _ => &[
                    "the proxy in front does not pass the Upgrade header on",
                    "the proxy passes WebSocket alone",
                    "the proxy speaks HTTP/1.0 or HTTP/2 to the relay",
                ],
            };
            pasted(
                text(
                    "The upgrade to DERP does not get through",
                    format!(
                        "Upgrade: DERP is answered with {status}{}{}.{behind}",
                        by(server.as_deref()),
                        location.as_ref().map_or_else(String::new, |to| format!(", and redirected to {to}"))
                    ),
                    causes,
                    "Have the proxy pass upgrades on, as below (with the relay's own port in place of 3340, plain HTTP, or 8443, \
                     HTTPS), or let it pass TLS through untouched.",
                ),
                snippet::proxies(host),
            )
        }
        RelayFault::WebSocketOnly { status, server } => text(
            "Only WebSockets get through, and Tailscale's clients do not use them",
            format!(
                "Upgrade: DERP is answered with {status}{}; Upgrade: websocket reaches the relay.",
                by(server.as_deref())
            ),
            &["a proxy or a CDN in front passes WebSocket alone (Cloudflare, some ingress controllers)"],
            "Native clients do not fall back to WebSocket. Have the proxy pass any Upgrade, let it pass TLS through untouched, or \
             take the CDN out for this name (\"DNS only\").",
        ),
        RelayFault::Http2Only => text(
            "The server speaks HTTP/2 alone",
            "A client that offers no protocol by name, as DERP clients do, gets no HTTP/1.1.".to_owned(),
            &["HTTP/1.1 is switched off in the proxy"],
            "Allow HTTP/1.1: DERP cannot run over HTTP/2. In HAProxy `alpn h2,http/1.1`, in Caddy `protocols h1 h2`.",
        ),
        RelayFault::Cdn { header, works: true } => text(
            "A content-delivery network stands before the relay",
            format!("{header}. The upgrade gets through all the same."),
            &["the name points to the CDN"],
            "It works now; such networks cut idle connections and change their minds. For a relay, better take the CDN out for \
             this name (\"DNS only\"). STUN does not go through it.",
        ),
        RelayFault::Cdn { header, works: false } => text(
            "A content-delivery network stands before the relay",
            format!("{header}."),
            &["the name points to the CDN, which passes WebSocket at most"],
            "Take the CDN out for this name (in Cloudflare, \"DNS only\"): neither DERP nor STUN go through it.",
        ),
        RelayFault::LatencyCheck { status } => text(
            "/derp/latency-check does not answer as it should",
            match status {
                Some(status) => format!("It is answered with {status} in place of 200."),
                None => "The connection ends without an answer.".to_owned(),
            },
            &["a proxy in front passes only /derp itself on"],
            "Have the proxy pass everything below /derp on: clients measure the relay by it where UDP is blocked.",
        ),
        RelayFault::Port80 { status, failure: how } => text(
            "The map says CanPort80, and port 80 does not answer as it should",
            match (status, how) {
                (Some(status), _) => format!("/generate_204 is answered with {status}, or without our challenge."),
                (None, Some(how)) => format!("{}.", failure(how)),
                (None, None) => "No answer.".to_owned(),
            },
            &["port 80 is closed, or belongs to a proxy that redirects to HTTPS"],
            "Open port 80 to the relay (derper -http-port 80), or remove CanPort80 from the node: clients otherwise take it for a \
             captive portal.",
        ),
        RelayFault::NoHttp { failure: how, others: true, tls: _ } => text(
            "The upgrade to DERP is not answered, and other requests are",
            format!("{}.", failure(how)),
            &[
                "a proxy in front takes the upgrade and hangs, or breaks it off",
                "a firewall that reads along cuts what it does not know",
                "the relay hangs as it takes connections over",
            ],
            "Ask on the relay itself, past any proxy, and see the relay's log. Let the proxy pass upgrades on, or TLS through \
             untouched.",
        ),
        RelayFault::NoHttp { failure: how, others: false, tls } => text(
            if *tls {
                "TLS works, and HTTP is not answered"
            } else {
                "The port takes connections, and HTTP is not answered"
            },
            format!("{}.", failure(how)),
            &["it is no web server", "the relay or the proxy hangs", "a proxy protocol header is expected first"],
            "See what `curl -v https://HOST:PORT/derp/latency-check` says on the relay itself, and the relay's log.",
        ),
        other => elsewhere(other),
    }
}
