use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

use super::*;
use crate::model::Family;
use crate::probe::{Slot, StunForm, StunReply};

pub(super) const SHARED: Slot = Slot::Shared { family: Family::V4, index: 0 };
const CONNECTED: Slot = Slot::Connected { family: Family::V4 };

pub(super) fn question(slot: Slot, server: SocketAddr) -> Question {
    Question::Stun { slot, server, form: StunForm::Tailnode }
}

/// A success response to `request` with XOR-MAPPED-ADDRESS of that endpoint.
pub(super) fn response(request: &[u8], mapped: SocketAddr) -> Vec<u8> {
    let key = &request[4..20];
    let (family, octets) = match mapped.ip() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend((mapped.port() ^ 0x2112).to_be_bytes());
    value.extend(octets.iter().zip(key).map(|(octet, key)| octet ^ key));
    let mut bytes = vec![1, 1, 0, u8::try_from(value.len() + 4).unwrap()];
    bytes.extend(key);
    bytes.extend([0, 0x20, 0, u8::try_from(value.len()).unwrap()]);
    bytes.extend(value);
    bytes
}

/// A server that sends, for every request, what `script` makes of it and of its source.
pub(super) async fn server(script: impl Fn(&[u8], SocketAddr) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for datagram in script(&buffer[..length], from) {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    address
}

fn reply(observation: &Observation) -> &StunReply {
    match &observation.outcome {
        Outcome::Stun(reply) => reply,
        other => panic!("no reply: {other:?}"),
    }
}

fn problem(observation: &Observation) -> &str {
    match &observation.outcome {
        Outcome::Stray { problem, .. } => problem,
        other => panic!("no stray: {other:?}"),
    }
}

#[tokio::test]
async fn a_reply_tells_both_ends_and_the_time() {
    let server = server(|request, from| vec![response(request, from)]).await;
    for slot in [SHARED, CONNECTED] {
        let heard = ask(NetworkOptions::default(), Asking::new([question(slot, server)])).await;
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].probe, Some(ProbeId(0)));
        assert!(heard[0].round_trip() < Duration::from_secs(1));
        let reply = reply(&heard[0]);
        assert_eq!(reply.from, server);
        assert_eq!(reply.local, reply.mapped);
        assert_eq!(reply.local.unwrap().ip().to_string(), "127.0.0.1");
    }
}

#[tokio::test]
async fn one_slot_is_one_port_and_each_connected_probe_has_its_own() {
    let server = server(|request, from| vec![response(request, from)]).await;
    let other = Slot::Shared { family: Family::V4, index: 1 };
    let questions = [SHARED, SHARED, other, CONNECTED, CONNECTED].map(|slot| question(slot, server));
    let mut heard = ask(NetworkOptions::default(), Asking::new(questions)).await;
    heard.sort_by_key(|observation| observation.probe);
    let ports: Vec<u16> = heard.iter().map(|observation| reply(observation).mapped.unwrap().port()).collect();
    assert_eq!(ports[0], ports[1]);
    let mut distinct = ports[1..].to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "{ports:?}");
}

#[tokio::test]
async fn ipv6_is_asked_over_ipv6_or_fails_as_unsupported() {
    let slot = Slot::Shared { family: Family::V6, index: 0 };
    let Ok(socket) = UdpSocket::bind("[::1]:0").await else {
        let failure = failure_of(NetworkOptions::default(), question(slot, "[::1]:9".parse().unwrap())).await;
        assert_eq!(failure.stage, Stage::Stun);
        return;
    };
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            socket.send_to(&response(&buffer[..length], from), from).await.unwrap();
        }
    });
    let slots = [slot, Slot::Connected { family: Family::V6 }];
    let heard = ask(NetworkOptions::default(), Asking::new(slots.map(|slot| question(slot, address)))).await;
    for observation in &heard {
        let reply = reply(observation);
        assert_eq!((reply.from, reply.local), (address, reply.mapped));
        assert_eq!(reply.mapped.unwrap().ip(), address.ip());
    }
}

