//! 诊断对中继的发现。

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

/// 带有可粘贴内容的文字。
fn pasted(text: FindingText, snippets: Vec<Snippet>) -> FindingText {
    FindingText { snippets, ..text }
}

/// 属于其他层的发现，不会到这里来。
fn elsewhere(fault: &RelayFault) -> FindingText {
    text(fault.code().name(), fault.code().name().to_owned(), &[], fault.code().name())
}

/// 自报名称的服务器。
fn by(server: Option<&str>) -> String {
    server.map_or_else(String::new, |server| format!("（{server}）"))
}
