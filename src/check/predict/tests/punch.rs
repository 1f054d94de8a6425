//! The table again, from first principles: two NATs made of nothing but RFC 4787's words, and two programs that send to
//! what a STUN server told of the other, and answer whoever gets through.

use std::collections::BTreeSet;

use crate::check::predict::table::{Cell, cell, cell_of};
use crate::model::{Filtering, Mapping};
use crate::report::Class;

/// Address and port. Host 1 has addresses 16 to 31, host 2 those from 32 on.
type Endpoint = (u16, u16);

const STUN: Endpoint = (1, 3478);

/// For whom a filter remembers what was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    /// For each mapping by itself.
    Mapping,
    /// For the inner endpoint, whatever mapping it was sent through.
    Endpoint,
}

#[derive(Clone)]
struct Nat {
    host: u16,
    mapping: Mapping,
    filtering: Filtering,
    scope: Scope,
    /// Whether answers leave by the mapping that was hit.
    tracks: bool,
    /// Whether each mapping has an address of its own.
    roams: bool,
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    key: Endpoint,
    outer: Endpoint,
    sent: BTreeSet<Endpoint>,
    hit: BTreeSet<Endpoint>,
}

impl Nat {
    fn next(&self) -> Endpoint {
        let number = u16::try_from(self.entries.len()).unwrap();
        (self.host * 16 + if self.roams { number % 16 } else { 0 }, 1000 + number)
    }

    fn send(&mut self, to: Endpoint) -> Endpoint {
        let key = match self.mapping {
            Mapping::Direct | Mapping::EndpointIndependent => (0, 0),
            Mapping::AddressDependent => (to.0, 0),
            Mapping::AddressAndPortDependent => to,
        };
        let next = self.next();
        let was_hit = self.entries.iter().position(|entry| self.tracks && entry.hit.contains(&to));
        let place = was_hit.or_else(|| self.entries.iter().position(|entry| entry.key == key)).unwrap_or_else(|| {
            self.entries.push(Entry { key, outer: next, sent: BTreeSet::new(), hit: BTreeSet::new() });
            self.entries.len() - 1
        });
        self.entries[place].sent.insert(to);
        self.entries[place].outer
    }

    fn lets_in(&mut self, at: Endpoint, from: Endpoint) -> bool {
        let Some(place) = self.entries.iter().position(|entry| entry.outer == at) else { return false };
        let sent: BTreeSet<Endpoint> = match self.scope {
            Scope::Mapping => self.entries[place].sent.clone(),
            Scope::Endpoint => self.entries.iter().flat_map(|entry| entry.sent.iter().copied()).collect(),
        };
        let passes = match self.filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => sent.iter().any(|it| it.0 == from.0),
            Filtering::AddressAndPortDependent => sent.contains(&from),
        };
        if passes {
            self.entries[place].hit.insert(from);
        }
        passes
    }
}

#[derive(Clone, Copy, Debug)]
enum Schedule {
    AtOnce,
    First(usize),
}

/// Whether packets flow both ways in the end. Who guesses knows the peer's ports, present and next.
fn connect(mut nats: [Nat; 2], schedule: Schedule, guesses: [bool; 2]) -> bool {
    let mut known: [BTreeSet<Endpoint>; 2] = Default::default();
    let told = [nats[0].send(STUN), nats[1].send(STUN)];
    known[0].insert(told[1]);
    known[1].insert(told[0]);
    let mut heard = [false; 2];
    for _ in 0..5 {
        heard = [false; 2];
        let turns: &[&[usize]] = match schedule {
            Schedule::AtOnce => &[&[0, 1]],
            Schedule::First(0) => &[&[0], &[1]],
            Schedule::First(_) => &[&[1], &[0]],
        };
        for turn in turns {
            let before = nats.clone();
            let mut flying: Vec<(usize, Endpoint, Endpoint)> = Vec::new();
            for &me in *turn {
                let peer = &before[1 - me];
                let mut targets: Vec<Endpoint> = Vec::new();
                if guesses[me] {
                    targets.push(peer.next());
                    targets.extend(peer.entries.iter().map(|entry| entry.outer));
                }
                targets.extend(&known[me]);
                flying.extend(targets.into_iter().map(|to| (1 - me, to, nats[me].send(to))));
            }
            for (to_whom, to, from) in flying {
                if nats[to_whom].lets_in(to, from) {
                    heard[to_whom] = true;
                    known[to_whom].insert(from);
                }
            }
        }
    }
    heard == [true, true]
}

