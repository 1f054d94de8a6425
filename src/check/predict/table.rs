//! Who reaches whom: the table of classes, a cell for each pair.

use crate::report::Class;

/// What two classes can do with each other, from worst to best, given that both send at once to where STUN servers see
/// the other, and answer whoever gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// R: nothing but a relay. (Or guessing both sides' ports at once, which nobody lives to see.)
    Relay,
    /// P: one side's port guessed by the birthday paradox: some 256 sockets and 1024 packets for a fair chance.
    Guess,
    /// P+: one side's port, or both, predicted from how the NAT hands them out.
    Predict,
    /// D*: direct if the hard side's answers leave by the mapping that was hit, as those of NATs do that track sessions.
    /// Whether one does so when both have sent before is in no report.
    IfHit,
    /// D: direct.
    Direct,
}

use Cell::{Direct as D, Guess as P, IfHit as H, Predict as X, Relay as R};

/// The upper half: the row of a class begins with itself, in the order of [`Class::ALL`]. A filter is taken to be kept for
/// each mapping, as in NATs that have an entry for each: then a packet to a mapping made for one destination does not pass
/// because of what was sent through another.
const TABLE: [(Class, &[Cell]); 9] = [
    (Class::Open, &[D, D, D, D, D, D, D, D, R]),
    (Class::Nat1, &[D, D, D, D, D, D, D, R]),
    (Class::Nat2, &[D, D, D, D, D, D, R]),
    (Class::Nat3, &[D, H, P, X, P, R]),
    (Class::HardEif, &[D, D, H, H, R]),
    (Class::HardAdf, &[P, P, P, R]),
    (Class::HardPredictable, &[X, R, R]),
    (Class::HardRandom, &[R, R]),
    (Class::Blocked, &[R]),
];

/// The cell of a pair, in whichever order.
#[must_use]
pub fn cell(one: Class, other: Class) -> Cell {
    let (first, second) = (one.min(other), one.max(other));
    let place = |wanted: Class| Class::ALL.iter().position(|class| *class == wanted);
    let row = TABLE.iter().find(|(class, _)| *class == first);
    let column = place(second).zip(place(first)).and_then(|(second, first)| second.checked_sub(first));
    row.zip(column).and_then(|((_, cells), column)| cells.get(column)).copied().unwrap_or(R)
}

/// The cell of a pair of which a hard side may (`true`) have another external address for each destination. Then a peer
/// that filters by address has opened the wrong one, and nobody can predict the port.
pub(super) fn cell_of(one: (Class, bool), other: (Class, bool)) -> Cell {
    let roams = |(class, roams): (Class, bool)| roams && class.is_hard();
    let as_met = |(class, own): (Class, bool), peer: (Class, bool)| match class {
        Class::Nat2 if roams(peer) => Class::Nat3,
        Class::HardAdf if roams(peer) => Class::HardRandom,
        Class::HardPredictable if roams((class, own)) => Class::HardRandom,
        same => same,
    };
    cell(as_met(one, other), as_met(other, one))
}
