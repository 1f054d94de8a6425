//! The DERP handshake with a throw-away key, a packet each way between two of them, a connection held.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio_websockets::{ClientBuilder, Limits};

use super::super::http::exchange;
use super::super::https::Stream;
use super::Asking;
use super::request::{malformed, random, reply_of};
use super::session::Session;
use crate::derp::{ClientEvent, Sent};
use crate::drive::prefixed::Prefixed;
use crate::drive::websocket::WebSocket;
use crate::model::{NodePrivate, NodePublic};
use crate::probe::{Cause, DerpStart, Failure, RelayAnswer, ServerGreeting, Stage};
use crate::wire::nacl::node_public;
use crate::wire::upgrade::Request;

/// Longest message of a WebSocket that is taken: a frame of the largest packet, and more.
const LONGEST_MESSAGE: usize = 128 * 1024;

/// How long a packet may take.
const PACKET: Duration = Duration::from_millis(3500);

impl Asking<'_> {
    /// A session up to the relay's greeting, and held for a while where that is wanted.
    pub(super) async fn derp(
        &self,
        start: DerpStart,
        stay: Option<Duration>,
        answer: &mut RelayAnswer,
    ) -> Result<(), Failure> {
        let key = NodePrivate::generate(random()?);
        let mut session = self.login(&key, start, answer).await?;
        match stay {
            Some(stay) => self.hold(&mut session, stay, answer).await,
            None => Ok(()),
        }
    }

    async fn login(&self, key: &NodePrivate, start: DerpStart, answer: &mut RelayAnswer) -> Result<Session, Failure> {
        let stream = self.usual(answer).await?;
        let begun = self.clock.now();
        let mut session = self.begin(stream, key, start, answer).await?;
        let said = answer.derp.get_or_insert_default();
        let logging_in = async {
            let mut greeted = begun;
            loop {
                match session.next().await? {
                    ClientEvent::ServerKey(key) => {
                        // After a fast start our greeting was out before.
                        if start != DerpStart::Fast {
                            greeted = self.clock.now();
                        }
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

    /// A session on a connection that speaks DERP from now on, or will have done once the request is sent.
    async fn begin(
        &self,
        mut stream: Box<dyn Stream>,
        key: &NodePrivate,
        start: DerpStart,
        answer: &mut RelayAnswer,
    ) -> Result<Session, Failure> {
        let nothing = BytesMut::new;
        match start {
            DerpStart::Fast => {
                let relay = meta_key(answer)?;
                let request = BytesMut::from(self.derp_request(true)?.as_bytes());
                Session::new(stream, key, Some(relay), nothing(), request)
            }
            DerpStart::Upgrade => {
                let early = self.upgrade(&mut stream, &self.derp_request(false)?, answer).await?;
                Session::new(stream, key, None, BytesMut::from(&early[..]), nothing())
            }
            DerpStart::WebSocket => {
                let early = self.upgrade(&mut stream, &self.websocket_request()?, answer).await?;
                Session::new(Box::new(websocket(stream, early)), key, None, nothing(), nothing())
            }
        }
    }

    fn derp_request(&self, fast_start: bool) -> Result<String, Failure> {
        let target = &self.question.target;
        let request = Request { host: &target.host_name, port: target.port, fast_start, ideal_node: None };
        let unsupported = |what| Failure::new(Stage::Http, Cause::Unsupported { what });
        let bytes = request.encode().map_err(|error| unsupported(error.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Asks for the upgrade, and returns what came together with the answer.
    async fn upgrade(
        &self,
        stream: &mut Box<dyn Stream>,
        request: &str,
        answer: &mut RelayAnswer,
    ) -> Result<Vec<u8>, Failure> {
        let begun = self.clock.now();
        let head = self.deadline.within(Stage::Http, exchange(stream, request, Stage::Http)).await?;
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
        let holding = async {
            loop {
                match tokio::time::timeout_at(until, session.next()).await {
                    Ok(Ok(ClientEvent::KeepAlive)) => said.keep_alives = said.keep_alives.saturating_add(1),
                    Ok(Ok(_)) => {}
                    Ok(Err(failure)) => return Err(failure),
                    Err(_) => return Ok(()),
                }
            }
        };
        let ended = self.deadline.within(Stage::Derp, holding).await;
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
        for key in other.derp.into_iter().flat_map(|other| other.server_keys) {
            note(&mut answer.derp.get_or_insert_default().server_keys, key);
        }
        for login in [a.as_ref().err(), b.as_ref().err()] {
            match login.map(|failure| &failure.cause) {
                None => answer.derp.get_or_insert_default().let_in += 1,
                Some(Cause::NotAdmitted) => answer.derp.get_or_insert_default().turned_away += 1,
                Some(_) => {}
            }
        }
        let (mut a, mut b) = (a?, b?);
        let said = answer.derp.get_or_insert_default();
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
        let size = payload.len();
        match from.client().send(now, receiver, payload.clone()) {
            Ok(Sent::Queued) => {}
            // It was never sent, so nobody lost it.
            Ok(Sent::Limited) => {
                let what = format!("a packet of {size} bytes: the relay's own limit leaves no room for it");
                return Err(Failure::new(Stage::Derp, Cause::Unsupported { what }));
            }
            Err(error) => return Err(malformed(&error.to_string())),
        }
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

/// The bytes in the messages of a WebSocket that the server has switched to; `early` came with its answer.
fn websocket(stream: Box<dyn Stream>, early: Vec<u8>) -> impl Stream {
    let limits = Limits::default().max_payload_len(Some(LONGEST_MESSAGE));
    WebSocket::new(ClientBuilder::new().limits(limits).take_over(Prefixed::new(early.into(), stream)))
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
