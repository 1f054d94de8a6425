//! Lines of ping and listen as things happen; what comes at the end is a report like any other.

use super::catalogue;
use super::clean::clean;
use super::{Lang, Style};
use crate::model::NodePublic;
use crate::report::PingEvent;

/// Characters of a relay's name in a line.
pub(super) const NAME_MAX: usize = 60;

/// A line, or a few, for people, with a newline at the end. With redaction, keys, endpoints and the names of relays are
/// left out: pseudonyms are only made for whole reports.
#[must_use]
pub fn ping_event(event: &PingEvent, style: &Style) -> String {
    let hidden;
    let event = if style.redact {
        hidden = redacted(event);
        &hidden
    } else {
        event
    };
    lines(event, style.lang)
}

fn lines(event: &PingEvent, lang: Lang) -> String {
    let text = catalogue::of(lang).ping_event(event);
    text.lines().fold(String::new(), |lines, line| lines + &clean(line) + "\n")
}

/// The key as far as it takes to tell a handful apart.
pub(super) fn brief(key: NodePublic) -> String {
    let digits: String = key.to_hex().chars().take(8).collect();
    format!("{}{digits}…", NodePublic::PREFIX)
}

fn redacted(event: &PingEvent) -> PingEvent {
    use std::net::{Ipv4Addr, SocketAddr};
    let nobody = NodePublic::from_bytes([0; 32]);
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let mut event = event.clone();
    match &mut event {
        PingEvent::Listening { key, command } => {
            *key = nobody;
            "ping …".clone_into(command);
        }
        PingEvent::Joined { relay, .. } | PingEvent::RelayFailed { relay, .. } => "…".clone_into(relay),
        PingEvent::PeerAbsent { relay, peer }
        | PingEvent::PeerLeft { relay, peer }
        | PingEvent::PeerCame { peer, relay } => {
            "…".clone_into(relay);
            *peer = nobody;
        }
        PingEvent::Pong { pong, peer, relay } => {
            *peer = nobody;
            if let Some(relay) = relay {
                "…".clone_into(relay);
            }
            if let crate::report::PongPath::Direct { endpoint } = &mut pong.path {
                *endpoint = nowhere;
            }
        }
        PingEvent::DirectUp { peer, endpoint, .. } | PingEvent::DirectDown { peer, endpoint } => {
            *peer = nobody;
            *endpoint = nowhere;
        }
        PingEvent::DirectNotOffered { peer } => *peer = nobody,
        PingEvent::PortMapped { endpoint } => *endpoint = nowhere,
        PingEvent::NoPortMapping { .. } | PingEvent::Lost { .. } => {}
    }
    event
}
