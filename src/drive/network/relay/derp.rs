//! The DERP handshake with a throw-away key, a packet each way between two of them, a connection held.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::super::http::exchange;
use super::super::https::Stream;
use super::Asking;
use super::request::{malformed, random, reply_of};
use super::session::Session;
use crate::derp::{ClientEvent, SendError};
use crate::model::{NodePrivate, NodePublic};
use crate::probe::{Cause, DerpAnswer, DerpStart, Failure, RelayAnswer, ServerGreeting, Stage};
use crate::wire::nacl::node_public;
use crate::wire::upgrade::Request;

/// How long a packet may take.
const PACKET: Duration = Duration::from_millis(1500);

impl Asking<'_> {
    /// A session up to the relay's greeting, and held for a while where that is wanted.
    pub(super) async fn derp(
        &self,
        start: DerpStart,
        stay: Option<Duration>,
        answer: &mut RelayAnswer,
    ) -> Result<(), Failure> {
        if start == DerpStart::WebSocket {
            return self.request(crate::probe::HttpRequest::DerpWebSocket, answer).await;
        }
        let key = NodePrivate::generate(random()?);
        let mut session = self.login(&key, start, answer).await?;
        match stay {
            Some(stay) => self.hold(&mut session, stay, answer).await,
            None => Ok(()),
        }
    }

    async fn login(&self, key: &NodePrivate, start: DerpStart, answer: &mut RelayAnswer) -> Result<Session, Failure> {
        let mut stream = self.usual(answer).await?;
        let relay = match start {
            DerpStart::Fast => Some(meta_key(answer)?),
            DerpStart::Upgrade | DerpStart::WebSocket => None,
        };
        let target = &self.question.target;
        let request =
            Request { host: &target.host_name, port: target.port, fast_start: relay.is_some(), ideal_node: None };
        let request = request
            .encode()
            .map_err(|error| Failure::new(Stage::Http, Cause::Unsupported { what: error.to_string() }))?;
        let begun = self.clock.now();
        answer.derp = Some(DerpAnswer::default());
        let (early, request) = if relay.is_some() {
            (BytesMut::new(), BytesMut::from(&request[..]))
        } else {
            let early = self.upgrade(&mut stream, &request, answer).await?;
            (BytesMut::from(&early[..]), BytesMut::new())
        };
        let mut session = Session::new(stream, key, relay, early, request)?;
        let said = answer.derp.get_or_insert_default();
        let logging_in = async {
            let mut greeted = begun;
            loop {
                match session.next().await? {
                    ClientEvent::ServerKey(key) => {
                        greeted = self.clock.now();
                        said.key_after.get_or_insert(self.since(begun));
                        note(&mut said.server_keys, key.to_hex());
                    }
                    ClientEvent::Admitted(info) => {
                        said.admitted = Some(ServerGreeting {
                            after: self.since(greeted),
                            version: u64::try_from(info.version).unwrap_or_default(),
                            bytes_per_second: info.bytes_per_second,
                        });
                        return Ok(());
                    }
                    _ => {}
                }
            }
        };
        self.deadline.within(Stage::Derp, logging_in).await?;
        Ok(session)
    }

    /// Asks for the upgrade, and returns what came together with the answer.
    async fn upgrade(
        &self,
        stream: &mut Box<dyn Stream>,
        request: &[u8],
        answer: &mut RelayAnswer,
    ) -> Result<Vec<u8>, Failure> {
        let text = String::from_utf8_lossy(request);
        let begun = self.clock.now();
        let head = self.deadline.within(Stage::Http, exchange(stream, &text, Stage::Http)).await?;
        let mut reply = reply_of(&head, self.since(begun));
        let status = head.status;
        if status == 101 {
            answer.http = Some(reply);
            return Ok(head.rest);
        }
        reply.body = self.body(stream, head.rest).await;
        answer.http = Some(reply);
        Err(Failure::new(Stage::Http, Cause::Status { code: status }))
    }

    async fn hold(&self, session: &mut Session, stay: Duration, answer: &mut RelayAnswer) -> Result<(), Failure> {
        let begun = self.clock.now();
        let said = answer.derp.get_or_insert_default();
        let until = self.clock.instant(begun + stay);
        let ended = loop {
            match tokio::time::timeout_at(until, session.next()).await {
                Ok(Ok(ClientEvent::KeepAlive)) => said.keep_alives = said.keep_alives.saturating_add(1),
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => break Err(failure),
                Err(_) => break Ok(()),
            }
        };
        said.held = Some(self.since(begun));
        ended
    }

    /// Two keys, a packet each way.
    pub(super) async fn exchange(&self, answer: &mut RelayAnswer) -> Result<(), Failure> {
        let keys = [NodePrivate::generate(random()?), NodePrivate::generate(random()?)];
        let mut other = RelayAnswer::default();
        let [first, second] = &keys;
        let (a, b) = tokio::join!(
            self.login(first, DerpStart::Upgrade, answer),
            self.login(second, DerpStart::Upgrade, &mut other)
        );
        let said = answer.derp.get_or_insert_default();
        for key in other.derp.into_iter().flat_map(|other| other.server_keys) {
            note(&mut said.server_keys, key);
        }
        let (mut a, mut b) = (a?, b?);
        let public = [node_public(first), node_public(second)];
        let begun = self.clock.now();
        self.packet(&mut a, &mut b, public).await?;
        said.packets += 1;
        let [first, second] = public;
        self.packet(&mut b, &mut a, [second, first]).await?;
        said.packets += 1;
        said.exchange = Some(self.since(begun));
        Ok(())
    }

    /// Sends a packet, and waits for it at the other end.
    async fn packet(&self, from: &mut Session, to: &mut Session, keys: [NodePublic; 2]) -> Result<(), Failure> {
        let payload = Bytes::copy_from_slice(&random::<32>()?);
        let [sender, receiver] = keys;
        let now = tokio::time::Instant::now().into_std();
        let sent = from.client().send(now, receiver, payload.clone());
        sent.map_err(|error: SendError| malformed(&error.to_string()))?;
        let crossing = async {
            from.flush().await;
            loop {
                tokio::select! {
                    event = to.next() => if let ClientEvent::Packet { source, payload: got } = event?
                        && source == sender
                        && got == payload
                    {
                        return Ok(());
                    },
                    // The sender's end is read too, so that its close is heard.
                    event = from.next() => drop(event?),
                }
            }
        };
        match tokio::time::timeout(PACKET, self.deadline.within(Stage::Derp, crossing)).await {
            Ok(crossed) => crossed,
            Err(_) => Err(Failure::new(Stage::Derp, Cause::TimedOut { after: PACKET })),
        }
    }
}

/// The relay's key by its meta-certificate, which counts under TLS 1.3 alone.
fn meta_key(answer: &RelayAnswer) -> Result<NodePublic, Failure> {
    let tls = answer.tls.as_ref().filter(|tls| tls.version == "1.3");
    let hex = tls.iter().flat_map(|tls| &tls.certificates).find_map(|seen| seen.meta_key.as_deref());
    hex.and_then(|hex| NodePublic::from_hex(hex).ok()).ok_or_else(|| {
        Failure::new(
            Stage::Tls,
            Cause::Unsupported { what: "a fast start: no certificate has the relay's key".to_owned() },
        )
    })
}

fn note(keys: &mut Vec<String>, key: String) {
    if !keys.contains(&key) {
        keys.push(key);
    }
}
