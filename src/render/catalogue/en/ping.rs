//! Lines and sentences of ping and listen.

use super::failure::failure;
use crate::model::NodePublic;
use crate::render::catalogue::PingHeadline;
use crate::render::clean::short;
use crate::render::number::{percent, round_trip, span};
use crate::render::ping::{NAME_MAX, brief};
use crate::report::{Obstacle, PingEvent, Pong, PongPath, RelayReport, RelayState, RoundTrips};

pub(super) fn event(event: &PingEvent) -> String {
    let name = |relay: &str| short(relay, NAME_MAX);
    match event {
        PingEvent::Listening { key, command } => {
            format!("listening as {key}\non the other side: natscope {command}")
        }
        PingEvent::Joined { relay, again: false } => format!("joined relay {}", name(relay)),
        PingEvent::Joined { relay, again: true } => format!("joined relay {} again", name(relay)),
        PingEvent::RelayFailed { relay, failure: how, retry } => {
            format!("relay {}: {}; trying again in {}", name(relay), failure(how), span(*retry))
        }
        PingEvent::PeerAbsent { relay, peer } => format!("{peer} is not connected to relay {}", name(relay)),
        PingEvent::PeerLeft { relay, peer } => format!("{peer} has left relay {}", name(relay)),
        PingEvent::Pong { pong, peer, relay } => pong_line(pong, *peer, relay.as_deref()),
        PingEvent::Lost { seq } => format!("no pong for seq={seq}"),
        PingEvent::DirectUp { peer, endpoint, after } => {
            format!("direct path to {}: {endpoint}, after {}", brief(*peer), span(*after))
        }
        PingEvent::DirectDown { peer, endpoint } => {
            format!("direct path to {}: {endpoint} is silent; back to the relay", brief(*peer))
        }
        PingEvent::PortMapped { endpoint } => format!("the router maps {endpoint} to this host"),
        PingEvent::NoPortMapping { failure: how } => format!("no port mapping: {}", failure(how)),
        PingEvent::DirectNotOffered { peer } => {
            format!("{} offers no direct path: start `natscope listen` there with --direct", brief(*peer))
        }
        PingEvent::PeerCame { peer, relay } => format!("answering {peer} through relay {}", name(relay)),
    }
}

fn pong_line(pong: &Pong, peer: NodePublic, relay: Option<&str>) -> String {
    let (path, part) = match pong.path {
        PongPath::Direct { endpoint } => (format!("direct({endpoint})"), String::new()),
        PongPath::Relay { ours, theirs, .. } => {
            let parts = [("you–relay", ours), ("peer–relay", theirs)];
            let parts: Vec<_> = parts
                .into_iter()
                .filter_map(|(leg, took)| took.map(|took| format!("{leg} {}", round_trip(took))))
                .collect();
            let part = if parts.is_empty() { String::new() } else { format!(" (relay part: {})", parts.join(", ")) };
            (format!("relay({})", short(relay.unwrap_or("?"), NAME_MAX)), part)
        }
    };
    format!("pong from {} via {path} seq={} time={}{part}", brief(peer), pong.seq, round_trip(pong.round_trip))
}

pub(super) fn headline(headline: &PingHeadline) -> String {
    let PingHeadline { sent, received, direct, lost } = *headline;
    match (received, direct) {
        (0, _) => format!("No pong to {sent} pings."),
        (_, Some(0)) => format!("{received} of {sent} pings answered, all through the relay."),
        (_, Some(direct)) if direct == received => {
            format!("{received} of {sent} pings answered, all over a direct path.")
        }
        (_, Some(direct)) => format!("{received} of {sent} pings answered, {direct} over a direct path."),
        (_, None) if lost == 0.0 => format!("{received} of {sent} pings answered."),
        (_, None) => format!("{received} of {sent} pings answered ({} lost).", percent(lost)),
    }
}

pub(super) fn round_trips(times: &RoundTrips) -> String {
    let RoundTrips { min, median, max, jitter } = times;
    format!(
        "min {}, median {}, max {}, jitter {}",
        round_trip(*min),
        round_trip(*median),
        round_trip(*max),
        round_trip(*jitter)
    )
}

pub(super) fn relay(relay: &RelayReport) -> String {
    let name = short(&relay.name, NAME_MAX);
    match &relay.state {
        RelayState::Joined { round_trip: None, rejoined: 0 } => name,
        RelayState::Joined { round_trip: Some(took), rejoined: 0 } => format!("{name}, {} away", round_trip(*took)),
        RelayState::Joined { rejoined, .. } => format!("{name}, joined again {rejoined} times"),
        RelayState::Failed(how) => format!("{name}: {}", failure(how)),
        RelayState::Unknown => format!("{name}: not joined in the time there was"),
    }
}

pub(super) fn answered(peer: NodePublic, relayed: u64, direct: u64) -> String {
    format!("{}: {relayed} through the relay, {direct} direct", brief(peer))
}

pub(super) fn obstacle(obstacle: Obstacle) -> String {
    let whose = |theirs: bool| if theirs { "the peer's" } else { "this" };
    match obstacle {
        Obstacle::UdpBlocked { theirs } => format!("UDP gets no answer on {} side", whose(theirs)),
        Obstacle::BothHard => {
            "both NATs give every destination another external port, so neither side knows where to send".to_owned()
        }
        Obstacle::HardAgainstStrict { theirs } => format!(
            "the NAT on {} side gives every destination another external port, and the other side's lets only \
             endpoints in that it has sent to",
            whose(theirs)
        ),
        Obstacle::Unexplained => {
            "what is known of both NATs would allow one: a firewall is likely on one of the two hosts".to_owned()
        }
        Obstacle::Undetermined { theirs } => {
            format!("why is not known, since the NAT on {} side is not known well enough", whose(theirs))
        }
    }
}
