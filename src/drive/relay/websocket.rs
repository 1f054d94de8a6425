//! DERP inside WebSocket messages, for clients in browsers. Message boundaries mean nothing: the messages are a byte
//! stream again here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Sink as _, Stream as _};
use hyper::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{CloseCode, Error, Limits, Message, ServerBuilder, WebSocketStream};

use super::prefixed::Prefixed;

/// The sub-protocol a client has to offer.
const PROTOCOL: &str = "derp";

/// Longest message taken; derper closes with 1009 on a longer one.
const LONGEST_READ: usize = 32_768;

/// Longest message sent: what the library of Go's clients takes unless told otherwise.
const LONGEST_WRITTEN: usize = 32_768;

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
    let mut socket = WebSocket { stream, read: Bytes::new(), written: BytesMut::new(), ended: false };
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

/// The bytes in a WebSocket's binary messages.
#[derive(Debug)]
pub(super) struct WebSocket<S> {
    stream: WebSocketStream<S>,
    /// What is left of the message read last.
    read: Bytes,
    /// The message being filled.
    written: BytesMut,
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    async fn close(&mut self, close: Message) -> io::Result<()> {
        std::future::poll_fn(|cx| Pin::new(&mut self.stream).poll_ready(cx)).await.map_err(broken)?;
        Pin::new(&mut self.stream).start_send(close).map_err(broken)?;
        std::future::poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await.map_err(broken)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.written.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_ready(cx)).map_err(broken)?;
            let message = Message::binary(self.written.split().freeze());
            Pin::new(&mut self.stream).start_send(message).map_err(broken)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.read.is_empty() && !self.ended {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(message)) if message.is_binary() => self.read = message.into_payload().into(),
                Some(Ok(message)) if message.is_text() => {
                    let close = Message::close(Some(CloseCode::UNSUPPORTED_DATA), "expected binary messages");
                    // The connection ends either way; whether the client hears why is a matter of courtesy.
                    if let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_ready(cx) {
                        let _ = Pin::new(&mut self.stream).start_send(close);
                        let _ = Pin::new(&mut self.stream).poll_flush(cx);
                    }
                    return Poll::Ready(Err(io::Error::other("the WebSocket client sent a text message")));
                }
                Some(Ok(message)) => self.ended = message.is_close(),
                None => self.ended = true,
                Some(Err(error)) => {
                    // With it goes the close message that says what was wrong.
                    let _ = Pin::new(&mut self.stream).poll_flush(cx);
                    return Poll::Ready(Err(broken(error)));
                }
            }
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(self.read.get(..length).unwrap_or_default());
        self.read.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.written.len() >= LONGEST_WRITTEN {
            ready!(self.poll_send(cx))?;
        }
        let length = bytes.len().min(LONGEST_WRITTEN - self.written.len());
        self.written.extend_from_slice(bytes.get(..length).unwrap_or_default());
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_close(cx).map_err(broken)
    }
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
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
