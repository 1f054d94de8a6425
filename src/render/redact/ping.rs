//! Keys, endpoints and names of relays in the blocks of ping and listen.

use super::pseudonym::Pseudonyms;
use super::verdict;
use crate::model::NodePublic;
use crate::report::{Listen, PathSide, Ping, PongPath, RelayReport, RelayState};

pub(super) fn ping(ping: &mut Ping, names: &mut Pseudonyms) {
    let Ping { relay, peer, sent: _, received: _, pongs, round_trips: _, direct, upgraded_after: _, sides, relays } =
        ping;
    name(relay, names);
    key(peer, names);
    for pong in pongs {
        if let PongPath::Direct { endpoint } = &mut pong.path {
            names.endpoint(endpoint);
        }
    }
    verdict::why(direct, names);
    if let Some(sides) = sides {
        side(&mut sides.ours, names);
        sides.theirs.iter_mut().for_each(|theirs| side(theirs, names));
    }
    for it in relays {
        self::relay(it, names);
    }
}

pub(super) fn listen(listen: &mut Listen, names: &mut Pseudonyms) {
    let Listen { key: own, relays, answered: _, peers } = listen;
    key(own, names);
    for it in relays {
        self::relay(it, names);
    }
    for peer in peers {
        key(&mut peer.peer, names);
    }
}

fn relay(relay: &mut RelayReport, names: &mut Pseudonyms) {
    name(&mut relay.name, names);
    if let RelayState::Failed(failure) = &mut relay.state {
        verdict::failure(failure, names);
    }
}

/// A region's code, or a URL.
fn name(name: &mut String, names: &mut Pseudonyms) {
    if name.contains("://") {
        names.text(name);
    } else {
        names.region_code(name, false);
    }
}

fn side(side: &mut PathSide, names: &mut Pseudonyms) {
    side.endpoints.iter_mut().for_each(|endpoint| names.endpoint(endpoint));
}

fn key(key: &mut NodePublic, names: &mut Pseudonyms) {
    if let Ok(pseudonym) = NodePublic::from_hex(&names.hash(&key.to_hex())) {
        *key = pseudonym;
    }
}
