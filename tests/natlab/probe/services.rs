//! What the probe asks of everything that is not STUN.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Target;
use crate::plan::GATEWAY;

/// `(what happened, after how many milliseconds)`.
pub fn connect(to: SocketAddr, longest_ms: f64) -> (&'static str, f64) {
    let start = Instant::now();
    let result = TcpStream::connect_timeout(&to, Duration::from_secs_f64((longest_ms + 400.0) / 1000.0));
    let took = start.elapsed().as_secs_f64() * 1000.0;
    let what = match result.map_err(|e| e.kind()) {
        Ok(_) => "connected",
        Err(ErrorKind::ConnectionRefused) => "refused",
        Err(ErrorKind::TimedOut | ErrorKind::WouldBlock) => "silent",
        Err(_) => "unreachable",
    };
    (what, took)
}

pub fn https(n: usize, target: &Target, certificate: &Path) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(std::fs::read(certificate).unwrap())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(format!("s{0}.owner{0}.test", n + 1)).unwrap();
    let Ok(stream) = TcpStream::connect_timeout(&SocketAddr::from((target.v4, 443)), Duration::from_secs(2)) else {
        return false;
    };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
    let request = "GET /derp/latency-check HTTP/1.1\r\nHost: s.natlab.test\r\n\r\n";
    let mut start = [0; 15];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && &start == b"HTTP/1.1 200 OK"
}

pub fn port_80(target: &Target) -> String {
    let to = SocketAddr::from((target.v4, 80));
    let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_millis(400)) else {
        return connect(to, target.longest_ms).0.to_owned();
    };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let request =
        format!("GET /generate_204 HTTP/1.1\r\nHost: {0}\r\nX-Tailscale-Challenge: ts_{0}\r\n\r\n", target.v4);
    stream.write_all(request.as_bytes()).unwrap();
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).unwrap_or_default();
    let reply = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let status = reply.split(' ').nth(1).unwrap_or("nothing").to_owned();
    let echoed = reply.contains(&format!("X-Tailscale-Response: response ts_{}\r\n", target.v4));
    if status == "204" && !echoed { "204 without the challenge".to_owned() } else { status }
}

/// Through the resolver the client's programs are given.
pub fn dns() -> &'static str {
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap();
    let server: IpAddr = resolver.split_whitespace().nth(1).expect("a resolver").parse().unwrap();
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend(b"\x02s1\x06owner1\x04test\0\0\x01\0\x01");
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
    let start = Instant::now();
    let _ = socket.send_to(&query, (server, 53));
    socket.set_read_timeout(Some(Duration::from_millis(2500))).unwrap();
    let mut reply = [0; 512];
    match socket.recv(&mut reply) {
        Err(_) => "silent",
        Ok(_) if start.elapsed() > Duration::from_millis(1900) => "slow",
        // The code and the number of answers.
        Ok(_) => match (reply[3] & 15, reply[7]) {
            (0, 1) => "ok",
            (3, 0) => "nxdomain",
            _ => "nonsense",
        },
    }
}

/// Whether a UDP service answers at all.
fn exchange(to: SocketAddr, request: &[u8], copies: u32) -> bool {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    (0..copies).any(|_| {
        let _ = socket.send_to(request, to);
        socket.recv(&mut [0; 2048]).is_ok()
    })
}

pub fn nat_pmp() -> bool {
    exchange(SocketAddr::from((gateway(), 5351)), &[0, 0], 3)
}

pub fn ssdp() -> bool {
    let request = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
                   ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n";
    exchange("239.255.255.250:1900".parse().unwrap(), request.as_bytes(), 12)
}

pub fn proxy(target: &Target) -> bool {
    let Ok(mut stream) = TcpStream::connect((gateway(), 8888)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let request = format!("CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\n\r\n", target.v4);
    let mut buffer = [0; 64];
    let length = stream.write_all(request.as_bytes()).and_then(|()| stream.read(&mut buffer)).unwrap_or_default();
    String::from_utf8_lossy(&buffer[..length]).split(' ').nth(1) == Some("200")
}

fn gateway() -> Ipv4Addr {
    GATEWAY.parse().unwrap()
}
