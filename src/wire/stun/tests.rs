//! Fixed vectors (seen from a real derper and its client), each with all its truncations; then random messages, in
//! both directions against stun-rs.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

/// Transaction id 00..0b.
const COUNTING: TransactionId = TransactionId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
const TAILNODE: &str = "000100142112a442000102030405060708090a0b802200087461696c6e6f6465802800048aabad90";
const TAILNODE_CHANGE: &str =
    "0001001c2112a442000102030405060708090a0b802200087461696c6e6f6465000300040000000680280004e3fc9845";
const BARE: &str = "000100002112a442000102030405060708090a0b";
const XOR: &str = "0101000c2112a442000102030405060708090a0b00200008000183bbea12d54b";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn endpoint(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A response with these attributes, given as `(type, value)`.
fn response(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut writer = frame::Writer::new(kind, b"\x21\x12\xa4\x42\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b");
    for (kind, value) in attributes {
        writer.attribute(*kind, value);
    }
    writer.finish()
}

const GOOD_XOR: (u16, &[u8]) = (0x0020, &[0, 1, 0x83, 0xbb, 0xea, 0x12, 0xd5, 0x4b]);

#[test]
fn requests_are_byte_exact() {
    let request = |form, change| encode_request(COUNTING, form, change).unwrap();
    assert_eq!(request(RequestForm::Tailnode, None), bytes(TAILNODE));
    assert_eq!(request(RequestForm::Tailnode, Some(ChangeRequest::BOTH)), bytes(TAILNODE_CHANGE));
    assert_eq!(request(RequestForm::Plain, None), bytes(BARE));
    let other = TransactionId(*b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb");
    assert_eq!(
        encode_request(other, RequestForm::Tailnode, None).unwrap(),
        bytes("000100142112a442f0f1f2f3f4f5f6f7f8f9fafb802200087461696c6e6f646580280004941abb8e")
    );
}

#[test]
fn change_request_flags_are_those_of_rfc_5780() {
    for (ip, port, flags) in [(false, false, 0), (false, true, 2), (true, false, 4), (true, true, 6)] {
        let change = ChangeRequest { ip, port };
        let sent = encode_request(COUNTING, RequestForm::Plain, Some(change)).unwrap();
        assert_eq!(sent[20..], [0, 3, 0, 4, 0, 0, 0, flags]);
        assert_eq!(decode_request(&sent).unwrap().change, Some(change));
    }
}

#[test]
fn requests_are_told_apart_as_derper_does() {
    let tailnode = |hex: &str| decode_request(&bytes(hex)).map(|request| request.tailnode);
    assert_eq!(tailnode(TAILNODE), Ok(true));
    assert_eq!(tailnode(TAILNODE_CHANGE), Ok(true));
    // Two SOFTWARE, the second one right.
    assert_eq!(
        tailnode("0001001c2112a442000102030405060708090a0b8022000461626364802200087461696c6e6f64658028000445590420"),
        Ok(true)
    );
    assert_eq!(tailnode(BARE), Ok(false));
    for (what, hex) in [
        ("no software", "000100082112a442000102030405060708090a0b802800045b0ff6fc"),
        ("other software", "000100142112a442000102030405060708090a0b802200087374756e636c6e7480280004db2f289c"),
        (
            "NUL after the name",
            "000100182112a442000102030405060708090a0b802200097461696c6e6f6465000000008028000409deea02",
        ),
        ("no fingerprint", "0001000c2112a442000102030405060708090a0b802200087461696c6e6f6465"),
        ("no cookie", "0001001401020304000102030405060708090a0b802200087461696c6e6f646580280004374551aa"),
    ] {
        assert_eq!(tailnode(hex), Ok(false), "{what}");
    }
}

#[test]
fn what_is_no_binding_request_is_an_error() {
    let error = |hex: &str| decode_request(&bytes(hex)).unwrap_err();
    let fingerprint = "000100142112a442000102030405060708090a0b802200087461696c6e6f6465802800048aabad";
    assert_eq!(error(&format!("{fingerprint}91")), DecodeError::WrongFingerprint);
    assert_eq!(error(&format!("{fingerprint}9000")), DecodeError::Oversized { declared: 20, present: 21 });
    assert_eq!(
        error("000100182112a442000102030405060708090a0b802200087461696c6e6f646580280004b8ded7d680220000"),
        DecodeError::WrongFingerprint,
        "FINGERPRINT is not the last attribute"
    );
    assert_eq!(
        error("000100182112a442000102030405060708090a0b802200087461696c6e6f64658028000473190ae3"),
        DecodeError::Truncated { declared: 24, present: 20 }
    );
    assert_eq!(
        error("001100142112a442000102030405060708090a0b802200087461696c6e6f64658028000464d52080"),
        DecodeError::OtherType { kind: 0x0011 },
        "an indication"
    );
    assert_eq!(
        error("000300142112a442000102030405060708090a0b802200087461696c6e6f64658028000497647c32"),
        DecodeError::OtherType { kind: 0x0003 },
        "an Allocate request"
    );
    assert_eq!(error(XOR), DecodeError::OtherType { kind: 0x0101 });
    assert_eq!(error("400100002112a442000102030405060708090a0b"), DecodeError::NotStun);
}

#[test]
fn unknown_attributes_are_listed_once_and_boundedly() {
    let hex = "0001001c2112a442000102030405060708090a0b7777000400000001802200087461696c6e6f646580280004fe1fc8e4";
    assert_eq!(decode_request(&bytes(hex)).unwrap().unknown, [0x7777]);
    let attributes: Vec<(u16, &[u8])> = (0..100).map(|i| (0x4000 + i / 2, &[][..])).collect();
    let request = decode_request(&response(0x0001, &attributes)).unwrap();
    assert_eq!(request.unknown, (0x4000..0x4008).collect::<Vec<_>>());
    // RESPONSE-ADDRESS of RFC 3489 would let anybody aim our answers at anybody.
    assert_eq!(decode_request(&response(0x0001, &[(0x0002, &[0; 8]), (0x0026, &[0; 8])])).unwrap().unknown, [2, 0x26]);
    // Optional ones and those of authentication are no reason to refuse.
    let harmless: [(u16, &[u8]); 3] = [(0x8100, &[1]), (0x0006, b"user"), (0x0008, &[0; 20])];
    assert!(decode_request(&response(0x0001, &harmless)).unwrap().unknown.is_empty());
}

#[test]
fn response_port_has_two_bytes_and_perhaps_two_reserved_ones() {
    for value in [&[0x12, 0x34][..], &[0x12, 0x34, 0xff, 0xff]] {
        assert_eq!(decode_request(&response(0x0001, &[(0x0027, value)])).unwrap().response_port, Some(0x1234));
    }
    assert!(matches!(decode_request(&response(0x0001, &[(0x0027, &[1])])), Err(DecodeError::Malformed(_))));
    assert!(matches!(decode_request(&response(0x0001, &[(0x0003, &[6])])), Err(DecodeError::Malformed(_))));
}

#[test]
fn answers_of_derper_are_read() {
    for (hex, text) in [
        (XOR, "203.0.113.9:41641"),
        (
            "010100182112a442000102030405060708090a0b00200014000283bb2112a442000102030405f9f8c3097b02",
            "203.0.113.9:41641",
        ),
        (
            "010100182112a442f0f1f2f3f4f5f6f7f8f9fafb0020001400022c840113a9faf0f1f2f3f4f5f6f7f8f9e8cf",
            "[2001:db8::1234]:3478",
        ),
        ("0101000c2112a442000102030405060708090a0b80200008000183bbea12d54b", "203.0.113.9:41641"),
        ("0101000c2112a442000102030405060708090a0b000100080001a2a9cb007109", "203.0.113.9:41641"),
        (
            "010100182112a442000102030405060708090a0b00010008000100010102030400200008000183bbea12d54b",
            "203.0.113.9:41641",
        ),
        ("010100142112a442000102030405060708090a0b802200036162630000200008000183bbea12d54b", "203.0.113.9:41641"),
    ] {
        let response = decode_response(&bytes(hex)).unwrap();
        assert_eq!(response.endpoint(), Some(endpoint(text)), "{hex}");
        assert_eq!(response.class, Class::Success);
        assert_eq!(response.problems, []);
    }
    let rewritten = "010100182112a442000102030405060708090a0b00010008000100010102030400200008000183bbea12d54b";
    assert_eq!(decode_response(&bytes(rewritten)).unwrap().rewritten(), Some(endpoint("1.2.3.4:1")));
    assert_eq!(decode_response(&bytes(XOR)).unwrap().rewritten(), None);
}

#[test]
fn what_is_no_usable_response_is_an_error() {
    let error = |hex: &str| decode_response(&bytes(hex)).unwrap_err();
    assert_eq!(error(&format!("{XOR}ffffffffff")), DecodeError::Oversized { declared: 12, present: 17 });
    assert_eq!(
        error("010100402112a442000102030405060708090a0b00200008000183bbea12d54b"),
        DecodeError::Truncated { declared: 64, present: 12 }
    );
    assert_eq!(error("010100002112a442000102030405060708090a"), DecodeError::TooShort { bytes: 19 });
    assert_eq!(error("010100022112a442000102030405060708090a0b0000"), DecodeError::Misaligned { declared: 2 });
    assert_eq!(error("0101000c2112a443000102030405060708090a0b00200008000183bbea12d54b"), DecodeError::NoCookie);
    assert_eq!(error(BARE), DecodeError::OtherType { kind: 1 });
    assert_eq!(
        error("010100082112a442000102030405060708090a0b8022000461626364"),
        DecodeError::NoAddress { problems: vec![] }
    );
    let bad_family = error("0101000c2112a442000102030405060708090a0b00200008000383bbea12d54b");
    assert_eq!(bad_family.to_string(), "no mapped address (XOR-MAPPED-ADDRESS: unknown address family 3)");
    assert_eq!(
        error("0101000c2112a442000102030405060708090a0b00200028000183bbea12d54b"),
        DecodeError::NoAddress { problems: vec![Problem::Overrun] }
    );
}

#[test]
fn a_wrong_fingerprint_spoils_a_response() {
    let mut right = frame::Writer::new(0x0101, &[0x21, 0x12, 0xa4, 0x42, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    right.attribute(GOOD_XOR.0, GOOD_XOR.1);
    let right = right.fingerprint();
    assert_eq!(decode_response(&right).unwrap().fingerprint, Fingerprint::Valid);
    for position in 0..right.len() {
        let mut wrong = right.clone();
        wrong[position] ^= 1;
        let read = decode_response(&wrong);
        // With its own type or length broken, FINGERPRINT is no FINGERPRINT any more.
        if (32..36).contains(&position) {
            assert!(read.is_ok_and(|read| read.fingerprint == Fingerprint::Absent), "byte {position} flipped");
        } else {
            assert!(read.is_err(), "byte {position} flipped");
        }
    }
    let short = response(0x0101, &[GOOD_XOR, (0x8028, &[1, 2])]);
    assert_eq!(decode_response(&short), Err(DecodeError::WrongFingerprint));
}

#[test]
fn a_bad_optional_attribute_is_named_and_spoils_nothing() {
    let unreadable = |kind, fault| Problem::Unreadable { kind, fault };
    let cases: [(&[u8], u16, Problem); 5] = [
        (&[0, 0, 0, 0, 0, 0, 0, 0], 0x802c, unreadable(0x802c, Fault::Family { family: 0 })),
        (&[0, 1, 0, 0, 0, 0], 0x802b, unreadable(0x802b, Fault::Length { bytes: 6 })),
        (&[], 0x0004, unreadable(0x0004, Fault::Length { bytes: 0 })),
        (&[0; 21], 0x8020, unreadable(0x8020, Fault::Length { bytes: 21 })),
        (&[1, 2, 3], 0x7fff, Problem::UnknownRequired { kind: 0x7fff }),
    ];
    for (value, kind, problem) in cases {
        for order in [[(kind, value), GOOD_XOR], [GOOD_XOR, (kind, value)]] {
            let read = decode_response(&response(0x0101, &order)).unwrap();
            assert_eq!(read.endpoint(), Some(endpoint("203.0.113.9:41641")));
            assert_eq!(read.problems, [problem]);
        }
    }
    let mut cut = response(0x0101, &[GOOD_XOR, (0x802c, &[0, 1, 0, 1, 1, 2, 3, 4])]);
    cut[35] = 0xff;
    let read = decode_response(&cut).unwrap();
    assert_eq!(read.endpoint(), Some(endpoint("203.0.113.9:41641")));
    assert_eq!(read.problems, [Problem::Overrun]);
}

#[test]
fn the_first_of_repeated_attributes_counts() {
    let other: (u16, &[u8]) = (0x0020, &[0, 1, 0, 0, 0, 0, 0, 0]);
    let read = decode_response(&response(0x0101, &[GOOD_XOR, GOOD_XOR, other])).unwrap();
    assert_eq!(read.endpoint(), Some(endpoint("203.0.113.9:41641")));
    assert_eq!(read.problems, [Problem::Repeated { kind: 0x0020 }]);
    let after = response(0x0101, &[GOOD_XOR, (0x0008, &[0; 20]), (0x0001, &[0, 1, 0, 1, 1, 2, 3, 4])]);
    let read = decode_response(&after).unwrap();
    assert_eq!((read.mapped, read.problems), (None, vec![Problem::AfterIntegrity { kind: 1 }]));
}

#[test]
fn problems_are_bounded() {
    let mut attributes = vec![GOOD_XOR];
    attributes.resize(2000, (0x7000, &[]));
    let read = decode_response(&response(0x0101, &attributes)).unwrap();
    assert_eq!(read.problems.len(), 17);
    assert_eq!(read.problems.last(), Some(&Problem::More));
}

#[test]
fn old_names_of_addresses_are_read_and_new_ones_win() {
    let (one, two) = (&[0, 1, 0, 1, 1, 1, 1, 1][..], &[0, 1, 0, 2, 2, 2, 2, 2][..]);
    let classic = decode_response(&response(0x0101, &[(1, one), (4, one), (5, two)])).unwrap();
    assert_eq!(classic.response_origin, Some(endpoint("1.1.1.1:1")));
    assert_eq!(classic.other_address, Some(endpoint("2.2.2.2:2")));
    let both = response(0x0101, &[(1, one), (4, one), (5, one), (0x802b, two), (0x802c, two)]);
    let both = decode_response(&both).unwrap();
    assert_eq!((both.response_origin, both.other_address), (Some(endpoint("2.2.2.2:2")), Some(endpoint("2.2.2.2:2"))));
    assert_eq!(both.problems, []);
}

#[test]
fn error_responses_tell_code_reason_and_what_was_unknown() {
    let read = |attributes: &[(u16, &[u8])]| decode_response(&response(0x0111, attributes)).unwrap();
    let error =
        |code, reason: &str, unknown: &[u16]| Class::Error { code, reason: reason.into(), unknown: unknown.into() };
    assert_eq!(read(&[(9, &[0, 0, 4, 0])]).class, error(Some(400), "", &[]));
    let refused = read(&[(9, b"\0\0\x04\x14Unknown"), (10, &[0, 3, 0, 0x27])]);
    assert_eq!(refused.class, error(Some(420), "Unknown", &[3, 0x27]));
    let moved = read(&[(9, b"\0\0\x03\0"), (0x8023, &[0, 1, 0, 1, 1, 2, 3, 4])]);
    assert_eq!(moved.alternate_server, Some(endpoint("1.2.3.4:1")));
    for value in [&[0, 0, 4][..], &[0, 0, 2, 0], &[0, 0, 4, 100]] {
        let read = read(&[(9, value)]);
        assert_eq!(read.class, error(None, "", &[]));
        assert_eq!(read.problems.last(), Some(&Problem::NoErrorCode));
    }
}

#[test]
fn texts_are_fit_for_a_terminal() {
    let software =
        |value: &[u8]| decode_response(&response(0x0101, &[GOOD_XOR, (0x8022, value)])).unwrap().software.unwrap();
    assert_eq!(software(b"Coturn-4.6.1 'Gorst'\0\0"), "Coturn-4.6.1 'Gorst'");
    assert_eq!(software(b"\x1b[31mred\n\xff"), "\u{fffd}[31mred\u{fffd}\u{fffd}");
    assert_eq!(software("a\u{202e}b".as_bytes()), "a\u{fffd}b");
    assert_eq!(software(b""), "");
    assert_eq!(software(&vec![b'x'; 60000]).len(), 128);
    assert_eq!(software("é".repeat(700).as_bytes()).chars().count(), 128);
}

#[test]
fn every_truncation_of_every_vector_is_an_error() {
    for hex in [TAILNODE, TAILNODE_CHANGE, BARE, XOR] {
        let whole = bytes(hex);
        for end in 0..whole.len() {
            assert!(decode_request(&whole[..end]).is_err(), "{hex} cut at {end}");
            assert!(decode_response(&whole[..end]).is_err(), "{hex} cut at {end}");
        }
    }
}

#[test]
fn answers_suit_those_who_asked() {
    let facts = AnswerFacts {
        mapped: endpoint("[::ffff:203.0.113.9]:41641"),
        origin: Some(endpoint("192.0.2.1:3478")),
        other: Some(endpoint("192.0.2.2:3479")),
        software: "natscope/1.2.3",
    };
    let tailnode = decode_request(&bytes(TAILNODE)).unwrap();
    assert_eq!(encode_success(&tailnode, &facts), bytes(XOR), "XOR-MAPPED-ADDRESS alone, family 1");
    let v6 = AnswerFacts { mapped: endpoint("[2001:db8::1]:1"), ..facts };
    assert_eq!(encode_success(&tailnode, &v6).len(), 44);

    let change = decode_request(&bytes(TAILNODE_CHANGE)).unwrap();
    let read = decode_response(&encode_success(&change, &facts)).unwrap();
    assert_eq!(read.other_address, facts.other);
    assert_eq!(read.fingerprint, Fingerprint::Valid);

    let plain = encode_success(&decode_request(&bytes(BARE)).unwrap(), &facts);
    let read = decode_response(&plain).unwrap();
    let mapped = Some(endpoint("203.0.113.9:41641"));
    assert_eq!((read.transaction, read.xor_mapped, read.mapped), (COUNTING, mapped, mapped));
    assert_eq!((read.response_origin, read.other_address), (facts.origin, facts.other));
    assert_eq!(read.software.as_deref(), Some("natscope/1.2.3"));
    assert_eq!((read.fingerprint, read.problems), (Fingerprint::Absent, vec![]));

    let classic = decode_request(&bytes("00010000000102030405060708090a0b0c0d0e0f")).unwrap();
    assert!(classic.id.is_classic());
    let answer = encode_success(&classic, &facts);
    assert_eq!(
        answer,
        bytes(
            "01010024000102030405060708090a0b0c0d0e0f\
             000100080001a2a9cb0071090004000800010d96c00002010005000800010d97c0000202"
        )
    );
}

#[test]
fn refusals_name_what_was_unknown() {
    let plain = decode_request(&bytes(BARE)).unwrap();
    let Class::Error { code, unknown, .. } = decode_response(&encode_unknown_attributes(&plain, &[3])).unwrap().class
    else {
        panic!("no error response")
    };
    assert_eq!((code, unknown), (Some(420), vec![3]));
    let classic = decode_request(&bytes("00010000000102030405060708090a0b0c0d0e0f")).unwrap();
    let refusal = encode_unknown_attributes(&classic, &[3]);
    assert_eq!(refusal[refusal.len() - 8..], [0, 10, 0, 4, 0, 3, 0, 3], "an odd one is listed twice");
    let bad = decode_response(&encode_bad_request(&plain)).unwrap();
    assert!(matches!(bad.class, Class::Error { code: Some(400), .. }));
}

mod against_stun_rs {
    use stun_rs::attributes::discovery::{OtherAddress, ResponseOrigin};
    use stun_rs::attributes::stun::{ErrorCode, MappedAddress, Software, XorMappedAddress};
    use stun_rs::{
        DecoderContextBuilder, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder, StunMessage,
        StunMessageBuilder, methods,
    };

    use super::*;

    fn endpoints() -> impl Strategy<Value = SocketAddr> {
        // IPv4-mapped IPv6 addresses are left out: we unmap them and stun-rs does not.
        let v6 = any::<(u128, u16)>().prop_map(|(address, port)| SocketAddr::from((address.to_be_bytes(), port)));
        prop_oneof![
            any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
            v6.prop_filter("IPv4-mapped", |v6| crate::model::unmap(*v6) == *v6),
        ]
    }

    fn decode(datagram: &[u8]) -> Option<StunMessage> {
        let context = DecoderContextBuilder::default().with_validation().with_unknown_data().build();
        let decoder = MessageDecoderBuilder::default().with_context(context).build();
        decoder.decode(datagram).ok().filter(|(_, used)| *used == datagram.len()).map(|(message, _)| message)
    }

    fn encode(message: &StunMessage) -> Vec<u8> {
        let mut buffer = vec![0; 2048];
        let written = MessageEncoderBuilder::default().build().encode(&mut buffer, message).unwrap();
        buffer.truncate(written);
        buffer
    }

    fn xor_mapped(message: &StunMessage) -> Option<SocketAddr> {
        let found = message.get::<XorMappedAddress>()?;
        Some(*found.as_xor_mapped_address().unwrap().socket_address())
    }

    fn mapped(message: &StunMessage) -> Option<SocketAddr> {
        Some(*message.get::<MappedAddress>()?.as_mapped_address().unwrap().socket_address())
    }

    proptest! {
        #[test]
        fn we_read_what_it_writes(
            id: [u8; 12], one in endpoints(), two in endpoints(), three in endpoints(), four in endpoints(),
            software in "[a-zA-Z0-9./ -]{0,40}", fingerprint: bool,
        ) {
            let mut message = StunMessageBuilder::new(methods::BINDING, MessageClass::SuccessResponse)
                .with_transaction_id(id.into())
                .with_attribute(Software::new(&software).unwrap())
                .with_attribute(XorMappedAddress::from(one))
                .with_attribute(MappedAddress::from(two))
                .with_attribute(ResponseOrigin::from(three))
                .with_attribute(OtherAddress::from(four));
            if fingerprint {
                message = message.with_attribute(stun_rs::attributes::stun::Fingerprint::default());
            }
            let read = decode_response(&encode(&message.build())).unwrap();
            prop_assert_eq!(read.transaction, TransactionId(id));
            prop_assert_eq!((read.xor_mapped, read.mapped), (Some(one), Some(two)));
            prop_assert_eq!((read.response_origin, read.other_address), (Some(three), Some(four)));
            prop_assert_eq!(read.software, Some(software));
            prop_assert_eq!(read.fingerprint == Fingerprint::Valid, fingerprint);
            prop_assert_eq!(read.problems, vec![]);
        }

        #[test]
        fn it_reads_what_we_answer(
            id: [u8; 12], source in endpoints(), origin in endpoints(), other in endpoints(),
            tailnode: bool, change: bool,
        ) {
            let form = if tailnode { RequestForm::Tailnode } else { RequestForm::Plain };
            let sent = encode_request(TransactionId(id), form, change.then_some(ChangeRequest::BOTH)).unwrap();
            let request = decode_request(&sent).unwrap();
            prop_assert_eq!(request.tailnode, tailnode);
            let facts = AnswerFacts { mapped: source, origin: Some(origin), other: Some(other), software: "natscope" };
            let answer = encode_success(&request, &facts);
            let read = decode(&answer).expect("stun-rs reads it, FINGERPRINT verified");
            prop_assert_eq!(xor_mapped(&read), Some(source));
            prop_assert_eq!(read.transaction_id().as_bytes(), &id);
            if tailnode && !change {
                prop_assert!(answer.len() <= 64);
                prop_assert_eq!(read.attributes().len(), 1);
            } else {
                prop_assert_eq!(mapped(&read), Some(source));
                let found = read.get::<ResponseOrigin>().unwrap().as_response_origin().unwrap();
                prop_assert_eq!(*found.socket_address(), origin);
                let found = read.get::<OtherAddress>().unwrap().as_other_address().unwrap();
                prop_assert_eq!(*found.socket_address(), other);
            }
            let refusal = decode(&encode_unknown_attributes(&request, &[3, 0x27])).expect("stun-rs reads it");
            let code = refusal.get::<ErrorCode>().unwrap().as_error_code().unwrap();
            prop_assert_eq!(code.error_code().error_code(), 420);
        }

        /// Whatever stun-rs makes of a mutated response, we make the same of its address, or say what is wrong.
        #[test]
        fn both_agree_on_mutated_responses(
            id: [u8; 12], one in endpoints(), two in endpoints(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let facts = AnswerFacts { mapped: one, origin: Some(two), other: None, software: "natscope/1" };
            let sent = encode_request(TransactionId(id), RequestForm::Plain, None).unwrap();
            let mut answer = encode_success(&decode_request(&sent).unwrap(), &facts);
            for (index, value) in flips {
                let index = index.index(answer.len());
                answer[index] = value;
            }
            let theirs = decode(&answer)
                .filter(|theirs| theirs.method() == methods::BINDING)
                .filter(|theirs| theirs.class() == MessageClass::SuccessResponse);
            let their_address = theirs.as_ref().and_then(xor_mapped).map(crate::model::unmap);
            match decode_response(&answer) {
                Ok(ours) if ours.problems.is_empty() && theirs.is_some() => {
                    prop_assert_eq!(ours.xor_mapped, their_address);
                }
                Ok(ours) if ours.xor_mapped.is_some() && their_address.is_some() => {
                    prop_assert_eq!(ours.xor_mapped, their_address);
                }
                // It takes addresses longer than their family's and skips the rest; we call them unreadable.
                Ok(Response { problems, .. }) | Err(DecodeError::NoAddress { problems }) => {
                    prop_assert!(their_address.is_none() || !problems.is_empty());
                }
                Err(_) => prop_assert_eq!(their_address, None),
            }
        }

        #[test]
        fn nothing_panics(datagram in prop::collection::vec(any::<u8>(), 0..200), cookie: bool) {
            let mut datagram = datagram;
            if cookie && datagram.len() >= 20 {
                let length = u16::try_from(datagram.len() - 20).unwrap();
                datagram[0] = 1;
                datagram[1] = 1;
                datagram[2..4].copy_from_slice(&length.to_be_bytes());
                datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            }
            let _ = decode_response(&datagram);
            let _ = decode_request(&datagram);
        }
    }
}

#[test]
fn a_request_for_an_answer_elsewhere_is_read_back() {
    let bytes = encode_response_port_request(TransactionId([7; 12]), 41_641).unwrap();
    let request = decode_request(&bytes).unwrap();
    assert_eq!((request.response_port, request.change, request.tailnode), (Some(41_641), None, false));
    assert!(request.unknown.is_empty());
}
