//! STUN over TCP and TLS (RFC 8489 section 6.2.2): connections that share local ports, all held open to the end.
//!
//! What a NAT does with a second connection from a port says something of a mapping only while the first one lives.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::DriveError;
use super::causes::{Deadline, cause_of, failure_of};
use super::https::{Https, Stream};
use super::sockets::Binding;
use super::stun::random_id;
use super::stun_codec::{self, Heard};
use crate::drive::clock::Clock;
use crate::model::unmap;
use crate::probe::{Cause, Failure, Moment, Outcome, Slot, Stage, StunForm};
use crate::wire::stun::TransactionId;

/// Bytes of a STUN header.
const HEADER: usize = 20;
/// The longest answer read: longer than any server's, and no burden.
const ANSWER_MAX: usize = 4096;

/// Where connections leave from, and those that are open.
pub(super) struct Streams {
    binding: Binding,
    bind_port: Option<u16>,
    ports: HashMap<Slot, u16>,
    held: Arc<Mutex<Vec<Box<dyn Stream>>>>,
}

/// A connection about to be made.
pub(super) struct Connecting {
    socket: Socket,
    server: SocketAddr,
    held: Arc<Mutex<Vec<Box<dyn Stream>>>>,
    transaction: TransactionId,
}

impl Streams {
    pub(super) fn new(binding: Binding, bind_port: Option<u16>) -> Self {
        Self { binding, bind_port, ports: HashMap::new(), held: Arc::default() }
    }

    /// A socket on the slot's port, which is chosen when the slot is first named.
    pub(super) fn prepare(
        &mut self,
        slot: Slot,
        server: SocketAddr,
    ) -> Result<Result<Connecting, Failure>, DriveError> {
        let chosen = match slot {
            Slot::Shared { index: 0, .. } => self.bind_port,
            _ => None,
        };
        let known = self.ports.get(&slot).copied().or(chosen);
        let (socket, port) = match self.binding.shared_tcp(slot.family(), known) {
            Ok(opened) => opened,
            Err(cause) => return Ok(Err(Failure::new(Stage::Connect, cause))),
        };
        self.ports.insert(slot, port);
        Ok(Ok(Connecting { socket, server, held: Arc::clone(&self.held), transaction: random_id()? }))
    }
}

impl Connecting {
    /// Connects, asks, and leaves the connection open. The times are those of the STUN exchange alone.
    pub(super) async fn ask(
        self,
        clock: Clock,
        https: &Https,
        tls: Option<String>,
        deadline: Deadline,
    ) -> (Moment, Moment, Outcome) {
        let begun = clock.now();
        match self.exchange(clock, https, tls, &deadline).await {
            Ok((sent_at, outcome)) => (sent_at, clock.now(), outcome),
            Err(failure) => (begun, clock.now(), Outcome::Failed(failure)),
        }
    }

    async fn exchange(
        self,
        clock: Clock,
        https: &Https,
        tls: Option<String>,
        deadline: &Deadline,
    ) -> Result<(Moment, Outcome), Failure> {
        let Self { socket, server, held, transaction } = self;
        let connecting = async {
            let stream = TcpSocket::from_std_stream(socket.into()).connect(server).await;
            let stream = stream.map_err(|error| Failure::new(Stage::Connect, cause_of(&error)))?;
            // One small request; a failure to hurry it costs nothing.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        };
        let stream: TcpStream = deadline.within(Stage::Connect, connecting).await?;
        let local = stream.local_addr().ok().map(unmap);
        let mut stream: Box<dyn Stream> = match tls {
            Some(host) => Box::new(deadline.within(Stage::Tls, https.handshake(stream, &host)).await?),
            None => Box::new(stream),
        };
        let request = stun_codec::encode_request(transaction, StunForm::Plain)
            .map_err(|cause| Failure::new(Stage::Stun, cause))?;
        let sent_at = clock.now();
        let answer = deadline.within(Stage::Stun, converse(&mut *stream, &request)).await?;
        held.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        let malformed = |problem| Failure::new(Stage::Stun, Cause::Malformed { problem });
        match stun_codec::decode(&answer) {
            Heard::Response(response) if response.transaction == transaction => {
                Ok((sent_at, Outcome::Stun(stun_codec::reply_of(*response, server, local))))
            }
            Heard::Response(_) => Err(malformed("a transaction that is not ours".to_owned())),
            Heard::Request(_) => Err(malformed("a request, not a response".to_owned())),
            Heard::Neither(problem) => Err(malformed(problem)),
        }
    }
}

/// Sends a message and reads one: it says itself how long it is.
async fn converse(stream: &mut dyn Stream, request: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| failure_of(Stage::Stun, &error);
    stream.write_all(request).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut answer = vec![0; HEADER];
    stream.read_exact(&mut answer).await.map_err(failed)?;
    let length = match answer.get(..4) {
        // The first two bits of STUN are zero; of whatever else is spoken there, hardly.
        Some([kind, _, high, low]) if kind & 0xc0 == 0 => usize::from(u16::from_be_bytes([*high, *low])),
        _ => return Err(Failure::new(Stage::Stun, Cause::Malformed { problem: "not STUN".to_owned() })),
    };
    if HEADER + length > ANSWER_MAX {
        let limit = u64::try_from(ANSWER_MAX).unwrap_or(u64::MAX);
        return Err(Failure::new(Stage::Stun, Cause::TooLarge { limit }));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.map_err(failed)?;
    answer.extend(body);
    Ok(answer)
}
