//! What carries a client's bytes: TCP, TLS over it, or a WebSocket over either.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::io::poll_read_buf;

use crate::drive::websocket::WebSocket;

/// Bytes taken from a busy connection at once.
const GULP: usize = 64 << 10;

/// A client's bytes, whatever is around them.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {
    /// Ready when a read may bring something: no memory needs to wait for what does not come. It may be wrong; the read
    /// tells.
    fn poll_readable(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Gives back memory before a wait that may be long.
    fn shrink(&mut self) {}
}

impl Carrier for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An error is told by the read.
        self.poll_read_ready(cx).map(drop)
    }
}

impl Carrier for Gulps {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.held.is_empty() { self.stream.poll_readable(cx) } else { Poll::Ready(()) }
    }

    fn shrink(&mut self) {
        if self.held.is_empty() {
            self.held = BytesMut::new();
            self.large = false;
        }
    }
}

impl<C: Carrier> Carrier for TlsStream<C> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (carrier, session) = self.get_mut();
        if session.wants_read() { carrier.poll_readable(cx) } else { Poll::Ready(()) }
    }

    fn shrink(&mut self) {
        self.get_mut().0.shrink();
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Carrier for WebSocket<S> {}

/// A TCP connection that is read in large pieces when there is much to read, and directly otherwise. TLS asks for a few
/// kilobytes at a time, each of which would be a call of the system.
#[derive(Debug)]
pub(super) struct Gulps {
    stream: TcpStream,
    /// Read and not asked for yet.
    held: BytesMut,
    /// The last read brought all it had room for.
    large: bool,
}

impl Gulps {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, held: BytesMut::new(), large: false }
    }
}

impl AsyncRead for Gulps {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.held.is_empty() && !this.large {
            let room = buffer.remaining();
            let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
            this.large = read.is_ready() && buffer.remaining() == 0 && room > 0;
            return read;
        }
        if this.held.is_empty() {
            if this.stream.poll_readable(cx).is_pending() {
                return Poll::Pending;
            }
            this.held.reserve(GULP);
            match poll_read_buf(Pin::new(&mut this.stream), cx, &mut this.held) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        let length = this.held.len().min(buffer.remaining());
        buffer.put_slice(this.held.get(..length).unwrap_or_default());
        this.held.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gulps {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
