//! Whose servers are: what one owner does to all of his must not be taken for the network's doing.

use std::net::IpAddr;

/// Whose a server is, as far as its host name tells. Unlike [`Operator`](crate::check::Operator), which tells machines that fail together, this
/// tells machines that are configured together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// The last two labels of its host name.
    Domain(String),
    /// No name: the address speaks for itself.
    Address(IpAddr),
}

impl Owner {
    /// Whose a server of this name is.
    pub(super) fn of_host(host: &str) -> Self {
        Self::Domain(registrable(host))
    }

    /// Whether it is a service known to keep its STUN ports open to everybody: Tailscale's relays.
    pub(super) fn is_public_service(&self) -> bool {
        matches!(self, Self::Domain(domain) if domain == "tailscale.com")
    }
}

/// The last two labels of a name. Under `co.uk` and its like that takes strangers for one owner, which errs towards
/// saying less.
fn registrable(host: &str) -> String {
    let labels: Vec<&str> = host.trim_end_matches('.').rsplit('.').take(2).collect();
    labels.into_iter().rev().collect::<Vec<_>>().join(".").to_ascii_lowercase()
}
