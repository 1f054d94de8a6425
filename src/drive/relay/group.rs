use std::net::SocketAddr;

use crate::model::{Family, FilterHelp};
use crate::wire::stun::{self, AnswerFacts, ChangeRequest, HelpWanted, TransactionId};

/// What the server calls itself.
const SOFTWARE: &str = concat!("natscope/", env!("CARGO_PKG_VERSION"));

/// Endpoints that may answer for each other: one alone, two ports of an address, or two addresses with two ports each.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group(pub(super) Vec<SocketAddr>);

/// What is to be sent, where to, and from which endpoint of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) at: usize,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
    /// What else was asked for.
    pub(super) help: Option<(HelpWanted, TransactionId)>,
}

impl Group {
    /// The answer to a datagram that came to the endpoint with number `at`. `None` for all that is no Binding request
    /// with a right FINGERPRINT or none: garbage, responses and indications are not to be answered.
    ///
    /// No answer is longer than about 150 bytes, and with the headers of IP and UDP what leaves is less than three
    /// times what came, and it goes to the address the request came from: little to gain for whoever forges that.
    pub(super) fn answer(&self, at: usize, from: SocketAddr, datagram: &[u8]) -> Option<Answer> {
        let request = stun::decode_request(datagram).ok()?;
        if from.port() == 0 {
            return None;
        }
        let refuse = |bytes| Some(Answer { at, to: from, bytes, help: None });
        if !request.unknown.is_empty() {
            return refuse(stun::encode_unknown_attributes(&request, &request.unknown));
        }
        // RFC 5780 section 6.1: a server that cannot answer from where it is asked to says so. Answering from the
        // unchanged endpoint instead would look like an open NAT.
        let Some(leaving) = self.changed(at, request.change.unwrap_or_default()) else {
            return refuse(stun::encode_unknown_attributes(&request, &[ChangeRequest::TYPE]));
        };
        let mut to = from;
        match request.response_port {
            Some(0) => return refuse(stun::encode_bad_request(&request)),
            Some(port) => to.set_port(port),
            None => {}
        }
        let facts = self.facts(at, leaving, from);
        let help = request.help.filter(|_| request.change.is_none() && request.response_port.is_none());
        let help = help.zip(request.id.transaction());
        Some(Answer { at: leaving, to, bytes: stun::encode_success(&request, &facts), help })
    }

    /// The answer to a request for an offer of help, with it; `None` where it would be longer than the request.
    pub(super) fn offer(&self, at: usize, from: SocketAddr, datagram: &[u8], offer: &FilterHelp) -> Option<Vec<u8>> {
        let request = stun::decode_request(datagram).ok()?;
        let bytes = stun::encode_offer(&request, &self.facts(at, at, from), offer);
        (bytes.len() <= datagram.len()).then_some(bytes)
    }

    /// The families that come to its first endpoint: `[::]` may be there for both.
    pub(super) fn families(&self, dual_stack: bool) -> Vec<Family> {
        match self.0.first() {
            None => Vec::new(),
            Some(first) if first.is_ipv4() => vec![Family::V4],
            Some(_) if dual_stack => Family::BOTH.into(),
            Some(_) => vec![Family::V6],
        }
    }

    /// The other port of the same address.
    pub(super) fn other_port(&self, at: usize) -> Option<u16> {
        let other = self.changed(at, ChangeRequest { ip: false, port: true })?;
        self.0.get(other).map(SocketAddr::port)
    }

