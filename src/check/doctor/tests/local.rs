//! What the relay's own host says, beside what was seen of the relay.

use std::net::SocketAddr;

use crate::check::doctor::{SeenOfRelays, look_locally as look};
use crate::probe::{LocalFacts, RelayProcess};
use crate::report::{PortUnknown, RelayFault};

#[test]
fn a_port_that_is_not_known_to_be_closed_is_not_said_to_be() {
    let input = super::play::input();
    let open = |ports: &[u16]| {
        Some(ports.iter().map(|port| SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), *port)).collect())
    };
    let derper = |shares_network| RelayProcess { shares_network, ..RelayProcess::default() };
    let of = |facts: &LocalFacts, answering: &[(bool, u16)]| {
        look(&input, facts, &SeenOfRelays { presented: Vec::new(), answering: answering.to_vec() })
    };
    let unknown = |udp, port, why| RelayFault::PortUnknown { udp, port, why };
    let none = LocalFacts { tcp: open(&[]), udp: open(&[]), ..LocalFacts::default() };
    let closed = [(false, 443), (true, 3478)].map(|(udp, port)| RelayFault::NotListening { udp, port });
    assert_eq!(of(&none, &[]), closed);
    let own = LocalFacts { relays: vec![derper(Some(true))], ..none.clone() };
    assert_eq!(of(&own, &[]), closed);

    let untold = LocalFacts { udp: open(&[3478]), ..LocalFacts::default() };
    assert_eq!(of(&untold, &[]), [unknown(false, 443, PortUnknown::Unreadable)]);
    let answers = of(&none, &[(false, 443)]);
    assert_eq!(answers, [unknown(false, 443, PortUnknown::Answered), closed[1].clone()]);
    for shares_network in [Some(false), None] {
        let contained = LocalFacts { tcp: open(&[443]), relays: vec![derper(shares_network)], ..none.clone() };
        assert_eq!(of(&contained, &[]), [unknown(true, 3478, PortUnknown::OtherNamespace)]);
    }
}
