use std::net::SocketAddr;

/// The reason of a verdict on how a NAT turns packets back, and on how it picks ports and addresses; or of its absence.
#[derive(Clone, Debug, PartialEq)]
pub enum NatWhy {
    // Hairpinning.
    /// Nothing translates, so nobody would turn a packet back.
    NothingToHairpin,
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
}
