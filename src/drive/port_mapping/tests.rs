//! Every fake router is on loopback, and SSDP's multicast is off: nothing leaves the host.

mod upnp;

use super::*;

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Long enough for any answer on loopback on a busy machine: tests that expect one end with it.
const PATIENT: Duration = Duration::from_secs(10);
/// For tests that expect none.
const BRIEF: Duration = Duration::from_millis(350);

/// A UDP service that answers each datagram with these.
async fn udp_service(at: IpAddr, reply: impl Fn(usize, SocketAddr, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> u16 {
    let socket = UdpSocket::bind((at, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        for count in 0.. {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { return };
            for datagram in reply(count, from, &buffer[..length]) {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    port
}

async fn mapping_question(service: PortMappingService, gateway: IpAddr, port: u16, timeout: Duration) -> Outcome {
    let doors = Doors { mapping: port, ssdp: 9, group: None };
    ask_at(service, gateway, Way::default(), doors, timeout).await
}

async fn nat_pmp(port: u16, timeout: Duration) -> Outcome {
    mapping_question(PortMappingService::NatPmp, ROUTER, port, timeout).await
}

async fn pcp_of(port: u16, timeout: Duration) -> Outcome {
    mapping_question(PortMappingService::Pcp, ROUTER, port, timeout).await
}

fn answer(outcome: Outcome) -> PortMappingAnswer {
    match outcome {
        Outcome::PortMapping(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

fn cause(outcome: Outcome) -> Cause {
    match outcome {
        Outcome::Failed(Failure { stage: Stage::PortMapping, cause }) => cause,
        other => panic!("no failure: {other:?}"),
    }
}

const NAT_PMP_SUCCESS: [u8; 12] = [0, 128, 0, 0, 0, 0, 0, 9, 100, 64, 7, 9];

fn pcp_answer(result: u8) -> Vec<u8> {
    let mut answer = vec![0; 24];
    answer[..4].copy_from_slice(&[2, 0x80, 0, result]);
    answer
}

#[tokio::test]
async fn nat_pmp_tells_the_wan_address() {
    let port = udp_service(ROUTER, |_, _, request| {
        assert_eq!(request, [0, 0], "nothing but the external-address request is ever sent");
        vec![NAT_PMP_SUCCESS.to_vec()]
    });
    let answer = answer(nat_pmp(port.await, PATIENT).await);
    let wan_address = Some("100.64.7.9".parse().unwrap());
    assert_eq!(answer, PortMappingAnswer { available: true, wan_address, result_code: Some(0), detail: None });
}

#[tokio::test]
async fn lost_datagrams_are_sent_again_and_strays_do_not_end_the_wait() {
    let port = udp_service(ROUTER, |count, _, _| match count {
        0 => vec![],
        1 => vec![b"garbage".to_vec(), vec![0, 128], vec![]],
        _ => vec![NAT_PMP_SUCCESS.to_vec()],
    });
    assert!(answer(nat_pmp(port.await, PATIENT).await).available);
}

#[tokio::test]
async fn a_closed_port_is_refused_at_once() {
    // An address where no other test listens.
    let router = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
    let started = Instant::now();
    for service in [PortMappingService::NatPmp, PortMappingService::Pcp] {
        assert_eq!(cause(mapping_question(service, router, 5351, PATIENT).await), Cause::Refused);
    }
    assert!(started.elapsed() < PATIENT / 2);
}

#[tokio::test]
async fn silence_is_no_answer_within_the_timeout() {
    let port = udp_service(ROUTER, |_, _, _| vec![]).await;
    let started = Instant::now();
    let Cause::NoAnswer { copies, waited } = cause(nat_pmp(port, BRIEF).await) else { panic!() };
    // 0, 100 and 300 ms; fewer only where the machine slept.
    assert!((1..=3).contains(&copies), "{copies}");
    assert!(waited >= BRIEF && started.elapsed() < PATIENT);
}

#[tokio::test]
async fn garbage_without_end_is_malformed_within_the_timeout() {
    for service in [PortMappingService::NatPmp, PortMappingService::Pcp] {
        let port = udp_service(ROUTER, |_, _, _| vec![vec![7; 1500]; 500]).await;
        let started = Instant::now();
        let cause = cause(mapping_question(service, ROUTER, port, BRIEF).await);
        assert!(matches!(cause, Cause::Malformed { .. }), "{cause:?}");
        assert!(started.elapsed() < PATIENT);
    }
}

#[tokio::test]
async fn an_answer_from_another_port_is_not_the_routers() {
    let port = udp_service(ROUTER, |_, from, _| {
        let other = std::net::UdpSocket::bind((ROUTER, 0)).unwrap();
        other.send_to(&NAT_PMP_SUCCESS, from).unwrap();
        vec![]
    });
    assert!(matches!(cause(nat_pmp(port.await, BRIEF).await), Cause::NoAnswer { .. }));
}

#[tokio::test]
async fn refusals_keep_their_code() {
    for code in [2, 3, 4] {
        let port = udp_service(ROUTER, move |_, _, _| vec![vec![0, 128, 0, code, 0, 0, 0, 9, 0, 0, 0, 0]]).await;
        let answer = answer(nat_pmp(port, PATIENT).await);
        assert_eq!((answer.available, answer.wan_address, answer.result_code), (false, None, Some(code.into())));
        assert!(answer.detail.unwrap().contains(&format!("result {code}")));
    }
    for code in [2, 12] {
        let port = udp_service(ROUTER, move |_, _, _| vec![pcp_answer(code)]).await;
        let answer = answer(pcp_of(port, PATIENT).await);
        assert_eq!((answer.available, answer.wan_address, answer.result_code), (false, None, Some(code.into())));
        let name = if code == 12 { "ADDRESS_MISMATCH" } else { "NOT_AUTHORIZED" };
        assert!(answer.detail.unwrap().contains(name));
    }
}

#[tokio::test]
async fn a_wan_address_that_is_none_is_none() {
    for octets in [[0, 0, 0, 0], [127, 0, 0, 1], [255, 255, 255, 255], [224, 0, 0, 1]] {
        let mut datagram = NAT_PMP_SUCCESS;
        datagram[8..].copy_from_slice(&octets);
        let port = udp_service(ROUTER, move |_, _, _| vec![datagram.to_vec()]).await;
        let answer = answer(nat_pmp(port, PATIENT).await);
        assert_eq!((answer.available, answer.wan_address), (true, None));
        assert!(answer.detail.unwrap().contains(&Ipv4Addr::from(octets).to_string()));
    }
}

#[tokio::test]
async fn a_server_of_the_other_version_does_not_offer_this_one() {
    let port = udp_service(ROUTER, |_, _, _| vec![pcp_answer(1)]).await;
    let outcome = answer(nat_pmp(port, PATIENT).await);
    assert_eq!((outcome.available, outcome.detail.unwrap().as_str()), (false, "speaks PCP and not NAT-PMP"));
    let port = udp_service(ROUTER, |_, _, _| vec![vec![0, 128, 0, 1, 0, 0, 0, 9]]).await;
    let outcome = answer(pcp_of(port, PATIENT).await);
    assert_eq!((outcome.available, outcome.detail.unwrap().as_str()), (false, "speaks NAT-PMP and not PCP"));
}

#[tokio::test]
async fn pcp_names_the_address_it_asks_from_in_both_families() {
    for router in [ROUTER, "::1".parse().unwrap()] {
        let port = udp_service(router, |_, from, request| {
            assert_eq!(request, pcp::encode_announce(from.ip()), "ANNOUNCE, and nothing else");
            vec![pcp_answer(0)]
        });
        let answer = answer(mapping_question(PortMappingService::Pcp, router, port.await, PATIENT).await);
        assert_eq!(
            answer,
            PortMappingAnswer { available: true, wan_address: None, result_code: Some(0), detail: None }
        );
    }
}

#[tokio::test]
async fn the_way_is_kept() {
    let port = udp_service(ROUTER, |_, from, request| {
        assert_eq!((from.ip(), request), (STRANGER, &pcp::encode_announce(STRANGER)[..]));
        vec![pcp_answer(0)]
    });
    let doors = Doors { mapping: port.await, ssdp: 9, group: None };
    let way = Way { local: Some(STRANGER), interface: 0 };
    assert!(answer(ask_at(PortMappingService::Pcp, ROUTER, way, doors, PATIENT).await).available);
}

#[tokio::test]
async fn what_cannot_be_asked_is_unsupported() {
    let v6: IpAddr = "::1".parse().unwrap();
    let link_local: IpAddr = "fe80::1".parse().unwrap();
    for (service, gateway) in
        [(PortMappingService::NatPmp, v6), (PortMappingService::Upnp, v6), (PortMappingService::Pcp, link_local)]
    {
        let cause = cause(mapping_question(service, gateway, 9, PATIENT).await);
        assert!(matches!(cause, Cause::Unsupported { .. }), "{cause:?}");
    }
    let way = Way { local: Some(v6), interface: 0 };
    let doors = Doors { mapping: 9, ssdp: 9, group: None };
    let outcome = ask_at(PortMappingService::Pcp, ROUTER, way, doors, PATIENT).await;
    assert!(matches!(cause(outcome), Cause::Unsupported { .. }));
}
