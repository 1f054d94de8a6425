//! What natscope says to natscope in disco packets, beyond what nodes of a tailnet say: after the fields of a pong how
//! far the relay is, and a message of its own about the NAT in front of it. Others skip both.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::{DiscoPublic, Filtering, Mapping};
use crate::wire::disco::{self, DiscoError, MAGIC, Message};
use crate::wire::nacl::{Nonce, SharedSecret};

/// The type of a [`Note`] in a box: 'n'. Nodes of a tailnet count from 1 and skip what they do not know.
pub const NOTE: u8 = b'n';

/// What stands before the extra field of a pong, so that padding is not taken for one.
const MARK: u8 = b'n';

/// Bytes of a pong's own fields: type, version, transaction, endpoint.
const PONG_LENGTH: usize = 2 + 12 + 18;

/// A message, and what stood behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The message.
    pub message: Message,
    /// Of a pong: the round trip between its sender and the relay, to the microsecond.
    pub relay_round_trip: Option<Duration>,
}

/// What is known of the NAT in front of its sender. `None` is undetermined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Whether UDP gets out and is answered.
    pub udp: Option<bool>,
    /// RFC 4787 mapping behaviour over IPv4.
    pub mapping: Option<Mapping>,
    /// Whether the mapping depends on the destination, where `mapping` cannot say on what of it.
    pub mapping_varies: Option<bool>,
    /// RFC 4787 filtering behaviour over IPv4.
    pub filtering: Option<Filtering>,
    /// Whether UDP over IPv6 is answered.
    pub ipv6: Option<bool>,
}

/// The packet of a pong. It is shorter than any ping, so that answers never outgrow questions.
#[must_use]
pub fn seal_pong(
    pong: (&[u8; 12], SocketAddr),
    relay_round_trip: Option<Duration>,
    sender: &DiscoPublic,
    sealer: &SharedSecret,
    nonce: &Nonce,
) -> Vec<u8> {
    let (transaction, source) = pong;
    let mut inner = Message::Pong { transaction: *transaction, source }.encode();
    if let Some(round_trip) = relay_round_trip {
        let micros = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX);
        inner.push(MARK);
        inner.extend(micros.to_be_bytes());
    }
    [&MAGIC[..], sender.as_bytes(), nonce, &sealer.seal(nonce, &inner)].concat()
}

/// The letter in a packet from the peer whose sealer this is.
pub fn open(packet: &[u8], sealer: &SharedSecret) -> Result<Letter, DiscoError> {
    let rest = packet.strip_prefix(&MAGIC).ok_or(DiscoError::Shape)?;
    let (_, rest) = rest.split_first_chunk::<32>().ok_or(DiscoError::Shape)?;
    let (nonce, ciphertext) = rest.split_first_chunk().ok_or(DiscoError::Shape)?;
    let inner = sealer.open(nonce, ciphertext)?;
    let message = Message::decode(&inner)?;
    let extra = inner.get(PONG_LENGTH..).filter(|_| matches!(message, Message::Pong { .. }));
    let relay_round_trip = match extra {
        Some(&[MARK, a, b, c, d, ..]) => Some(Duration::from_micros(u32::from_be_bytes([a, b, c, d]).into())),
        _ => None,
    };
    Ok(Letter { message, relay_round_trip })
}

/// As [`disco::seal`].
#[must_use]
pub fn seal(message: &Message, sender: &DiscoPublic, sealer: &SharedSecret, nonce: &Nonce) -> Vec<u8> {
    disco::seal(message, sender, sealer, nonce)
}

impl Note {
    /// The message it travels as.
    #[must_use]
    pub fn message(&self) -> Message {
        let truth = |value: Option<bool>| value.map_or(0, |value| 1 + u8::from(value));
        let mapping = match self.mapping {
            None => 0,
            Some(Mapping::Direct) => 1,
            Some(Mapping::EndpointIndependent) => 2,
            Some(Mapping::AddressDependent) => 3,
            Some(Mapping::AddressAndPortDependent) => 4,
        };
        let filtering = match self.filtering {
            None => 0,
            Some(Filtering::EndpointIndependent) => 1,
            Some(Filtering::AddressDependent) => 2,
            Some(Filtering::AddressAndPortDependent) => 3,
        };
        let body = vec![truth(self.udp), mapping, truth(self.mapping_varies), filtering, truth(self.ipv6)];
        Message::Unknown { kind: NOTE, version: 0, body }
    }

    /// The note in a message, if it is one. Values of a later version count as undetermined.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let Message::Unknown { kind: NOTE, body, .. } = message else { return None };
        let &[udp, mapping, varies, filtering, ipv6, ..] = body.as_slice() else { return None };
        let truth = |value| match value {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        };
        Some(Self {
            udp: truth(udp),
            mapping: match mapping {
                1 => Some(Mapping::Direct),
                2 => Some(Mapping::EndpointIndependent),
                3 => Some(Mapping::AddressDependent),
                4 => Some(Mapping::AddressAndPortDependent),
                _ => None,
            },
            mapping_varies: truth(varies),
            filtering: match filtering {
                1 => Some(Filtering::EndpointIndependent),
                2 => Some(Filtering::AddressDependent),
                3 => Some(Filtering::AddressAndPortDependent),
                _ => None,
            },
            ipv6: truth(ipv6),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DiscoPrivate;
    use crate::wire::nacl::disco_public;

    fn pair() -> (DiscoPublic, SharedSecret, SharedSecret) {
        let (one, other) = (DiscoPrivate::generate([1; 32]), DiscoPrivate::generate([2; 32]));
        let there = SharedSecret::for_disco(&one, &disco_public(&other)).unwrap();
        let here = SharedSecret::for_disco(&other, &disco_public(&one)).unwrap();
        (disco_public(&one), there, here)
    }

    #[test]
    fn a_pong_tells_how_far_the_relay_is_and_stays_below_a_ping() {
        let (sender, there, here) = pair();
        let source = "192.0.2.1:7".parse().unwrap();
        for told in [None, Some(Duration::from_micros(12_345))] {
            let packet = seal_pong((&[9; 12], source), told, &sender, &there, &[3; 24]);
            assert!(packet.len() < disco::PING_LENGTH);
            let letter = open(&packet, &here).unwrap();
            assert_eq!(letter.relay_round_trip, told);
            assert_eq!(letter.message, Message::Pong { transaction: [9; 12], source });
            // Who does not know the extra field reads the pong all the same.
            assert_eq!(disco::open(&packet, &here).unwrap(), letter.message);
            for length in 0..packet.len() {
                assert!(open(&packet[..length], &here).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn a_note_comes_back_as_it_was() {
        let note = Note {
            udp: Some(true),
            mapping: Some(Mapping::AddressAndPortDependent),
            mapping_varies: None,
            filtering: Some(Filtering::AddressDependent),
            ipv6: Some(false),
        };
        assert_eq!(Note::of(&note.message()), Some(note));
        assert_eq!(Note::of(&Note::default().message()), Some(Note::default()));
        let later = Message::Unknown { kind: NOTE, version: 1, body: vec![9; 40] };
        assert_eq!(Note::of(&later), Some(Note::default()));
        assert_eq!(Note::of(&Message::Unknown { kind: NOTE, version: 0, body: vec![1; 4] }), None);
        assert_eq!(Note::of(&Message::CallMeMaybe { endpoints: vec![] }), None);
    }
}
