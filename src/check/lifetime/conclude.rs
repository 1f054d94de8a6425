//! From what became of each mapping to brackets, and to the one number that is safe. Pure.

use std::time::Duration;

use super::Class;
use crate::report::{Bracket, Confidence, Lifetime, ModeWhy, Verdict, Why};

/// What became of one idle mapping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) class: Class,
    pub(super) fate: Fate,
}

/// Whether a packet from outside came through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// It did, when the mapping had been idle for at least this long.
    Alive(Duration),
    /// It did not, when the mapping had been idle for at most this long, though it is known to have been sent.
    Dead(Duration),
    /// Nobody knows: copies to a mapping that was certainly alive did not come through either.
    Unclear,
}

/// The bracket of one class. `interrupted`: why there may be fewer samples than were planned.
pub(super) fn bracket(samples: &[Sample], class: Class, interrupted: Option<&Why>) -> Verdict<Bracket> {
    let of_class = || samples.iter().filter(move |sample| sample.class == class);
    let mut alive: Vec<Duration> = Vec::new();
    let mut dead: Vec<Duration> = Vec::new();
    for sample in of_class() {
        match sample.fate {
            Fate::Alive(age) => alive.push(age),
            Fate::Dead(age) => dead.push(age),
            Fate::Unclear => {}
        }
    }
    let (oldest, youngest) = (alive.iter().max().copied(), dead.iter().min().copied());
    match (oldest, youngest) {
        (None, None) => {
            let unclear = of_class().next().map(|_| Why::Mode(ModeWhy::HelperSilent));
            Verdict::unknown(unclear.or_else(|| interrupted.cloned()).unwrap_or(Why::NotAsked))
        }
        (Some(alive), Some(dead)) if alive > dead => {
            Verdict::unknown(Why::Mode(ModeWhy::LifetimesContradict { alive, dead }))
        }
        (alive_for, dead_after) => {
            let sure = alive.len() >= 2 && (dead.len() >= 2 || dead_after.is_none());
            let confidence = if sure { Confidence::High } else { Confidence::Medium };
            let bracket = Bracket { alive: alive_for.unwrap_or_default(), dead: dead_after };
            let mappings = u32::try_from(alive.len() + dead.len()).unwrap_or(u32::MAX);
            Verdict::known(bracket, confidence, []).because(Why::Mode(ModeWhy::MappingsTried { mappings }))
        }
    }
}

/// The idle time that is safe whatever was sent before: the lesser of what both classes have survived.
pub(super) fn safe(lifetime: &Lifetime) -> Verdict<Duration> {
    let Some(single) = lifetime.single.value().copied() else {
        return lifetime.single.clone().map(|bracket| bracket.alive);
    };
    let stream = lifetime.stream.value().copied();
    let alive = stream.map_or(single.alive, |stream| stream.alive.min(single.alive));
    let confidence = lifetime.single.confidence().min(lifetime.stream.confidence().or(lifetime.single.confidence()));
    if alive.is_zero() {
        let dead = [single.dead, stream.and_then(|stream| stream.dead)].into_iter().flatten().min();
        return Verdict::unknown(Why::Mode(ModeWhy::DeadAtFirstTry { dead: dead.unwrap_or_default() }));
    }
    Verdict::known(alive, confidence.unwrap_or(Confidence::Low), [])
        .because(Why::Mode(ModeWhy::IdleMappings { single, stream }))
}
