//! The DERP session.

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::render::catalogue::{FindingText, snippet};
use crate::render::number::span;
use crate::report::RelayFault;

pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NoServerKey { failure: how } => text(
            "The upgrade is answered, and no DERP follows",
            format!("{}.", failure(how)),
            &[
                "it is no relay, but answers 101 to any upgrade",
                "a proxy buffers what the relay says",
                "the relay hangs",
            ],
            "Switch buffering off in the proxy (nginx: proxy_buffering off), and see the relay's log.",
        ),
        RelayFault::NoGreeting { failure: how } => text(
            "The relay says who it is, and then nothing of use",
            format!("{}.", failure(how)),
            &[
                "its admission control waits for a verifier that does not answer",
                "a proxy buffers what the relay says",
                "the relay is overloaded",
            ],
            "See the relay's log; with -verify-client-url see that the URL answers within seconds.",
        ),
        RelayFault::NotAdmitted => text(
            "The relay lets only its own clients in",
            "A throw-away key was refused after its greeting.".to_owned(),
            &["admission control is on (-verify-clients, -verify-client-url, --allow), as it should be"],
            "Nothing. If your own clients are refused too: tailscaled beside derper must be of the same tailnet and running, \
             and of the same version.",
        ),
        RelayFault::FastStartBroken { failure: how } => text(
            "The certificate offers a fast start, and it does not work",
            format!("{}; the ordinary upgrade works.", failure(how)),
            &["a proxy presents derper's meta-certificate and ends TLS itself", "connections meet different relays"],
            "Tailscale's clients always use the fast start where it is offered. Let the proxy pass TLS through untouched, or \
             present a certificate of its own without derper's.",
        ),
        RelayFault::SeveralKeys { keys, meshed: true } => text(
            "Several relays answer to one name, and pass packets on to each other",
            format!(
                "{} keys: {}. Packets went from a client of one to a client of another.",
                keys.len(),
                keys.join(", ")
            ),
            &["a load balancer spreads connections over relays that are meshed"],
            "Nothing: meshed relays are made for this.",
        ),
        RelayFault::SeveralKeys { keys, meshed: false } => text(
            "Several relays answer to one name",
            format!("{} keys: {}.", keys.len(), keys.join(", ")),
            &["a load balancer spreads connections over relays", "DNS has the addresses of several"],
            "Clients of one relay do not see those of another. Give each a node of its own in the map, or mesh them \
             (-mesh-psk-file, -mesh-with).",
        ),
        RelayFault::NotDelivered { packets, failure: how } => text(
            "A packet between two keys of this relay did not arrive",
            format!("{packets} of 2 packets arrived. {}.", failure(how)),
            &["connections meet different relays that are not meshed", "a rate limit", "the relay is overloaded"],
            "See whether a load balancer stands before it, its rate limits (-rate-config), and its log.",
        ),
        RelayFault::OpenRelay => pasted(
            text(
                "The relay serves anybody",
                "Two throw-away keys were let in, and packets went from one to the other.".to_owned(),
                &["no admission control is set"],
                "Whoever finds it can use it, at your cost. Have it check its clients.",
            ),
            snippet::close_relay(),
        ),
        RelayFault::FailOpen => pasted(
            text(
                "derper lets everybody in while its verifier is down",
                "It runs with -verify-client-url and without -verify-client-url-fail-open=false.".to_owned(),
                &["that is derper's default"],
                "Add -verify-client-url-fail-open=false.",
            ),
            snippet::close_relay(),
        ),
        RelayFault::NotKept { held, keep_alives, failure: how } if *keep_alives > 0 => text(
            format!("A held connection ended after {}", span(*held)),
            format!("{}. It was not silent: keep-alives came {keep_alives} times.", failure(how)),
            &[
                "the relay was restarted, or closed it",
                "a proxy, load balancer or NAT on the way lets no connection live longer",
            ],
            "Clients come back by themselves, at the cost of a moment without the relay. See what the logs of the relay and of \
             the proxy say of that moment, and raise the proxy's limits on the age of a connection.",
        ),
        RelayFault::NotKept { held, failure: how, .. } => text(
            format!("A silent connection is cut after {}", span(*held)),
            format!("{}.", failure(how)),
            &["a proxy's or load balancer's idle timeout is shorter than the relay's keep-alive (60 to 65 s)"],
            "Raise the timeouts well above 65 s (nginx: proxy_read_timeout and proxy_send_timeout; HAProxy: timeout tunnel).",
        ),
        RelayFault::NoKeepAlive { held } => text(
            "No keep-alive came",
            format!("The connection was listened to for {}; relays say something every 60 to 65 s.", span(*held)),
            &["a proxy buffers what the relay says", "the relay is of an unusual kind"],
            "Clients give a silent relay up after 120 s. Switch buffering off in the proxy.",
        ),
        other => elsewhere(other),
    }
}
