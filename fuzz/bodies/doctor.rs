//! What the doctor reads of strangers beside DERP: certificates, the first message of a WebSocket, the head of an answer.

use natscope::wire::upgrade::ResponseReader;
use natscope::wire::websocket::first_message;
use natscope::wire::x509::{Certificate, Names};

pub fn run(bytes: &[u8]) {
    let _ = Certificate::decode(bytes);
    if let Some(names) = Names::decode(bytes) {
        assert!(names.dns.len() + names.addresses.len() <= bytes.len());
    }
    if let Ok(Some(message)) = first_message(bytes) {
        assert!(message.len() <= bytes.len());
    }
    let mut reader = ResponseReader::new();
    let _ = reader.feed(bytes);
}
