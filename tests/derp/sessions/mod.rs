//! Both ends of a connection: against the dialogues of the vectors, against hostile bytes, against time, and against
//! each other.

mod client;
mod dialogues;
mod relay;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use natscope::derp::{Admission, ClientConfig, ClientEvent, ClientSession, RelayIdentity, ServerEvent, ServerSession};
use natscope::model::NodePublic;
use natscope::wire::derp::{ClientInfo, Frame, ServerInfo};
use natscope::wire::nacl::{Nonce, SharedSecret};

use crate::vectors::{array, hex, list, named, private, public};

fn identity() -> Arc<RelayIdentity> {
    Arc::new(RelayIdentity::new(private("server")))
}

fn server(now: Instant) -> ServerSession {
    let mut session = ServerSession::new(now, identity(), BytesMut::new());
    let mut out = BytesMut::new();
    assert!(session.poll_transmit(&mut out));
    assert_eq!(out, hex(&named(list("frames", 35), "server_key")["frame_hex"]));
    session.handle_written(now);
    session
}

const ADMISSION: Admission = Admission {
    mesh: false,
    info: ServerInfo { version: 2, bytes_per_second: 0, burst_bytes: 0 },
    nonce: [1; 24],
    jitter: Duration::from_secs(2),
};

/// A server session with client A of the vectors admitted.
fn admitted(now: Instant, admission: &Admission) -> ServerSession {
    let mut session = server(now);
    session.feed(&hex(&named(list("frames", 35), "client_info_regular_a")["frame_hex"]));
    let event = session.poll_event(now);
    assert_eq!(event, Some(ServerEvent::Identified { key: public("client_a"), info: ClientInfo::ordinary() }));
    session.admit(now, admission);
    let mut out = BytesMut::new();
    assert!(session.poll_transmit(&mut out));
    assert!(session.is_admitted());
    session
}

fn events(session: &mut ServerSession, now: Instant) -> Vec<ServerEvent> {
    std::iter::from_fn(|| session.poll_event(now)).collect()
}

fn written(session: &mut ServerSession) -> Vec<u8> {
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    out.to_vec()
}

fn client(now: Instant, nonce: Nonce, relay: Option<NodePublic>, home: bool) -> ClientSession {
    let config = ClientConfig { key: private("client_a"), info: ClientInfo::ordinary(), nonce, home, relay };
    ClientSession::new(now, config, BytesMut::new()).unwrap()
}

fn told(session: &mut ClientSession, now: Instant) -> Vec<ClientEvent> {
    std::iter::from_fn(|| session.poll_event(now)).collect()
}

fn said(session: &mut ClientSession) -> Vec<u8> {
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    out.to_vec()
}

fn client_nonce() -> Nonce {
    array(&named(list("frames", 35), "client_info_regular_a")["fields"]["nonce"])
}

fn server_nonce() -> Nonce {
    array(&named(list("frames", 35), "server_info_for_a")["fields"]["nonce"])
}

/// A client that has been let in.
fn let_in(now: Instant, info: &ServerInfo) -> ClientSession {
    let mut session = client(now, client_nonce(), Some(public("server")), false);
    said(&mut session);
    session.feed(&server_info(info));
    assert_eq!(told(&mut session, now), [ClientEvent::Admitted(*info)]);
    session
}

fn server_info(info: &ServerInfo) -> BytesMut {
    let secret = SharedSecret::for_nodes(&private("server"), &public("client_a")).unwrap();
    let mut frame = BytesMut::new();
    let sealed = secret.seal(&[3; 24], &info.encode()).into();
    Frame::ServerInfo { nonce: [3; 24], sealed }.encode_whole(&mut frame).unwrap();
    frame
}
