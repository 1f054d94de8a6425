use std::net::{IpAddr, SocketAddr};

/// The reason of a verdict on how a NAT turns packets back, and on how it picks ports and addresses; or of its absence.
#[derive(Clone, Debug, PartialEq)]
pub enum NatWhy {
    // Hairpinning.
    /// Nothing translates, so nobody would turn a packet back, nor pick an address.
    NothingTranslates,
    /// A packet to our own outside endpoint came back in.
    HairpinCameBack {
        /// Where it seemed to come from.
        from: SocketAddr,
        /// That is an address of this host: the NAT left the source as it was.
        inside: bool,
    },
    /// None came back, though the line was up.
    HairpinSilent {
        /// Packets that did not.
        copies: u32,
    },
    /// None came back, but too few were sent, or the line was not seen to be up, for that to mean anything.
    HairpinUnsettled {
        /// Packets that did not.
        copies: u32,
        /// How many it takes.
        needed: u32,
    },
    /// No two independent servers agree on where the sockets of the test are on the outside.
    HairpinNoEndpoint,
    /// None came back, but with a mapping for each destination no packet comes from where the other socket has sent to.
    HairpinDependsOnDestination,

    // Carrier-grade NAT.
    /// This host's IPv4 address is one of those that only a translator's host has: the provider carries IPv4 over IPv6.
    OwnAddressIsClat {
        /// The address.
        address: IpAddr,
    },

    // Ports and addresses.
    /// Each mapping gets the port a fixed step after the one before.
    PortsInSequence {
        /// The step.
        step: u16,
        /// Mappings seen.
        mappings: u32,
    },
    /// Ports show no pattern.
    PortsScattered {
        /// Mappings seen.
        mappings: u32,
        /// The lowest port.
        lowest: u16,
        /// The highest.
        highest: u16,
        /// How many ports the NAT seems to have set aside for this host, where they are close together.
        block: Option<u32>,
    },
    /// Ports rise or fall, but not by a fixed step, or are of several addresses: not a sequence, and not plainly random.
    PortsUnclear {
        /// Mappings seen.
        mappings: u32,
    },
    /// Too few mappings were seen.
    TooFewMappings {
        /// Mappings seen, by servers that may not all be wrong.
        have: u32,
        /// How many it takes.
        need: u32,
    },
    /// All mappings share one address.
    OneAddress {
        /// Mappings seen.
        mappings: u32,
    },
    /// All mappings share one address, but so few would do so by chance where there are two.
    OneAddressSoFar {
        /// Mappings seen.
        mappings: u32,
        /// How many it takes.
        need: u32,
    },
}
