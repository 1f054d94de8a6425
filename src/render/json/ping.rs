use serde_json::{Map, Value, json};

use super::{Words, millis, plain};
use crate::report::{Listen, PathSide, Ping, Pong, PongPath, RelayReport, RelayState};

impl Words<'_> {
    pub(super) fn ping(&self, ping: &Ping) -> Value {
        let pongs: Vec<_> = ping.pongs.iter().map(|pong| self::pong(pong, &ping.relays)).collect();
        json!({
            "relay": ping.relay,
            "peer": ping.peer,
            "sent": ping.sent,
            "received": ping.received,
            "pongs": pongs,
            "rtt_ms": ping.round_trips.map(|times| json!({
                "min": millis(times.min),
                "median": millis(times.median),
                "max": millis(times.max),
                "jitter": millis(times.jitter),
            })),
            "direct": self.verdict(&ping.direct, |value| json!(value)),
            "direct_after_ms": ping.upgraded_after.map(millis),
            "sides": ping.sides.as_ref().map(|sides| json!({
                "ours": side(&sides.ours),
                "theirs": sides.theirs.as_ref().map(side),
            })),
            "relays": self.relays(&ping.relays),
        })
    }

    pub(super) fn listen(&self, listen: &Listen) -> Value {
        let peer = |peer: &crate::report::ListenPeer| json!({ "peer": peer.peer, "relayed": peer.relayed, "direct": peer.direct });
        json!({
            "key": listen.key,
            "answered": listen.answered,
            "peers": listen.peers.iter().map(peer).collect::<Vec<_>>(),
            "relays": self.relays(&listen.relays),
        })
    }

    fn relays(&self, relays: &[RelayReport]) -> Value {
        relays.iter().map(|relay| self.relay(relay)).collect()
    }

    fn relay(&self, relay: &RelayReport) -> Value {
        let (joined, round_trip, rejoined, failure) = match &relay.state {
            RelayState::Joined { round_trip, rejoined } => (json!(true), *round_trip, *rejoined, None),
            RelayState::Failed(failure) => (json!(false), None, 0, Some(failure)),
            RelayState::Unknown => (Value::Null, None, 0, None),
        };
        json!({
            "relay": relay.name,
            "joined": joined,
            "rtt_ms": round_trip.map(millis),
            "rejoined": rejoined,
            "failure": failure.map(|failure| self.failure(failure)),
        })
    }
}

fn pong(pong: &Pong, relays: &[RelayReport]) -> Value {
    let mut object = Map::new();
    object.insert("seq".into(), json!(pong.seq));
    object.insert("rtt_ms".into(), millis(pong.round_trip));
    let (path, endpoint, relay, ours, theirs) = match pong.path {
        PongPath::Relay { relay, ours, theirs } => {
            ("relay", None, relays.get(relay).map(|relay| relay.name.as_str()), ours, theirs)
        }
        PongPath::Direct { endpoint } => ("direct", Some(endpoint.to_string()), None, None, None),
    };
    object.insert("path".into(), json!(path));
    object.insert("endpoint".into(), json!(endpoint));
    object.insert("relay".into(), json!(relay));
    object.insert("relay_rtt_ms".into(), json!(ours.map(millis)));
    object.insert("peer_relay_rtt_ms".into(), json!(theirs.map(millis)));
    Value::Object(object)
}

fn side(side: &PathSide) -> Value {
    json!({
        "udp": side.udp,
        "mapping": side.mapping.as_ref().map(plain),
        "mapping_varies": side.mapping_varies,
        "filtering": side.filtering.as_ref().map(plain),
        "ipv6": side.ipv6,
        "endpoints": side.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
