//! What the doctor has seen, layer by layer.

use super::count;
use super::failure::failure;
use crate::render::catalogue::{DoctorHeadline, DoctorNote};
use crate::render::number::{round_trip, span};
use crate::report::{ClientReason, ClientView, DoctorWhy, Layer};

pub(super) const fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Map => "map",
        Layer::Dns => "DNS",
        Layer::Tcp => "TCP",
        Layer::Tls => "TLS",
        Layer::Http => "HTTP",
        Layer::Derp => "DERP",
        Layer::Stun => "STUN",
        Layer::Path => "path",
    }
}

pub(super) fn headline(headline: &DoctorHeadline<'_>) -> String {
    match *headline {
        DoctorHeadline::Several { works, of, unclear } => {
            let mut text = format!("{works} of {} work", count(of, "relay", "relays"));
            if unclear > 0 {
                text = format!("{text}; {unclear} could not be examined to the end");
            }
            text.push('.');
            text
        }
        DoctorHeadline::Works { name, relayed: true } => {
            format!("{name} works: it relays, and STUN answers.")
        }
        DoctorHeadline::Works { name, relayed: false } => {
            format!("{name} works as far as a stranger can tell: it lets only its own clients in, and STUN answers.")
        }
        DoctorHeadline::RelayOnly { name } => format!("{name} relays, but its STUN does not answer."),
        DoctorHeadline::NoStun { name } => format!("{name} relays; the map has no STUN for it."),
        DoctorHeadline::StunOnly { name } => format!("{name} answers STUN, and relays nothing, as its entry says."),
        DoctorHeadline::Broken { name, layer, stun: true } => {
            format!(
                "{name} does not work: STUN answers, so its latency is measured, but nothing is relayed ({}).",
                layer_name(layer)
            )
        }
        DoctorHeadline::Broken { name, layer, stun: false } => {
            format!("{name} does not work: {} fails.", layer_name(layer))
        }
        DoctorHeadline::Silent { name } => format!("{name} does not answer at all."),
        DoctorHeadline::LocalOnly => "This host was looked at as a relay's own; no relay was asked.".to_owned(),
        DoctorHeadline::Unclear { name } => format!("{name} could not be examined to the end."),
    }
}

pub(super) fn note(note: &DoctorNote<'_>) -> String {
    match *note {
        DoctorNote::Entry { code, id } => format!("its entry in region {code} ({id}) is in order"),
        DoctorNote::EntryWrong => "mistakes, see the findings".to_owned(),
        DoctorNote::Address { address, took: Some(took) } => format!("{address} in {}", round_trip(took)),
        DoctorNote::Address { address, took: None } => address.to_string(),
        DoctorNote::NoName => "not looked at: it is named by its address".to_owned(),
        DoctorNote::NotOfMap => "not looked at: it is named by its address, not by a map".to_owned(),
        DoctorNote::Below => "not looked at: a layer below fails".to_owned(),
        DoctorNote::NotReached => "not looked at".to_owned(),
        DoctorNote::Undetermined(reason) => format!("undetermined: {}", why(reason)),
        DoctorNote::PlainHttp => "none: plain HTTP".to_owned(),
        DoctorNote::NoStunInMap => "none, as the map says".to_owned(),
        DoctorNote::RelaysNothing => "none: it answers STUN alone".to_owned(),
        DoctorNote::Path => "nothing special at this end".to_owned(),
        DoctorNote::ViaProxy(proxy) => format!("through the proxy {proxy}"),
        DoctorNote::Certificate { version, name, issuer, left } => {
            let left = match left {
                Some(left) => format!("valid for {} more", span(left)),
                None => "not valid now".to_owned(),
            };
            format!("TLS {version}, certificate for {name} by {issuer}, {left}")
        }
        DoctorNote::Client(ref view) => client(view),
        DoctorNote::Upgraded { server: Some(server) } => format!("upgraded to DERP through {server}"),
        DoctorNote::Upgraded { server: None } => "upgraded to DERP".to_owned(),
        DoctorNote::Admitted { exchange: Some(took) } => {
            format!("a throw-away key was let in; a packet and its answer took {}", round_trip(took))
        }
        DoctorNote::Admitted { exchange: None } => "a throw-away key was let in".to_owned(),
        DoctorNote::NotAdmitted => "the relay is there, and lets only its own clients in".to_owned(),
        DoctorNote::Stun { server, took, mapped } => match mapped {
            Some(mapped) => format!("{server} answers in {}, sees this host at {mapped}", round_trip(took)),
            None => format!("{server} answers in {}", round_trip(took)),
        },
        DoctorNote::Held { held, keep_alives, up } => {
            let state = if up { "still up" } else { "cut" };
            format!("held for {}: {state}, {}", span(held), count(keep_alives, "keep-alive", "keep-alives"))
        }
    }
}

fn client(view: &ClientView) -> String {
    let name = view.client.name();
    let because = match view.because {
        ClientReason::Chain => "a trusted chain, for the name",
        ClientReason::ChainOnly => "a trusted chain; it does not look at names of relays given by address",
        ClientReason::Pin => "by its pin",
        ClientReason::Insecure => "InsecureForTests",
        ClientReason::NoPins => "it knows no pins",
        ClientReason::NoTls => "it wants TLS, unless told otherwise for tests",
        ClientReason::Refused => "see the findings",
    };
    format!("{name} {} it ({because})", if view.accepts { "takes" } else { "refuses" })
}

/// Why a relay is open to anybody, or is not.
pub(super) fn why(why: &DoctorWhy) -> String {
    match why {
        DoctorWhy::KeyRefused => "the relay did not let a throw-away key in".to_owned(),
        DoctorWhy::StrangersRelayed => {
            "two throw-away keys were let in, and packets went from one to the other".to_owned()
        }
        DoctorWhy::StunOnlyNode => "the node answers STUN alone and relays nothing".to_owned(),
        DoctorWhy::LayerFailed { layer } => {
            format!("the examination did not get that far: {} failed", layer_name(*layer))
        }
        DoctorWhy::NoExchange { failure: how } => {
            format!("throw-away keys were let in, but no packet was seen to go between them ({})", failure(how))
        }
        DoctorWhy::RefusedOnce { failure: how } => format!(
            "a throw-away key was turned away, and a second try did not show whether all are ({})",
            failure(how)
        ),
        DoctorWhy::Lost { failure: how } => {
            format!("connections came through and were lost ({}); ask again", failure(how))
        }
        DoctorWhy::NoRoute { family } => format!("this host has no {family} route to it"),
        DoctorWhy::NotLookedUp { failure: how } => {
            format!("the name could not be looked up from this host ({})", failure(how))
        }
    }
}
