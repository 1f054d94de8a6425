mod mapping;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::wire::upnp::search_target;

/// An HTTP service that handles each request as it likes; with a count of the connections made to it.
async fn http_service<F, R>(at: IpAddr, handle: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(String, TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind((at, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let request = read_request(&mut stream).await;
            tokio::spawn(handle(request, stream));
        }
    });
    (address, connections)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            if body.len() >= length {
                return String::from_utf8(request).unwrap();
            }
        }
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return String::from_utf8(request).unwrap();
        }
    }
}

fn ok(body: &str) -> String {
    response("200 OK", body)
}

fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A router's HTTP service: its description, and the answers of its services by their control URL.
async fn igd(description: String, control: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let respond = move |request: &str| {
        if request.starts_with("GET /root.xml ") {
            return description.clone();
        }
        assert!(request.starts_with("POST "), "{request}");
        assert!(request.contains("#GetExternalIPAddress\"\r\n"), "no action but this one is ever called: {request}");
        control(request.split(' ').nth(1).unwrap())
    };
    let respond = Arc::new(respond);
    let (address, _) = http_service(ROUTER, move |request, mut stream| {
        let respond = Arc::clone(&respond);
        async move { stream.write_all(respond(&request).as_bytes()).await }
    })
    .await;
    address
}

fn description(services: &[(&str, &str)]) -> String {
    let services: Vec<String> = services
        .iter()
        .map(|(kind, control)| {
            format!(
                "<service><serviceType>urn:schemas-upnp-org:service:{kind}</serviceType><controlURL>{control}</controlURL></service>"
            )
        })
        .collect();
    let services = services.concat();
    format!("<root><device><manufacturer>Acme</manufacturer><modelName>Box</modelName>{services}</device></root>")
}

fn external_address(address: &str) -> String {
    ok(&format!("<E><B><R><NewExternalIPAddress>{address}</NewExternalIPAddress></R></B></E>"))
}

fn fault(code: u16) -> String {
    response("500 Internal Server Error", &format!("<E><Fault><errorCode>{code}</errorCode></Fault></E>"))
}

fn search_answer(target: &str, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nST: {target}\r\nLOCATION: {location}\r\nSERVER: Fake/1\r\n\r\n").into_bytes()
}

/// An SSDP service that announces a gateway device described at `location`.
async fn announce(location: String) -> u16 {
    udp_service(ROUTER, move |_, _, request| {
        assert!(request.starts_with(b"M-SEARCH * HTTP/1.1\r\n"));
        vec![search_answer(search_target::GATEWAY_1, &location)]
    })
    .await
}

async fn upnp_at(ssdp: u16, timeout: Duration) -> Outcome {
    let doors = Doors { mapping: 9, ssdp, group: None };
    ask_at(PortMappingService::Upnp, ROUTER, Way::default(), doors, timeout).await
}

async fn upnp_of(device: SocketAddr) -> PortMappingAnswer {
    answer(upnp_at(announce(format!("http://{device}/root.xml")).await, PATIENT).await)
}

#[tokio::test]
async fn upnp_tells_the_wan_address_by_the_best_service() {
    let services = [("WANPPPConnection:1", "/ppp"), ("WANIPConnection:1", "/ip1"), ("WANIPConnection:2", "/ip2")];
    let device = igd(ok(&description(&services)), |control| {
        assert_eq!(control, "/ip2");
        external_address("11.0.113.10")
    });
    let answer = upnp_of(device.await).await;
    assert_eq!(
        answer,
        PortMappingAnswer {
            available: true,
            wan_address: Some("11.0.113.10".parse().unwrap()),
            result_code: Some(0),
            detail: Some("Acme Box; Fake/1".to_owned()),
        }
    );
}

