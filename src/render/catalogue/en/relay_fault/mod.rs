//! What the doctor has to say of a relay.

mod derp;
mod http;
mod reach;
mod stun;
mod tls;

use super::failure::failure;
use super::finding::text;
use crate::render::catalogue::{FindingText, Snippet};
use crate::report::{Layer, RelayFault, RelayFinding};

pub(super) fn relay_fault(finding: &RelayFinding) -> FindingText {
    let RelayFinding { node, fault } = finding;
    match fault.layer() {
        Layer::Map | Layer::Dns | Layer::Tcp | Layer::Path => reach::words(node, fault),
        Layer::Tls => tls::words(fault),
        Layer::Http => http::words(fault),
        Layer::Derp => derp::words(fault),
        Layer::Stun => stun::words(fault),
    }
}

/// A text with something to paste.
fn pasted(text: FindingText, snippets: Vec<Snippet>) -> FindingText {
    FindingText { snippets, ..text }
}

/// For faults of another layer, which never come here.
fn elsewhere(fault: &RelayFault) -> FindingText {
    text(fault.code().name(), fault.code().name().to_owned(), &[], fault.code().name())
}

/// The rest of a sentence about a server that names itself.
fn by(server: Option<&str>) -> String {
    server.map_or_else(String::new, |server| format!(" by {server}"))
}
