//! Every outcome the facts leave possible, path by path.

use std::collections::BTreeSet;

use super::class::{classes, roams};
use super::network::Network;
use super::table::{Cell, cell_of};
use crate::model::Family;
use crate::report::{Class, Likelihood, Mechanism, Side};

/// What a path between them may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Over which family; `None`: inside the network they share.
    pub(super) family: Option<Family>,
    /// Every cell that is possible.
    pub(super) cells: BTreeSet<Cell>,
    /// How, where it is direct.
    pub(super) mechanism: Mechanism,
}

impl Path {
    fn worst(&self) -> Cell {
        self.cells.first().copied().unwrap_or(Cell::Relay)
    }

    fn best(&self) -> Cell {
        self.cells.last().copied().unwrap_or(Cell::Relay)
    }
}

/// Every path, the one to prefer first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    paths: Vec<Path>,
}

impl Outcome {
    /// What two sides in such a network come to.
    pub(super) fn of(a: &Side, b: &Side, network: Network) -> Self {
        let cells = match network.lan {
            Some(true) => BTreeSet::from([Cell::Direct]),
            Some(false) => BTreeSet::from([Cell::Relay]),
            None => BTreeSet::from([Cell::Relay, Cell::Direct]),
        };
        let lan = Path { family: None, cells, mechanism: Mechanism::Lan };
        let mut paths: Vec<Path> =
            [Family::V6, Family::V4].map(|family| over(family, a, b, network.nat(family))).into();
        // A shared network that is only conceivable is not what is hoped for first.
        paths.insert(if network.lan == Some(true) { 0 } else { paths.len() }, lan);
        Self { paths }
    }

    /// Every cell that is possible for the best of the paths.
    pub(super) fn cells(&self) -> BTreeSet<Cell> {
        let least = self.paths.iter().map(Path::worst).max().unwrap_or(Cell::Relay);
        let all = self.paths.iter().flat_map(|path| &path.cells).copied();
        all.filter(|cell| *cell >= least).collect()
    }

    /// Whether they talk directly; `None` where the possible cells disagree, or hang on what no report tells.
    pub(super) fn direct(&self) -> Option<bool> {
        let cells = self.cells();
        if cells.iter().all(|cell| *cell == Cell::Direct) {
            Some(true)
        } else if cells.iter().all(|cell| *cell < Cell::IfHit) {
            Some(false)
        } else {
            None
        }
    }

    /// The same in a word.
    pub(super) fn likelihood(&self) -> Likelihood {
        let cells = self.cells();
        let (worst, best) = (cells.first().copied(), cells.last().copied());
        match (worst.unwrap_or(Cell::Relay), best.unwrap_or(Cell::Relay)) {
            (Cell::Direct, _) => Likelihood::High,
            (Cell::IfHit, _) => Likelihood::Likely,
            (_, Cell::Direct | Cell::IfHit) => Likelihood::Uncertain,
            (_, Cell::Relay) => Likelihood::None,
            (_, Cell::Guess | Cell::Predict) => Likelihood::Guessing,
        }
    }

    /// The path that is surest to be direct, and of those the one to prefer.
    pub(super) fn best(&self) -> Option<&Path> {
        let rank = |path: &Path| (path.worst(), path.best());
        let most = self.paths.iter().map(rank).max()?;
        self.paths.iter().find(|path| rank(path) == most)
    }

    /// From no to yes, to compare two.
    pub(super) fn rank(&self) -> (i8, Likelihood) {
        let value = match self.direct() {
            Some(false) => 0,
            None => 1,
            Some(true) => 2,
        };
        (value, self.likelihood())
    }
}

fn over(family: Family, a: &Side, b: &Side, shares_nat: Option<bool>) -> Path {
    let (one, other) = (a.family(family), b.family(family));
    let (of_one, of_other) = (classes(one), classes(other));
    let mut cells = BTreeSet::new();
    for (mine, yours) in of_one.iter().flat_map(|mine| of_other.iter().map(move |yours| (*mine, *yours))) {
        for (my_roaming, your_roaming) in pairs(&roams(one), &roams(other)) {
            let apart = cell_of((mine, my_roaming), (yours, your_roaming));
            if shares_nat != Some(true) {
                cells.insert(apart);
            }
            if shares_nat != Some(false) {
                let hairpin = hairpins(one.hairpinning, other.hairpinning);
                cells.extend(hairpin.iter().map(|works| if *works { turned(apart, mine, yours) } else { Cell::Relay }));
            }
        }
    }
    let open = |classes: &BTreeSet<Class>| classes.iter().all(|class| *class == Class::Open);
    let mechanism = if shares_nat == Some(true) {
        Mechanism::Hairpin
    } else if open(&of_one) || open(&of_other) {
        Mechanism::PublicEndpoint
    } else if cells.last() == Some(&Cell::IfHit) {
        Mechanism::HitMapping
    } else {
        Mechanism::HolePunch
    };
    Path { family: Some(family), cells, mechanism }
}

/// A cell whose packets a NAT turns around. One that shows the inner address of the sender (against RFC 4787's REQ-9a) is
/// a stranger to whoever filters.
fn turned(cell: Cell, one: Class, other: Class) -> Cell {
    let lets_all_in = |class| matches!(class, Class::Open | Class::Nat1);
    if lets_all_in(one) && lets_all_in(other) { cell } else { cell.min(Cell::IfHit) }
}

/// Each answer that is possible. It takes both tests: one may have been turned around by a router nearer than the shared
/// one.
fn hairpins(one: Option<bool>, other: Option<bool>) -> Vec<bool> {
    match (one, other) {
        (Some(true), Some(true)) => vec![true],
        (Some(false), _) | (_, Some(false)) => vec![false],
        _ => vec![true, false],
    }
}

fn pairs(ones: &[bool], others: &[bool]) -> Vec<(bool, bool)> {
    ones.iter().flat_map(|one| others.iter().map(|other| (*one, *other))).collect()
}
