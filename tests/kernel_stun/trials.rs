use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etherparse::{EtherType, IpNumber};
use natscope::wire::stun::{ChangeRequest, RequestForm, decode_response};

use super::frames::{Answer, Frame, HOST, HOST_V4, HOST_V6, PEER, PEER_V4, PEER_V6, PORT, request};
use super::lab::{Card, Relay, SILENCE, ip, metric, with_only};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("what_the_kernel_answers_is_what_the_sockets_answer", same_answers),
    ("all_else_is_left_to_the_sockets", left_to_the_sockets),
    ("what_passes_through_this_host_passes", passing_through),
    ("this_host_asks_itself_by_loopback", by_loopback),
    ("answers_are_counted", counted),
    ("addresses_come_and_go", addresses_come_and_go),
    ("an_interface_that_comes_back_has_it_again", interface_comes_back),
    ("the_program_goes_with_the_process", gone_with_the_process),
    ("two_capabilities_are_enough", enough),
    ("whoever_cannot_have_it_is_told_why", told_why),
];

fn tailnode(number: u8) -> Vec<u8> {
    request(RequestForm::Tailnode, None, number)
}

fn same_answers() {
    let card = Card::usual();
    // Twice the same is once.
    let in_kernel = Relay::start(&format!("--stun-addr :3478 --stun-bpf {0},{0}", card.name));
    let asked = |port| [Frame::v4(port, tailnode(1)).bytes(), Frame::v6(port, tailnode(2)).bytes()];
    let ask = |port| asked(port).map(|frame| card.ask(&frame));
    let from_kernel = in_kernel.while_stopped(|| ask(3478));
    let divisible = Frame::v4(3478, tailnode(3)).change_v4(|ip| ip.dont_fragment = false).bytes();
    let whole = in_kernel.while_stopped(|| card.ask(&divisible));
    assert_eq!(whole.number(), 3);
    drop(in_kernel);
    let sockets = Relay::start("--stun-addr :3478");
    assert_eq!(sockets.while_stopped(|| asked(3478).map(|frame| card.try_to_ask(&frame))), [None, None]);
    let mut later = [(); 2].map(|()| card.answer());
    later.sort_by_key(Answer::number);
    assert_eq!(later, from_kernel, "the sockets had them waiting");

    let [v4, v6] = from_kernel;
    for (answer, host, peer) in
        [(v4, IpAddr::from(HOST_V4), IpAddr::from(PEER_V4)), (v6, HOST_V6.into(), PEER_V6.into())]
    {
        assert_eq!((answer.from, answer.to), ((HOST, host, 3478), (PEER, peer, PORT)));
        assert_eq!(answer.hops, 64);
        let response = decode_response(&answer.stun).unwrap();
        assert_eq!(response.endpoint(), Some(SocketAddr::new(peer, PORT)));
    }
}

