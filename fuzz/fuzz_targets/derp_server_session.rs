//! A relay's session with anybody: whatever a client sends before and after it is let in, the session ends at most once,
//! says nothing after its end, and always has something to wait for.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use natscope::derp::{Admission, ClientConfig, ClientSession, Rate, RelayIdentity, ServerEvent, ServerSession};
use natscope::model::NodePrivate;
use natscope::wire::derp::{ClientInfo, ServerInfo};

fuzz_target!(|input: (bool, bool, Option<u16>, u8, &[u8])| {
    let (greets, mesh, rate, piece, bytes) = input;
    let mut now = Instant::now();
    let relay = Arc::new(RelayIdentity::new(NodePrivate::generate([1; 32])));
    let mut session = ServerSession::new(now, Arc::clone(&relay), BytesMut::new());
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    session.handle_written(now);
    if greets {
        let config = ClientConfig {
            key: NodePrivate::generate([2; 32]),
            info: ClientInfo::ordinary(),
            nonce: [3; 24],
            home: false,
            relay: Some(*relay.public()),
        };
        let mut client = ClientSession::new(now, config, BytesMut::new()).expect("no weak key");
        let mut greeting = BytesMut::new();
        client.poll_transmit(&mut greeting);
        session.feed(&greeting);
    }
    let admission = Admission {
        mesh,
        info: ServerInfo::ordinary(),
        nonce: [4; 24],
        jitter: Duration::ZERO,
        rate: rate.map(|rate| Rate { per_second: rate.into(), burst: 65_568 }),
    };
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
});
