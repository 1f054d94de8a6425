//! What the relay tells its owner, as Prometheus and a balancer ask for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use natscope::derp::ClientEvent;
use natscope::drive::relay::{Limits, MeshOptions, Relay, RelayOptions};
use natscope::wire::derp::Frame;
use natscope::wire::stun::{RequestForm, TransactionId, encode_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};

use crate::options;
use crate::peer::{PATIENCE, Peer, key};

/// Status and body of the answer.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

pub(crate) async fn samples(address: SocketAddr) -> BTreeMap<String, u64> {
    let (status, page) = ask(address, "GET", "/metrics").await;
    assert_eq!(status, 200);
    let samples = page.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    // One of them is an average, and the rest are whole.
    let whole = samples.map(|(name, value)| (name.to_owned(), value.split('.').next().unwrap().parse().unwrap()));
    whole.collect()
}

fn with_metrics() -> RelayOptions {
    let local = vec!["127.0.0.1:0".parse().unwrap()];
    RelayOptions { metrics_addrs: local.clone(), stun_addrs: local, ..options() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_under_derpers_names() {
    let relay = Relay::bind(RelayOptions { max_clients: 2, ..with_metrics() }).unwrap();
    let (address, stun, metrics) = (relay.http_addrs()[0], relay.stun_addrs()[0], relay.metrics_addrs()[0]);
    let _relay = relay.spawn();
    let (mut one, mut two) = (Peer::fresh(address).await, Peer::fresh(address).await);
    assert!(Peer::try_join(address, &key().0).await.is_none());
    for _ in 0..3 {
        one.send(two.key, &[0; 100]).await;
        two.packet().await.unwrap();
    }
    // To nobody.
    one.send(key().1, &[0; 50]).await;
    let mut ping = bytes::BytesMut::new();
    Frame::Ping([1; 8]).encode_whole(&mut ping).unwrap();
    two.stream.write_all(&ping).await.unwrap();
    while !matches!(two.next().await, ClientEvent::Pong(_)) {}
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = encode_request(TransactionId([7; 12]), RequestForm::Tailnode, None).unwrap();
    socket.send_to(b"no STUN", stun).await.unwrap();
    socket.send_to(&request, stun).await.unwrap();
    socket.recv_from(&mut [0; 200]).await.unwrap();

    // The packet to nobody may still be on its way.
    let lost = "derp_packets_dropped{reason=\"unknown_dest\",kind=\"other\"}";
    let began = Instant::now();
    let samples = loop {
        let samples = samples(metrics).await;
        if samples[lost] > 0 && samples["stun_addrfamily{family=\"ipv4\"}"] > 0 {
            break samples;
        }
        assert!(began.elapsed() < PATIENCE, "{samples:?}");
    };
    for (name, wanted) in [
        ("derp_current_connections", 2),
        ("derp_clients_total", 2),
        ("derp_accepts", 2),
        ("natscope_clients_refused", 1),
        ("derp_packets_received", 4),
        ("derp_bytes_received", 350),
        ("derp_packets_sent", 3),
        ("derp_bytes_sent", 300),
        (lost, 1),
        ("derp_bytes_dropped{reason=\"unknown_dest\",kind=\"other\"}", 50),
        ("derp_got_ping", 1),
        ("derp_sent_pong", 1),
        ("stun_requests{disposition=\"success\"}", 1),
        ("stun_requests{disposition=\"not_stun\"}", 1),
        ("stun_addrfamily{family=\"ipv4\"}", 1),
        ("stun_addrfamily{family=\"ipv6\"}", 0),
        ("derp_watchers", 0),
    ] {
        assert_eq!(samples[name], wanted, "{name}");
    }
    drop(two);
    let began = Instant::now();
    while self::samples(metrics).await["derp_current_connections"] > 1 {
        assert!(began.elapsed() < PATIENCE);
    }
}

/// Each client counts once at each measurement, and whoever is none does not.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn how_far_clients_are_is_told() {
    // An IPv4 client of a socket for both families has two forms of its address.
    let both = vec!["[::]:0".parse().unwrap()];
    let relay = Relay::bind(RelayOptions { http_addrs: both, ..with_metrics() }).unwrap();
    let (port, metrics) = (relay.http_addrs()[0].port(), relay.metrics_addrs()[0]);
    let _relay = relay.spawn();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let _clients = (Peer::fresh(address).await, Peer::fresh(format!("[::1]:{port}").parse().unwrap()).await);
    let _nobody = TcpStream::connect(address).await.unwrap();
    assert!(!ask(metrics, "GET", "/").await.1.contains(" ms</td>"));
    let counted = || async {
        let samples = samples(metrics).await;
        assert_eq!(samples["derp_tcp_rtt{le=\"error\"}"], 0);
        samples.iter().filter(|(name, _)| name.starts_with("derp_tcp_rtt{")).map(|(_, count)| count).sum::<u64>()
    };
    assert_eq!(counted().await, 0);
    let began = Instant::now();
    for wanted in [2, 4] {
        while counted().await < wanted {
            assert!(began.elapsed() < PATIENCE);
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(counted().await, wanted);
    }
    assert!(began.elapsed() > Duration::from_secs(15));
    assert_eq!(ask(metrics, "GET", "/").await.1.matches(" ms</td>").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_answers_what_it_is_for() {
    let relay = Relay::bind(with_metrics()).unwrap();
    let (address, metrics) = (relay.http_addrs()[0], relay.metrics_addrs()[0]);
    let _relay = relay.spawn();
    assert_eq!(ask(metrics, "GET", "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(ask(metrics, "HEAD", "/healthz").await, (200, String::new()));
    assert_eq!(ask(metrics, "POST", "/metrics").await.0, 405);
    assert_eq!(ask(metrics, "GET", "/derp").await.0, 404);
    assert_eq!(
        ask(metrics, "GET", "/debug/varz").await.1.lines().next(),
        ask(metrics, "GET", "/metrics").await.1.lines().next()
    );
    // Whoever can reach the relay learns nothing of it.
    for path in ["/metrics", "/healthz", "/debug/varz"] {
        assert!(!ask(address, "GET", path).await.1.contains("derp_"), "{path}");
    }
    // Those who hold connections do not keep others out.
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(TcpStream::connect(metrics).await.unwrap());
    }
    assert_eq!(ask(metrics, "GET", "/healthz").await.0, 200);
}

/// A balancer learns that the relay stops while clients are still sent what is left for them.
#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_the_relay_stops() {
    let limits = Limits { write: Duration::from_secs(3), drain: Duration::from_secs(3), ..Limits::default() };
    let relay = Relay::bind(RelayOptions { limits, ..with_metrics() }).unwrap();
    let (address, metrics) = (relay.http_addrs()[0], relay.metrics_addrs()[0]);
    let relay = relay.spawn();
    let (mut sender, stalled) = (Peer::fresh(address).await, Peer::fresh(address).await);
    let flood = vec![0; 50_000];
    for _ in 0..20 {
        for _ in 0..20 {
            sender.queue(stalled.key, &flood);
        }
        sender.write().await;
    }
    assert_eq!(ask(metrics, "GET", "/healthz").await.0, 200);
    let stopping = tokio::spawn(relay.stop());
    sleep(Duration::from_millis(300)).await;
    assert_eq!(ask(metrics, "GET", "/healthz").await, (503, "stopping\n".to_owned()));
    timeout(PATIENCE, stopping).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(metrics).await.is_err(), "all is over");
    drop(stalled);
}

/// The owner's page tells who is here, where the metrics are; whoever asks where clients come learns nothing, and not
/// from this host either.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_its_owner_alone_who_is_here() {
    let nodes = vec!["http://127.0.0.1:9".parse().unwrap()];
    let mesh = Some(MeshOptions { key: "5e".repeat(32).parse().unwrap(), key_file: None, nodes });
    let https_addrs = vec!["127.0.0.1:0".parse().unwrap()];
    let relay = Relay::bind(RelayOptions { mesh, https_addrs, http_addrs: Vec::new(), ..with_metrics() }).unwrap();
    let metrics = relay.metrics_addrs()[0];
    let relay_key = relay.public_key();
    let _tls_only = relay.spawn();
    let relay = Relay::bind(with_metrics()).unwrap();
    let (plain, plain_metrics) = (relay.http_addrs()[0], relay.metrics_addrs()[0]);
    let _relay = relay.spawn();

    let (mut one, mut two) = (Peer::fresh(plain).await, Peer::fresh(plain).await);
    for _ in 0..3 {
        one.send(two.key, &[0; 1024]).await;
        two.packet().await.unwrap();
    }
    let (status, page) = ask(plain_metrics, "GET", "/").await;
    assert_eq!(status, 200);
    let source = one.stream.local_addr().unwrap().to_string();
    for wanted in [&one.key.to_string(), &two.key.to_string(), &source, "3 (3.0 KiB)", "<p>2 here</p>", "serving for"] {
        assert!(page.contains(wanted), "{wanted} in {page}");
    }
    assert!(!page.contains("Certificate") && !page.contains("<h2>Mesh</h2>"));
    for path in ["/", "/status", "/index.html"] {
        let (status, page) = ask(plain, "GET", path).await;
        assert_eq!(status, 200);
        assert!(page.contains("This is a DERP relay"), "{page}");
        assert!(!page.contains("nodekey:") && !page.contains("127.0.0.1"), "{page}");
    }
    // Another one has a certificate and a mesh, which nobody else is in.
    let began = Instant::now();
    let page = loop {
        let (_, page) = ask(metrics, "GET", "/").await;
        if page.contains("not reached") {
            break page;
        }
        assert!(began.elapsed() < PATIENCE, "{page}");
        sleep(Duration::from_millis(20)).await;
    };
    for wanted in [&relay_key.to_string(), "days left", "http://127.0.0.1:9", "connection refused", "<p>0 here</p>"] {
        assert!(page.contains(wanted), "{wanted} in {page}");
    }
    assert!(!page.contains(&"5e".repeat(32)), "the mesh key is nobody's");
}

/// A client that would rather be elsewhere, and one that came over TLS, are counted as long as they are here.
#[tokio::test(flavor = "multi_thread")]
async fn how_clients_came_is_counted() {
    let relay = Relay::bind(with_metrics()).unwrap();
    let (address, metrics) = (relay.http_addrs()[0], relay.metrics_addrs()[0]);
    let _relay = relay.spawn();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        "GET /derp HTTP/1.1\r\nHost: relay\r\nUpgrade: DERP\r\nIdeal-Node: 900b\r\nDerp-Fast-Start: 1\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let elsewhere = Peer::login(stream, &key().0).await.expect("let in");
    let _here = Peer::fresh(address).await;
    let found = samples(metrics).await;
    assert_eq!((found["derp_current_connections"], found["derp_current_notideal_connections"]), (2, 1));
    assert!(ask(metrics, "GET", "/").await.1.contains("rather elsewhere"));
    drop(elsewhere);

    let https_addrs = vec!["127.0.0.1:0".parse().unwrap()];
    let relay = Relay::bind(RelayOptions { https_addrs, http_addrs: Vec::new(), ..with_metrics() }).unwrap();
    let (https, metrics, pin) = (relay.https_addrs()[0], relay.metrics_addrs()[0], relay.cert_pin().unwrap());
    let _relay = relay.spawn();
    // Another relay is a client like others, as long as it has another mesh key.
    let other = Relay::bind(RelayOptions {
        mesh: Some(MeshOptions {
            key: "5e".repeat(32).parse().unwrap(),
            key_file: None,
            nodes: vec![format!("{https}={pin}").parse().unwrap()],
        }),
        ..with_metrics()
    });
    let other = other.unwrap().spawn();
    let version = "version{version=\"1.3\"}";
    let began = Instant::now();
    loop {
        let found = samples(metrics).await;
        let counts = [
            format!("derper_tls_request_{version}"),
            format!("derper_tls_active_{version}"),
            "derp_accepts".to_owned(),
        ];
        // It has come, was cut off as it wanted to watch, and counts no longer.
        if counts.map(|name| found[&name]) == [1, 0, 1] {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{found:?}");
        sleep(Duration::from_millis(20)).await;
    }
    other.stop().await.unwrap();
}
