//! DERP inside WebSocket messages, for clients in browsers: their handshake.

use std::io;

use hyper::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_websockets::{CloseCode, Limits, Message, ServerBuilder};

use crate::drive::prefixed::Prefixed;
use crate::drive::websocket::WebSocket;

/// The sub-protocol a client has to offer.
const PROTOCOL: &str = "derp";

/// Longest message taken; derper closes with 1009 on a longer one.
const LONGEST_READ: usize = 32_768;

/// What of a client's request matters for the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    /// Sec-WebSocket-Key.
    pub(super) key: HeaderValue,
    /// Sec-WebSocket-Version.
    pub(super) version: HeaderValue,
    /// Sec-WebSocket-Protocol.
    pub(super) protocols: HeaderValue,
}

/// Answers the handshake. The stream begins with what came after the client's request.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    handshake: &Handshake,
    stream: Prefixed<S>,
) -> io::Result<WebSocket<Prefixed<Prefixed<S>>>> {
    // The library reads a request to answer it, and this one has been read: it gets what it needs of it.
    let mut request = b"GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".to_vec();
    for (name, value) in [("Sec-WebSocket-Version", &handshake.version), ("Sec-WebSocket-Key", &handshake.key)] {
        request.extend_from_slice(format!("{name}: ").as_bytes());
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let builder = ServerBuilder::new().limits(Limits::default().max_payload_len(Some(LONGEST_READ)));
    let speaks_derp = offers_exactly(&handshake.protocols);
    let builder = if speaks_derp {
        let protocol = HeaderName::from_static("sec-websocket-protocol");
        builder.add_header(protocol, HeaderValue::from_static(PROTOCOL)).map_err(io::Error::other)?
    } else {
        builder
    };
    let (_, stream) = builder.accept(Prefixed::new(request.into(), stream)).await.map_err(io::Error::other)?;
    let mut socket = WebSocket::new(stream);
    if !speaks_derp {
        let close = Message::close(Some(CloseCode::POLICY_VIOLATION), "client must speak the derp subprotocol");
        socket.close(close).await?;
        return Err(io::Error::other("the WebSocket client does not speak the derp subprotocol"));
    }
    Ok(socket)
}

/// Whether a request with this Sec-WebSocket-Protocol is one for DERP over WebSocket. derper looks for the word
/// anywhere in it, and speaks plain DERP otherwise.
pub(super) fn offers(protocols: &HeaderValue) -> bool {
    protocols.as_bytes().windows(PROTOCOL.len()).any(|window| window == PROTOCOL.as_bytes())
}

fn offers_exactly(protocols: &HeaderValue) -> bool {
    let offered = protocols.to_str().unwrap_or_default();
    offered.split(',').any(|offered| offered.trim().eq_ignore_ascii_case(PROTOCOL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subprotocol_is_looked_for_as_derper_does() {
        for (value, derp_over_websocket, exactly) in [
            ("derp", true, true),
            ("chat, derp", true, true),
            ("xderp", true, false),
            ("chat", false, false),
            ("", false, false),
        ] {
            let value = HeaderValue::from_static(value);
            assert_eq!((offers(&value), offers_exactly(&value)), (derp_over_websocket, exactly), "{value:?}");
        }
    }
}
