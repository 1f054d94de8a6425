//! The harness itself: whatever can go wrong with an input fails the run and names the input.

use crate::change;
use crate::trial::{Failure, Trial};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

/// The targets below fail on inputs that are shorter, which the seed is not.
const SHORT: usize = 30;

#[test]
fn a_panic_fails_the_run() {
    let failure = failure("harness::a_panic_fails_the_run", |input| assert!(input.len() >= SHORT, "too short"));
    assert!(failure.said.contains("too short"), "{failure}");
}

#[test]
fn an_endless_input_fails_the_run() {
    let failure = failure("harness::an_endless_input_fails_the_run", |input| {
        while black_box(input).len() < SHORT {
            std::hint::spin_loop();
        }
    });
    assert!(failure.said.contains("still tried"), "{failure}");
}

#[test]
#[cfg(target_os = "linux")]
fn unbounded_memory_fails_the_run() {
    let failure = failure("harness::unbounded_memory_fails_the_run", |input| {
        let mut hoard = Vec::new();
        while black_box(input).len() < SHORT {
            hoard.push(black_box(Vec::<u8>::with_capacity(1 << 20)));
        }
        drop(hoard);
    });
    assert!(failure.said.contains("memory allocation of"), "{failure}");
}

#[test]
fn a_stack_that_overflows_fails_the_run() {
    fn deeper(depth: u64) -> u64 {
        black_box(depth + 1) + if depth == u64::MAX - 1 { 0 } else { deeper(black_box(depth + 1)) }
    }
    let failure = failure("harness::a_stack_that_overflows_fails_the_run", |input| {
        if input.len() < SHORT {
            black_box(deeper(0));
        }
    });
    assert!(failure.said.contains("overflowed its stack"), "{failure}");
}

#[test]
fn a_test_that_is_not_there_fails_the_run() {
    let run = trial("no such test", |_| ()).outcome();
    assert!(run.is_err());
}

#[test]
fn changes_are_the_same_for_the_same_seed_and_reach_far() {
    let seeds = vec![b"GET /derp HTTP/1.1\r\n\r\n".to_vec(), vec![0; 40]];
    let inputs = |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..500).map(|_| change::change(&mut rng, &seeds)).collect::<Vec<_>>()
    };
    assert_eq!(inputs(3), inputs(3));
    assert_ne!(inputs(3), inputs(4));
    let lengths: BTreeSet<usize> = inputs(5).iter().map(Vec::len).collect();
    assert!(lengths.len() > 20 && lengths.contains(&0), "{lengths:?}");
    assert!(lengths.iter().any(|length| *length > 4_096), "{lengths:?}");
    assert!(lengths.iter().all(|length| *length <= change::LONGEST), "{lengths:?}");
}

fn trial(name: &'static str, run: fn(&[u8])) -> Trial {
    Trial { name, seeds: vec![vec![0; 40]], count: 1_000, long: Duration::from_millis(500), run }
}

fn failure(name: &'static str, run: fn(&[u8])) -> Failure {
    let failure = trial(name, run).outcome().expect_err("some change is short");
    assert!(failure.input.len() < SHORT, "{failure}");
    failure
}
