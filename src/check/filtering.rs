//! The filtering verdict: whose packets does a NAT or firewall let in?
//!
//! A pure function of filter tests. A packet that came through proves something by itself. One that did not come
//! through proves something only if it is known to have been sent, and enough copies were lost to nothing but a filter:
//! so every test carries the proof of its server's sending, and without that proof there is no verdict. Two gaps are
//! left. A server behind a stateful firewall of its own may serve the proving socket and not the tested one, so silence
//! says more where servers of two operators agree. And a stateful firewall on this very host keeps out the same packets
//! behind a NAT that would let them in, which cannot be seen from inside: so silence never makes a verdict quite sure.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Operator;
use crate::model::{Filtering, is_global};
use crate::probe::{ProbeId, StunReply};
use crate::report::{Confidence, FilterWhy, Verdict, Why};

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
    pub elsewhere_proven: Option<ProbeId>,
    /// A socket that had sent to the other port before got such an answer from it.
    pub neighbour_proven: Option<ProbeId>,
    /// Unanswered copies that silence takes, on a path as lossy as this one.
    pub needed: u32,
}

/// What came of asking a server to answer from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An answer, from here.
    From { from: SocketAddr, probe: ProbeId },
    /// It could have another relay answer, and none is there.
    NoHelp,
    /// It will not.
    Refused { code: u16 },
    /// An answer from the unchanged endpoint.
    Unchanged,
    /// No answer to these copies, all old enough to have been answered, and so many that chance explains it no more.
    Silent { copies: Vec<ProbeId> },
    /// Not asked, or not often and not long enough to say by itself: unanswered copies that count.
    Open { silent: Vec<ProbeId> },
    /// An answer from neither where it was asked nor where it was to answer from: it says nothing of the filter.
    Astray,
}

/// Copies that did not come through, though they were sent: they, and the proof of it.
type Proven<'a> = (&'a [ProbeId], ProbeId);

/// Whether a server that has no other address itself may have another relay answer: relays of ours alone do, and say who
/// they are.
pub(super) fn may_be_helped(reply: &StunReply) -> bool {
    reply.error_code.is_none() && reply.software.as_ref().is_some_and(|software| software.starts_with("natscope/"))
}

/// Whether a packet from another relay, at `from`, tells of the filter between `server` and a socket seen at `mapped`. A
/// relay of somebody's own may well stand in the same network as the client: its packets pass no filter at its edge, or
/// are turned back by its NAT.
pub(super) fn help_tells(from: IpAddr, server: IpAddr, mapped: IpAddr) -> bool {
    let far = server.is_loopback() || (is_global(from) && Operator::of(from) != Operator::of(mapped));
    from != server && from != mapped && far
}

/// Concludes from the tests of one family.
pub(super) fn conclude(tests: &[FilterTest]) -> Verdict<Filtering> {
    let passed = tests.iter().find_map(|test| match test.elsewhere {
        Heard::From { from, probe } => Some((from, probe)),
        _ => None,
    });
    if let Some((from, probe)) = passed {
        return Verdict::known(Filtering::EndpointIndependent, Confidence::High, [probe])
            .because(Why::Filter(FilterWhy::StrangerPassed { from }));
    }
    let neighbour = tests.iter().find_map(|test| match test.neighbour {
        Heard::From { from, probe } => Some((from, probe)),
        _ => None,
    });
    if let Some((from, probe)) = neighbour {
        return match silence(tests, silent_elsewhere) {
            Some(Silence { silent, sureness, evidence }) => {
                Verdict::known(Filtering::AddressDependent, sureness, [probe].into_iter().chain(evidence))
                    .because(Why::Filter(FilterWhy::NeighbourPassed { from, silent }))
            }
            None => Verdict::unknown(Why::Filter(address_untested(tests, from))).with_evidence([probe]),
        };
    }
    match silence(tests, silent_neighbour) {
        Some(Silence { silent, sureness, evidence }) => {
            Verdict::known(Filtering::AddressAndPortDependent, sureness, evidence)
                .because(Why::Filter(FilterWhy::OnlyTheAddresseePassed { silent }))
        }
        None => Verdict::unknown(Why::Filter(reason(tests))).with_evidence(unanswered(tests)),
    }
}

