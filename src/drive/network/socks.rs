//! SOCKS5 (RFC 1928, with user and password of RFC 1929): the talk over TCP, and datagrams through an association.
//!
//! What a proxy says is an answer (`Ok(Err(words))`); an error of the connection is one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::OnceCell;
use tokio::time::Duration;

use super::http::told;
use super::sockets::{Binding, UdpError};
use crate::model::{Family, Socks5Proxy, unmap};
use crate::probe::{Cause, Failure, Stage};

/// The method "user and password".
const PASSWORD: u8 = 2;
/// CONNECT.
pub(super) const CONNECT: u8 = 1;
/// UDP ASSOCIATE.
const ASSOCIATE: u8 = 3;
/// How long a proxy may take to associate.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a request leads to, or an answer says it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Address(SocketAddr),
    /// A name, which only the proxy resolves.
    Name(String, u16),
}

/// The greeting, and who we are.
pub(super) async fn greet<S>(stream: &mut S, login: Option<(&str, &str)>) -> io::Result<Result<(), String>>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let greeting: &[u8] = if login.is_some() { &[5, 2, 0, PASSWORD] } else { &[5, 1, 0] };
    stream.write_all(greeting).await?;
    stream.flush().await?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice).await?;
    match (choice, login) {
        ([5, 0], _) => Ok(Ok(())),
        ([5, PASSWORD], Some((user, password))) => {
            let mut message = vec![1];
            for word in [user, password] {
                let Ok(length) = u8::try_from(word.len()) else {
                    return Ok(Err("user or password is too long for SOCKS".into()));
                };
                message.push(length);
                message.extend(word.as_bytes());
            }
            stream.write_all(&message).await?;
            stream.flush().await?;
            let mut verdict = [0; 2];
            stream.read_exact(&mut verdict).await?;
            let [_, status] = verdict;
            Ok(if status == 0 { Ok(()) } else { Err("SOCKS: user or password refused".into()) })
        }
        ([5, 0xff], None) => Ok(Err("SOCKS: it wants a user and a password".into())),
        ([5, _], _) => Ok(Err("SOCKS: it wants another authentication".into())),
        _ => Ok(Err("it does not speak SOCKS5".into())),
    }
}

/// A request, and where it is bound for us.
pub(super) async fn request<S>(stream: &mut S, command: u8, place: &Place) -> io::Result<Result<Place, String>>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let mut message = vec![5, command, 0];
    match place {
        Place::Address(address) => encode_address(&mut message, *address),
        Place::Name(name, port) => {
            let Ok(length) = u8::try_from(name.len()) else {
                return Ok(Err("the host name is too long for SOCKS".into()));
            };
            message.extend([3, length]);
            message.extend(name.as_bytes());
            message.extend(port.to_be_bytes());
        }
    }
    stream.write_all(&message).await?;
    stream.flush().await?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    let [version, code, _, kind] = reply;
    if version != 5 {
        return Ok(Err("SOCKS: malformed reply".into()));
    }
    if code != 0 {
        return Ok(Err(format!("SOCKS: {}", words(code))));
    }
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        _ => return Ok(Err("SOCKS: malformed reply".into())),
    };
    let mut bound = vec![0; length];
    stream.read_exact(&mut bound).await?;
    let port = stream.read_u16().await?;
    Ok(Ok(match (kind, <[u8; 4]>::try_from(&*bound), <[u8; 16]>::try_from(&*bound)) {
        (1, Ok(v4), _) => Place::Address(SocketAddr::new(v4.into(), port)),
        (4, _, Ok(v6)) => Place::Address(SocketAddr::new(v6.into(), port)),
        _ => Place::Name(String::from_utf8_lossy(&bound).into_owned(), port),
    }))
}

/// The replies of RFC 1928 section 6.
const fn words(code: u8) -> &'static str {
    match code {
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "general failure",
    }
}

fn encode_address(message: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(v4) => {
            message.push(1);
            message.extend(v4.octets());
        }
        IpAddr::V6(v6) => {
            message.push(4);
            message.extend(v6.octets());
        }
    }
    message.extend(address.port().to_be_bytes());
}

/// A datagram as the proxy takes it (RFC 1928 section 7).
pub(super) fn wrap(to: SocketAddr, datagram: &[u8]) -> Vec<u8> {
    let mut message = vec![0, 0, 0];
    encode_address(&mut message, to);
    message.extend(datagram);
    message
}

