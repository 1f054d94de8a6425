//! Requests, written and read.

use super::*;

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
fn a_request_for_an_answer_elsewhere_is_read_back() {
    let bytes = encode_response_port_request(TransactionId([7; 12]), 41_641).unwrap();
    let request = decode_request(&bytes).unwrap();
    assert_eq!((request.response_port, request.change, request.tailnode), (Some(41_641), None, false));
    assert!(request.unknown.is_empty());
}