/// Frames that are not for the program, and whether the sockets answer them.
fn others() -> Vec<(&'static str, Frame, bool)> {
    let number = std::cell::Cell::new(0);
    let next = || {
        number.set(number.get() + 1);
        tailnode(number.get())
    };
    let with = |form, change| {
        number.set(number.get() + 1);
        request(form, change, number.get())
    };
    let v4 = |payload| Frame::v4(3478, payload);
    let v6 = |payload| Frame::v6(3478, payload);
    let wrong_fingerprint = |mut bytes: Vec<u8>| {
        bytes[39] ^= 1;
        bytes
    };
    let of_another_client = |mut bytes: Vec<u8>| {
        bytes[24..32].copy_from_slice(b"tailmode");
        with_fingerprint(bytes)
    };
    let indication = |mut bytes: Vec<u8>| {
        bytes[1] = 0x11;
        with_fingerprint(bytes)
    };
    vec![
        ("a plain request", v4(with(RequestForm::Plain, None)), true),
        ("and by IPv6", v6(with(RequestForm::Plain, None)), true),
        ("one that asks for another port", v4(with(RequestForm::Tailnode, Some(ChangeRequest::BOTH))), true),
        ("a wrong FINGERPRINT", v4(wrong_fingerprint(next())), false),
        ("a wrong one by IPv6", v6(wrong_fingerprint(next())), false),
        ("another SOFTWARE of that length", v4(of_another_client(next())), true),
        ("an indication", v4(indication(next())), false),
        ("options of IPv4", v4(next()).change_v4(|ip| ip.options = [1, 1, 1, 0].into()), true),
        ("a fragment", v4(next()).change_v4(|ip| (ip.dont_fragment, ip.more_fragments) = (false, true)), false),
        ("a late fragment", v4(next()).change_v4(|ip| ip.fragment_offset = 8.try_into().unwrap()), false),
        ("a wrong checksum of IP", v4(next()).change(|frame| frame.ip_checksum = Some(0x1234)), false),
        ("no checksum of UDP", v4(next()).change(|frame| frame.udp_checksum = Some(0)), true),
        ("which IPv6 must have", v6(next()).change(|frame| frame.udp_checksum = Some(0)), false),
        ("an end that is no part of it", v4(next()).change(|frame| frame.trailer = vec![0; 2]), true),
        ("a length that says less", v4(next()).change(|frame| frame.udp.length = 40), false),
        ("another port", v4(next()).change(|frame| frame.udp.destination_port = 3479), false),
        ("no port to answer to", v4(next()).change(|frame| frame.udp.source_port = 0), false),
        ("another host's card", v4(next()).change(|frame| frame.ethernet.destination = [2, 0, 0, 0, 0, 9]), false),
        // Linux does take these, for lack of a better idea of who they are for.
        ("a group's card", v6(next()).change(|frame| frame.ethernet.destination = [0x33, 0x33, 0, 0, 0, 1]), true),
        ("everybody's card", v4(next()).change(|frame| frame.ethernet.destination = [0xff; 6]), true),
        ("another host's address", v4(next()).change_v4(|ip| ip.destination = [192, 0, 2, 9]), false),
        ("loopback's", v4(next()).change_v4(|ip| ip.destination = [127, 0, 0, 1]), false),
        ("from there", v4(next()).change_v4(|ip| ip.source = [127, 0, 0, 1]), false),
        ("from there by IPv6", v6(next()).change_v6(|ip| ip.source = std::net::Ipv6Addr::LOCALHOST.octets()), false),
        ("from nobody", v4(next()).change_v4(|ip| ip.source = [0, 0, 0, 0]), false),
        ("from nobody by IPv6", v6(next()).change_v6(|ip| ip.source = [0; 16]), false),
        ("from a group", v4(next()).change_v4(|ip| ip.source = [224, 0, 0, 1]), false),
        ("from everybody", v4(next()).change_v4(|ip| ip.source = [255; 4]), false),
        ("from a group by IPv6", v6(next()).change_v6(|ip| ip.source[0] = 0xff), false),
        ("from this host", v4(next()).change_v4(|ip| ip.source = HOST_V4.octets()), false),
        ("from another address of this host", v4(next()).change_v4(|ip| ip.source = [192, 0, 2, 3]), false),
        ("from this host by IPv6", v6(next()).change_v6(|ip| ip.source = HOST_V6.octets()), false),
        ("from a group's card", v4(next()).change(|frame| frame.ethernet.source[0] |= 1), true),
        ("TCP", v4(next()).change_v4(|ip| ip.protocol = IpNumber::TCP), false),
        (
            "another version in the same place",
            v4(next()).change(|frame| frame.ethernet.ether_type = EtherType::IPV6),
            false,
        ),
        ("in a VLAN that nobody here is in", v4(next()).change(|frame| frame.vlan = Some(5)), false),
    ]
}

fn with_fingerprint(mut request: Vec<u8>) -> Vec<u8> {
    let fingerprint = crc32fast::hash(&request[..32]) ^ 0x5354_554e;
    request[36..].copy_from_slice(&fingerprint.to_be_bytes());
    request
}

