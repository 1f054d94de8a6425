//! 各项发现的详细说明，每层一个文件。

mod derp;
mod dns;
mod host;
mod http;
mod map;
mod net;
mod path;
mod stun;
mod tcp;
mod tls;

use crate::render::catalogue::{Explanation, explanations};

explanations!();

const fn text(title: &'static str, means: &'static str, evidence: &'static str, fix: &'static str) -> Explanation {
    Explanation { title, means, evidence, fix }
}
