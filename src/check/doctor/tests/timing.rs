//! How long it takes, how much is asked, and that lost packets change nothing.

use super::play::*;
use crate::probe::{Question, RelayAsk};

#[test]
fn a_relay_in_order_takes_a_few_round_trips() {
    // 20 ms for a datagram, 80 ms for TCP, TLS and a request.
    let played = play(&input(), |question, _| world(question, |ask| Some(healthy(ask))));
    assert!(played.took < millis(500), "{:?}", played.took);
    let relay = played.asked.iter().filter(|question| matches!(question, Question::Relay(_))).count();
    assert!(relay <= 6, "{relay} connections");
    let exchanges = played
        .asked
        .iter()
        .filter(|question| matches!(question, Question::Relay(it) if it.ask == RelayAsk::DerpExchange));
    assert_eq!(exchanges.count(), 1, "two packets are sent, and no more");
}

#[test]
fn a_dead_one_takes_less_than_three_seconds() {
    let played = play(&input(), |question, _| match question {
        Question::Stun { .. } => None,
        other => world(other, |_| None),
    });
    assert_eq!(played.codes(), ["TCP-001", "STUN-001"]);
    assert!(played.took < millis(3000), "{:?}", played.took);
    assert!(!played.doctor.anything_answered());
}

/// At a round trip of 50 ms: one for TCP, one for TLS, one for a request, one for the relay's greeting.
#[test]
fn a_relay_far_away_takes_less_than_a_second() {
    let trip = millis(50);
    let played = play(&input(), |question, _| {
        let (_, outcome) = world(question, |ask| Some(healthy(ask)))?;
        let trips = match question {
            Question::Relay(it) => match it.ask {
                RelayAsk::Handshake { .. } => 2,
                RelayAsk::Http { .. } => 3,
                RelayAsk::Derp { .. } | RelayAsk::DerpHold { .. } => 4,
                RelayAsk::DerpExchange => 6,
            },
            _ => 1,
        };
        Some((trip * trips, outcome))
    });
    assert_eq!(played.codes(), ["DERP-005"]);
    assert!(played.took < millis(1000), "{:?}", played.took);
}

/// The first copies of every question get lost on the way; what is said of the relay stays the same.
#[test]
fn lost_packets_are_no_faults() {
    for lost in [2, 3, 4, 5, 7, 11] {
        let played = play(&input(), |question, number| {
            let usual = world(question, |ask| Some(healthy(ask)));
            match question {
                Question::Stun { .. } if number % 2 == 0 => None,
                Question::Relay(_) if number % lost == 0 => world(question, |_| None),
                // DNS has its own copies, below what is asked here.
                _ => usual,
            }
        });
        assert_eq!(played.codes(), ["DERP-005"], "every {lost}th");
    }
}

/// However early it ends, what was under way is not held against the relay.
#[test]
fn the_budget_ends_it_without_a_verdict() {
    for budget in [1, 15, 30, 60, 100, 110, 150, 190, 250] {
        let mut short = input();
        short.budget = millis(budget);
        let slow = |question: &Question, _: usize| {
            let (after, outcome) = world(question, |ask| Some(healthy(ask)))?;
            Some((after * 3, outcome))
        };
        let played = play(&short, slow);
        assert!(played.took <= millis(budget + 1), "{budget}: {:?}", played.took);
        assert_eq!(played.codes(), [] as [&str; 0], "{budget}");
        // Silence that was cut short is no silence either.
        let played = play(&short, |_, _| None);
        assert_eq!(played.codes(), [] as [&str; 0], "{budget}");
        assert!(!played.doctor.nodes[0].is_settled(), "{budget}");
    }
}
