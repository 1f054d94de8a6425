//! The long explanations of findings, a file a layer.

mod map;
mod net;

use crate::render::catalogue::{Explanation, explanations};

explanations!();

const fn text(title: &'static str, means: &'static str, evidence: &'static str, fix: &'static str) -> Explanation {
    Explanation { title, means, evidence, fix }
}