#[tokio::test]
async fn a_mapped_ipv4_address_is_unmapped() {
    let server = server(|request, from| {
        let IpAddr::V4(v4) = from.ip() else { panic!() };
        vec![response(request, SocketAddr::new(v4.to_ipv6_mapped().into(), from.port()))]
    })
    .await;
    let heard = ask(NetworkOptions::default(), Asking::new([question(SHARED, server)])).await;
    assert_eq!(reply(&heard[0]).mapped, reply(&heard[0]).local);
}

#[tokio::test]
async fn further_replies_are_duplicates_and_bounded() {
    let server = server(|request, from| vec![response(request, from); 50]).await;
    let asking = Asking::new([question(SHARED, server)]).wanting(usize::MAX).until(Duration::from_millis(300));
    let heard = ask(NetworkOptions::default(), asking).await;
    reply(&heard[0]);
    assert!(heard.len() > 2 && heard.len() < 20, "{}", heard.len());
    assert!(heard[1..].iter().all(|observation| matches!(observation.outcome, Outcome::StunDuplicate(_))));
    assert!(heard.iter().all(|observation| observation.probe == Some(ProbeId(0))));
}

#[tokio::test]
async fn broken_and_foreign_datagrams_are_strays_and_end_no_wait() {
    let server = server(|request, from| {
        let good = response(request, from);
        let truncated = good[..good.len() - 3].to_vec();
        let mut foreign = good.clone();
        foreign[8] ^= 1;
        // 2000 bytes, of which the first 1500 would make a good answer: an optional attribute fills them up.
        let mut oversized = good.clone();
        oversized[2..4].copy_from_slice(&1480_u16.to_be_bytes());
        oversized.extend([0x80, 0x99]);
        oversized.extend(1464_u16.to_be_bytes());
        oversized.resize(2000, 0);
        vec![truncated, foreign, oversized, b"hello".to_vec(), good]
    })
    .await;
    let heard = ask(NetworkOptions::default(), Asking::new([question(SHARED, server)]).wanting(5)).await;
    assert_eq!(heard.len(), 5);
    for stray in &heard[..4] {
        assert!(!problem(stray).is_empty());
        assert_eq!(stray.probe, None);
    }
    assert_eq!(reply(&heard[4]).from, server);
}

#[tokio::test]
async fn a_flood_of_strays_is_bounded() {
    let server = server(|request, from| {
        let mut flood = vec![b"noise".to_vec(); 400];
        flood.push(response(request, from));
        flood
    })
    .await;
    let asking = Asking::new([question(SHARED, server)]).wanting(usize::MAX).until(Duration::from_millis(500));
    let heard = ask(NetworkOptions::default(), asking).await;
    let strays: Vec<_> = heard.iter().filter(|observation| observation.probe.is_none()).collect();
    assert_eq!(strays.len(), 256);
    assert!(problem(strays[255]).contains("not told"));
    assert_eq!(heard.len(), 257);
}

#[tokio::test]
async fn a_reply_from_another_address_names_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let other = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let (address, expected) = (socket.local_addr().unwrap(), other.local_addr().unwrap());
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        other.send_to(&response(&buffer[..length], from), from).await.unwrap();
    });
    let heard = ask(NetworkOptions::default(), Asking::new([question(SHARED, address)])).await;
    assert_eq!(reply(&heard[0]).from, expected);
}

#[tokio::test]
async fn a_reply_to_another_socket_is_a_stray_there() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (length, first) = socket.recv_from(&mut buffer).await.unwrap();
        let answer = response(&buffer[..length], first);
        let (_, second) = socket.recv_from(&mut buffer).await.unwrap();
        assert_ne!(first, second);
        socket.send_to(&answer, second).await.unwrap();
    });
    let other = Slot::Shared { family: Family::V4, index: 1 };
    let questions = [question(SHARED, address), question(other, address)];
    let heard = ask(NetworkOptions::default(), Asking::new(questions).wanting(1)).await;
    assert!(problem(&heard[0]).contains("another socket"));
    assert!(matches!(heard[0].outcome, Outcome::Stray { slot, .. } if slot == other));
}

