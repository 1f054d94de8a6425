//! DERP inside WebSocket messages. Message boundaries mean nothing: the messages are a byte stream again here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{CloseCode, Error, Message, WebSocketStream};

/// Longest message sent: what the library of Go's clients takes unless told otherwise.
const LONGEST_WRITTEN: usize = 32_768;

/// The bytes in a WebSocket's binary messages.
#[derive(Debug)]
pub(in crate::drive) struct WebSocket<S> {
    stream: WebSocketStream<S>,
    /// What is left of the message read last.
    read: Bytes,
    /// The message being filled.
    written: BytesMut,
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    pub(in crate::drive) fn new(stream: WebSocketStream<S>) -> Self {
        Self { stream, read: Bytes::new(), written: BytesMut::new(), ended: false }
    }

    /// Says why, and says no more.
    pub(in crate::drive) async fn close(&mut self, close: Message) -> io::Result<()> {
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
                    // The connection ends either way; whether the other side hears why is a matter of courtesy.
                    if let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_ready(cx) {
                        let _ = Pin::new(&mut self.stream).start_send(close);
                        let _ = Pin::new(&mut self.stream).poll_flush(cx);
                    }
                    let text = "a text message in the WebSocket, where binary ones belong";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
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
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
