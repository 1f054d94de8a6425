//! Two relays, a client, and those who would abuse them.

use super::*;
use crate::wire::relay_help::LENGTH;
use crate::wire::stun::{Class, decode_response};

const A: &str = "192.0.2.1:3478";
const B: &str = "198.51.100.1:3478";
const CLIENT: &str = "203.0.113.7:50000";
const TRANSACTION: TransactionId = TransactionId([5; 12]);
const ENOUGH: usize = HelpWanted::PACKET_LEAST;

fn endpoint(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

struct Pair {
    a: Help,
    b: Help,
    start: Now,
}

fn options(key: u8, relays: &[&str]) -> HelpOptions {
    HelpOptions {
        key: MeshKey::from_bytes([key; 32]),
        relays: relays.iter().map(|relay| relay.parse().unwrap()).collect(),
    }
}

/// Two relays, of which A asks B; A has heard of B, from where it greeted it.
fn pair() -> Pair {
    let start = Now { at: tokio::time::Instant::now().into_std(), time: 1_800_000_000_000 };
    let a = Help::new(&options(1, &[B]), start, &[1; 32], [1; 16]);
    let b = Help::new(&options(1, &[]), start, &[2; 32], [2; 16]);
    let pair = Pair { a, b, start };
    pair.greet(start, B);
    pair
}

impl Pair {
    fn after(&self, seconds: u64) -> Now {
        Now { at: self.start.at + Duration::from_secs(seconds), time: self.start.time + seconds * 1000 }
    }

    fn greet(&self, now: Now, answers_from: &str) {
        let link = &self.a.links()[0];
        let hello = self.a.hello(link, [7; 16], endpoint(B), now);
        let answer = self.b.receive(&hello, endpoint(A), Some(endpoint(B)), now);
        if let Some(Parcel { to, bytes }) = answer {
            assert_eq!((to, bytes.len() <= hello.len()), (endpoint(A), true));
            assert_eq!(self.a.receive(&bytes, endpoint(answers_from), None, now), None);
        }
    }

    fn offer(&self, now: Now) -> Option<FilterHelp> {
        self.a.offer(endpoint(CLIENT), endpoint(A).ip(), Some(3479), now)
    }

    fn packet(&self, from: &str, cookie: HelpCookie, length: usize, now: Now) -> Option<Parcel> {
        self.a.packet(endpoint(from), cookie, TRANSACTION, length, now)
    }

    /// A message to B that asks it to send something to the client.
    fn asked(&self) -> Vec<u8> {
        let cookie = self.offer(self.start).unwrap().cookie;
        self.packet(CLIENT, cookie, ENOUGH, self.start).unwrap().bytes
    }
}

#[test]
fn a_client_gets_one_packet_from_the_other_relay() {
    let pair = pair();
    let offer = pair.offer(pair.start).unwrap();
    assert_eq!((offer.from, offer.port), (endpoint(B), Some(3479)));
    let asked = pair.packet(CLIENT, offer.cookie, ENOUGH, pair.start).unwrap();
    assert_eq!(asked.to, endpoint(B));
    let packet = pair.b.receive(&asked.bytes, endpoint(A), Some(endpoint(B)), pair.start).unwrap();
    assert_eq!(packet.to, endpoint(CLIENT));
    let response = decode_response(&packet.bytes).unwrap();
    assert_eq!((response.transaction, response.endpoint()), (TRANSACTION, Some(endpoint(CLIENT))));
    assert_eq!(response.response_origin, Some(endpoint(B)));
    assert!(packet.bytes.len() <= ENOUGH);
}

#[test]
fn only_a_right_cookie_of_that_client_and_of_this_minute_brings_anything() {
    let pair = pair();
    let HelpCookie(cookie) = pair.offer(pair.start).unwrap().cookie;
    for bit in 0..64 {
        let mut wrong = cookie;
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(pair.packet(CLIENT, HelpCookie(wrong), ENOUGH, pair.start), None, "bit {bit}");
    }
    let cookie = HelpCookie(cookie);
    assert_eq!(pair.packet(CLIENT, HelpCookie([0; 8]), ENOUGH, pair.start), None);
    for other in ["203.0.113.7:50001", "203.0.113.8:50000", "[2001:db8::1]:50000", A, B] {
        assert_eq!(pair.packet(other, cookie, ENOUGH, pair.start), None, "{other}");
    }
    // As a socket for both families has the same address.
    assert!(pair.packet("[::ffff:203.0.113.7]:50000", cookie, ENOUGH, pair.start).is_some());
    pair.greet(pair.after(55), B);
    assert!(pair.packet(CLIENT, cookie, ENOUGH, pair.after(59)).is_some());
    assert_eq!(pair.packet(CLIENT, cookie, ENOUGH, pair.after(120)), None);
    // Another process, or this one started anew.
    let again = Help::new(&options(1, &[B]), pair.start, &[9; 32], [9; 16]);
    let pair = Pair { a: again, ..pair };
    pair.greet(pair.after(1), B);
    assert_eq!(pair.packet(CLIENT, cookie, ENOUGH, pair.start), None);
}

#[test]
fn a_request_shorter_than_what_it_brings_brings_nothing() {
    let pair = pair();
    let cookie = pair.offer(pair.start).unwrap().cookie;
    assert_eq!(pair.packet(CLIENT, cookie, ENOUGH - 1, pair.start), None);
    let v6 = stun::encode_help(TRANSACTION, endpoint("[2001:db8::1]:1"), Some(endpoint("[2001:db8::2]:1")));
    assert!(v6.len() <= ENOUGH && stun::encode_no_help(TRANSACTION).len() <= ENOUGH);
}

#[test]
fn a_flood_keeps_to_the_limits_and_is_told_so() {
    let pair = pair();
    let cookie = pair.offer(pair.start).unwrap().cookie;
    let (mut sent, mut asked_bytes, mut sent_bytes) = (0, 0, 0);
    for _ in 0..10_000 {
        asked_bytes += ENOUGH;
        let parcel = pair.packet(CLIENT, cookie, ENOUGH, pair.start).unwrap();
        if parcel.to == endpoint(CLIENT) {
            let refusal = decode_response(&parcel.bytes).unwrap();
            assert!(matches!(refusal.class, Class::Error { code: Some(508), .. }));
            sent_bytes += parcel.bytes.len();
        } else {
            let packet = pair.b.receive(&parcel.bytes, endpoint(A), Some(endpoint(B)), pair.start).unwrap();
            sent_bytes += packet.bytes.len();
            sent += 1;
        }
    }
    assert_eq!(sent, limits::EACH.burst);
    assert!(sent_bytes <= asked_bytes, "{sent_bytes} for {asked_bytes}");
}

#[test]
fn what_is_not_of_the_mesh_is_not_acted_on() {
    let pair = pair();
    let asked = pair.asked();
    assert_eq!(asked.len(), LENGTH);
    let receive = |help: &Help, datagram: &[u8], now| help.receive(datagram, endpoint(A), None, now);
    for byte in 0..asked.len() {
        let mut forged = asked.clone();
        forged[byte] ^= 1;
        assert_eq!(receive(&pair.b, &forged, pair.start), None, "byte {byte}");
        assert_eq!(receive(&pair.b, &asked[..byte], pair.start), None, "{byte} bytes");
    }
    let stranger = Help::new(&options(3, &[]), pair.start, &[2; 32], [2; 16]);
    assert_eq!(receive(&stranger, &asked, pair.start), None, "another key");
    let third = Help::new(&options(1, &[]), pair.start, &[3; 32], [3; 16]);
    assert_eq!(receive(&third, &asked, pair.start), None, "it was for another relay of the mesh");
    assert_eq!(receive(&pair.b, &asked, pair.after(31)), None, "old");
    let early = Now { time: pair.start.time - 31_000, ..pair.start };
    assert_eq!(receive(&pair.b, &asked, early), None, "ahead of time");
    assert!(receive(&pair.b, &asked, pair.after(29)).is_some());
    for after in [29, 30] {
        assert_eq!(receive(&pair.b, &asked, pair.after(after)), None, "once is enough");
    }
}

#[test]
fn old_messages_sent_again_use_nothing_up() {
    let pair = pair();
    let cookie = pair.offer(pair.start).unwrap().cookie;
    let messages: Vec<_> = (0..2).map(|_| pair.packet(CLIENT, cookie, ENOUGH, pair.start).unwrap().bytes).collect();
    let receive = |datagram: &[u8]| pair.b.receive(datagram, endpoint(A), None, pair.start);
    assert!(receive(&messages[0]).is_some());
    assert!((0..2 * limits::FOR_OTHERS.burst).all(|_| receive(&messages[0]).is_none()));
    assert!(receive(&messages[1]).is_some());
}

#[test]
fn nothing_is_sent_to_where_no_client_can_be() {
    let pair = pair();
    for to in ["255.255.255.255:7", "224.0.0.1:7", "0.0.0.0:7", "198.51.100.7:0", "[ff02::1]:7", "[::]:7"] {
        let message = Message {
            kind: Kind::Send,
            time: pair.start.time,
            id: [8; 16],
            ticket: [2; 16],
            transaction: TRANSACTION,
            endpoint: endpoint(to),
        };
        assert_eq!(pair.b.receive(&pair.a.seal(&message), endpoint(A), None, pair.start), None, "{to}");
    }
}

#[test]
fn help_is_offered_while_the_other_relay_answers_from_where_it_was_asked() {
    let pair = pair();
    assert!(pair.offer(pair.after(29)).is_some());
    let cookie = pair.offer(pair.after(29)).unwrap().cookie;
    assert_eq!(pair.offer(pair.after(30)), None);
    // Silence would look like a filter.
    let refused = pair.packet(CLIENT, cookie, ENOUGH, pair.after(30)).unwrap();
    assert_eq!(refused.to, endpoint(CLIENT));
    pair.greet(pair.after(31), "198.51.100.2:3478");
    assert_eq!(pair.offer(pair.after(31)), None);
    // An answer to no hello of ours is none.
    let hello = pair.b.hello(&Link::both(&B.parse().unwrap()).next().unwrap(), [9; 16], endpoint(A), pair.after(31));
    let stray = pair.b.receive(&hello, endpoint(A), None, pair.after(31)).unwrap();
    assert_eq!(pair.a.receive(&stray.bytes, endpoint(B), None, pair.after(31)), None);
    assert_eq!(pair.offer(pair.after(31)), None);
}

#[test]
fn relays_at_one_address_and_a_relay_itself_are_no_help() {
    let start = pair().start;
    let offer = |client: &str, asks: &str, seen_at: &str, ticket: u8| {
        let a = Help::new(&options(1, &[B]), start, &[1; 32], [1; 16]);
        let b = Help::new(&options(1, &[]), start, &[2; 32], [ticket; 16]);
        let hello = a.hello(&a.links()[0], [7; 16], endpoint(B), start);
        let answer = b.receive(&hello, endpoint(seen_at), None, start).unwrap();
        a.receive(&answer.bytes, endpoint(B), None, start);
        a.offer(endpoint(client), endpoint(asks).ip(), None, start)
    };
    assert!(offer(CLIENT, A, A, 2).is_some());
    assert_eq!(offer(CLIENT, A, A, 1), None, "itself");
    assert_eq!(offer(CLIENT, "198.51.100.1:9", A, 2), None, "the same address");
    assert_eq!(offer(CLIENT, "0.0.0.0:3478", "198.51.100.1:777", 2), None, "behind one NAT");
    assert_eq!(offer("198.51.100.1:777", A, A, 2), None, "the client is behind that NAT, too");
    assert_eq!(offer("[2001:db8::7]:1", A, A, 2), None, "another family");
}
