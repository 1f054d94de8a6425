//! The HTTP around DERP: the client's request, the relay's answer to it, and where HTTP ends and frames begin.
//!
//! After the answer the connection is a stream of frames, and so are bytes that came together with it: they are handed
//! on, never lost. With a fast start, which needs the relay's key from its certificate, there is no answer at all.

use std::fmt;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::derp::VERSION;
use crate::model::NodePublic;

/// The path of the upgrade.
pub const PATH: &str = "/derp";

/// Most bytes of a response's head. Proxies add to it; 16 KiB is what browsers take, and more than any sends.
pub const MAX_HEAD: usize = 16 << 10;

/// Most headers of a response.
const MAX_HEADERS: usize = 100;

/// The port that a host without one has.
const HTTPS_PORT: u16 = 443;

/// A client's request to speak DERP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The relay's name or address, an IPv6 address in brackets or not.
    pub host: &'a str,
    /// The port connected to. 443 is not mentioned to the relay, with or without TLS: that is how clients do it.
    pub port: u16,
    /// Whether frames follow at once and no answer is wanted.
    pub fast_start: bool,
    /// The name of the node that would have been the first choice of its region, if this is another.
    pub ideal_node: Option<&'a str>,
}

impl Request<'_> {
    /// The request's bytes. A host or node name that would break the request apart is refused.
    pub fn encode(&self) -> Result<Bytes, BadName> {
        for name in [Some(self.host), self.ideal_node].into_iter().flatten() {
            let graphic = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            if !graphic {
                return Err(BadName { name: name.to_owned() });
            }
        }
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        let port = if matches!(self.port, 0 | HTTPS_PORT) { String::new() } else { format!(":{}", self.port) };
        let fast_start = if self.fast_start { "Derp-Fast-Start: 1\r\n" } else { "" };
        let ideal = self.ideal_node.map(|name| format!("Ideal-Node: {name}\r\n")).unwrap_or_default();
        let agent = concat!("natscope/", env!("CARGO_PKG_VERSION"));
        let text = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: {agent}\r\nConnection: Upgrade\r\n{fast_start}{ideal}Upgrade: DERP\r\n\r\n"
        );
        Ok(text.into())
    }
}

/// A name that has no place in a header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{}\" cannot be sent in an HTTP header", name.escape_debug())]
pub struct BadName {
    /// The name.
    pub name: String,
}

/// The relay's answer that frames follow, with its key.
#[must_use]
pub fn encode_switching(key: &NodePublic) -> Bytes {
    let key = key.to_hex();
    let text = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: {VERSION}\r\nDerp-Public-Key: {key}\r\n\r\n"
    );
    text.into()
}

/// The head of a response.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// What is said beside it.
    pub reason: String,
    /// Names as sent and values, in order. Bytes of a value that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
}

impl ResponseHead {
    /// Whether frames follow: nothing but the status says so.
    #[must_use]
    pub const fn is_switching(&self) -> bool {
        self.status == 101
    }

    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.status, self.reason, self.headers)
    }
}

/// Reads the head of a response as it comes in, at most [`MAX_HEAD`] bytes of it.
#[derive(Debug, Default)]
pub struct ResponseReader {
    buffer: BytesMut,
}

impl ResponseReader {
    /// A reader that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes; returns the head once it is complete. What came after it is [`rest`](Self::rest).
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<ResponseHead>, HeadError> {
        self.buffer.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let end = match response.parse(&self.buffer) {
            Ok(httparse::Status::Complete(end)) if end <= MAX_HEAD => end,
            Ok(httparse::Status::Partial) if self.buffer.len() < MAX_HEAD => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLong),
            Err(_) => return Err(HeadError::NotHttp { begins: begins(&self.buffer) }),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let head = ResponseHead {
            status: response.code.unwrap_or_default(),
            reason: response.reason.unwrap_or_default().to_owned(),
            headers: response.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect(),
        };
        let _ = self.buffer.split_to(end);
        Ok(Some(head))
    }

    /// The bytes after the head: frames after [a switch](ResponseHead::is_switching), else the beginning of a body.
    #[must_use]
    pub fn rest(self) -> BytesMut {
        self.buffer
    }
}

/// Bytes of something that is not HTTP that are worth showing.
const SHOWN: usize = 32;

fn begins(bytes: &[u8]) -> String {
    bytes.iter().take(SHOWN).map(|byte| byte.escape_ascii().to_string()).collect()
}

/// Why there is no head.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// Something else was said.
    #[error("the answer is no HTTP: it begins with \"{begins}\"")]
    NotHttp {
        /// Its first bytes, unprintable ones escaped.
        begins: String,
    },
    /// More than [`MAX_HEAD`] bytes, or more headers than anybody sends.
    #[error("the head of the answer is longer than {MAX_HEAD} bytes")]
    TooLong,
}

/// The relay's key, if a certificate of this common name and serial number is the one that carries it: `derpkey` and
/// 64 hex digits of either case; the serial number is the version of the protocol and has at most eight bits. Neither
/// its dates nor its signature are worth a look: the TLS session around it vouches for it.
#[must_use]
pub fn meta_certificate_key(common_name: &str, serial: u64) -> Option<NodePublic> {
    let key = NodePublic::from_hex(common_name.strip_prefix(META_CERTIFICATE_PREFIX)?).ok()?;
    ((1..=255).contains(&serial) && !key.is_zero()).then_some(key)
}

/// What the common name of that certificate begins with.
pub const META_CERTIFICATE_PREFIX: &str = "derpkey";

/// The common name of that certificate.
#[must_use]
pub fn meta_certificate_name(key: &NodePublic) -> String {
    format!("{META_CERTIFICATE_PREFIX}{}", key.to_hex())
}