fn left_to_the_sockets() {
    let card = Card::plug("card%d", &["192.0.2.1/24", "192.0.2.3/24", "2001:db8::1/64"]);
    let relay = Relay::start(&format!("--stun-addr :3478 --stun-bpf {}", card.name));
    let (mut names, mut expected, mut answered) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (at, (name, frame, of_sockets)) in others().into_iter().enumerate() {
        assert_eq!(usize::from(frame.payload[8]), at + 1, "{name}");
        names.push(name);
        if of_sockets {
            expected.insert(name);
        }
        let found = relay.while_stopped(|| {
            card.send(&frame.bytes());
            card.frames(SILENCE, Answer::read)
        });
        let found: Vec<_> = found.into_iter().map(|answer| names[usize::from(answer.number()) - 1]).collect();
        assert!(!found.contains(&name), "{name}: not for the program");
        answered.extend(found);
    }
    let end = Instant::now() + Duration::from_secs(10);
    while !answered.is_superset(&expected) && Instant::now() < end {
        answered
            .extend(card.frames(SILENCE, Answer::read).iter().map(|answer| names[usize::from(answer.number()) - 1]));
    }
    answered.extend(card.frames(SILENCE, Answer::read).iter().map(|answer| names[usize::from(answer.number()) - 1]));
    assert_eq!(answered, expected);
    // And it still answers what is its own.
    assert_eq!(relay.while_stopped(|| card.ask(&Frame::v4(3478, tailnode(99)).bytes())).number(), 99);
}

/// A router's clients may ask somebody else's STUN server, on the same port.
fn passing_through() {
    let card = Card::usual();
    let beyond = Card::plug("beyond%d", &["198.51.100.1/24"]);
    ip(&format!("neighbour replace 198.51.100.9 lladdr 02:00:00:00:00:09 dev {}", beyond.name));
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    let relay = Relay::start(&format!("--stun-addr :3478 --stun-bpf {},{}", card.name, beyond.name));
    let frame = Frame::v4(3478, tailnode(1)).change_v4(|ip| ip.destination = [198, 51, 100, 9]).bytes();
    let passed = relay.while_stopped(|| {
        card.send(&frame);
        beyond.first_and_others(|frame| (Answer::read(frame)?.to.2 == 3478).then(|| frame.to_vec()))
    });
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
    assert_eq!(passed.len(), 1);
    assert_eq!(passed[0][34..], frame[34..], "as it was");
    // This host's address on the other side is this host's.
    let other = Frame::v4(3478, tailnode(2)).change_v4(|ip| ip.destination = [198, 51, 100, 1]).bytes();
    assert_eq!(relay.while_stopped(|| card.ask(&other)).number(), 2);
}