#[tokio::test]
async fn a_service_without_connection_is_passed_over() {
    let services = [("WANIPConnection:1", "/a"), ("WANIPConnection:1", "/b"), ("WANPPPConnection:1", "/c")];
    let device = igd(ok(&description(&services)), |control| match control {
        "/a" => external_address("0.0.0.0"),
        "/b" => fault(501),
        _ => external_address("192.168.100.2"),
    });
    let answer = upnp_of(device.await).await;
    assert_eq!((answer.available, answer.wan_address), (true, Some("192.168.100.2".parse().unwrap())));
    let detail = answer.detail.unwrap();
    assert!(detail.contains("0.0.0.0") && detail.contains("UPnP error 501"), "{detail}");
}

#[tokio::test]
async fn a_device_that_does_not_tell_its_address_is_there_all_the_same() {
    let one = [("WANIPConnection:1", "/c")];
    for (control, code, said) in [
        (fault(501), Some(501), "UPnP error 501"),
        (external_address(""), None, "WAN address is \"\""),
        (external_address("0.0.0.0"), Some(0), "0.0.0.0"),
        (ok("<E/>"), None, "tells no WAN address"),
        (ok("<E>"), None, "ends too early"),
        (response("404 Not Found", ""), None, "HTTP status 404"),
        ("garbage\r\n\r\n".to_owned(), None, "control:"),
        (String::new(), None, "control:"),
    ] {
        let device = igd(ok(&description(&one)), move |_| control.clone()).await;
        let answer = upnp_of(device).await;
        assert_eq!((answer.available, answer.wan_address, answer.result_code), (true, None, code), "{said}");
        let detail = answer.detail.unwrap();
        assert!(detail.contains(said), "{detail} has no {said}");
    }
}

#[tokio::test]
async fn a_description_that_cannot_be_had_leaves_the_device_there() {
    for (description, said) in [
        (response("500 Oops", ""), "HTTP status 500"),
        (ok("<root><device>"), "ends too early"),
        (ok("\u{fffd}\u{0}binary"), "no XML"),
        ("SSH-2.0-dropbear\r\n".to_owned(), "description:"),
    ] {
        let answer = upnp_of(igd(description, |_| unreachable!()).await).await;
        assert_eq!((answer.available, answer.wan_address), (true, None));
        let detail = answer.detail.unwrap();
        assert!(detail.contains(said), "{detail} has no {said}");
    }
}

#[tokio::test]
async fn a_device_without_connection_service_cannot_map() {
    let answer = upnp_of(igd(ok(&description(&[("Layer3Forwarding:1", "/l3")])), |_| unreachable!()).await).await;
    assert_eq!((answer.available, answer.wan_address), (false, None));
}

#[tokio::test]
async fn nobody_but_the_gateway_is_talked_to() {
    let (stranger, connections) = http_service(STRANGER, |_, _| async { Ok(()) }).await;
    let control = format!("http://{stranger}/c");
    let absolute = description(&[("WANIPConnection:1", &control)]);
    let by_base = description(&[("WANIPConnection:1", "/c")])
        .replace("<device>", &format!("<URLBase>http://{stranger}/</URLBase><device>"));
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: http://{stranger}/root.xml\r\nContent-Length: 0\r\n\r\n");

    let location = announce(format!("http://{stranger}/root.xml")).await;
    let elsewhere = answer(upnp_at(location, PATIENT).await);
    let absolute = upnp_of(igd(ok(&absolute), |_| unreachable!()).await).await;
    let redirected = upnp_of(igd(redirect, |_| unreachable!()).await).await;
    for (answer, said) in [(elsewhere, "not the gateway"), (absolute, "not the gateway"), (redirected, "status 302")] {
        assert_eq!((answer.available, answer.wan_address), (true, None));
        assert!(answer.detail.unwrap().contains(said));
    }
    // A URLBase of another host is passed over in favour of the description's own.
    let answer = upnp_of(igd(ok(&by_base), |_| external_address("11.0.113.10")).await).await;
    assert!(answer.wan_address.is_some());
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn endless_and_slow_bodies_end() {
    let (endless, _) = http_service(ROUTER, |_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(&[b'<'; 8192]).await?;
        }
    })
    .await;
    let answer_of = |device: SocketAddr, timeout| async move {
        answer(upnp_at(announce(format!("http://{device}/root.xml")).await, timeout).await)
    };
    let answer = answer_of(endless, PATIENT).await;
    assert!(answer.available && answer.detail.as_ref().unwrap().contains("more than 262144 bytes"), "{answer:?}");

    let (endless_head, _) = http_service(ROUTER, |_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
        loop {
            stream.write_all(b"X-Filling: 0123456789012345678901234567890123456789\r\n").await?;
        }
    })
    .await;
    let answer = answer_of(endless_head, PATIENT).await;
    assert!(answer.available && answer.detail.as_ref().unwrap().contains("description:"), "{answer:?}");

    let (slow, _) = http_service(ROUTER, |_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(b"<").await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let started = Instant::now();
    let answer = answer_of(slow, BRIEF).await;
    assert!(answer.available && answer.detail.as_ref().unwrap().contains("no answer in time"), "{answer:?}");
    assert!(started.elapsed() < PATIENT);
}