#[tokio::test]
async fn our_own_request_is_known_at_another_socket_and_a_strangers_is_not() {
    let turning = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = turning.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (length, _) = turning.recv_from(&mut buffer).await.unwrap();
        let ours = buffer[..length].to_vec();
        let (length, other) = turning.recv_from(&mut buffer).await.unwrap();
        // A request of nobody's, one back to the socket it left from, and ours at the other socket.
        let mut strange = ours.clone();
        strange[8] ^= 1;
        for datagram in [&strange, &buffer[..length].to_vec(), &ours] {
            turning.send_to(datagram, other).await.unwrap();
        }
    });
    let other = Slot::Shared { family: Family::V4, index: 1 };
    let questions = [SHARED, other].map(|slot| Question::Stun { slot, server: address, form: StunForm::Plain });
    let heard = ask(NetworkOptions::default(), Asking::new(questions).wanting(3)).await;
    assert!(heard[..2].iter().all(|stray| stray.probe.is_none() && problem(stray).contains("request")), "{heard:?}");
    assert_eq!(heard[2].probe, Some(ProbeId(0)));
    assert_eq!(heard[2].outcome, Outcome::CameBack { slot: other, from: address });
}

#[tokio::test]
async fn a_refused_port_is_heard_on_a_connected_socket() {
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = failure_of(NetworkOptions::default(), question(CONNECTED, closed)).await;
    assert_eq!(failure, Failure::new(Stage::Stun, Cause::Refused));
}

#[tokio::test]
async fn silence_is_no_observation() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = question(SHARED, silent.local_addr().unwrap());
    let asking = Asking::new([question]).until(Duration::from_millis(50));
    assert!(ask(NetworkOptions::default(), asking).await.is_empty());
}

#[tokio::test]
async fn the_bind_port_is_that_of_socket_zero_only() {
    let server = server(|request, from| vec![response(request, from)]).await;
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let options = NetworkOptions { bind_port: Some(free), ..NetworkOptions::default() };
    let other = Slot::Shared { family: Family::V4, index: 1 };
    let mut heard = ask(options, Asking::new([question(SHARED, server), question(other, server)])).await;
    heard.sort_by_key(|observation| observation.probe);
    assert_eq!(reply(&heard[0]).mapped.unwrap().port(), free);
    assert_ne!(reply(&heard[1]).mapped.unwrap().port(), free);
}

#[tokio::test]
async fn a_bind_port_in_use_is_told_before_anything_is_concluded() {
    let taken = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = NetworkOptions { bind_port: Some(port), ..NetworkOptions::default() };
    let mut asking = Asking::new([question(SHARED, taken.local_addr().unwrap())]);
    let error = run(&mut asking, Network::new(options), None).await.unwrap_err();
    assert!(matches!(error, DriveError::BindPort { port: told, .. } if told == port), "{error}");
}

#[tokio::test]
async fn options_that_cannot_be_met_are_told() {
    let mut asking = Asking::new([]).wanting(1);
    let options = NetworkOptions { bind_address: Some("192.0.2.77".parse().unwrap()), ..NetworkOptions::default() };
    let error = run(&mut asking, Network::new(options), None).await.unwrap_err();
    assert!(error.to_string().contains("192.0.2.77"), "{error}");
    let options = NetworkOptions { interface: Some("nosuchif0".into()), ..NetworkOptions::default() };
    let error = run(&mut asking, Network::new(options), None).await.unwrap_err();
    assert!(error.to_string().contains("nosuchif0"), "{error}");
}

#[tokio::test]
async fn a_bound_address_leaves_the_other_family_unsupported() {
    let options = NetworkOptions { bind_address: Some("127.0.0.1".parse().unwrap()), ..NetworkOptions::default() };
    let slot = Slot::Shared { family: Family::V6, index: 0 };
    let failure = failure_of(options, question(slot, "[::1]:3478".parse().unwrap())).await;
    assert!(matches!(failure, Failure { stage: Stage::Stun, cause: Cause::Unsupported { .. } }), "{failure:?}");
}