/// A datagram as the proxy hands it over: from whom, and what. `None` for fragments and whatever else makes no sense.
pub(super) fn unwrap(message: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let ([_, _, fragment, kind], rest) = message.split_first_chunk()?;
    if *fragment != 0 {
        return None;
    }
    let (address, rest): (IpAddr, _) = match kind {
        1 => rest.split_first_chunk::<4>().map(|(v4, rest)| ((*v4).into(), rest))?,
        4 => rest.split_first_chunk::<16>().map(|(v6, rest)| ((*v6).into(), rest))?,
        _ => return None,
    };
    let ([high, low], datagram) = rest.split_first_chunk()?;
    Some((unmap(SocketAddr::new(address, u16::from_be_bytes([*high, *low]))), datagram))
}

/// An association, made when it is first needed.
#[derive(Debug)]
pub(super) struct Association {
    proxy: Arc<Socks5Proxy>,
    binding: Binding,
    port: Option<u16>,
    made: OnceCell<Result<Made, Failure>>,
}

/// An association that stands as long as its connection does.
#[derive(Debug)]
pub(super) struct Made {
    /// Connected to the proxy's end.
    pub(super) socket: UdpSocket,
    _connection: TcpStream,
}

impl Association {
    pub(super) fn new(proxy: Arc<Socks5Proxy>, binding: Binding, port: Option<u16>) -> Self {
        Self { proxy, binding, port, made: OnceCell::new() }
    }

    /// The association; the first to ask makes it.
    pub(super) async fn made(&self) -> Result<&Made, Failure> {
        self.made.get_or_init(|| self.make()).await.as_ref().map_err(Clone::clone)
    }

    async fn make(&self) -> Result<Made, Failure> {
        match tokio::time::timeout(PATIENCE, self.associate()).await {
            Ok(made) => made,
            Err(_) => Err(self.refused("no answer in 5 s")),
        }
    }

    async fn associate(&self) -> Result<Made, Failure> {
        let broken = |error: io::Error| self.refused(&error.to_string());
        let mut last = self.refused("its name has no address");
        let found = tokio::net::lookup_host((self.proxy.host(), self.proxy.port())).await.map_err(broken)?;
        let mut connected = None;
        for address in found {
            match self.binding.connect(address).await {
                Ok(stream) => {
                    connected = Some((stream, address));
                    break;
                }
                Err(failure) => last = self.refused(&super::https::words(&failure.cause)),
            }
        }
        let Some((mut stream, address)) = connected else { return Err(last) };
        greet(&mut stream, self.proxy.login()).await.map_err(broken)?.map_err(|said| self.refused(&said))?;
        // From where we will send is not known yet behind a NAT: all zeros (RFC 1928 section 6).
        let anywhere = Place::Address(SocketAddr::new(Family::of(address.ip()).unspecified(), 0));
        let bound = request(&mut stream, ASSOCIATE, &anywhere).await.map_err(broken)?;
        let relay = match bound.map_err(|said| self.refused(&said))? {
            // "Here", says a proxy that does not know under which address it was reached.
            Place::Address(relay) if relay.ip().is_unspecified() => SocketAddr::new(address.ip(), relay.port()),
            Place::Address(relay) => relay,
            Place::Name(_, port) => SocketAddr::new(address.ip(), port),
        };
        let socket = match self.binding.udp(Family::of(relay.ip()), self.port) {
            Ok(socket) => socket,
            Err(UdpError::Port { port, source }) => {
                return Err(Failure::new(Stage::Connect, Cause::Os { message: format!("port {port}: {source}") }));
            }
            Err(UdpError::Cause(cause)) => return Err(Failure::new(Stage::Connect, cause)),
        };
        socket.connect(relay).await.map_err(broken)?;
        Ok(Made { socket, _connection: stream })
    }

    fn refused(&self, said: &str) -> Failure {
        let said = format!("socks5://{}: {}", self.proxy, told(said));
        Failure::new(Stage::Connect, Cause::Proxy { said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_wrapped_and_unwrapped() {
        for to in ["192.0.2.1:3478", "[2001:db8::1]:5"] {
            let to: SocketAddr = to.parse().unwrap();
            let wrapped = wrap(to, b"stun");
            assert_eq!(unwrap(&wrapped), Some((to, &b"stun"[..])));
            for length in 0..wrapped.len() - 4 {
                assert_eq!(unwrap(&wrapped[..length]), None, "{length}");
            }
        }
        assert_eq!(unwrap(&[0, 0, 1, 1, 1, 2, 3, 4, 0, 5, 9]), None, "a fragment");
        assert_eq!(unwrap(&[0, 0, 0, 3, 1, 97, 0, 5, 9]), None, "a name");
    }
}
