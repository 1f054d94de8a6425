//! Servers that do what a test tells them to. The bytes are written out here rather than made by natscope's own
//! encoder, which would share its mistakes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::Digest as _;

/// How long a server sleeps at most before it notices that its test is over.
const NAP: Duration = Duration::from_millis(20);

/// A server at work on a thread of its own. Dropping it closes its socket.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Requests, or connections, so far.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }

    /// A STUN server at 127.0.`third`.1 that does with each request what `answer` does.
    pub(crate) fn stun(third: u8, mut answer: impl FnMut(&UdpSocket, &Request<'_>) + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, third, 1), 0)).unwrap();
        socket.set_read_timeout(Some(NAP)).unwrap();
        Self::spawn(socket.local_addr().unwrap(), move |heard, over| {
            let mut buffer = [0; 2048];
            while !over.load(Ordering::SeqCst) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                heard.fetch_add(1, Ordering::SeqCst);
                if let Some(request) = Request::of(&buffer[..length], from) {
                    answer(&socket, &request);
                }
            }
        })
    }

    /// A STUN server that answers as it should.
    pub(crate) fn honest_stun(third: u8) -> Self {
        Self::stun(third, |socket, request| request.reply(socket, &request.success()))
    }

    /// A TCP server at 127.0.`third`.1 that does with each connection what `serve` does, on a thread of its own.
    pub(crate) fn tcp(third: u8, serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::tcp_at(SocketAddr::new(Ipv4Addr::new(127, 0, third, 1).into(), 0), serve)
    }

    /// As [`Self::tcp`], at this address.
    pub(crate) fn tcp_at(
        address: SocketAddr,
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let serve = Arc::new(serve);
        Self::spawn(listener.local_addr().unwrap(), move |heard, over| {
            while !over.load(Ordering::SeqCst) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(NAP / 10);
                    continue;
                };
                heard.fetch_add(1, Ordering::SeqCst);
                stream.set_nonblocking(false).unwrap();
                let serve = Arc::clone(&serve);
                // Peers that hang up are the rule here.
                std::thread::spawn(move || drop(serve(stream)));
            }
        })
    }

    fn spawn(address: SocketAddr, work: impl FnOnce(&AtomicUsize, &AtomicBool) + Send + 'static) -> Self {
        let (heard, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let shared = (Arc::clone(&heard), Arc::clone(&over));
        let thread = Some(std::thread::spawn(move || work(&shared.0, &shared.1)));
        Self { address, heard, over, thread }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            assert!(std::thread::panicking(), "a server of the test panicked");
        }
    }
}

/// TLS with a certificate of its own.
pub(crate) struct Tls {
    config: Arc<rustls::ServerConfig>,
    /// As `CertName` of a map has it.
    pub(crate) pin: String,
}

impl Tls {
    pub(crate) fn self_signed(host: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let digest = sha2::Sha256::digest(made.cert.der());
        let pin = digest.iter().fold("sha256-raw:".to_owned(), |pin, byte| format!("{pin}{byte:02x}"));
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { config: Arc::new(config), pin }
    }

    pub(crate) fn accept(&self, stream: TcpStream) -> rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
        rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(&self.config)).unwrap(), stream)
    }
}

/// Reads an HTTP request's head.
pub(crate) fn read_request(stream: &mut impl io::Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A region of one node that is a STUN server and nothing else.
pub(crate) fn stun_region(id: u64, stun: SocketAddr) -> Value {
    json!({
        "RegionID": id, "RegionCode": format!("r{id}"), "RegionName": format!("Region {id}"),
        "Nodes": [{
            "Name": format!("{id}a"), "RegionID": id, "HostName": stun.ip().to_string(), "IPv4": stun.ip().to_string(),
            "IPv6": "none", "STUNPort": stun.port(), "STUNOnly": true,
        }],
    })
}

/// A region of one node that relays at `derp`; `stun` gives its STUN port, if any.
pub(crate) fn relay_region(id: u64, derp: SocketAddr, stun: Option<SocketAddr>, more: Value) -> Value {
    let mut node = json!({
        "Name": format!("{id}a"), "RegionID": id, "HostName": derp.ip().to_string(), "IPv4": derp.ip().to_string(),
        "IPv6": "none", "DERPPort": derp.port(), "STUNPort": stun.map_or(-1, |stun| i32::from(stun.port())),
    });
    if let Some(stun) = stun {
        assert_eq!(stun.ip(), derp.ip(), "a node has one address");
    }
    let Value::Object(more) = more else { panic!("an object is expected") };
    node.as_object_mut().unwrap().extend(more);
    json!({ "RegionID": id, "RegionCode": format!("r{id}"), "RegionName": format!("Region {id}"), "Nodes": [node] })
}

const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A Binding request (RFC 8489 section 5).
pub(crate) struct Request<'a> {
    pub(crate) transaction: &'a [u8],
    pub(crate) from: SocketAddr,
}

impl<'a> Request<'a> {
    fn of(datagram: &'a [u8], from: SocketAddr) -> Option<Self> {
        let is_request = datagram.len() >= 20 && datagram[..2] == [0, 1] && datagram[4..8] == MAGIC;
        is_request.then(|| Self { transaction: &datagram[8..20], from })
    }

    /// The answer it should get: XOR-MAPPED-ADDRESS.
    pub(crate) fn success(&self) -> Vec<u8> {
        success(self.transaction, self.from)
    }

    /// An error response (RFC 8489 section 14.8).
    pub(crate) fn error(&self, code: u16, reason: &str) -> Vec<u8> {
        let class = u8::try_from(code / 100).unwrap();
        let number = u8::try_from(code % 100).unwrap();
        let mut value = vec![0, 0, class, number];
        value.extend_from_slice(reason.as_bytes());
        message(0x0111, self.transaction, &[(0x0009, value)])
    }

    pub(crate) fn reply(&self, socket: &UdpSocket, datagram: &[u8]) {
        // The peer may be gone, which the kernel tells with the next send.
        let _ = socket.send_to(datagram, self.from);
    }
}

/// A success response that says `mapped`.
pub(crate) fn success(transaction: &[u8], mapped: SocketAddr) -> Vec<u8> {
    let IpAddr::V4(ip) = mapped.ip() else { panic!("IPv4 only") };
    let mut value = vec![0, 1];
    value.extend(mapped.port().to_be_bytes().iter().zip(MAGIC).map(|(byte, key)| byte ^ key));
    value.extend(ip.octets().iter().zip(MAGIC).map(|(byte, key)| byte ^ key));
    message(0x0101, transaction, &[(0x0020, value)])
}

/// A STUN message of these attributes, padded as it must be.
pub(crate) fn message(kind: u16, transaction: &[u8], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (attribute, value) in attributes {
        body.extend_from_slice(&attribute.to_be_bytes());
        body.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut datagram = kind.to_be_bytes().to_vec();
    datagram.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
    datagram.extend_from_slice(&MAGIC);
    datagram.extend_from_slice(transaction);
    datagram.extend_from_slice(&body);
    datagram
}
