//! A relay's session with another one, which is a relay's session with a client, and a switchboard at each end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use natscope::derp::{
    Admission, ClientClose, Inlet, Limits, Member, MeshClose, MeshConfig, MeshEvent, MeshSession, Outlet, Routed,
    ServerClose, ServerEvent, ServerSession, Switchboard,
};
use natscope::model::{MeshKey, NodePublic};
use natscope::wire::derp::{ClientInfo, Frame, FrameKind, GoneReason, PresenceFlags};

use super::{ADMISSION, client_nonce, identity, written};
use crate::start;
use crate::switchboard::{disco_packet, drain, key, member};
use crate::vectors::{private, public};

fn mesh_key(digit: char) -> MeshKey {
    digit.to_string().repeat(64).parse().unwrap()
}

/// This relay, and what it watches another one with.
struct Here {
    board: Arc<Switchboard>,
    session: MeshSession,
    outlet: Option<Arc<Outlet>>,
    told: Vec<MeshEvent>,
}

/// The other relay, and the connection on which it is watched.
struct There {
    board: Arc<Switchboard>,
    session: ServerSession,
    mesh_key: Option<MeshKey>,
    joined: Option<(Inlet, Arc<Outlet>)>,
    closed: Option<ServerClose>,
}

fn here(now: Instant, relay: Option<NodePublic>, own: NodePublic) -> Here {
    let board = Switchboard::new(Limits::default());
    let config = MeshConfig { key: private("client_a"), mesh_key: mesh_key('a'), nonce: client_nonce(), relay };
    let session = MeshSession::new(now, config, own, Arc::clone(&board), BytesMut::new()).unwrap();
    Here { board, session, outlet: None, told: Vec::new() }
}

fn there(now: Instant, mesh_key: Option<MeshKey>) -> There {
    let session = ServerSession::new(now, identity(), BytesMut::new());
    There { board: Switchboard::new(Limits::default()), session, mesh_key, joined: None, closed: None }
}

/// Both as they are once the one watches the other.
fn linked(now: Instant) -> (Here, There) {
    let (mut here, mut there) = (here(now, None, public("client_a")), there(now, Some(mesh_key('a'))));
    converse(&mut here, &mut there, now);
    let told = std::mem::take(&mut here.told);
    assert!(matches!(told[..], [MeshEvent::Linked { relay, .. }, MeshEvent::Watching] if relay == public("server")));
    (here, there)
}

/// Until neither has anything to say.
fn converse(here: &mut Here, there: &mut There, now: Instant) {
    loop {
        let incoming = there.speak(now);
        if !incoming.is_empty() || there.closed.is_some() {
            here.hear(&incoming, now);
        }
        let outgoing = here.speak(now);
        there.hear(&outgoing, now);
        if incoming.is_empty() && outgoing.is_empty() {
            return;
        }
    }
}

impl Here {
    fn hear(&mut self, bytes: &[u8], now: Instant) {
        self.session.room().extend_from_slice(bytes);
        self.session.handle_read(bytes.len());
        while let Some(event) = self.session.poll_event(now) {
            if let MeshEvent::Linked { outlet, .. } = &event {
                self.outlet = Some(Arc::clone(outlet));
            }
            self.told.push(event);
        }
    }

    fn speak(&mut self, now: Instant) -> Vec<u8> {
        let mut out = BytesMut::new();
        self.session.poll_transmit(&mut out);
        for frame in self.outlet.iter().flat_map(|outlet| drain(outlet, now)) {
            frame.encode_whole(&mut out).unwrap();
        }
        out.to_vec()
    }

    fn ended(&self) -> Option<MeshClose> {
        match self.told.last() {
            Some(MeshEvent::Closed(reason)) => Some(*reason),
            _ => None,
        }
    }
}

