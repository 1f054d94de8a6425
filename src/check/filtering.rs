//! The filtering verdict: whose packets does a NAT or firewall let in?
//!
//! A pure function of filter tests. A packet that came through proves something by itself. One that did not come
//! through proves something only if it is known to have been sent, and enough copies were lost to nothing but a filter:
//! so every test carries the proof of its server's sending, and without that proof there is no verdict. One gap is
//! left: a server behind a stateful firewall of its own may serve the proving socket and not the tested one. So silence
//! makes a verdict sure only where servers of two operators agree.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::Operator;
use crate::model::Filtering;
use crate::probe::ProbeId;
use crate::report::{Confidence, Verdict, Why};

/// What one server's test showed. The testing socket has sent to `server` alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FilterTest {
    /// Whom the testing socket asked.
    pub server: SocketAddr,
    /// Whether it answers from where it was asked, and says where else it can answer from.
    pub offered: bool,
    /// "Answer from another address and port."
    pub elsewhere: Heard,
    /// "Answer from another port."
    pub neighbour: Heard,
    /// A socket that had sent to the other address before got such an answer from it.
    pub elsewhere_proven: bool,
    /// A socket that had sent to the other port before got such an answer from it.
    pub neighbour_proven: bool,
}

/// What came of asking a server to answer from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An answer, from here.
    From { from: SocketAddr, probe: ProbeId },
    /// It will not.
    Refused { code: u16 },
    /// An answer from the unchanged endpoint.
    Unchanged,
    /// No answer to so many copies, all old enough to have been answered, and so many that chance explains it no more.
    Silent { copies: u32 },
    /// Not asked, or not often and not long enough to say.
    Open,
}

/// Concludes from the tests of one family.
pub(super) fn conclude(tests: &[FilterTest]) -> Verdict<Filtering> {
    let passed = tests.iter().find_map(|test| match test.elsewhere {
        Heard::From { from, probe } => Some((from, probe)),
        _ => None,
    });
    if let Some((from, probe)) = passed {
        return Verdict::known(Filtering::EndpointIndependent, Confidence::High, [probe])
            .because(Why::StrangerPassed { from });
    }
    let neighbour = tests.iter().find_map(|test| match test.neighbour {
        Heard::From { from, probe } => Some((from, probe)),
        _ => None,
    });
    if let Some((from, probe)) = neighbour {
        return match tests.iter().find_map(silent_elsewhere) {
            Some(silent) => Verdict::known(Filtering::AddressDependent, sureness(tests, silent_elsewhere), [probe])
                .because(Why::NeighbourPassed { from, silent }),
            None => Verdict::unknown(Why::SendingNotProven).with_evidence([probe]),
        };
    }
    match tests.iter().find_map(silent_neighbour) {
        Some(silent) => Verdict::known(Filtering::AddressAndPortDependent, sureness(tests, silent_neighbour), [])
            .because(Why::OnlyTheAddresseePassed { silent }),
        None => Verdict::unknown(reason(tests)),
    }
}

/// How sure silence makes: by how many operators' servers it was proven.
fn sureness(tests: &[FilterTest], silent: fn(&FilterTest) -> Option<u32>) -> Confidence {
    let proven = tests.iter().filter(|test| silent(test).is_some());
    let operators: BTreeSet<Operator> = proven.map(|test| Operator::of(test.server.ip())).collect();
    if operators.len() >= 2 { Confidence::High } else { Confidence::Medium }
}

/// Packets from another address that did not come through, though they were sent.
fn silent_elsewhere(test: &FilterTest) -> Option<u32> {
    match test.elsewhere {
        Heard::Silent { copies } if test.elsewhere_proven && test.offered => Some(copies),
        _ => None,
    }
}

/// The same from another port of the address that was sent to. Whoever keeps those out keeps out other addresses too.
fn silent_neighbour(test: &FilterTest) -> Option<u32> {
    match test.neighbour {
        Heard::Silent { copies } if test.neighbour_proven && test.offered => Some(copies),
        _ => None,
    }
}

/// The most telling reason why there is no verdict.
fn reason(tests: &[FilterTest]) -> Why {
    if tests.iter().any(|test| test.offered && matches!(test.neighbour, Heard::Silent { .. } | Heard::Open)) {
        return Why::SendingNotProven;
    }
    for test in tests {
        let server = test.server;
        if test.neighbour == Heard::Unchanged || test.elsewhere == Heard::Unchanged {
            return Why::ChangeIgnored { server };
        }
        if let Heard::Refused { code } = test.neighbour {
            return Why::ChangeRefused { server, code };
        }
    }
    Why::NoFilterServer
}

