//! DERP on a connection: events in, events out, until somebody has heard enough.

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

/// Things a relay may say before it lets us in.
const EVENTS: usize = 1000;

/// A session with a throw-away key, and its connection.
pub(super) struct Session {
    stream: Box<dyn Stream>,
    client: ClientSession,
    out: BytesMut,
    events: usize,
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
        Ok(Self { stream, client, out: request, events: 0, broken: None })
    }

    pub(super) const fn client(&mut self) -> &mut ClientSession {
        &mut self.client
    }

    /// What happens next. The end of the session is an error.
    pub(super) async fn next(&mut self) -> Result<ClientEvent, Failure> {
        loop {
            if let Some(event) = self.client.poll_event(Instant::now().into_std()) {
                self.events += 1;
                return match event {
                    ClientEvent::Closed(reason) => Err(self.failure(&reason)),
                    _ if self.events > EVENTS && !self.client.is_admitted() => {
                        Err(malformed("the relay says much, and does not let us in"))
                    }
                    event => Ok(event),
                };
            }
            if self.client.is_closed() {
                return Err(Failure::new(Stage::Derp, Cause::Closed));
            }
            self.flush().await;
            match self.stream.read_buf(self.client.room()).await {
                Ok(brought) => self.client.handle_read(brought),
                Err(error) => {
                    // What it means depends on when: the session knows.
                    self.broken.get_or_insert(failure_of(Stage::Derp, &error));
                    self.client.handle_read(0);
                }
            }
        }
    }

    /// Writes what is waiting. A connection that takes nothing more will say so when it is read.
    pub(super) async fn flush(&mut self) {
        self.client.poll_transmit(&mut self.out);
        if self.out.is_empty() {
            return;
        }
        let written = async {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await
        };
        if let Err(error) = written.await {
            self.broken.get_or_insert(failure_of(Stage::Derp, &error));
        }
        self.out.clear();
    }

    fn failure(&mut self, reason: &ClientClose) -> Failure {
        let closed = || self.broken.clone().unwrap_or(Failure::new(Stage::Derp, Cause::Closed));
        match reason {
            ClientClose::Rejected => Failure::new(Stage::Derp, Cause::NotAdmitted),
            ClientClose::NoKey | ClientClose::Left => {
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