impl There {
    fn hear(&mut self, bytes: &[u8], now: Instant) {
        self.session.feed(bytes);
        while let Some(event) = self.session.poll_event(now) {
            match event {
                ServerEvent::Identified { key, info } => {
                    let mesh = self.mesh_key.is_some() && info.mesh_key == self.mesh_key;
                    self.session.admit(now, &Admission { mesh, ..ADMISSION });
                    let member = Member { key, endpoint: None, flags: PresenceFlags::MESH_PEER };
                    self.joined = Some(self.board.join(now, member));
                }
                ServerEvent::Watch => self.inlet().watch(),
                ServerEvent::Forward { source, destination, payload } => {
                    self.inlet().forward(now, &source, &destination, payload);
                }
                ServerEvent::Closed(reason) => self.closed = Some(reason),
                ServerEvent::Pinged { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn speak(&mut self, now: Instant) -> Vec<u8> {
        let mut out = BytesMut::from(&written(&mut self.session)[..]);
        self.session.handle_written(now);
        for frame in self.joined.iter().flat_map(|(_, outlet)| drain(outlet, now)) {
            frame.encode_whole(&mut out).unwrap();
        }
        out.to_vec()
    }

    fn inlet(&mut self) -> &mut Inlet {
        &mut self.joined.as_mut().unwrap().0
    }
}

#[test]
fn packets_go_where_their_destination_is() {
    let now = start();
    let (mut here, mut there) = linked(now);
    let (mut a, a_out) = here.board.join(now, member(1));
    assert_eq!(here.session.clients(), 0, "not even this relay, which is a client there");
    let (far, far_out) = there.board.join(now, member(7));
    converse(&mut here, &mut there, now);
    assert_eq!((here.session.clients(), here.board.census().clients_remote), (1, 1));

    assert_eq!(a.route(now, &key(7), Bytes::from("over")), Routed::Forwarded);
    converse(&mut here, &mut there, now);
    assert_eq!(drain(&far_out, now), [Frame::RecvPacket { source: key(1), payload: Bytes::from("over") }]);

    // It leaves, and packets for it are lost here already.
    drop((far, far_out));
    converse(&mut here, &mut there, now);
    assert_eq!(here.session.clients(), 0);
    a.route(now, &key(7), disco_packet(0));
    assert_eq!(drain(&a_out, now), [Frame::PeerGone { peer: key(7), reason: GoneReason::NOT_HERE }]);
    assert!(here.told.is_empty(), "{:?}", here.told);
}

/// What comes from a relay goes to clients here, never to another relay: not even when only that one has the client.
#[test]
fn a_forwarded_packet_is_never_forwarded_again() {
    let now = start();
    let (mut here, mut there) = linked(now);
    let (mut a, _a_out) = here.board.join(now, member(1));
    // The other relay has it by its own link to a third one, and says to have it no longer.
    let (mut third, third_out) = there.board.link(now, key(103));
    third.present(key(7));
    let (far, far_out) = there.board.join(now, member(7));
    converse(&mut here, &mut there, now);
    assert_eq!(a.route(now, &key(7), disco_packet(0)), Routed::Forwarded);
    drop((far, far_out));
    converse(&mut here, &mut there, now);
    assert_eq!(drain(&third_out, now), []);
    let counters = there.board.counters();
    assert_eq!((counters.packets_forwarded_in, counters.packets_forwarded_out), (1, 0));
}

#[test]
fn who_has_not_the_mesh_key_learns_nothing() {
    for (other, what) in [(None, "no mesh"), (Some(mesh_key('b')), "another mesh key")] {
        let now = start();
        let (mut here, mut there) = (here(now, None, public("client_a")), there(now, other));
        let (_secret, _out) = there.board.join(now, member(7));
        converse(&mut here, &mut there, now);
        assert_eq!(there.closed, Some(ServerClose::MeshOnly { kind: FrameKind::WATCH_CONNS }), "{what}");
        here.hear(b"", now);
        assert_eq!(here.ended(), Some(MeshClose::NotOfMesh), "{what}: {:?}", here.told);
        assert_eq!((there.board.census().watchers, here.board.census().clients_remote), (0, 0), "{what}");
    }
}

#[test]
fn a_relay_does_not_mesh_with_itself() {
    let now = start();
    for known in [None, Some(public("server"))] {
        let (mut here, mut there) = (here(now, known, public("server")), there(now, Some(mesh_key('a'))));
        if known.is_none() {
            let incoming = there.speak(now);
            here.hear(&incoming, now);
        } else {
            here.told.extend(here.session.poll_event(now));
        }
        assert_eq!(here.ended(), Some(MeshClose::Itself), "{:?}", here.told);
        assert_eq!(here.speak(now), b"", "and says nothing");
        assert_eq!(here.session.poll_timeout(), None);
    }
}

/// Given up 3 to 4 seconds after it said something last, and what was behind it is gone.
#[test]
fn a_relay_that_no_longer_answers_is_given_up() {
    let mut now = start();
    let (mut here, mut there) = linked(now);
    let (_far, _far_out) = there.board.join(now, member(7));
    converse(&mut here, &mut there, now);
    // While it answers, nothing happens, however long it takes.
    for _ in 0..300 {
        now = here.session.poll_timeout().unwrap();
        here.session.handle_timeout(now);
        converse(&mut here, &mut there, now);
    }
    assert!(here.told.is_empty(), "{:?}", here.told);
    let last = now;
    while here.ended().is_none() {
        now = here.session.poll_timeout().unwrap();
        here.session.handle_timeout(now);
        here.session.handle_timeout(now);
        here.speak(now);
        here.told.extend(here.session.poll_event(now));
    }
    assert_eq!(here.ended(), Some(MeshClose::Silent));
    let took = now - last;
    assert!((Duration::from_secs(3)..=Duration::from_secs(4)).contains(&took), "{took:?}");
    assert_eq!(here.board.census().clients_remote, 0);
}

#[test]
fn a_connection_that_ends_takes_its_keys_with_it() {
    let now = start();
    let (mut here, mut there) = linked(now);
    let (mut a, a_out) = here.board.join(now, member(1));
    let (_far, _far_out) = there.board.join(now, member(7));
    converse(&mut here, &mut there, now);
    // It was heard, and so its loss is told.
    let (mut from_there, _) = here.board.join(now, Member { key: public("server"), ..member(0) });
    from_there.forward(now, &key(7), &key(1), Bytes::from("hello"));
    drain(&a_out, now);
    here.hear(b"", now);
    assert_eq!(here.ended(), Some(MeshClose::Client(ClientClose::Left)));
    assert_eq!(drain(&a_out, now), [Frame::PeerGone { peer: key(7), reason: GoneReason::DISCONNECTED }]);
    assert!(matches!(a.route(now, &key(7), Bytes::from("x")), Routed::Dropped(_)));
    assert!(here.session.poll_event(now).is_none());
}

/// The greeting carries the key in its box, and nothing that is not a relay's.
#[test]
fn the_greeting_has_the_mesh_key() {
    let now = start();
    let (mut here, mut there) = (here(now, Some(public("server")), public("client_a")), there(now, None));
    let greeting = here.speak(now);
    there.speak(now);
    there.session.feed(&greeting);
    let info = ClientInfo { mesh_key: Some(mesh_key('a')), ..ClientInfo::ordinary() };
    assert_eq!(there.session.poll_event(now), Some(ServerEvent::Identified { key: public("client_a"), info }));
}