/// How many lost copies of a request chance no longer explains: one run in 100,000, where this share of round trips
/// gets lost.
pub(super) fn copies_needed(lost: u32, settled: u32) -> u32 {
    if lost == 0 || settled == 0 {
        return FEWEST_COPIES;
    }
    let settled = f64::from(settled);
    let share = f64::from(lost) / settled;
    // What was measured may flatter: one standard error is added.
    let share = (share + (share * (1.0 - share) / settled).sqrt()).min(0.75);
    let needed = (1e-5_f64.ln() / share.ln()).ceil();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 41 by the bounds above")]
    let needed = needed as u32;
    needed.clamp(FEWEST_COPIES_LOSSY, MOST_COPIES)
}

/// Without any loss seen.
pub(super) const FEWEST_COPIES: u32 = 3;
/// With some: losses come in bursts, which the share does not tell.
const FEWEST_COPIES_LOSSY: u32 = 8;
/// Beyond this the path is too bad to conclude from silence.
pub(super) const MOST_COPIES: u32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn test(elsewhere: Heard, neighbour: Heard) -> FilterTest {
        FilterTest {
            server: "192.0.2.1:3478".parse().unwrap(),
            offered: true,
            elsewhere,
            neighbour,
            elsewhere_proven: true,
            neighbour_proven: true,
        }
    }

    fn from(text: &str) -> Heard {
        Heard::From { from: text.parse().unwrap(), probe: ProbeId(1) }
    }

    const SILENT: Heard = Heard::Silent { copies: 3 };

    fn verdict(tests: &[FilterTest]) -> Option<Filtering> {
        let verdict = conclude(tests);
        assert!(verdict.value().is_some() || verdict.why().is_some());
        verdict.value().copied()
    }

    #[test]
    fn what_came_through_decides() {
        let stranger = test(from("198.51.100.1:3479"), SILENT);
        assert_eq!(verdict(&[stranger]), Some(Filtering::EndpointIndependent));
        let neighbour = test(SILENT, from("192.0.2.1:3479"));
        assert_eq!(verdict(&[neighbour]), Some(Filtering::AddressDependent));
        assert_eq!(verdict(&[test(SILENT, SILENT)]), Some(Filtering::AddressAndPortDependent));
    }

    #[test]
    fn silence_proves_nothing_unless_the_server_is_known_to_have_sent() {
        let unproven = FilterTest { neighbour_proven: false, elsewhere_proven: false, ..test(SILENT, SILENT) };
        assert_eq!(verdict(std::slice::from_ref(&unproven)), None);
        let neighbour = FilterTest { neighbour: from("192.0.2.1:3479"), ..unproven };
        assert_eq!(verdict(&[neighbour]), None);
        assert_eq!(verdict(&[test(SILENT, Heard::Open)]), None);
        assert_eq!(verdict(&[test(Heard::Unchanged, Heard::Unchanged)]), None);
        assert_eq!(verdict(&[test(Heard::Refused { code: 420 }, Heard::Refused { code: 420 })]), None);
        assert_eq!(verdict(&[]), None);
    }

    #[test]
    fn a_second_server_may_know_what_the_first_does_not() {
        let dumb = test(Heard::Unchanged, Heard::Unchanged);
        assert_eq!(verdict(&[dumb, test(SILENT, SILENT)]), Some(Filtering::AddressAndPortDependent));
    }

    #[test]
    fn silence_is_sure_where_two_operators_agree() {
        let one = test(SILENT, SILENT);
        let other = FilterTest { server: "198.51.100.1:3478".parse().unwrap(), ..one.clone() };
        assert_eq!(conclude(std::slice::from_ref(&one)).confidence(), Some(Confidence::Medium));
        assert_eq!(conclude(&[one, other]).confidence(), Some(Confidence::High));
    }

    #[test]
    fn loss_asks_for_more_copies() {
        assert_eq!(copies_needed(0, 12), 3);
        assert_eq!(copies_needed(1, 40), 8);
        assert!((17..=24).contains(&copies_needed(50, 100)));
        assert_eq!(copies_needed(9, 10), MOST_COPIES);
    }
}
