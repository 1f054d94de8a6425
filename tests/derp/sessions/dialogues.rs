//! Our client and our relay say to each other, byte for byte, what the vectors have.

use bytes::{Bytes, BytesMut};
use natscope::derp::{
    Admission, ClientConfig, ClientEvent, ClientSession, SendError, Sent, ServerEvent, ServerSession,
};
use natscope::wire::derp::{ClientInfo, ServerInfo};
use natscope::wire::upgrade::{Request, ResponseReader, encode_switching};

use super::{ADMISSION, admitted, client, client_nonce, events, identity, said, server_nonce, told, written};
use crate::start;
use crate::vectors::{hex, list, named, private, public};

const REQUEST: Request<'_> = Request { host: "derp.example.com", port: 443, fast_start: false, ideal_node: None };

/// Our user agent is not a stock client's; all other bytes are.
fn stock(request: &Request<'_>) -> Vec<u8> {
    let text = String::from_utf8(request.encode().unwrap().to_vec()).unwrap();
    let ours = format!("natscope/{}", env!("CARGO_PKG_VERSION"));
    text.replace(&ours, "Go-http-client/1.1").into_bytes()
}

#[test]
fn a_fast_start_is_the_dialogue_of_the_vectors() {
    let now = start();
    let dialogue = named(list("streams", 3), "fast_start_client_a");
    let mut session = client(now, client_nonce(), Some(public("server")), true);
    let request = stock(&Request { fast_start: true, ..REQUEST });
    let ours = [request.clone(), said(&mut session)].concat();
    assert_eq!(ours, hex(&dialogue["client_to_server_hex"]));

    let mut relay = ServerSession::new(now, identity(), BytesMut::from(&ours[request.len()..]));
    let mut theirs = written(&mut relay);
    relay.handle_written(now);
    assert!(matches!(relay.poll_event(now), Some(ServerEvent::Identified { .. })));
    assert_eq!(relay.poll_event(now), None, "nothing more before it is admitted");
    relay.admit(now, &Admission { nonce: server_nonce(), ..ADMISSION });
    theirs.extend(written(&mut relay));
    assert_eq!(relay.poll_event(now), Some(ServerEvent::Preferred(true)));
    assert_eq!(theirs, hex(&dialogue["server_to_client_hex"]));

    session.feed(&theirs);
    let wanted = [ClientEvent::ServerKey(public("server")), ClientEvent::Admitted(ServerInfo::ordinary())];
    assert_eq!(told(&mut session, now), wanted);
    assert!(session.is_admitted());
}

#[test]
fn a_normal_start_is_the_dialogue_of_the_vectors() {
    let now = start();
    let steps = named(list("streams", 3), "normal_start_client_a")["steps"].as_array().unwrap();
    assert_eq!(stock(&REQUEST), hex(&steps[0]["hex"]));

    let mut relay = ServerSession::new(now, identity(), BytesMut::new());
    let answer = [encode_switching(&public("server")).to_vec(), written(&mut relay)].concat();
    assert_eq!(answer, hex(&steps[1]["hex"]));

    let mut reader = ResponseReader::new();
    assert!(reader.feed(&answer).unwrap().unwrap().is_switching());
    let config = ClientConfig {
        key: private("client_a"),
        info: ClientInfo::ordinary(),
        nonce: client_nonce(),
        home: false,
        relay: None,
    };
    let mut session = ClientSession::new(now, config, reader.rest()).unwrap();
    assert_eq!(said(&mut session), b"");
    assert_eq!(session.send(now, public("client_b"), Bytes::new()), Err(SendError::NotYet));
    assert_eq!(told(&mut session, now), [ClientEvent::ServerKey(public("server"))]);
    let greeting = said(&mut session);
    assert_eq!(greeting, hex(&steps[2]["hex"]));

    relay.feed(&greeting);
    assert!(matches!(relay.poll_event(now), Some(ServerEvent::Identified { .. })));
    relay.admit(now, &Admission { nonce: server_nonce(), ..ADMISSION });
    let welcome = written(&mut relay);
    assert_eq!(welcome, hex(&steps[3]["hex"]));
    session.feed(&welcome);
    assert_eq!(told(&mut session, now), [ClientEvent::Admitted(ServerInfo::ordinary())]);
}

#[test]
fn a_packet_goes_in_and_comes_out_as_in_the_vectors() {
    let now = start();
    let steps = named(list("streams", 3), "a_sends_b")["steps"].as_array().unwrap();
    let mut client = client(now, client_nonce(), Some(public("server")), false);
    said(&mut client);
    assert_eq!(client.send(now, public("client_b"), Bytes::from("hello derp")), Ok(Sent::Queued));
    let sent = said(&mut client);
    assert_eq!(sent, hex(&steps[0]["hex"]));
    let mut relay = admitted(now, &ADMISSION);
    relay.feed(&sent);
    let packet = ServerEvent::Packet { destination: public("client_b"), payload: Bytes::from("hello derp") };
    assert_eq!(events(&mut relay, now), [packet]);
    client.feed(&hex(&steps[1]["hex"]));
    let packet = ClientEvent::Packet { source: public("client_a"), payload: Bytes::from("hello derp") };
    assert_eq!(told(&mut client, now), [packet]);
}
