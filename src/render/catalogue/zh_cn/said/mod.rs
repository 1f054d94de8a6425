//! 各处以英文写成的句子。

mod acme;
mod arguments;
mod command;
mod derp;
mod map;
mod network;
mod parser;
mod relay;

use crate::render::catalogue::phrase;

/// 错误、日志、进度，以及应答中缺少什么；别处的文字照原样。
pub(super) fn said(text: &str) -> String {
    // 帮助页不在其中。
    if text.contains("\nOptions:\n") || text.contains("\nCommands:\n") {
        return text.to_owned();
    }
    phrase::translated(
        text,
        &[
            parser::PHRASES,
            arguments::PHRASES,
            acme::PHRASES,
            command::PHRASES,
            derp::PHRASES,
            map::PHRASES,
            network::PHRASES,
            relay::PHRASES,
        ],
    )
}
