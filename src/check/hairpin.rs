//! The hairpin verdict: does a packet to our own outside endpoint come back in?
//!
//! A pure function of one test. Two sockets that serve nothing else, each seen by servers at an outside endpoint, send
//! to each other's: so each has sent to the other's endpoint, and no filter keeps their packets apart. One that comes
//! back proves it. Silence proves it only of a NAT whose mapping is the same for every destination, and counts only of
//! packets beside which a request to a server was answered, which shows that the line was not lost at the time. A NAT
//! that leaves the inner source address as it is goes unheard by most systems, which drop what seems to come from
//! themselves: what is told is whether packets come back to this host (RFC 4787 REQ-9), and silence is never sure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::Operator;
use super::mapping::{Conclusion, NEEDED_OPERATORS};
use crate::probe::{Moment, ProbeId};
use crate::report::{Confidence, NatWhy, Verdict, Why};

/// Packets without an answer that it takes where nothing was lost: two rounds of four.
pub(super) const FEWEST: u32 = 8;
/// From the answer to a control to counting its round as silent: nobody who turns packets back is farther than a server.
const SLACK: Duration = Duration::from_millis(3);

/// What the test showed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HairpinTest {
    /// A packet that came back: where it seemed to come from, and whether that is on the inside.
    pub returned: Option<(ProbeId, SocketAddr, bool)>,
    /// Servers agreed on the outside endpoints of both sockets.
    pub agreed: bool,
    /// Packets proven to have met silence.
    pub silent: u32,
    /// How many it takes.
    pub needed: u32,
    /// Probes of the test, for the report.
    pub probes: Vec<ProbeId>,
}

/// Concludes from the test of one family, given what is known of the mapping.
pub(super) fn conclude(test: &HairpinTest, mapping: &Conclusion) -> Verdict<bool> {
    let evidence = || test.probes.iter().copied().take(12);
    if mapping.direct {
        return Verdict::unknown(Why::Nat(NatWhy::NothingTranslates));
    }
    if let Some((probe, from, inside)) = test.returned {
        let confidence = if inside { Confidence::Medium } else { Confidence::High };
        return Verdict::known(true, confidence, [probe]).because(Why::Nat(NatWhy::HairpinCameBack { from, inside }));
    }
    match mapping.varies.value() {
        None => return Verdict::unknown(mapping.varies.why().cloned().unwrap_or(Why::SocketsDisagree)),
        Some(true) => return Verdict::unknown(Why::Nat(NatWhy::HairpinDependsOnDestination)).with_evidence(evidence()),
        Some(false) => {}
    }
    if !test.agreed {
        return Verdict::unknown(Why::Nat(NatWhy::HairpinNoEndpoint)).with_evidence(evidence());
    }
    let (copies, needed) = (test.silent, test.needed);
    if copies < needed {
        return Verdict::unknown(Why::Nat(NatWhy::HairpinUnsettled { copies, needed })).with_evidence(evidence());
    }
    let confidence = if needed > FEWEST { Confidence::Low } else { Confidence::Medium };
    Verdict::known(false, confidence, evidence()).because(Why::Nat(NatWhy::HairpinSilent { copies }))
}

/// Where servers of two operators at least saw a socket, and more than saw it anywhere else.
pub(super) fn agreed(views: impl Iterator<Item = (SocketAddr, SocketAddr)>) -> Option<SocketAddr> {
    let mut watchers: BTreeMap<SocketAddr, BTreeSet<Operator>> = BTreeMap::new();
    for (server, mapped) in views {
        watchers.entry(mapped).or_default().insert(Operator::of(server.ip()));
    }
    let most = watchers.values().map(BTreeSet::len).max().filter(|most| *most >= NEEDED_OPERATORS)?;
    let mut leaders = watchers.into_iter().filter(|(_, by)| by.len() == most).map(|(endpoint, _)| endpoint);
    leaders.next().filter(|_| leaders.next().is_none())
}

/// Some endpoint at an address that servers of two operators saw: where the port depends on the destination, any may do.
/// What one server makes up is nobody we would send to.
pub(super) fn attested(views: impl Iterator<Item = (SocketAddr, SocketAddr)> + Clone) -> Option<SocketAddr> {
    let at_port_0 = |(server, mapped): (SocketAddr, SocketAddr)| (server, SocketAddr::new(mapped.ip(), 0));
    let address = agreed(views.clone().map(at_port_0))?.ip();
    views.map(|(_, mapped)| mapped).filter(|mapped| mapped.ip() == address).min()
}

/// One packet of the test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    /// A request to a server, which closes a round; not a packet to the other socket's outside endpoint.
    pub control: bool,
    pub at: Moment,
    /// How long a control's answer took.
    pub answered: Option<Duration>,
    /// It never left.
    pub failed: bool,
}

/// How silent it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Silence {
    /// Packets whose round's control was answered, and long enough ago.
    pub proven: u32,
    /// Packets that may become so.
    pub pending: u32,
    /// When the next may.
    pub wake: Option<Moment>,
}

