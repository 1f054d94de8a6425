mod cases;
mod laws;
mod punch;

use std::collections::BTreeMap;

use super::table::{Cell, cell, cell_of};
use crate::report::Class;

/// The table, row by row, each from the class itself on: D direct, h direct if the hard side answers from the mapping that
/// was hit, + predicted ports, P guessed ports, R relay.
const ROWS: &str = "
    open     D D D D D D D D R
    nat1       D D D D D D D R
    nat2         D D D D D D R
    nat3           D h P + P R
    eif              D D h h R
    adf                P P P R
    predict              + R R
    random                 R R
    blocked                  R
";

fn of_letter(letter: &str) -> Cell {
    match letter {
        "D" => Cell::Direct,
        "h" => Cell::IfHit,
        "+" => Cell::Predict,
        "P" => Cell::Guess,
        "R" => Cell::Relay,
        other => panic!("{other}"),
    }
}

#[test]
fn the_table_is_the_one_that_is_written_down() {
    let mut written: BTreeMap<(Class, Class), Cell> = BTreeMap::new();
    for (row, line) in ROWS.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        for (column, letter) in line.split_whitespace().skip(1).enumerate() {
            written.insert((Class::ALL[row], Class::ALL[row + column]), of_letter(letter));
        }
    }
    assert_eq!(written.len(), 45, "nine classes have 45 pairs");
    for ((one, other), wanted) in written {
        assert_eq!(cell(one, other), wanted, "{one:?} × {other:?}");
        assert_eq!(cell(other, one), wanted, "{other:?} × {one:?}");
    }
}

/// Better on the left: it lets in more, or keeps its mapping. Class by class, nobody does worse for it.
#[test]
fn a_better_class_is_never_worse_off() {
    let better = [
        (Class::Open, Class::Nat1),
        (Class::Nat1, Class::Nat2),
        (Class::Nat2, Class::Nat3),
        (Class::Nat3, Class::HardPredictable),
        (Class::Nat1, Class::HardEif),
        (Class::Nat2, Class::HardAdf),
        (Class::HardEif, Class::HardAdf),
        (Class::HardAdf, Class::HardRandom),
        (Class::HardPredictable, Class::HardRandom),
        (Class::HardRandom, Class::Blocked),
    ];
    for peer in Class::ALL {
        for (good, bad) in better {
            assert!(cell(good, peer) >= cell(bad, peer), "{good:?} and {bad:?} with {peer:?}");
        }
    }
}

#[test]
fn one_that_roams_is_never_better_off() {
    for one in Class::ALL {
        for other in Class::ALL {
            assert_eq!(cell_of((one, false), (other, false)), cell(one, other));
            let roaming = cell_of((one, true), (other, false));
            assert!(roaming <= cell(one, other), "{one:?} × {other:?}");
            assert_eq!(roaming, cell_of((other, false), (one, true)));
        }
    }
}
