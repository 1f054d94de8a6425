use super::count;
use super::why::packets;
use crate::report::NatWhy;

/// A reason, as a clause.
pub(super) fn nat_why(why: &NatWhy) -> String {
    match why {
        NatWhy::NothingTranslates => "nothing translates on the way".to_owned(),
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
        NatWhy::OwnAddressIsClat { address } => {
            format!("this host's own address {address} is one of a provider that carries IPv4 over IPv6")
        }
        NatWhy::PortsInSequence { step, mappings } => {
            format!("the ports of {} are {step} apart, in the order they were made", self::mappings(*mappings))
        }
        NatWhy::PortsScattered { mappings, lowest, highest, block: None } => {
            format!("the ports of {} lie anywhere from {lowest} to {highest}", self::mappings(*mappings))
        }
        NatWhy::PortsScattered { mappings, lowest, highest, block: Some(block) } => format!(
            "the ports of {} lie anywhere from {lowest} to {highest}, as in a block of {block}",
            self::mappings(*mappings)
        ),
        NatWhy::PortsUnclear { mappings } => {
            format!("the ports of {} are neither in a sequence nor plainly without one", self::mappings(*mappings))
        }
        NatWhy::TooFewMappings { have, need } => format!(
            "{} with ports of their own, and it takes {need}; natscope nat --sockets 12 makes more",
            self::mappings(*have)
        ),
        NatWhy::OneAddress { mappings } => format!("{} share one address", self::mappings(*mappings)),
        NatWhy::OneAddressSoFar { mappings, need } => format!(
            "{} share one address, which may be chance before there are {need}; natscope nat --sockets 20 makes more",
            self::mappings(*mappings)
        ),
    }
}

fn mappings(number: u32) -> String {
    count(number, "mapping", "mappings")
}
