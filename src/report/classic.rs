use std::net::SocketAddr;

use super::Verdict;
use crate::model::NatType;

/// What the classic procedure of RFC 3489 says of a NAT. It is told beside the verdicts, and never one of them: its
/// order of packets misleads, and it asks one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Classic {
    /// The name it arrives at.
    pub nat_type: Verdict<NatType>,
    /// The server it asked.
    pub server: SocketAddr,
    /// Why not to trust the name.
    pub warning: Option<ClassicWarning>,
}

/// In which way the classic procedure misleads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassicWarning {
    /// "Symmetric", though a fresh socket is seen at one endpoint by both addresses of the server: the packets that Test
    /// II provoked left traces in the router, which then gave the tested socket another port.
    OrderMisleads,
    /// "Full cone", though a fresh socket is seen at different endpoints by the two addresses of the server: the procedure
    /// never looks at the mapping once Test II came through.
    MappingOverlooked,
    /// The verdict of separate sockets and several servers is another one.
    Differs,
}

/// What decided the classic procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassicStep {
    /// Test II: an answer from the other address and port came through.
    SecondPassed {
        /// Where it came from.
        from: SocketAddr,
    },
    /// Test II without a NAT: it did not come through.
    SecondSilent {
        /// Requests sent.
        copies: u32,
    },
    /// Test I, repeated at the other address: it saw another endpoint.
    MappedDiffers {
        /// What the first address saw.
        first: SocketAddr,
        /// What the other one saw.
        other: SocketAddr,
    },
    /// Test III: an answer from the other port came through.
    ThirdPassed {
        /// Where it came from.
        from: SocketAddr,
    },
    /// Test III: it did not come through.
    ThirdSilent {
        /// Requests sent.
        copies: u32,
    },
}
