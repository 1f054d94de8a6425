use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::listen::{self, FreePort, Wanted};
use crate::wire::stun::{self, AnswerFacts, ChangeRequest};

/// What the server calls itself.
const SOFTWARE: &str = concat!("natscope/", env!("CARGO_PKG_VERSION"));

/// More than any Binding request; a longer datagram is cut by the system and then no whole message.
const LARGEST_REQUEST: usize = 2048;

/// After an error of the socket, which is another datagram's (an ICMP refusal of an answer) or the system's, so that a
/// lasting one does not keep a core busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(5);

/// All UDP sockets of a relay.
#[derive(Debug)]
pub(super) struct StunSockets {
    groups: Vec<(Group, Vec<UdpSocket>)>,
    primary: Vec<SocketAddr>,
}

impl StunSockets {
    pub(super) fn bind(addresses: &[SocketAddr], alternates: &[SocketAddr]) -> io::Result<Self> {
        let layout = lay_out(addresses, alternates)?;
        let mut sockets = listen::bind_udp(&layout.concat())?.into_iter();
        let mut groups = Vec::with_capacity(layout.len());
        let mut primary = Vec::with_capacity(layout.len());
        for wanted in layout {
            let sockets: Vec<_> = sockets.by_ref().take(wanted.len()).collect();
            let endpoints = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
            primary.extend(endpoints.first());
            groups.push((Group(endpoints), sockets));
        }
        Ok(Self { groups, primary })
    }

    pub(super) fn primary(&self) -> &[SocketAddr] {
        &self.primary
    }

    /// One task for each socket.
    pub(super) fn serve(self, tasks: &mut JoinSet<()>) -> io::Result<()> {
        for (group, sockets) in self.groups {
            let sockets = sockets.into_iter().map(tokio::net::UdpSocket::from_std).collect::<io::Result<Arc<[_]>>>()?;
            let group = Arc::new(group);
            for at in 0..sockets.len() {
                tasks.spawn(serve_one(Arc::clone(&sockets), Arc::clone(&group), at));
            }
        }
        Ok(())
    }
}

async fn serve_one(sockets: Arc<[tokio::net::UdpSocket]>, group: Arc<Group>, at: usize) {
    let Some(socket) = sockets.get(at) else { return };
    let mut buffer = vec![0; LARGEST_REQUEST];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            continue;
        };
        let datagram = buffer.get(..length).unwrap_or_default();
        let Some(answer) = group.answer(at, from, datagram) else { continue };
        let Some(leaving) = sockets.get(answer.at) else { continue };
        if let Err(error) = leaving.send_to(&answer.bytes, answer.to).await {
            tracing::debug!(to = %answer.to, %error, "STUN answer not sent");
        }
    }
}

/// Endpoints that may answer for each other: one alone, two ports of an address, or two addresses with two ports each.
#[derive(Debug, PartialEq, Eq)]
struct Group(Vec<SocketAddr>);

/// What is to be sent, where to, and from which endpoint of the group.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    at: usize,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Group {
    /// The answer to a datagram that came to the endpoint with number `at`. `None` for all that is no Binding request with a
    /// right FINGERPRINT or none: garbage, responses and indications are not to be answered.
    ///
    /// No answer is longer than 136 bytes, so with the headers of IP and UDP what leaves is less than three times what
    /// came, and it goes to the address the request came from: little to gain for whoever forges that.
    fn answer(&self, at: usize, from: SocketAddr, datagram: &[u8]) -> Option<Answer> {
        let request = stun::decode_request(datagram).ok()?;
        if from.port() == 0 {
            return None;
        }
        let refuse = |bytes| Some(Answer { at, to: from, bytes });
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
        let facts = AnswerFacts {
            mapped: from,
            origin: self.0.get(leaving).copied().filter(|origin| !origin.ip().is_unspecified()),
            // Relative to where the request came to, not to where the answer leaves from (RFC 5780 section 7.4).
            other: self.changed(at, ChangeRequest::BOTH).and_then(|other| self.0.get(other).copied()),
            software: SOFTWARE,
        };
        Some(Answer { at: leaving, to, bytes: stun::encode_success(&request, &facts) })
    }

    /// The endpoint that differs from the one with number `at` in exactly what is to be changed.
    fn changed(&self, at: usize, change: ChangeRequest) -> Option<usize> {
        let from = self.0.get(at)?;
        self.0.iter().position(|endpoint| {
            (endpoint.ip() != from.ip()) == change.ip && (endpoint.port() != from.port()) == change.port
        })
    }
}

/// Which sockets to bind, group by group, the address given first in each.
fn lay_out(addresses: &[SocketAddr], alternates: &[SocketAddr]) -> io::Result<Vec<Vec<Wanted>>> {
    let mut left = alternates.to_vec();
    let mut layout = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let first = |address| Wanted { address, free: FreePort::First };
        let second = |address| Wanted { address, free: FreePort::Second };
        let mut group = vec![first(address)];
        if let Some(found) = left.iter().position(|alternate| alternate.is_ipv4() == address.is_ipv4()) {
            let alternate = left.swap_remove(found);
            check_alternate(address, alternate)?;
            group.push(second(with_port(address, alternate.port())));
            if alternate.ip() != address.ip() {
                group.push(first(with_port(alternate, address.port())));
                group.push(second(alternate));
            }
        }
        layout.push(group);
    }
    match left.first() {
        Some(alternate) => {
            Err(invalid(&format!("alternate STUN address {alternate} has no first address of its family")))
        }
        None => Ok(layout),
    }
}

fn check_alternate(address: SocketAddr, alternate: SocketAddr) -> io::Result<()> {
    if alternate.port() == address.port() && alternate.port() != 0 {
        return Err(invalid(&format!("alternate STUN address {alternate} must have another port than {address}")));
    }
    let wildcard = address.ip().is_unspecified() || alternate.ip().is_unspecified();
    if wildcard && alternate.ip() != address.ip() {
        return Err(invalid(&format!(
            "STUN on two addresses needs both of them given: {address} and {alternate} are not"
        )));
    }
    Ok(())
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
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

    #[test]
    fn the_layout_is_checked() {
        let endpoints = |texts: &[&str]| texts.iter().map(|text| endpoint(text)).collect::<Vec<_>>();
        let lay_out = |addresses: &[&str], alternates: &[&str]| lay_out(&endpoints(addresses), &endpoints(alternates));
        let groups = lay_out(&["192.0.2.1:0", "[::1]:0", "192.0.2.9:0"], &["[::1]:0", "192.0.2.2:0"]).unwrap();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 1]);
        for (addresses, alternates) in [
            (&["192.0.2.1:3478"][..], &["192.0.2.2:3478"][..]),
            (&["192.0.2.1:3478"], &["[::1]:3479"]),
            (&["192.0.2.1:3478"], &["192.0.2.2:3479", "192.0.2.3:3479"]),
            (&["0.0.0.0:3478"], &["192.0.2.2:3479"]),
        ] {
            assert_eq!(lay_out(addresses, alternates).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        assert!(lay_out(&["0.0.0.0:3478"], &["0.0.0.0:3479"]).is_ok());
    }
}
