//! What natscope's relays say to each other, by UDP from STUN port to STUN port, to help with the test of filters.
//!
//! Every message has the same length, so that no answer outgrows its question, and begins with a byte that no STUN
//! message begins with (RFC 8489 section 5: two zero bits). Whether the code at its end is right is the receiver's to
//! find out: keys and clocks are not known here.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::model;
use crate::wire::stun::TransactionId;

/// Bytes of a message without its code …
pub const BODY: usize = 80;
/// … of the code …
pub const CODE: usize = 16;
/// … and of both.
pub const LENGTH: usize = BODY + CODE;

const MAGIC: [u8; 4] = *b"\xe7nsh";
const VERSION: u8 = 1;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Are you there?
    Hello = 1,
    /// Yes: the hello's id is repeated.
    HelloOk = 2,
    /// Send this client a packet.
    Send = 3,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is for.
    pub kind: Kind,
    /// The sender's time of day, in milliseconds since 1970.
    pub time: u64,
    /// Drawn anew for each message but [`Kind::HelloOk`].
    pub id: [u8; 16],
    /// Of [`Kind::HelloOk`]: what its sender drew when it was started, and wants back with every [`Kind::Send`], so that
    /// one that was for another relay, or for it before it was started anew, is none for it. Zeros in [`Kind::Hello`].
    pub ticket: [u8; 16],
    /// Of [`Kind::Send`]: the client's transaction, which the packet is to answer. Else zeros.
    pub transaction: TransactionId,
    /// Of [`Kind::HelloOk`]: where the hello came from. Of [`Kind::Send`]: the client. Else `[::]:0`.
    pub endpoint: SocketAddr,
}

/// The endpoint of a message that is about none.
pub const NO_ENDPOINT: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

impl Message {
    /// Without its code.
    #[must_use]
    pub fn encode(&self) -> [u8; BODY] {
        let ip = match self.endpoint.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut body = [0; BODY];
        let parts: [&[u8]; 8] = [
            &MAGIC,
            &[VERSION, self.kind as u8, 0, 0],
            &self.time.to_be_bytes(),
            &self.id,
            &self.ticket,
            &self.transaction.0,
            &self.endpoint.port().to_be_bytes(),
            &ip.octets(),
        ];
        for (place, byte) in body.iter_mut().zip(parts.concat()) {
            *place = byte;
        }
        body
    }

    /// The message, and its code. `None`: it is none, or of another version.
    #[must_use]
    pub fn decode(datagram: &[u8]) -> Option<(Self, [u8; CODE])> {
        let datagram: &[u8; LENGTH] = datagram.try_into().ok()?;
        let mut rest = &datagram[..];
        let [m0, m1, m2, m3, VERSION, kind, 0, 0] = take(&mut rest)? else { return None };
        if [m0, m1, m2, m3] != MAGIC {
            return None;
        }
        let kind = match kind {
            1 => Kind::Hello,
            2 => Kind::HelloOk,
            3 => Kind::Send,
            _ => return None,
        };
        let time = u64::from_be_bytes(take(&mut rest)?);
        let (id, ticket) = (take(&mut rest)?, take(&mut rest)?);
        let transaction = TransactionId(take(&mut rest)?);
        let port = u16::from_be_bytes(take(&mut rest)?);
        let ip = Ipv6Addr::from(take::<16>(&mut rest)?);
        let [0, 0] = take(&mut rest)? else { return None };
        let endpoint = model::unmap(SocketAddr::new(ip.into(), port));
        Some((Self { kind, time, id, ticket, transaction, endpoint }, take(&mut rest)?))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(endpoint: &str) -> Message {
        Message {
            kind: Kind::Send,
            time: 1_700_000_000_123,
            id: [1; 16],
            ticket: [2; 16],
            transaction: TransactionId([3; 12]),
            endpoint: endpoint.parse().unwrap(),
        }
    }

    #[test]
    fn messages_come_back_as_they_were() {
        for endpoint in ["192.0.2.1:7", "[2001:db8::1]:65535"] {
            let datagram = [&message(endpoint).encode()[..], &[9; CODE]].concat();
            assert_eq!(Message::decode(&datagram), Some((message(endpoint), [9; CODE])));
            assert!(datagram[0] & 0xc0 != 0, "no STUN");
            for length in 0..datagram.len() {
                assert_eq!(Message::decode(&datagram[..length]), None);
            }
            assert_eq!(Message::decode(&[&datagram[..], &[0]].concat()), None);
            for place in [0, 3, 4, 5, 6, 7, BODY - 1] {
                let mut wrong = datagram.clone();
                wrong[place] ^= 0x40;
                assert_eq!(Message::decode(&wrong), None, "byte {place}");
            }
        }
    }
}
