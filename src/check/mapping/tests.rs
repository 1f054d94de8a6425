use super::*;
use crate::model::Family;

/// Servers of five operators on the internet, two neighbours of this host, and two of a campus whose addresses are
/// public.
const NET: [&str; 5] = ["20.1.0.1", "20.2.0.1", "20.3.0.1", "20.4.0.1", "20.5.0.1"];
const LAN: [&str; 2] = ["10.0.0.9", "10.0.1.9"];
const CAMPUS: [&str; 3] = ["20.7.0.1", "20.8.0.1", "20.9.0.1"];

/// What one server sees, by socket.
type Sees = (&'static str, fn(u8) -> String);

fn direct(socket: u8) -> String {
    format!("10.0.0.5:{}", 40000 + u16::from(socket))
}

fn easy(socket: u8) -> String {
    format!("203.0.113.7:{}", 50000 + u16::from(socket))
}

fn other_uplink(socket: u8) -> String {
    format!("203.0.113.8:{}", 50000 + u16::from(socket))
}

fn any_address(socket: u8) -> String {
    format!("198.51.77.{}:{}", 9 + 3 * socket, 33_333 + 777 * u16::from(socket))
}

/// Uplinks chosen by flow: by chance all servers are asked by one of them from one socket.
fn uplink_by_socket(socket: u8) -> String {
    if socket == 1 { other_uplink(socket) } else { easy(socket) }
}

fn elsewhere(socket: u8) -> String {
    direct(socket).replace("10.0.0.5", "203.0.113.8")
}

fn other_port(socket: u8) -> String {
    format!("203.0.113.7:{}", 60000 + u16::from(socket))
}

fn third_port(socket: u8) -> String {
    format!("203.0.113.7:{}", 61000 + u16::from(socket))
}

fn fourth_port(socket: u8) -> String {
    format!("203.0.113.7:{}", 62000 + u16::from(socket))
}

/// A neighbour holds the port of the first socket.
fn collides(socket: u8) -> String {
    if socket == 0 { other_port(socket) } else { easy(socket) }
}

fn sightings(servers: &[Sees], sockets: u8) -> Vec<Sighting> {
    let of = |socket: u8| {
        servers.iter().map(move |(server, sees)| Sighting {
            probe: ProbeId(u32::from(socket)),
            slot: Slot::Shared { family: Family::V4, index: socket },
            server: SocketAddr::new(server.parse().unwrap(), 3478),
            local: Some(direct(socket).parse().unwrap()),
            mapped: sees(socket).parse().unwrap(),
        })
    };
    (0..sockets).flat_map(of).collect()
}

fn concluded(servers: &[Sees]) -> Conclusion {
    conclude(&across_internet(&sightings(servers, 3)))
}

/// Whether the mapping varies, whether nothing translates, how many servers are odd.
fn told(servers: &[Sees]) -> (Option<bool>, bool, usize) {
    let conclusion = concluded(servers);
    assert!(conclusion.varies.value().is_some() || conclusion.varies.why().is_some());
    (conclusion.varies.value().copied(), conclusion.direct, conclusion.odd.len())
}

const UNKNOWN: (Option<bool>, bool, usize) = (None, false, 0);

#[test]
fn neighbours_do_not_outvote_the_internet() {
    let lan = LAN.map(|server| (server, direct as fn(u8) -> String));
    let hard: [Sees; 3] = [(NET[0], easy), (NET[1], other_port), (NET[2], third_port)];
    for public in 1..=3 {
        let servers: Vec<Sees> = lan.into_iter().chain(hard.into_iter().take(public)).collect();
        let wanted = if public == 3 { (Some(true), false, 0) } else { UNKNOWN };
        assert_eq!(told(&servers), wanted, "{public} on the internet");
    }
    let campus = CAMPUS.map(|server| (server, direct as fn(u8) -> String));
    let servers: Vec<Sees> = campus.into_iter().chain(hard).collect();
    assert_eq!(told(&servers), (Some(true), false, 0), "nor do those with public addresses of their own");
    let one: Vec<Sees> = campus.into_iter().chain([(NET[0], easy as fn(u8) -> String)]).collect();
    assert_eq!(told(&one), UNKNOWN);
    assert_eq!(told(&lan), (Some(false), true, 0), "alone they tell what is so among them");
    let left = across_internet(&sightings(&lan, 1));
    assert!(!left.iter().any(Sighting::crosses_internet), "and that it is not about the internet");
}

#[test]
fn servers_that_agree_make_an_easy_nat_and_as_many_views_a_hard_one() {
    assert_eq!(told(&[(NET[0], easy)]), UNKNOWN, "one destination proves nothing");
    assert_eq!(told(&[(NET[0], easy), (NET[1], easy)]), (Some(false), false, 0));
    assert_eq!(told(&[(NET[0], easy), (NET[1], other_port)]), UNKNOWN, "the NAT, or a server");
    let hard: [Sees; 3] = [(NET[0], easy), (NET[1], other_port), (NET[2], third_port)];
    assert_eq!(told(&hard), (Some(true), false, 0));
    assert_eq!(conclude(&sightings(&hard, 1)).varies.value(), None, "one socket may collide");
    let same_house: [Sees; 2] = [("20.1.0.1", easy), ("20.1.0.2", easy)];
    assert_eq!(told(&same_house), UNKNOWN, "one operator is one witness");
}

#[test]
fn a_dissenter_is_odd_only_against_three() {
    for dissent in [other_port as fn(u8) -> String, other_uplink] {
        let three: [Sees; 3] = [(NET[0], easy), (NET[1], easy), (NET[2], dissent)];
        assert_eq!(told(&three), UNKNOWN);
        assert!(matches!(
            concluded(&three).varies.why(),
            Some(Why::ServersDisagree { .. } | Why::SeveralAddresses { .. })
        ));
    }
    for dissent in [other_port as fn(u8) -> String, any_address] {
        let four: [Sees; 4] = [(NET[0], easy), (NET[1], easy), (NET[3], easy), (NET[2], dissent)];
        assert_eq!(told(&four), (Some(false), false, 1));
    }
}

#[test]
fn a_second_uplink_is_no_odd_server() {
    for (majority, dissent) in [(easy as fn(u8) -> String, other_uplink as fn(u8) -> String), (direct, elsewhere)] {
        let mut servers: Vec<Sees> = NET[1..].iter().map(|server| (*server, majority)).collect();
        servers.push((NET[0], dissent));
        let concluded = conclude(&sightings(&servers, 3));
        assert_eq!((concluded.varies.value(), concluded.direct, concluded.odd.len()), (None, false, 0));
        assert!(matches!(concluded.varies.why(), Some(Why::SeveralAddresses { .. })), "{concluded:?}");
    }
}

#[test]
fn sockets_that_leave_by_several_uplinks_make_no_easy_nat() {
    for number in 2..=5 {
        let servers: Vec<Sees> = NET[..number].iter().map(|server| (*server, uplink_by_socket as _)).collect();
        assert_eq!(told(&servers), UNKNOWN, "{number}");
        assert!(matches!(concluded(&servers).varies.why(), Some(Why::SeveralAddresses { .. })));
    }
}

#[test]
fn another_way_out_shows_on_sockets_that_nobody_else_was_asked_from() {
    let rest = [NET[0], NET[1], NET[2]].map(|server| (server, easy as fn(u8) -> String));
    let with_odd: Vec<Sees> = rest.into_iter().chain([(NET[3], any_address as _)]).collect();
    let after = |servers: &[Sees], alone: &[Sees]| {
        let seen = sightings(servers, 3);
        let conclusion = reconsider(conclude(&seen), &seen, &sightings(alone, 1));
        assert!(conclusion.varies.value().is_some() || conclusion.varies.why().is_some());
        (conclusion.varies.value().copied(), conclusion.odd.len())
    };
    let elsewhere: [Sees; 1] = [(NET[4], other_uplink)];
    assert_eq!(after(&with_odd, &elsewhere), (None, 0), "the odd server is not alone");
    assert_eq!(after(&with_odd, &[(NET[4], third_port)]), (Some(false), 1), "a port of its own is no other way");
    assert_eq!(after(&with_odd, &[(NET[3], any_address)]), (Some(false), 1), "it is still alone");
    assert_eq!(after(&rest, &elsewhere), (Some(false), 0), "one against three may lie");
    assert_eq!(after(&rest[..2], &elsewhere), (None, 0), "one against two may not");
    assert_eq!(after(&rest[..2], &[]), (Some(false), 0));
}

#[test]
fn another_way_out_shows_on_a_socket_that_one_operator_alone_has_seen() {
    // The pool gives each server's address its own; the one that got the other was asked by the measuring socket alone.
    let two = [(NET[0], easy as fn(u8) -> String), (NET[1], easy as _)];
    let mut seen = sightings(&two, 3);
    let first = Slot::Shared { family: Family::V4, index: 0 };
    seen.retain(|sighting| sighting.slot != first || sighting.server.ip().to_string() == NET[0]);
    let other: Vec<Sighting> = sightings(&[("20.1.0.2", other_uplink)], 1);
    assert_eq!(other[0].slot, first);
    seen.extend(other);
    let conclusion = reconsider(conclude(&seen), &seen, &[]);
    assert_eq!(conclusion.varies.value(), None, "{seen:?}");
}

#[test]
fn two_dissenters_are_no_odd_servers() {
    let rest = [NET[0], NET[1], NET[2]].map(|server| (server, easy as fn(u8) -> String));
    let apart: Vec<Sees> = rest.into_iter().chain([(NET[3], other_port as _), (NET[4], third_port as _)]).collect();
    assert_eq!(told(&apart), UNKNOWN);
    let together: Vec<Sees> =
        rest.into_iter().chain([(NET[3], other_uplink as _), (NET[4], other_uplink as _)]).collect();
    assert_eq!(told(&together), UNKNOWN);
    // Of one house they are one dissenter.
    let house: Vec<Sees> =
        rest.into_iter().chain([("20.4.0.1", other_port as _), ("20.4.0.2", fourth_port as _)]).collect();
    assert_eq!(told(&house), (Some(false), false, 2));
}

#[test]
fn a_liar_whose_offset_undoes_a_sequence_makes_no_easy_nat() {
    // Only the first socket heard all; the others an honest server, and one whose lie happens to agree with it.
    let servers: [Sees; 4] = [(NET[0], easy), (NET[1], collides), (NET[2], third_port), (NET[3], fourth_port)];
    let all = sightings(&servers, 3);
    let (first, few) = (Slot::Shared { family: Family::V4, index: 0 }, [NET[0], NET[1]]);
    let near = |sighting: &Sighting| few.iter().any(|few| sighting.server.ip().to_string() == *few);
    let heard: Vec<Sighting> = all.into_iter().filter(|seen| seen.slot == first || near(seen)).collect();
    assert_eq!(conclude(&heard).varies.value(), None, "{heard:?}");
}

#[test]
fn a_collision_on_one_socket_makes_no_hard_nat() {
    let servers = [(NET[0], easy as fn(u8) -> String), (NET[1], easy as _), (NET[2], collides as _)];
    assert_eq!(told(&servers), (Some(false), false, 0));
    assert!(matches!(concluded(&servers).varies.why(), Some(Why::MappingSameButLoneView { .. })));
    // A server that was wrong about one socket looks the same, however many others there are; two do not.
    let mut servers: Vec<Sees> = NET[1..].iter().map(|server| (*server, easy as _)).collect();
    servers.push((NET[0], collides));
    assert_eq!(told(&servers), (Some(false), false, 0));
    let wanted = Why::MappingSameButLoneView { sockets: 2, differing: 1 };
    assert_eq!(concluded(&servers).varies.why(), Some(&wanted));
    servers[0] = (NET[1], collides);
    assert!(matches!(concluded(&servers).varies.why(), Some(Why::MappingSameButPortCollision { .. })));
}

#[test]
fn a_liar_beside_a_collision_makes_no_hard_nat() {
    // One server makes ports up; the others agree, but for one socket that a collision gave another port there. Of the
    // rest of the sockets only one honest server heard.
    let servers: [Sees; 3] = [(NET[0], easy), (NET[1], collides), (NET[2], third_port)];
    let all = sightings(&servers, 3);
    let first = Slot::Shared { family: Family::V4, index: 0 };
    let heard =
        all.into_iter().filter(|seen| seen.slot == first || seen.server.ip().to_string() != NET[1]).collect::<Vec<_>>();
    assert_eq!(conclude(&heard).varies.value(), None, "{heard:?}");
}
