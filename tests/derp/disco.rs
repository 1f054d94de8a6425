//! Disco packets of the vectors, opened and sealed.

use natscope::model::NodePublic;
use natscope::wire::disco::{self, DiscoError, Message};
use natscope::wire::nacl::SharedSecret;
use serde_json::Value;

use crate::vectors::{array, disco_private, disco_public, hex, key, list, named, text};

fn wanted(vector: &Value) -> Message {
    let meaning = &vector["meaning"];
    match text(&meaning["type"]) {
        "ping" => Message::Ping {
            transaction: array(&meaning["txid"]),
            node: Some(key(&meaning["node_key"])),
            padding: usize::try_from(meaning["padding"].as_u64().unwrap()).unwrap(),
        },
        "pong" => {
            Message::Pong { transaction: array(&meaning["txid"]), source: text(&meaning["src"]).parse().unwrap() }
        }
        "call-me-maybe" => Message::CallMeMaybe {
            endpoints: meaning["endpoints"].as_array().unwrap().iter().map(|at| text(at).parse().unwrap()).collect(),
        },
        other => panic!("{other} in the vectors"),
    }
}

#[test]
fn every_packet_opens_and_is_sealed_again() {
    for vector in list("disco", 4) {
        let packet = hex(&vector["packet_hex"]);
        let (from, to) = match text(&vector["sender"]) {
            "disco_a" => ("disco_a", "disco_b"),
            _ => ("disco_b", "disco_a"),
        };
        assert!(disco::looks_like(&packet));
        assert_eq!(disco::sender(&packet), Some(disco_public(from)));
        let receiver = SharedSecret::for_disco(&disco_private(to), &disco_public(from)).unwrap();
        let sender = SharedSecret::for_disco(&disco_private(from), &disco_public(to)).unwrap();
        assert_eq!(disco::open(&packet, &receiver), Ok(wanted(vector)), "{}", vector["name"]);
        assert_eq!(wanted(vector).encode(), hex(&vector["inner_hex"]));
        let again = disco::seal(&wanted(vector), &disco_public(from), &sender, &array(&vector["nonce"]));
        assert_eq!(again, packet, "{}", vector["name"]);
        assert_eq!(packet.len() as u64, vector["len"].as_u64().unwrap());

        for length in 0..packet.len() {
            assert_eq!(disco::looks_like(&packet[..length]), length >= 62);
            assert!(disco::open(&packet[..length], &receiver).is_err());
        }
        let stranger = SharedSecret::for_disco(&disco_private(to), &disco_public(to)).unwrap();
        assert!(matches!(disco::open(&packet, &stranger), Err(DiscoError::CannotOpen(_))));
    }
    assert_eq!(hex(&named(list("disco", 4), "ping_a_to_b")["packet_hex"]).len(), disco::PING_LENGTH);
}

#[test]
fn every_truncated_message_is_read_leniently_or_refused() {
    for vector in list("disco", 4) {
        let inner = hex(&vector["inner_hex"]);
        for length in 0..inner.len() {
            let cut = Message::decode(&inner[..length]);
            match wanted(vector) {
                _ if length < 2 => assert!(cut.is_err()),
                Message::CallMeMaybe { .. } => {
                    let whole = (length - 2).is_multiple_of(18);
                    let count = if whole { (length - 2) / 18 } else { 0 };
                    assert!(matches!(cut, Ok(Message::CallMeMaybe { endpoints }) if endpoints.len() == count));
                }
                Message::Pong { .. } => assert_eq!(cut, Err(DiscoError::Truncated { kind: 2, got: length, least: 32 })),
                // Old senders leave the node key out.
                Message::Ping { .. } => assert_eq!(cut.is_ok(), length >= 14),
                Message::Unknown { .. } => unreachable!(),
            }
        }
        // Later versions may say more.
        if !matches!(wanted(vector), Message::CallMeMaybe { .. }) {
            let mut longer = inner.clone();
            longer[1] = 7;
            longer.extend([9; 5]);
            let read = Message::decode(&longer).unwrap();
            let padded = matches!(read, Message::Ping { .. }) || read == wanted(vector);
            assert!(padded, "{read:?}");
        }
    }
}

#[test]
fn unknown_types_are_kept() {
    let message = Message::Unknown { kind: 200, version: 3, body: vec![1, 2] };
    assert_eq!(message.encode(), [200, 3, 1, 2]);
    assert_eq!(Message::decode(&[200, 3, 1, 2]), Ok(message));
    let bare = Message::Ping { transaction: [7; 12], node: None, padding: 3 };
    assert_eq!(Message::decode(&bare.encode()), Ok(bare));
    let node = Some(NodePublic::from_bytes([4; 32]));
    let padded = Message::Ping { transaction: [7; 12], node, padding: 900 };
    assert_eq!(Message::decode(&padded.encode()), Ok(padded));
}
