//! From the upgrade to admission.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::Service;
use super::places::Place;
use super::roster::{Entry, Roster};
use crate::derp::{Admission, MAX_JITTER, ServerEvent, ServerSession};
use crate::drive::prefixed::Prefixed;
use crate::drive::relay::admission::{Decision, Grounds};
use crate::drive::relay::carrier::Carrier;
use crate::drive::relay::http::Upgraded;
use crate::drive::relay::metrics::TlsInUse;
use crate::drive::relay::routes::Opening;
use crate::drive::relay::websocket;
use crate::model::NodePublic;
use crate::wire::derp::{ClientInfo, ServerInfo};
use crate::wire::upgrade;

/// A client that was let in. Our greeting is still to be written.
pub(super) struct Admitted {
    pub(super) key: NodePublic,
    pub(super) peer: SocketAddr,
    pub(super) grounds: Grounds,
    pub(super) info: ClientInfo,
    /// It would rather be at another node of the region.
    pub(super) not_ideal: bool,
    pub(super) tls: Option<TlsInUse>,
    pub(super) session: ServerSession,
    pub(super) stream: Box<dyn Carrier>,
    pub(super) entry: Entry<Arc<Service>>,
    /// Its place among the clients. The relay's own check needs none.
    pub(super) place: Option<Place>,
}

/// `None`: it is over, and whoever should know was told.
pub(super) async fn login(service: &Arc<Service>, upgraded: Upgraded, peer: SocketAddr) -> Option<Admitted> {
    match attempt(service, upgraded, peer).await {
        Ok(admitted) => admitted,
        Err(error) => {
            tracing::debug!(%peer, %error, "connection ended in the login");
            None
        }
    }
}

async fn attempt(service: &Arc<Service>, upgraded: Upgraded, peer: SocketAddr) -> io::Result<Option<Admitted>> {
    let mut out = BytesMut::new();
    let Upgraded { opening, not_ideal, mut tls, first, stream } = upgraded;
    // Copied: what came first is part of HTTP's buffer, all of which it would keep, and there is little of it as a rule.
    let (mut stream, early): (Box<dyn Carrier>, BytesMut) = match opening {
        Opening::FastStart => (stream, BytesMut::from(&first[..])),
        Opening::Answered => {
            out.extend_from_slice(&upgrade::encode_switching(&service.public_key()));
            (stream, BytesMut::from(&first[..]))
        }
        Opening::WebSocket(handshake) => {
            service.tally.websocket_accepts.add_one();
            let accepted = websocket::accept(&handshake, Prefixed::new(first, stream));
            let stream = tokio::time::timeout(service.limits.greeting, accepted).await??;
            (Box::new(stream), BytesMut::new())
        }
    };
    let mut session = ServerSession::new(Instant::now().into_std(), Arc::clone(&service.identity), early);
    loop {
        let now = Instant::now().into_std();
        session.handle_timeout(now);
        while let Some(event) = session.poll_event(now) {
            match event {
                ServerEvent::Identified { key, info } => {
                    // As with derper, the mesh key opens every door and takes no place.
                    let mesh = service.is_of_mesh(&info);
                    let decided = if mesh { Some((Grounds::Mesh, None)) } else { decide(service, key, peer).await };
                    if let Some((grounds, place)) = decided {
                        session.admit(Instant::now().into_std(), &admission(mesh)?);
                        let entry = Roster::enter(Arc::clone(service), key, grounds);
                        let tls = tls.take();
                        return Ok(Some(Admitted {
                            key,
                            peer,
                            grounds,
                            info,
                            not_ideal,
                            tls,
                            session,
                            stream,
                            entry,
                            place,
                        }));
                    }
                    session.refuse();
                }
                ServerEvent::Closed(reason) => {
                    tracing::debug!(%peer, %reason, "connection ended in the login");
                    return Ok(None);
                }
                // Nothing else is told of a client that was not let in.
                _ => {}
            }
        }
        let until = session.poll_timeout().map_or_else(|| Instant::now() + service.limits.greeting, Instant::from_std);
        let step = tokio::time::timeout_at(until, async {
            if session.poll_transmit(&mut out) || !out.is_empty() {
                stream.write_all_buf(&mut out).await?;
                stream.flush().await?;
                return Ok::<_, io::Error>(None);
            }
            Ok(Some(stream.read_buf(session.room()).await?))
        });
        match step.await {
            Ok(Ok(None)) => session.handle_written(Instant::now().into_std()),
            Ok(Ok(Some(brought))) => session.handle_read(brought),
            Ok(Err(error)) => return Err(error),
            // The session says so itself, at the top.
            Err(_) => {}
        }
    }
}

/// Whether the client is let in, with its place; told to whoever reads the log.
async fn decide(service: &Service, key: NodePublic, peer: SocketAddr) -> Option<(Grounds, Option<Place>)> {
    let because = match service.admission.decide(key, peer.ip()).await {
        Decision::Admit(Grounds::Own) => return Some((Grounds::Own, None)),
        Decision::Admit(grounds) => match service.places.take() {
            Some(place) => return Some((grounds, Some(place))),
            None => "the relay is full (--max-clients, or MaxClients of --rate-limit)".to_owned(),
        },
        Decision::Refuse(refusal) => refusal.to_string(),
    };
    service.tally.refused.add_one();
    match service.roster.may_log_refusal(Instant::now().into_std()) {
        Some(0) => tracing::info!(%key, %peer, %because, "client refused"),
        Some(unlogged) => tracing::info!(%key, %peer, %because, and_before = unlogged, "client refused"),
        None => tracing::debug!(%key, %peer, %because, "client refused"),
    }
    None
}

fn admission(mesh: bool) -> io::Result<Admission> {
    let (mut nonce, mut random) = ([0; 24], [0; 4]);
    getrandom::fill(&mut nonce).and_then(|()| getrandom::fill(&mut random)).map_err(io::Error::other)?;
    let part = f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX);
    let jitter: Duration = MAX_JITTER.mul_f64(part);
    Ok(Admission { mesh, info: ServerInfo::ordinary(), nonce, jitter })
}
