//! DERP on a connection: events in, events out, until somebody has heard enough.

use std::io::ErrorKind;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::super::causes::failure_of;
use super::super::https::Stream;
use super::request::{malformed, random};
use crate::derp::{ClientClose, ClientConfig, ClientEvent, ClientSession};
use crate::model::{NodePrivate, NodePublic};
use crate::probe::{Cause, Failure, Stage};
use crate::wire::derp::ClientInfo;

/// Things, and bytes, a relay may say before it lets us in.
const EVENTS: usize = 1000;
const BYTES: usize = 1 << 20;

/// A session with a throw-away key, and its connection.
pub(super) struct Session {
    stream: Box<dyn Stream>,
    client: ClientSession,
    out: BytesMut,
    events: usize,
    heard: usize,
    /// Whether the relay has named itself: closing the connection after that is an answer to our greeting.
    named: bool,
    unflushed: bool,
    /// How the connection broke, if it did.
    broken: Option<Failure>,
}

impl Session {
    /// `request` is sent before anything else, together with it.
    pub(super) fn new(
        stream: Box<dyn Stream>,
        key: &NodePrivate,
        relay: Option<NodePublic>,
        early: BytesMut,
        request: BytesMut,
    ) -> Result<Self, Failure> {
        let info = ClientInfo { is_prober: true, ..ClientInfo::ordinary() };
        let config = ClientConfig { key: key.clone(), info, nonce: random()?, home: false, relay };
        let client = ClientSession::new(Instant::now().into_std(), config, early)
            .map_err(|weak| malformed(&weak.to_string()))?;
        Ok(Self { stream, client, out: request, events: 0, heard: 0, named: false, unflushed: false, broken: None })
    }

    pub(super) const fn client(&mut self) -> &mut ClientSession {
        &mut self.client
    }

    /// What happens next. The end of the session is an error. Nothing is lost where this is dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<ClientEvent, Failure> {
        loop {
            if let Some(event) = self.client.poll_event(Instant::now().into_std()) {
                self.events += 1;
                self.named |= matches!(event, ClientEvent::ServerKey(_));
                return match event {
                    ClientEvent::Closed(reason) => Err(self.failure(&reason)),
                    _ if self.events > EVENTS && !self.client.is_admitted() => Err(too_much()),
                    event => Ok(event),
                };
            }
            if self.client.is_closed() {
                return Err(Failure::new(Stage::Derp, Cause::Closed));
            }
            // All that came has been looked at, and did not let us in.
            if self.heard > BYTES && !self.client.is_admitted() {
                return Err(too_much());
            }
            self.flush().await;
            match self.stream.read_buf(self.client.room()).await {
                Ok(brought) => {
                    self.heard = self.heard.saturating_add(brought);
                    self.client.handle_read(brought);
                }
                // The framing around DERP, not its end.
                Err(error) if error.kind() == ErrorKind::InvalidData && !is_of_tls(&error) => {
                    return Err(malformed(&error.to_string()));
                }
                Err(error) => {
                    // What it means depends on when: the session knows.
                    self.broken.get_or_insert(failure_of(Stage::Derp, &error));
                    self.client.handle_read(0);
                }
            }
        }
    }

    /// Writes what is waiting. A connection that takes nothing more will say so when it is read. Where this is dropped
    /// in the middle, the rest is written the next time, and nothing twice.
    pub(super) async fn flush(&mut self) {
        self.client.poll_transmit(&mut self.out);
        self.unflushed |= !self.out.is_empty();
        if !self.unflushed {
            return;
        }
        let written = async {
            while !self.out.is_empty() {
                if self.stream.write_buf(&mut self.out).await? == 0 {
                    return Err(ErrorKind::WriteZero.into());
                }
            }
            self.stream.flush().await
        };
        let written: Result<(), std::io::Error> = written.await;
        if let Err(error) = written {
            self.broken.get_or_insert(failure_of(Stage::Derp, &error));
            self.out.clear();
        }
        self.unflushed = false;
    }

    fn failure(&mut self, reason: &ClientClose) -> Failure {
        let closed = || self.broken.clone().unwrap_or(Failure::new(Stage::Derp, Cause::Closed));
        match reason {
            // An end in order, be it without TLS's own: a reset may be anybody's doing.
            ClientClose::Rejected if self.named && closed().cause == Cause::Closed => {
                Failure::new(Stage::Derp, Cause::NotAdmitted)
            }
            // After a fast start our greeting is out before the relay has said anything: who closes then may be anybody.
            ClientClose::Rejected | ClientClose::NoKey | ClientClose::Left => {
                let Failure { stage: _, cause } = closed();
                Failure::new(Stage::Derp, cause)
            }
            ClientClose::LoginTimeout { after } | ClientClose::Silent { after } => {
                Failure::new(Stage::Derp, Cause::TimedOut { after: *after })
            }
            other => malformed(&other.to_string()),
        }
    }
}

fn is_of_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

fn too_much() -> Failure {
    malformed("the relay says much, and does not let us in")
}

/// RFC 4648 section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let at = usize::try_from((bits >> (18 - 6 * index)) & 63).unwrap_or_default();
            let letter = ALPHABET.get(at).copied().map_or('A', char::from);
            text.push(if index <= chunk.len() { letter } else { '=' });
        }
    }
    text
}