/// Counts silent packets in the order of sending. `late`: after which a control's answer is no longer waited for.
pub(super) fn silence(shots: impl Iterator<Item = Shot>, now: Moment, late: Duration) -> Silence {
    let mut silence = Silence::default();
    let mut round = 0;
    for shot in shots {
        if !shot.control {
            round += u32::from(!shot.failed);
            continue;
        }
        let copies = std::mem::take(&mut round);
        let ready = match shot.answered {
            Some(round_trip) => shot.at + round_trip * 9 / 8 + SLACK,
            None if now >= shot.at + late => continue,
            None => shot.at + late,
        };
        if shot.answered.is_some() && now >= ready {
            silence.proven += copies;
        } else {
            silence.pending += copies;
            silence.wake = Some(silence.wake.map_or(ready, |wake| wake.min(ready)));
        }
    }
    silence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(varies: Option<bool>, direct: bool) -> Conclusion {
        let varies = match varies {
            Some(varies) => Verdict::known(varies, Confidence::High, []),
            None => Verdict::unknown(Why::OneSocket),
        };
        Conclusion { varies, direct, odd: BTreeMap::new(), more_sockets_would_help: false }
    }

    fn test(silent: u32, needed: u32) -> HairpinTest {
        HairpinTest { returned: None, agreed: true, silent, needed, probes: vec![ProbeId(7)] }
    }

    fn verdict(test: &HairpinTest, mapping: &Conclusion) -> Option<bool> {
        let verdict = conclude(test, mapping);
        assert!(verdict.why().is_some());
        verdict.value().copied()
    }

    #[test]
    fn what_comes_back_proves_it_and_silence_only_of_an_easy_nat() {
        let back = |inside| HairpinTest {
            returned: Some((ProbeId(1), "198.51.100.7:5".parse().unwrap(), inside)),
            ..test(0, FEWEST)
        };
        let easy = mapping(Some(false), false);
        for mapping in [&easy, &mapping(Some(true), false), &mapping(None, false)] {
            assert_eq!(verdict(&back(false), mapping), Some(true));
            assert_eq!(verdict(&back(true), mapping), Some(true));
        }
        assert_eq!(conclude(&back(true), &easy).confidence(), Some(Confidence::Medium));
        assert_eq!(verdict(&test(8, 8), &easy), Some(false));
        assert_eq!(conclude(&test(8, 8), &easy).confidence(), Some(Confidence::Medium));
        assert_eq!(conclude(&test(24, 24), &easy).confidence(), Some(Confidence::Low));
        assert_eq!(verdict(&test(7, 8), &easy), None);
        assert_eq!(verdict(&HairpinTest { agreed: false, ..test(8, 8) }, &easy), None);
        assert_eq!(verdict(&test(8, 8), &mapping(Some(true), false)), None);
        assert_eq!(verdict(&test(8, 8), &mapping(None, false)), None);
        assert_eq!(verdict(&back(false), &mapping(Some(false), true)), None, "this host has its address to itself");
    }

    #[test]
    fn two_operators_say_where_to_send() {
        let views = |list: &[(&str, &str)]| {
            list.iter().map(|(server, mapped)| (server.parse().unwrap(), mapped.parse().unwrap())).collect::<Vec<_>>()
        };
        let [a, b, c] = ["20.1.0.1:3478", "20.2.0.1:3478", "20.3.0.1:3478"];
        let (here, there) = ("198.51.100.7:5", "198.51.100.7:9");
        let told = |list: &[(&str, &str)]| agreed(views(list).into_iter()).map(|endpoint| endpoint.to_string());
        assert_eq!(told(&[(a, here)]), None);
        assert_eq!(told(&[(a, here), ("20.1.0.9:3478", here)]), None, "one operator is one witness");
        assert_eq!(told(&[(a, here), (b, here)]).as_deref(), Some(here));
        assert_eq!(told(&[(a, here), (b, there), (c, here)]).as_deref(), Some(here));
        assert_eq!(told(&[(a, here), (b, there)]), None);
        let some = |list: &[(&str, &str)]| attested(views(list).into_iter()).map(|endpoint| endpoint.to_string());
        assert_eq!(some(&[(a, there), (b, here)]).as_deref(), Some(here));
        assert_eq!(some(&[(a, "30.9.9.9:5"), (b, here)]), None, "a lying server picks no victim");
        assert_eq!(some(&[(a, "30.9.9.9:5"), (b, there), (c, here)]).as_deref(), Some(here));
    }

    #[test]
    fn silence_counts_where_the_line_was_up() {
        let ms = |millis| Moment::START + Duration::from_millis(millis);
        let shot = |control, at, answered: Option<u64>| Shot {
            control,
            at: ms(at),
            answered: answered.map(Duration::from_millis),
            failed: false,
        };
        let shots = [
            shot(false, 0, None),
            shot(false, 0, None),
            shot(true, 1, Some(16)),
            shot(false, 9, None),
            shot(true, 9, None),
        ];
        let silence = |now| silence(shots.into_iter(), ms(now), Duration::from_millis(30));
        assert_eq!(silence(21), Silence { proven: 0, pending: 3, wake: Some(ms(22)) });
        assert_eq!(silence(22), Silence { proven: 2, pending: 1, wake: Some(ms(39)) });
        assert_eq!(silence(39), Silence { proven: 2, pending: 0, wake: None }, "a lost control proves nothing");
    }
}