/// Where nobody has made the checksums, as nothing gets lost on the way.
fn by_loopback() {
    ip("link set lo up");
    let relay = Relay::start("--stun-addr :3478 --stun-bpf lo");
    for (number, address) in (1..).zip(["127.0.0.1", "::1"]) {
        let to = SocketAddr::new(address.parse().unwrap(), 3478);
        let socket = UdpSocket::bind(SocketAddr::new(to.ip(), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let ask = || {
            socket.send_to(&tailnode(number), to).unwrap();
            let mut buffer = [0; 200];
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(from, to);
            decode_response(&buffer[..length]).unwrap().endpoint()
        };
        let mapped = relay.while_stopped(ask);
        assert_eq!(mapped, socket.local_addr().ok());
    }
}

fn counted() {
    let card = Card::usual();
    let _relay = Relay::start(&format!("--stun-addr :3478 --stun-bpf {}", card.name));
    let before = metric("stun_requests{disposition=\"success\"}");
    for number in 0..5 {
        card.ask(&Frame::v4(3478, tailnode(number)).bytes());
        card.ask(&Frame::v6(3478, request(RequestForm::Plain, None, number)).bytes());
    }
    card.ask(&Frame::v6(3478, tailnode(9)).bytes());
    eventually("what the kernel answered is on the page", || {
        metric("natscope_stun_in_kernel") == 6 && metric("stun_requests{disposition=\"success\"}") == before + 11
    });
    assert!(metric("stun_addrfamily{family=\"ipv6\"}") >= 6);
}

/// Whether the kernel answers what is sent to that address, of which the sockets' answers may come later.
fn by_kernel(relay: &Relay, card: &Card, to: Ipv4Addr) -> bool {
    static ASKED: AtomicU8 = AtomicU8::new(1);
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    let frame = Frame::v4(3478, tailnode(number)).change_v4(|ip| ip.destination = to.octets()).bytes();
    let answered = relay.while_stopped(|| {
        card.send(&frame);
        card.frames(SILENCE, Answer::read)
    });
    answered.iter().any(|answer| answer.number() == number)
}

fn addresses_come_and_go() {
    let card = Card::usual();
    let relay = Relay::start(&format!("--stun-addr :3478 --stun-bpf {}", card.name));
    let second = Ipv4Addr::new(192, 0, 2, 2);
    assert!(!by_kernel(&relay, &card, second));
    ip(&format!("address add 192.0.2.2/24 dev {}", card.name));
    card.ask(&Frame::v4(3478, tailnode(255)).change_v4(|ip| ip.destination = second.octets()).bytes());
    eventually("the kernel answers for it", || by_kernel(&relay, &card, second));
    ip(&format!("address delete 192.0.2.2/24 dev {}", card.name));
    eventually("the kernel is silent again", || !by_kernel(&relay, &card, second));
}

fn interface_comes_back() {
    let card = Card::plug("back0", &["192.0.2.1/24"]);
    let relay = Relay::start("--stun-addr :3478 --stun-bpf back0");
    relay.while_stopped(|| card.ask(&Frame::v4(3478, tailnode(0)).bytes()));
    drop(card);
    let card = Card::plug("back0", &["192.0.2.1/24"]);
    eventually("it is in the kernel again", || by_kernel(&relay, &card, HOST_V4));
}

fn gone_with_the_process() {
    let card = Card::usual();
    let relay = Relay::start(&format!("--stun-addr :3478 --stun-bpf {}", card.name));
    let frame = Frame::v4(3478, tailnode(1)).bytes();
    relay.while_stopped(|| card.ask(&frame));
    relay.kill();
    assert_eq!(card.try_to_ask(&frame), None);
}

fn told_why() {
    let card = Card::usual();
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &str, capabilities: Option<&str>| {
        let mut command = Relay::command(folder.path(), arguments);
        if let Some(capabilities) = capabilities {
            command = with_only(capabilities, &command);
        }
        let output = command.stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let cases = [
        ("nothere0", None, "no interface of that name"),
        ("sit9", None, "no Ethernet"),
        (&card.name, Some(""), "root, or CAP_BPF and CAP_NET_ADMIN"),
        (&card.name, Some(",+bpf"), "root, or CAP_BPF and CAP_NET_ADMIN"),
        (&card.name, Some(",+net_admin"), "root, or CAP_BPF and CAP_NET_ADMIN"),
    ];
    ip("tuntap add sit9 mode tun");
    for (interface, capabilities, expected) in cases {
        let (code, said) = said(&format!("--stun-addr :3478 --stun-bpf {interface}"), capabilities);
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    ip("link delete sit9");
    let (code, said) = said(&format!("--stun-addr none --stun-bpf {}", card.name), None);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("--stun-bpf says nothing without STUN"), "{said}");
}

fn enough() {
    let card = Card::usual();
    let relay = Relay::start_with(",+bpf,+net_admin", &format!("--stun-addr :3478 --stun-bpf {}", card.name));
    relay.while_stopped(|| card.ask(&Frame::v6(3478, tailnode(1)).bytes()));
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}