#[tokio::test]
async fn an_ssdp_flood_ends() {
    let garbage = udp_service(ROUTER, |_, _, _| vec![vec![b'x'; 1400]; 300]).await;
    let started = Instant::now();
    let outcome = cause(upnp_at(garbage, BRIEF).await);
    assert!(matches!(outcome, Cause::Malformed { .. }), "{outcome:?}");
    // A hundred devices, each with a description that is not there.
    let devices = udp_service(ROUTER, |count, _, _| {
        let locations = (0..100).map(|n| format!("http://127.0.0.1:1/{count}/{n}"));
        locations.map(|location| search_answer(search_target::GATEWAY_1, &location)).collect()
    });
    assert!(answer(upnp_at(devices.await, PATIENT).await).available);
    assert!(started.elapsed() < PATIENT);
}

#[tokio::test]
async fn a_second_device_of_the_router_may_tell_what_the_first_does_not() {
    let device = igd(ok(&description(&[("WANIPConnection:1", "/c")])), |_| external_address("11.0.113.10")).await;
    let port = udp_service(ROUTER, move |_, _, _| {
        vec![
            search_answer(search_target::GATEWAY_1, "http://127.0.0.1:1/none.xml"),
            search_answer(search_target::GATEWAY_2, &format!("http://{device}/root.xml")),
        ]
    });
    assert!(answer(upnp_at(port.await, PATIENT).await).wan_address.is_some());
}

#[tokio::test]
async fn a_stranger_is_not_the_router() {
    let port = udp_service(ROUTER, |_, from, _| {
        let stranger = std::net::UdpSocket::bind((STRANGER, 0)).unwrap();
        stranger.send_to(&search_answer(search_target::GATEWAY_1, "http://127.0.0.1:1/"), from).unwrap();
        vec![]
    });
    let Cause::Malformed { problem } = cause(upnp_at(port.await, BRIEF).await) else { panic!() };
    assert!(problem.contains("127.0.0.2"), "{problem}");
}

#[tokio::test]
async fn a_router_that_is_another_device_offers_none_and_silence_is_no_answer() {
    let port = udp_service(ROUTER, |_, _, _| vec![search_answer("upnp:rootdevice", "http://127.0.0.1:1/")]).await;
    assert!(!answer(upnp_at(port, Duration::from_millis(1300)).await).available);
    // Its gateway device may answer later than another of its devices: too early to say no.
    assert!(matches!(cause(upnp_at(port, BRIEF).await), Cause::NoAnswer { .. }));
    let port = udp_service(ROUTER, |_, _, _| vec![]).await;
    let Cause::NoAnswer { copies, .. } = cause(upnp_at(port, BRIEF).await) else { panic!() };
    assert!((3..=6).contains(&copies), "{copies}");
}
