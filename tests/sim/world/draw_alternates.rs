//! Other addresses and ports of servers (RFC 5780), drawn at random, and what is wrong with them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use super::{Change, Server, World};
use crate::random::Random;

/// Gives a share of the servers another address and port, and tells the check to test the filter. It has a stream of
/// randomness of its own, so that the rest of a world does not depend on it.
///
/// Not drawn, since one server cannot be told from a filter of our own then: a server whose own firewall lets changed
/// answers out only to those who have sent to where they leave from.
pub(super) fn draw_alternates(world: &mut World, r: &mut Random) {
    world.options.filtering = r.chance(0.5);
    let share = if world.options.filtering { r.pick(&[0.1, 0.4, 0.4, 1.0]) } else { r.pick(&[0.0, 0.0, 0.3]) };
    let faulty = r.pick(&[0.0, 0.2, 0.7]);
    for (number, server) in (0_u8..).zip(world.regions.iter_mut().flat_map(|region| &mut region.nodes)) {
        if r.chance(share) {
            draw_alternate(server, number, faulty, r);
        } else {
            server.change = r.pick(&[Change::Ignores, Change::Drops, Change::Refuses]);
        }
    }
    // A neighbour may hold the port of a socket that tests the filter, too.
    let filters = world.options.filtering;
    for neighbour in world.v4.boxes.iter_mut().flat_map(|rules| &mut rules.neighbours) {
        if filters && r.chance(0.4) {
            neighbour.slot = 10 + r.below(4) as u8;
        }
    }
}

fn draw_alternate(server: &mut Server, number: u8, faulty: f64, r: &mut Random) {
    let near = r.chance(0.6);
    let first = server.stun_port.max(1);
    let port = r.pick(&[first + 1, first + 1, first + 1, 3479, 53, 443]);
    let port = if port == first { first + 1 } else { port };
    server.alternate = server.v4.map(|v4| {
        let [.., third, last] = v4.octets();
        let beside = Ipv4Addr::from_bits(v4.to_bits() - u32::from(last) + u32::from(last + 100));
        let other = if near { beside } else { Ipv4Addr::new(40, number, third, 20) };
        SocketAddrV4::new(other, port)
    });
    server.alternate_v6 = server.v6.map(|v6| {
        let other = if near {
            Ipv6Addr::from_bits(v6.to_bits() + 0x100)
        } else {
            Ipv6Addr::new(0x2001, 0xdb8, 0x4000 + u16::from(number), 0, 0, 0, 0, 0x20)
        };
        SocketAddrV6::new(other, port, 0, 0)
    });
    if !r.chance(faulty) {
        return;
    }
    match r.below(13) {
        0 | 1 => server.change = Change::Ignores,
        2 => server.change = Change::Drops,
        3 => server.change = Change::Refuses,
        4 => server.change = Change::PortOnly,
        5 => server.change = Change::DeadAddress,
        6 => server.change = Change::MuteAddress,
        7 => server.change = Change::DeadPort,
        8 => server.change = Change::MutePort,
        9 => server.change = Change::WrongPort(r.port(1, 9)),
        // OTHER-ADDRESS that is no other address, or no other port, or neither.
        10 => {
            server.alternate = server.v4.map(|v4| SocketAddrV4::new(v4, port));
            server.alternate_v6 = server.v6.map(|v6| SocketAddrV6::new(v6, port, 0, 0));
        }
        11 => {
            server.alternate = server.alternate.map(|other| SocketAddrV4::new(*other.ip(), first));
            server.alternate_v6 = server.alternate_v6.map(|other| SocketAddrV6::new(*other.ip(), first, 0, 0));
        }
        _ => {
            server.alternate = server.v4.map(|v4| SocketAddrV4::new(v4, first));
            server.alternate_v6 = server.v6.map(|v6| SocketAddrV6::new(v6, first, 0, 0));
        }
    }
}