/// Copies that kept silent, proven or not.
fn unanswered(tests: &[FilterTest]) -> impl Iterator<Item = ProbeId> {
    tests.iter().flat_map(|test| [&test.elsewhere, &test.neighbour]).flat_map(|heard| match heard {
        Heard::Silent { copies } => copies.clone(),
        _ => Vec::new(),
    })
}

/// What proven silence comes to.
struct Silence {
    /// Copies, to all servers together.
    silent: u32,
    sureness: Confidence,
    evidence: BTreeSet<ProbeId>,
}

/// Silence is as sure as the number of operators whose servers it was proven with makes it. High it never is: see the
/// top of this file. Chance lost the copies to each server by itself, so they add up.
fn silence<'a>(tests: &'a [FilterTest], silent: fn(&'a FilterTest) -> Option<Proven<'a>>) -> Option<Silence> {
    let proven: Vec<(&FilterTest, Proven<'_>)> = tests.iter().filter_map(|test| Some((test, silent(test)?))).collect();
    let needed = proven.iter().map(|(test, _)| test.needed).max()?;
    let silent = count(proven.iter().map(|(_, (copies, _))| copies.len()).sum());
    let operators: BTreeSet<Operator> = proven.iter().map(|(test, _)| Operator::of(test.server.ip())).collect();
    (silent >= needed).then(|| Silence {
        silent,
        sureness: if operators.len() >= 2 { Confidence::Medium } else { Confidence::Low },
        evidence: proven.iter().flat_map(|(_, (copies, proof))| copies.iter().copied().chain([*proof])).collect(),
    })
}

/// Packets from another address that did not come through, though they were sent.
fn silent_elsewhere(test: &FilterTest) -> Option<Proven<'_>> {
    proven(test, &test.elsewhere, test.elsewhere_proven)
}

/// The same from another port of the address that was sent to. Whoever keeps those out keeps out other addresses too.
fn silent_neighbour(test: &FilterTest) -> Option<Proven<'_>> {
    proven(test, &test.neighbour, test.neighbour_proven)
}

fn proven<'a>(test: &FilterTest, heard: &'a Heard, proof: Option<ProbeId>) -> Option<Proven<'a>> {
    match heard {
        Heard::Silent { copies } | Heard::Open { silent: copies } if test.offered && !copies.is_empty() => {
            Some((copies, proof?))
        }
        _ => None,
    }
}

/// Another port's packet came through, from `from`. Why it is not known whether another address's would.
fn address_untested(tests: &[FilterTest], from: SocketAddr) -> FilterWhy {
    let short = tests.iter().find_map(|test| match &test.elsewhere {
        Heard::Open { silent } if test.offered && test.elsewhere_proven.is_some() => {
            Some((count(silent.len()), test.needed))
        }
        _ => None,
    });
    match short {
        Some((silent, needed)) => FilterWhy::TooFewCopies { silent, needed },
        None => no_helper(tests).unwrap_or(FilterWhy::AddressNotTested { from }),
    }
}

fn no_helper(tests: &[FilterTest]) -> Option<FilterWhy> {
    let alone = tests.iter().find(|test| test.elsewhere == Heard::NoHelp)?;
    Some(FilterWhy::NoHelper { server: alone.server })
}

