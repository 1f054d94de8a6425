//! Explanations of what the doctor finds about DERP sessions.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const GARBLED: Explanation = text(
    "What follows the upgrade is no DERP",
    "A relay says its key at once after the upgrade, and greets a client that it lets in. Here the one or \
     the other does not come, or not as it should.",
    "What was received after 101, and how it ended. A proxy that buffers looks like a relay that says \
     nothing.",
    "Switch buffering off in the proxy, see the relay's log, and that the verifier it asks answers in time.",
);

pub(super) const NOT_ADMITTED: Explanation = text(
    "A random key is not let in",
    "The relay checks its clients: that is how it should be for one of your own.",
    "A throw-away key was sent, and the connection was closed in place of a greeting. Whether your own \
     clients get in, this does not show.",
    "Nothing. If your clients are refused: with -verify-clients tailscaled on the relay must run in the same \
     tailnet; with -verify-client-url see what the URL answers.",
);

pub(super) const SEVERAL_KEYS: Explanation = text(
    "Connections to one name meet several relays",
    "Each relay knows its own clients alone. Two peers that were sent to different ones do not reach each \
     other, now and then.",
    "Several connections in one run, and the keys the relays told; the key in the certificate counts too.",
    "Give each relay a node of its own in the map, or mesh them. Do not balance connections over relays that \
     are not meshed.",
);

pub(super) const NOT_DELIVERED: Explanation = text(
    "A packet between two keys of one relay did not arrive",
    "Both keys were let in, and what one sent the other did not come: the relay does not do what it is for.",
    "Two packets of 32 bytes, one each way, waited for 3.5 seconds each. One key of the relay was seen, or \
     this would be another finding.",
    "See whether a load balancer stands before it, its rate limits, and its log.",
);

pub(super) const OPEN: Explanation = text(
    "The relay serves anybody",
    "Whoever finds the relay can send traffic through it, at its owner's cost and in its name. Such relays \
     are searched for.",
    "Two random keys were let in, and a packet went from each to the other. On a loopback address it is only \
     a note.",
    "derper: -verify-clients with tailscaled beside it, or -verify-client-url. natscope relay: --allow, \
     --verify-client-url or --verify-tailscaled.",
);

pub(super) const FAIL_OPEN: Explanation = text(
    "The relay lets everybody in while its verifier is down",
    "derper asks the URL of -verify-client-url about each client, and by default lets the client in when it \
     gets no answer. Whoever can stop the verifier opens the relay.",
    "Seen on the relay's own host alone, with --local: the arguments derper was started with. From outside \
     it cannot be told.",
    "Add -verify-client-url-fail-open=false. natscope relay always refuses when its verifier is down.",
);

pub(super) const NOT_KEPT: Explanation = text(
    "A silent connection is not kept, or no keep-alive comes",
    "Clients keep a connection to their home relay for days, mostly in silence. A proxy that cuts it every \
     minute makes them reconnect, and packets get lost meanwhile.",
    "With --long a connection was held: when it was cut, and how many keep-alives came. Relays send one \
     every 60 to 65 seconds.",
    "Set idle timeouts in the proxy well above 65 seconds (an hour), and no buffering.",
);

pub(super) const FAST_START: Explanation = text(
    "The certificate offers a fast start, and it does not work",
    "derper's meta-certificate carries its key, and clients that see it send their greeting at once. If the \
     relay behind is another one, or does not expect that, they cannot log in.",
    "A login with the key of the certificate failed where an ordinary upgrade worked.",
    "Let the proxy pass TLS through untouched, or present a certificate without derper's meta-certificate.",
);
