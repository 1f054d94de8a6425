use std::net::SocketAddr;

/// The reason of a verdict on the filtering, or of its absence.
#[derive(Clone, Debug, PartialEq)]
pub enum FilterWhy {
    /// A packet came through from an address we had never sent to.
    StrangerPassed {
        /// Where it came from.
        from: SocketAddr,
    },
    /// A packet came through from another port of an address we had sent to, and none from another address, though the
    /// server is known to have sent both.
    NeighbourPassed {
        /// Where it came from.
        from: SocketAddr,
        /// Packets from elsewhere that did not come through.
        silent: u32,
    },
    /// Nothing came through but from the endpoint we had sent to, though the server is known to have sent it.
    OnlyTheAddresseePassed {
        /// Packets that did not come through.
        silent: u32,
    },
    /// Nothing came through from elsewhere, but whether the server sent anything is not known.
    SendingNotProven,
    /// Nothing came through from elsewhere, but too few packets were waited for long enough to say that it was not chance.
    TooFewCopies {
        /// Packets that did not come through.
        silent: u32,
        /// How many it takes, with the loss there is.
        needed: u32,
    },
    /// A packet came through from another port of an address we had sent to; no server was shown to send from another
    /// address.
    AddressNotTested {
        /// Where it came from.
        from: SocketAddr,
    },
    /// No server on the internet that answers offers the test (RFC 5780).
    NoFilterServer,
    /// The server answers requests to change its address from the unchanged one.
    ChangeIgnored {
        /// Which server.
        server: SocketAddr,
    },
    /// The server refuses requests to change its address.
    ChangeRefused {
        /// Which server.
        server: SocketAddr,
        /// Its error code.
        code: u16,
    },
    /// The server is a relay with one address, and no other relay helps it just now.
    NoHelper {
        /// Which server.
        server: SocketAddr,
    },
}