    fn facts(&self, at: usize, leaving: usize, from: SocketAddr) -> AnswerFacts<'static> {
        AnswerFacts {
            mapped: from,
            origin: self.0.get(leaving).copied().filter(|origin| !origin.ip().is_unspecified()),
            // Relative to where the request came to, not to where the answer leaves from (RFC 5780 section 7.4).
            other: self.changed(at, ChangeRequest::BOTH).and_then(|other| self.0.get(other).copied()),
            software: SOFTWARE,
        }
    }

    /// The endpoint that differs from the one with number `at` in exactly what is to be changed.
    fn changed(&self, at: usize, change: ChangeRequest) -> Option<usize> {
        let from = self.0.get(at)?;
        self.0.iter().position(|endpoint| {
            (endpoint.ip() != from.ip()) == change.ip && (endpoint.port() != from.port()) == change.port
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stun::{Class, RequestForm, Response, TransactionId, decode_response, encode_request};

    const FROM: &str = "198.51.100.7:50000";

    fn endpoint(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn group(endpoints: &[&str]) -> Group {
        Group(endpoints.iter().map(|text| endpoint(text)).collect())
    }

    /// Two addresses with two ports each.
    fn square() -> Group {
        group(&["192.0.2.1:3478", "192.0.2.1:3479", "192.0.2.2:3478", "192.0.2.2:3479"])
    }

    fn request(form: RequestForm, change: Option<ChangeRequest>) -> Vec<u8> {
        encode_request(TransactionId([7; 12]), form, change).unwrap()
    }

    fn with_attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut datagram = request(RequestForm::Plain, None);
        datagram[3] = u8::try_from(4 + value.len()).unwrap();
        datagram.extend_from_slice(&kind.to_be_bytes());
        datagram.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        datagram.extend_from_slice(value);
        datagram
    }

    fn answer(group: &Group, at: usize, datagram: &[u8]) -> (usize, SocketAddr, Response) {
        let answer = group.answer(at, endpoint(FROM), datagram).unwrap();
        (answer.at, answer.to, decode_response(&answer.bytes).unwrap())
    }

    fn refusal(group: &Group, datagram: &[u8]) -> (Option<u16>, Vec<u16>) {
        let (at, to, response) = answer(group, 0, datagram);
        assert_eq!((at, to), (0, endpoint(FROM)), "a refusal leaves from where the request came to");
        match response.class {
            Class::Error { code, unknown, .. } => (code, unknown),
            Class::Success => panic!("no refusal"),
        }
    }

    #[test]
    fn change_request_is_honoured_as_in_table_1_of_rfc_5780() {
        let opposite = [3, 2, 1, 0];
        let only_ip = [2, 3, 0, 1];
        let only_port = [1, 0, 3, 2];
        for at in 0..4 {
            for (ip, port, expected) in [
                (false, false, at),
                (false, true, only_port[at]),
                (true, false, only_ip[at]),
                (true, true, opposite[at]),
            ] {
                let datagram = request(RequestForm::Plain, Some(ChangeRequest { ip, port }));
                let (leaving, to, response) = answer(&square(), at, &datagram);
                assert_eq!((leaving, to), (expected, endpoint(FROM)));
                assert_eq!(response.response_origin, Some(square().0[expected]));
                assert_eq!(response.other_address, Some(square().0[opposite[at]]));
                assert_eq!(response.endpoint(), Some(endpoint(FROM)));
            }
        }
    }

    #[test]
    fn a_second_port_alone_is_used_but_not_advertised() {
        let pair = group(&["192.0.2.1:3478", "192.0.2.1:3479"]);
        let change = |ip, port| request(RequestForm::Plain, Some(ChangeRequest { ip, port }));
        let (at, _, response) = answer(&pair, 0, &change(false, true));
        assert_eq!((at, response.other_address), (1, None));
        assert_eq!(response.response_origin, Some(endpoint("192.0.2.1:3479")));
        assert_eq!(refusal(&pair, &change(true, false)), (Some(420), vec![3]));
        assert_eq!(refusal(&pair, &change(true, true)), (Some(420), vec![3]));
        let single = group(&["192.0.2.1:3478"]);
        assert_eq!(refusal(&single, &change(false, true)), (Some(420), vec![3]));
        assert_eq!(answer(&single, 0, &change(false, false)).2.class, Class::Success);
    }

    #[test]
    fn tailscales_clients_get_their_address_alone() {
        let answer = square().answer(0, endpoint(FROM), &request(RequestForm::Tailnode, None)).unwrap();
        assert_eq!(answer.bytes.len(), 32);
        let answer = square().answer(0, endpoint("[2001:db8::7]:1"), &request(RequestForm::Tailnode, None)).unwrap();
        assert_eq!(answer.bytes.len(), 44);
        let (at, _, response) = self::answer(&square(), 0, &request(RequestForm::Tailnode, Some(ChangeRequest::BOTH)));
        assert_eq!((at, response.other_address), (3, Some(endpoint("192.0.2.2:3479"))));
    }

    #[test]
    fn unknown_attributes_are_refused() {
        assert_eq!(refusal(&square(), &with_attribute(0x7777, &[0; 4])), (Some(420), vec![0x7777]));
        // RESPONSE-ADDRESS of RFC 3489, which would aim answers at third parties, and PADDING.
        assert_eq!(refusal(&square(), &with_attribute(0x0002, &[0; 8])), (Some(420), vec![2]));
        assert_eq!(refusal(&square(), &with_attribute(0x0026, &[0; 8])), (Some(420), vec![0x26]));
        assert_eq!(answer(&square(), 0, &with_attribute(0x8777, &[0; 4])).2.class, Class::Success);
    }

    #[test]
    fn response_port_changes_the_port_and_never_the_address() {
        let (at, to, response) = answer(&square(), 0, &with_attribute(0x0027, &[0x12, 0x34, 0, 0]));
        assert_eq!((at, to), (0, endpoint("198.51.100.7:4660")));
        assert_eq!(response.endpoint(), Some(endpoint(FROM)));
        assert_eq!(refusal(&square(), &with_attribute(0x0027, &[0, 0, 0, 0])).0, Some(400));
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        let mut wrong_fingerprint = request(RequestForm::Tailnode, None);
        wrong_fingerprint[39] ^= 1;
        let mut indication = request(RequestForm::Plain, None);
        indication[1] = 0x11;
        let response = square().answer(0, endpoint(FROM), &request(RequestForm::Plain, None)).unwrap().bytes;
        for datagram in [&b""[..], b"hello", &[0; 20][1..], &wrong_fingerprint, &indication, &response] {
            assert_eq!(square().answer(0, endpoint(FROM), datagram), None);
        }
        assert_eq!(square().answer(0, endpoint("198.51.100.7:0"), &request(RequestForm::Plain, None)), None);
    }

    #[test]
    fn a_wildcard_socket_does_not_tell_an_origin() {
        let wildcard = group(&["0.0.0.0:3478", "0.0.0.0:3479"]);
        let datagram = request(RequestForm::Plain, Some(ChangeRequest { ip: false, port: true }));
        let (at, _, response) = answer(&wildcard, 0, &datagram);
        assert_eq!((at, response.response_origin, response.other_address), (1, None, None));
    }

    #[test]
    fn no_answer_is_three_times_its_request() {
        let v6 = group(&["[2001:db8::1]:1", "[2001:db8::1]:2", "[2001:db8::2]:1", "[2001:db8::2]:2"]);
        for (group, from, headers) in [(square(), FROM, 28), (v6, "[2001:db8::7]:1", 48)] {
            let mut requests = vec![with_attribute(0x7777, &[0; 4])];
            for form in [RequestForm::Plain, RequestForm::Tailnode] {
                requests.extend([None, Some(ChangeRequest::BOTH)].map(|change| request(form, change)));
            }
            for request in requests {
                let answer = group.answer(0, endpoint(from), &request).unwrap().bytes;
                assert!(
                    answer.len() + headers < 3 * (request.len() + headers),
                    "{} for {}",
                    answer.len(),
                    request.len()
                );
            }
        }
    }
}
