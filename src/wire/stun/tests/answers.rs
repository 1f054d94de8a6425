//! What our server answers.

use super::*;

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
