//! Sealing for peers and opening what they sealed.
//!
//! A node here has one key for both: the key relays know it by is its disco key too. Whoever names a peer by its node
//! key can then seal for it at once, and what comes back sealed with that key comes from that peer, whatever the relay
//! or the network does.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::dice::Dice;
use crate::derp::{Rate, TokenBucket};
use crate::model::{DiscoPrivate, DiscoPublic, NodePrivate, NodePublic};
use crate::wire::companion::{self, Letter};
use crate::wire::disco::{self, Message};
use crate::wire::nacl::{SharedSecret, node_public};

/// Peers whose sealers are kept; with more, they are computed anew.
const SEALERS_MAX: usize = 256;

/// Multiplications for strangers' packets: what a flood of them may cost of a processor, about a tenth.
const STRANGERS: Rate = Rate { per_second: 2000, burst: 2000 };

/// The bit of a ping's number that says whether somebody waits for its pong, for whoever counts what was answered.
const COUNTED: u8 = 1;

/// Whether a ping is one that somebody waits for. Other programs' are so at random.
pub(super) const fn is_counted(transaction: &[u8; 12]) -> bool {
    transaction[0] & COUNTED != 0
}

pub(super) struct Envelopes {
    private: DiscoPrivate,
    public: NodePublic,
    dice: Dice,
    sealers: HashMap<NodePublic, SharedSecret>,
    strangers: Option<TokenBucket>,
}

impl Envelopes {
    pub(super) fn new(key: &NodePrivate, seed: [u8; 32]) -> Self {
        Self {
            private: DiscoPrivate::from_bytes(*key.as_bytes()),
            public: node_public(key),
            dice: Dice::new(seed),
            sealers: HashMap::new(),
            strangers: None,
        }
    }

    pub(super) const fn public(&self) -> NodePublic {
        self.public
    }

    /// A number for a STUN request or a ping that only tries an endpoint.
    pub(super) fn transaction(&mut self) -> [u8; 12] {
        let mut number = self.dice.draw::<12>();
        number[0] &= !COUNTED;
        number
    }

    /// A number for a ping that somebody waits for.
    pub(super) fn counted_transaction(&mut self) -> [u8; 12] {
        let mut number = self.dice.draw::<12>();
        number[0] |= COUNTED;
        number
    }

    /// `None`: nothing can be sealed for that key.
    pub(super) fn seal(&mut self, to: NodePublic, message: &Message) -> Option<Bytes> {
        let nonce = self.dice.draw();
        let own = disco_key(self.public);
        let sealer = self.sealer(to)?;
        Some(companion::seal(message, &own, sealer, &nonce).into())
    }

    pub(super) fn seal_pong(
        &mut self,
        to: NodePublic,
        pong: (&[u8; 12], SocketAddr),
        relay_round_trip: Option<Duration>,
    ) -> Option<Bytes> {
        let nonce = self.dice.draw();
        let own = disco_key(self.public);
        let sealer = self.sealer(to)?;
        Some(companion::seal_pong(pong, relay_round_trip, &own, sealer, &nonce).into())
    }

    /// Who sealed a packet for us, and what is in it; `None` for anything else.
    pub(super) fn open(&mut self, now: Instant, packet: &[u8]) -> Option<(NodePublic, Letter)> {
        let from = NodePublic::from_bytes(*disco::sender(packet)?.as_bytes());
        if let Some(sealer) = self.sealers.get(&from) {
            return Some((from, companion::open(packet, sealer).ok()?));
        }
        let strangers = self.strangers.get_or_insert_with(|| TokenBucket::new(now, STRANGERS));
        if !strangers.take(now, 1) {
            return None;
        }
        let sealer = SharedSecret::for_disco(&self.private, &disco_key(from)).ok()?;
        let letter = companion::open(packet, &sealer).ok()?;
        // Only now is it certain that there is such a peer.
        if self.sealers.len() >= SEALERS_MAX {
            self.sealers.clear();
        }
        self.sealers.insert(from, sealer);
        Some((from, letter))
    }

    fn sealer(&mut self, with: NodePublic) -> Option<&SharedSecret> {
        if !self.sealers.contains_key(&with) {
            if self.sealers.len() >= SEALERS_MAX {
                self.sealers.clear();
            }
            self.sealers.insert(with, SharedSecret::for_disco(&self.private, &disco_key(with)).ok()?);
        }
        self.sealers.get(&with)
    }
}

const fn disco_key(node: NodePublic) -> DiscoPublic {
    DiscoPublic::from_bytes(*node.as_bytes())
}
