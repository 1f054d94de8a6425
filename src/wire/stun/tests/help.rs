//! Help with the test of filters.

use super::*;
use crate::model::{FilterHelp, HelpCookie};

const COOKIE: HelpCookie = HelpCookie([1, 2, 3, 4, 5, 6, 7, 8]);

#[test]
fn what_is_wanted_is_read_and_all_others_skip_it() {
    for wanted in [HelpWanted::Offer, HelpWanted::Packet(COOKIE)] {
        let datagram = encode_help_request(COUNTING, wanted);
        let request = decode_request(&datagram).unwrap();
        assert_eq!((request.help, request.unknown.is_empty()), (Some(wanted), true));
        assert_eq!(request.id.transaction(), Some(COUNTING));
        assert!(!attribute::is_comprehension_required(attribute::HELP_WANTED));
        assert!([attribute::HELP_WANTED, attribute::HELP_OFFER].iter().all(|kind| *kind >= 0xc000));
    }
    assert_eq!(decode_request(&bytes(BARE)).unwrap().help, None);
}

#[test]
fn what_is_not_understood_asks_for_nothing() {
    for value in [&[][..], &[3, 0, 0, 0], &[2, 0, 0, 0, 1, 2, 3]] {
        let mut datagram = frame::Writer::new(frame::BINDING_REQUEST, &[7; 16]);
        datagram.attribute(attribute::HELP_WANTED, value);
        assert_eq!(decode_request(&datagram.finish()).unwrap().help, None);
    }
}

#[test]
fn an_offer_comes_back_as_it_was_and_is_no_longer_than_its_request() {
    for (from, port) in [("192.0.2.1:3478", Some(3479)), ("[2001:db8::1]:3478", None)] {
        let offer = FilterHelp { from: endpoint(from), port, cookie: COOKIE };
        let datagram = encode_help_request(COUNTING, HelpWanted::Offer);
        let request = decode_request(&datagram).unwrap();
        let v6 = Some(endpoint("[2001:db8::2]:3478"));
        let facts =
            AnswerFacts { mapped: endpoint("[2001:db8::3]:1"), origin: v6, other: v6, software: "natscope/10.20.30" };
        let answer = encode_offer(&request, &facts, &offer);
        assert!(answer.len() <= datagram.len(), "{} for {}", answer.len(), datagram.len());
        let response = decode_response(&answer).unwrap();
        assert_eq!((response.help, response.problems.is_empty()), (Some(offer), true));
    }
    let short = response(0x0101, &[GOOD_XOR, (attribute::HELP_OFFER, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])]);
    assert_eq!(decode_response(&short).unwrap().help, None);
}

#[test]
fn no_packet_is_longer_than_the_shortest_request_for_it() {
    let datagram = encode_help_request(COUNTING, HelpWanted::Packet(COOKIE));
    assert!(datagram.len() >= HelpWanted::PACKET_LEAST);
    let client = endpoint("[2001:db8::3]:1");
    let packet = encode_help(COUNTING, client, Some(client));
    let refusal = encode_no_help(COUNTING);
    assert!(packet.len().max(refusal.len()) <= HelpWanted::PACKET_LEAST);
    let read = decode_response(&packet).unwrap();
    assert_eq!((read.transaction, read.endpoint(), read.response_origin), (COUNTING, Some(client), Some(client)));
    assert!(matches!(decode_response(&refusal).unwrap().class, Class::Error { code: Some(508), .. }));
}
