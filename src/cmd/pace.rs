//! How often relays may be asked, again and again, for days: they are other people's machines, unless they are one's own.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{DerpMap, Node, Pin};

/// Between measurements without an end: no more often than a client would measure by itself.
pub(super) const WATCH: Duration = Duration::from_secs(30);

/// The same where nobody else is asked: a measurement is not to overlap the next one.
pub(super) const OWN: Duration = Duration::from_secs(1);

/// The shortest time from one measurement to the next.
pub(super) fn shortest<'a>(map: &'a DerpMap, others: impl IntoIterator<Item = &'a Node>) -> Duration {
    let mut asked = map.regions.values().flat_map(|region| &region.nodes).chain(others);
    if asked.all(is_own) { OWN } else { WATCH }
}

/// Whether a node is certainly on this host or in its own network. What a name leads to is not known before it is asked.
fn is_own(node: &Node) -> bool {
    let host = node.host_name.parse::<IpAddr>().ok();
    let v4 = match node.ipv4 {
        Pin::Address(address) => own(address.into()),
        Pin::Disabled => true,
        Pin::Resolve => host.is_some_and(own),
    };
    let v6 = match node.ipv6 {
        Pin::Address(address) => own(address.into()),
        Pin::Disabled => true,
        Pin::Resolve => host.is_some_and(own),
    };
    v4 && v6 && node.stun_test_ip.is_none_or(own)
}

/// Of loopback, of a private network, or of a link. Addresses between a carrier and its customers are not one's own.
fn own(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Region, RegionId};

    fn node(host: &str, v4: Pin<std::net::Ipv4Addr>, v6: Pin<std::net::Ipv6Addr>) -> Node {
        let mut node = Node::new("900a".to_owned(), RegionId(900), host.to_owned());
        (node.ipv4, node.ipv6) = (v4, v6);
        node
    }

    #[test]
    fn ones_own_are_those_that_are_certainly_near() {
        let v4 = |text: &str| Pin::Address(text.parse().unwrap());
        let v6 = |text: &str| Pin::Address(text.parse().unwrap());
        for (node, own) in [
            (node("localhost", v4("127.0.0.1"), v6("::1")), true),
            (node("relay.lan", v4("192.168.1.7"), Pin::Disabled), true),
            (node("10.0.0.1", Pin::Resolve, Pin::Disabled), true),
            (node("127.0.0.1", Pin::Resolve, Pin::Resolve), true),
            (node("relay.lan", v4("192.168.1.7"), Pin::Resolve), false),
            (node("relay.lan", Pin::Resolve, Pin::Disabled), false),
            (node("100.64.0.1", Pin::Resolve, Pin::Disabled), false),
            (node("8.8.8.8", Pin::Resolve, Pin::Disabled), false),
            (node("derp.example", v4("8.8.8.8"), Pin::Disabled), false),
            (node("derp.example", v4("10.0.0.1"), v6("2600::1")), false),
        ] {
            assert_eq!(is_own(&node), own, "{node:?}");
        }
        let mut aside = node("x", v4("127.0.0.1"), Pin::Disabled);
        aside.stun_test_ip = Some("8.8.8.8".parse().unwrap());
        assert!(!is_own(&aside));
    }

    #[test]
    fn one_stranger_is_enough() {
        let mut map = DerpMap::default();
        let mut region = Region::new(RegionId(900), "own", "Own".to_owned());
        region.nodes.push(node("127.0.0.1", Pin::Resolve, Pin::Disabled));
        map.regions.insert(region.id, region);
        assert_eq!(shortest(&map, []), OWN);
        assert_eq!(shortest(&map, [&node("relay.example", Pin::Resolve, Pin::Resolve)]), WATCH);
    }
}
