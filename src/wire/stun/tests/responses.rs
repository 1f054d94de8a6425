//! Responses as they are read, of whoever sends them.

use super::*;

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