/// Every NAT of the class.
fn nats(class: Class, host: u16, scope: Scope, tracks: bool, roams: bool) -> Vec<Nat> {
    use Filtering::{AddressAndPortDependent as Apdf, AddressDependent as Adf, EndpointIndependent as Eif};
    let (mappings, filtering): (&[Mapping], _) = match class {
        Class::Open | Class::Nat1 => (&[Mapping::EndpointIndependent], Eif),
        Class::Nat2 => (&[Mapping::EndpointIndependent], Adf),
        Class::Nat3 => (&[Mapping::EndpointIndependent], Apdf),
        Class::HardEif => (&[Mapping::AddressDependent, Mapping::AddressAndPortDependent], Eif),
        Class::HardAdf => (&[Mapping::AddressDependent, Mapping::AddressAndPortDependent], Adf),
        Class::HardPredictable | Class::HardRandom => {
            (&[Mapping::AddressDependent, Mapping::AddressAndPortDependent], Apdf)
        }
        Class::Blocked => (&[], Apdf),
    };
    let roams = roams && class.is_hard();
    let nat = |mapping: &Mapping| Nat { host, mapping: *mapping, filtering, scope, tracks, roams, entries: Vec::new() };
    mappings.iter().map(nat).collect()
}

/// What the simulation makes of a pair: the worst of its NATs, with the best guesser.
fn derived(one: Class, other: Class, scope: Scope, roams: bool) -> Cell {
    let schedules = [Schedule::AtOnce, Schedule::First(0), Schedule::First(1)];
    let runs = |tracks: [bool; 2], guesses: [bool; 2]| {
        let mut runs = Vec::new();
        for a in nats(one, 1, scope, tracks[0], roams) {
            for b in nats(other, 2, scope, tracks[1], false) {
                runs.extend(schedules.map(|schedule| connect([a.clone(), b.clone()], schedule, guesses)));
            }
        }
        runs
    };
    let always = |runs: Vec<bool>| !runs.is_empty() && runs.iter().all(|works| *works);
    let ever = |guesses| [[false, false], [true, true]].into_iter().any(|tracks| runs(tracks, guesses).contains(&true));
    let all_kinds = [[false, false], [false, true], [true, false], [true, true]];
    if all_kinds.into_iter().all(|tracks| always(runs(tracks, [false, false]))) {
        return Cell::Direct;
    }
    if always(runs([true, true], [false, false])) {
        return Cell::IfHit;
    }
    let guessed = |class| if class == Class::HardPredictable { Cell::Predict } else { Cell::Guess };
    let alone = [(other, [true, false]), (one, [false, true])];
    let best = alone.into_iter().filter(|(_, guesses)| ever(*guesses)).map(|(class, _)| guessed(class)).max();
    best.unwrap_or_else(|| {
        let both = one == Class::HardPredictable && other == Class::HardPredictable;
        if both && ever([true, true]) { Cell::Predict } else { Cell::Relay }
    })
}

#[test]
fn the_table_follows_from_what_nats_do() {
    let mut wrong = Vec::new();
    for one in Class::ALL {
        for other in Class::ALL {
            let (written, derived) = (cell(one, other), derived(one, other, Scope::Mapping, false));
            if written != derived {
                wrong.push(format!("{one:?} × {other:?}: the table says {written:?}, NATs do {derived:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The table takes filters to be kept for each mapping. RFC 4787 speaks of the inner endpoint; a NAT that keeps its filter
/// so lets more through, never less.
#[test]
fn filters_kept_for_the_inner_endpoint_let_more_through() {
    let mut better = Vec::new();
    for (place, one) in Class::ALL.into_iter().enumerate() {
        for other in Class::ALL.into_iter().skip(place) {
            let (written, derived) = (cell(one, other), derived(one, other, Scope::Endpoint, false));
            assert!(derived >= written, "{one:?} × {other:?}: {written:?} and {derived:?}");
            if derived > written {
                better.push(format!("{one:?} × {other:?}: {written:?} → {derived:?}"));
            }
        }
    }
    insta::assert_snapshot!(better.join("\n"), @r"
    Nat3 × HardAdf: Guess → IfHit
    Nat3 × HardPredictable: Predict → IfHit
    Nat3 × HardRandom: Guess → IfHit
    HardAdf × HardAdf: Guess → Direct
    HardAdf × HardPredictable: Guess → IfHit
    HardAdf × HardRandom: Guess → IfHit
    HardPredictable × HardRandom: Relay → Predict
    HardRandom × HardRandom: Relay → Guess
    ");
}

/// With an address of its own for each mapping, the first side is as the table for roaming says, as far as nobody guesses.
#[test]
fn so_does_the_table_of_those_that_roam() {
    let unguessed = |cell: Cell| if cell < Cell::IfHit { Cell::Relay } else { cell };
    for one in Class::ALL {
        for other in Class::ALL {
            let written = unguessed(cell_of((one, true), (other, false)));
            let derived = unguessed(derived(one, other, Scope::Mapping, true));
            assert!(written <= derived, "{one:?} that roams × {other:?}: {written:?}, NATs do {derived:?}");
            assert!(
                (written == Cell::Direct) == (derived == Cell::Direct),
                "{one:?} that roams × {other:?}: {written:?}, NATs do {derived:?}"
            );
        }
    }
}