/// The most telling reason why there is no verdict, where nothing came through.
fn reason(tests: &[FilterTest]) -> FilterWhy {
    let offered = || tests.iter().filter(|test| test.offered);
    if offered().any(|test| matches!(test.neighbour, Heard::Silent { .. })) {
        return FilterWhy::SendingNotProven;
    }
    for test in tests {
        let server = test.server;
        let answers = [&test.neighbour, &test.elsewhere];
        if answers.contains(&&Heard::Unchanged) {
            return FilterWhy::ChangeIgnored { server };
        }
        if let Some(code) =
            answers.iter().find_map(|heard| if let Heard::Refused { code } = heard { Some(*code) } else { None })
        {
            return FilterWhy::ChangeRefused { server, code };
        }
    }
    if let Some(why) = no_helper(tests) {
        return why;
    }
    let open = offered().find_map(|test| match &test.neighbour {
        Heard::Open { silent } => Some(FilterWhy::TooFewCopies { silent: count(silent.len()), needed: test.needed }),
        _ => None,
    });
    open.unwrap_or(FilterWhy::NoFilterServer)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
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

/// Without any loss seen: that nothing was lost of the ten round trips or so to one server does not show that nothing
/// gets lost on the way to it. A way that loses every third keeps all ten in one run of sixty, and then loses five more
/// in one of 250.
pub(super) const FEWEST_COPIES: u32 = 5;
/// A request that got no answer counts where the plain one that left no farther apart than this was answered: a way that
/// was down loses both, and a filter only the one. Both leave together, and a busy machine holds one of them up.
pub(super) const WITH_CONTROL: Duration = Duration::from_millis(5);
/// With some: losses come in bursts, which the share does not tell.
const FEWEST_COPIES_LOSSY: u32 = 10;
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
            elsewhere_proven: Some(ProbeId(7)),
            neighbour_proven: Some(ProbeId(8)),
            needed: 3,
        }
    }

    fn from(text: &str) -> Heard {
        Heard::From { from: text.parse().unwrap(), probe: ProbeId(1) }
    }

    fn silent(first: u32) -> Heard {
        Heard::Silent { copies: (first..first + 3).map(ProbeId).collect() }
    }

    fn open(first: u32) -> Heard {
        Heard::Open { silent: (first..first + 2).map(ProbeId).collect() }
    }

    fn verdict(tests: &[FilterTest]) -> Option<Filtering> {
        let verdict = conclude(tests);
        assert!(verdict.value().is_some() || verdict.why().is_some());
        verdict.value().copied()
    }

    #[test]
    fn what_came_through_decides() {
        let stranger = test(from("198.51.100.1:3479"), silent(10));
        assert_eq!(verdict(&[stranger]), Some(Filtering::EndpointIndependent));
        let neighbour = test(silent(10), from("192.0.2.1:3479"));
        assert_eq!(verdict(&[neighbour]), Some(Filtering::AddressDependent));
        assert_eq!(verdict(&[test(silent(10), silent(20))]), Some(Filtering::AddressAndPortDependent));
    }

    #[test]
    fn silence_proves_nothing_unless_the_server_is_known_to_have_sent() {
        let unproven = FilterTest { neighbour_proven: None, elsewhere_proven: None, ..test(silent(10), silent(20)) };
        assert_eq!(verdict(std::slice::from_ref(&unproven)), None);
        let neighbour = FilterTest { neighbour: from("192.0.2.1:3479"), ..unproven };
        assert_eq!(verdict(&[neighbour]), None);
        assert_eq!(verdict(&[test(silent(10), open(30))]), None);
        assert_eq!(verdict(&[test(Heard::Unchanged, Heard::Unchanged)]), None);
        assert_eq!(verdict(&[test(Heard::Refused { code: 420 }, Heard::Refused { code: 420 })]), None);
        assert_eq!(verdict(&[]), None);
    }

    #[test]
    fn a_second_server_may_know_what_the_first_does_not() {
        let dumb = test(Heard::Unchanged, Heard::Unchanged);
        assert_eq!(verdict(&[dumb, test(silent(10), silent(20))]), Some(Filtering::AddressAndPortDependent));
    }

    #[test]
    fn what_got_lost_on_the_way_to_two_servers_adds_up() {
        let one = test(open(30), open(40));
        let other = FilterTest { server: "198.51.100.1:3478".parse().unwrap(), ..test(open(50), open(60)) };
        assert_eq!(verdict(std::slice::from_ref(&one)), None);
        assert_eq!(verdict(&[one.clone(), other.clone()]), Some(Filtering::AddressAndPortDependent));
        let unproven = FilterTest { neighbour_proven: None, ..other };
        assert_eq!(verdict(&[one, unproven]), None);
    }

    #[test]
    fn silence_is_surer_where_two_operators_agree_and_never_quite_sure() {
        let one = test(silent(10), silent(20));
        let other = FilterTest { server: "198.51.100.1:3478".parse().unwrap(), ..one.clone() };
        assert_eq!(conclude(std::slice::from_ref(&one)).confidence(), Some(Confidence::Low));
        // A firewall on this host would look the same.
        assert_eq!(conclude(&[one, other]).confidence(), Some(Confidence::Medium));
    }

    #[test]
    fn silence_cites_what_kept_silent_and_what_proves_that_it_was_sent() {
        let evidence = |tests: &[FilterTest]| conclude(tests).evidence().iter().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(evidence(&[test(silent(10), silent(20))]), [8, 20, 21, 22]);
        assert_eq!(evidence(&[test(silent(10), from("192.0.2.1:3479"))]), [1, 7, 10, 11, 12]);
        let unproven = FilterTest { neighbour_proven: None, ..test(silent(10), silent(20)) };
        assert_eq!(evidence(&[unproven]), [10, 11, 12, 20, 21, 22]);
    }

    #[test]
    fn why_there_is_no_verdict_is_why() {
        let server = "192.0.2.1:3478".parse().unwrap();
        let why = |elsewhere: Heard, neighbour: Heard, proven: bool| {
            let proof = proven.then_some(ProbeId(7));
            let test = FilterTest { elsewhere_proven: proof, neighbour_proven: proof, ..test(elsewhere, neighbour) };
            match conclude(&[test]).why() {
                Some(Why::Filter(why)) => why.clone(),
                other => panic!("{other:?}"),
            }
        };
        let few_copies = open;
        let (open, few) = (|| few_copies(30), FilterWhy::TooFewCopies { silent: 2, needed: 3 });
        let neighbour = || from("192.0.2.1:3479");
        let untested = FilterWhy::AddressNotTested { from: "192.0.2.1:3479".parse().unwrap() };
        let refused = || Heard::Refused { code: 420 };
        for (elsewhere, neighbour, proven, wanted) in [
            (silent(10), silent(20), false, FilterWhy::SendingNotProven),
            (open(), open(), true, few.clone()),
            (open(), open(), false, few.clone()),
            (refused(), open(), false, FilterWhy::ChangeRefused { server, code: 420 }),
            (Heard::Unchanged, open(), false, FilterWhy::ChangeIgnored { server }),
            (silent(10), neighbour(), false, untested.clone()),
            (refused(), neighbour(), true, untested.clone()),
            (Heard::Astray, neighbour(), true, untested),
            (open(), neighbour(), true, few),
        ] {
            assert_eq!(why(elsewhere.clone(), neighbour.clone(), proven), wanted, "{elsewhere:?} {neighbour:?}");
        }
        let offering = |offered| FilterTest { offered, ..test(open(), open()) };
        assert_eq!(conclude(&[offering(false)]).why(), Some(&Why::Filter(FilterWhy::NoFilterServer)));
    }

    #[test]
    fn loss_asks_for_more_copies() {
        assert_eq!(copies_needed(0, 12), FEWEST_COPIES);
        assert_eq!(copies_needed(1, 40), 10);
        assert!((17..=24).contains(&copies_needed(50, 100)));
        assert_eq!(copies_needed(9, 10), MOST_COPIES);
    }
}
