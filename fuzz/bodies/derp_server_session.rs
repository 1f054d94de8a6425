//! A relay's session with anybody: whatever a client sends before and after it is let in, the session ends at most once,
//! says nothing after its end, and always has something to wait for.

use bytes::BytesMut;
use natscope::derp::{Admission, ClientConfig, ClientSession, RelayIdentity, ServerEvent, ServerSession};
use natscope::model::NodePrivate;
use natscope::wire::derp::{ClientInfo, ServerInfo};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static RELAY: LazyLock<Arc<RelayIdentity>> =
    LazyLock::new(|| Arc::new(RelayIdentity::new(NodePrivate::generate([1; 32]))));

/// What a client says to that relay first.
static GREETING: LazyLock<BytesMut> = LazyLock::new(|| {
    let config = ClientConfig {
        key: NodePrivate::generate([2; 32]),
        info: ClientInfo::ordinary(),
        nonce: [3; 24],
        home: false,
        relay: Some(*RELAY.public()),
    };
    let mut client = ClientSession::new(Instant::now(), config, BytesMut::new()).expect("no weak key");
    let mut greeting = BytesMut::new();
    client.poll_transmit(&mut greeting);
    greeting
});

pub fn run(input: &[u8]) {
    let [flags, piece, bytes @ ..] = input else { return };
    let (greets, mesh, piece) = (flags & 1 != 0, flags & 2 != 0, *piece);
    let mut now = Instant::now();
    let mut session = ServerSession::new(now, Arc::clone(&RELAY), BytesMut::new());
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    session.handle_written(now);
    if greets {
        session.feed(&GREETING);
    }
    let admission = Admission { mesh, info: ServerInfo::ordinary(), nonce: [4; 24], jitter: Duration::ZERO };
    let mut closed = false;
    for piece in bytes.chunks(usize::from(piece).max(1)) {
        session.feed(piece);
        while let Some(event) = session.poll_event(now) {
            assert!(!closed, "{event:?} after the end");
            match event {
                ServerEvent::Identified { .. } => session.admit(now, &admission),
                ServerEvent::Closed(_) => closed = true,
                ServerEvent::Watch | ServerEvent::Forward { .. } | ServerEvent::ClosePeer(_) => assert!(mesh),
                _ => assert!(session.is_admitted() || session.is_closed()),
            }
        }
        out.clear();
        assert!(!closed || !session.poll_transmit(&mut out));
        assert_eq!(session.poll_timeout().is_none(), closed);
        now += Duration::from_millis(100);
        session.handle_timeout(now);
    }
    session.handle_read(0);
}
