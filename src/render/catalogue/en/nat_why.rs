use super::why::packets;
use crate::report::NatWhy;

/// A reason, as a clause.
pub(super) fn nat_why(why: &NatWhy) -> String {
    match why {
        NatWhy::NothingToHairpin => "nothing translates on the way, so nothing is to be turned back".to_owned(),
        NatWhy::HairpinCameBack { from, inside: false } => {
            format!("a packet to our own outside endpoint came back, from {from}")
        }
        NatWhy::HairpinCameBack { from, inside: true } => {
            format!("a packet to our own outside endpoint came back, with its inner source address {from}")
        }
        NatWhy::HairpinSilent { copies } => format!(
            "{} to our own outside endpoint did not come back (one that keeps its inner source address may go unheard)",
            packets(*copies)
        ),
        NatWhy::HairpinUnsettled { copies, needed } => format!(
            "{} to our own outside endpoint did not come back so far; it takes {needed} to call that no loss",
            packets(*copies)
        ),
        NatWhy::HairpinNoEndpoint => {
            "no two independent servers agree on the outside endpoint of the sockets that test it".to_owned()
        }
        NatWhy::HairpinDependsOnDestination => {
            "nothing came back, but with a mapping for each destination a filter may be what kept it out".to_owned()
        }
    }
}
