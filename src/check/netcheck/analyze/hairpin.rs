//! The hairpin test out of the record.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::evidence::{Evidence, StunCopy};
use super::filter;
use crate::check::hairpin::{self, FEWEST, HairpinTest, Shot};
use crate::check::mapping::{self, Conclusion};
use crate::check::netcheck::timing;
use crate::model::Family;
use crate::probe::Slot;
use crate::report::{Verdict, Why};

/// Whether packets to our own outside endpoint come back, over one family.
pub(super) fn hairpinning(evidence: &Evidence<'_>, family: Family, mapping: &Conclusion) -> Verdict<bool> {
    if !evidence.input.options.hairpin {
        return Verdict::unknown(Why::LeftOut { flag: "--gentle" });
    }
    hairpin::conclude(&test(evidence, family), mapping)
}

fn test(evidence: &Evidence<'_>, family: Family) -> HairpinTest {
    let copies: Vec<&StunCopy<'_>> = evidence.hairpin.iter().filter(|copy| copy.slot.family() == family).collect();
    let sockets = timing::HAIRPIN_SOCKETS.map(|index| Slot::Shared { family, index });
    let own: BTreeSet<IpAddr> =
        evidence.input.host.interfaces.iter().flat_map(|interface| &interface.addresses).copied().collect();
    let outside: BTreeSet<SocketAddr> =
        sockets.iter().flat_map(|slot| views(&copies, *slot)).map(|(_, at)| at).collect();
    let across = |copy: &StunCopy<'_>| outside.contains(&copy.server);
    let returned = copies.iter().filter(|copy| across(copy) && !own.contains(&copy.server.ip())).find_map(|copy| {
        let (slot, from) = copy.came_back?;
        let whole = slot != copy.slot && sockets.contains(&slot);
        whole.then(|| (copy.probe, from, own.contains(&from.ip())))
    });
    let aims = sockets.map(|slot| hairpin::agreed(views(&copies, slot)));
    let agreed = aims.iter().all(Option::is_some);
    let begun = copies.iter().position(|copy| across(copy)).unwrap_or(copies.len());
    let shots = copies.iter().skip(begun).map(|copy| Shot {
        control: !across(copy),
        at: copy.at,
        answered: copy.reply.map(|(_, round_trip)| round_trip),
        // What went to another endpoint than the one that is agreed on says nothing.
        failed: copy.failure.is_some() || !aims.contains(&Some(copy.server)),
    });
    let slowest = evidence.measuring(family).filter_map(|copy| Some(copy.reply?.1)).max().unwrap_or_default();
    let silence = hairpin::silence(shots, evidence.ended_at, timing::late_after(slowest));
    HairpinTest {
        returned,
        agreed,
        silent: silence.proven,
        needed: filter::needed(evidence, family).max(FEWEST),
        probes: copies.iter().map(|copy| copy.probe).collect(),
    }
}

/// Where servers saw a socket: whom it asked, and what they told.
fn views<'a>(
    copies: &'a [&StunCopy<'_>],
    slot: Slot,
) -> impl Iterator<Item = (SocketAddr, SocketAddr)> + Clone + use<'a> {
    copies.iter().filter(move |copy| copy.slot == slot).filter_map(|copy| {
        let (reply, _) = copy.reply?;
        let mapped = reply.mapped.filter(|_| reply.error_code.is_none() && reply.from == copy.server)?;
        let odd = mapping::is_server_side_nat(copy.server.ip(), mapped.ip()) && reply.local != Some(mapped);
        (!odd).then_some((copy.server, mapped))
    })
}
