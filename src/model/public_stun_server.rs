use super::StunServerName;

/// A public server that anybody may ask a few questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicStunServer {
    /// Its name.
    pub host: &'static str,
    /// Its UDP port.
    pub port: u16,
    /// Whether it is listed as supporting the NAT behaviour tests of RFC 5780.
    pub rfc5780: bool,
}

impl PublicStunServer {
    /// The date of [`Self::POOL`].
    pub const LISTED: &'static str = "2026-11-25";

    /// Who is asked when nobody is named.
    ///
    /// Taken from public lists of STUN servers on [`Self::LISTED`]; that each of them answers, and does what
    /// `rfc5780` says, was not verified, so a run believes neither: what a server offers is told by its own replies,
    /// and one that does not answer is named and left out. Chosen so that no two have the same operator, since a
    /// mapping is judged by witnesses that have nothing in common; that four of six offer RFC 5780, since one that
    /// is down must not cost the filtering; that one listens on port 443, for networks that let UDP out there alone;
    /// and that two are run by large providers, since those are the likeliest to be up. Six, so that three are left
    /// when half of them fail, and nobody is asked more than it takes.
    pub const POOL: [Self; 6] = [
        Self::listed("stun.nextcloud.com", 443, true),
        Self::listed("stun.hot-chilli.net", 3478, true),
        Self::listed("stun.voipgate.com", 3478, true),
        Self::listed("stun.telnyx.com", 3478, true),
        Self::listed("stun.cloudflare.com", 3478, false),
        Self::listed("stun.l.google.com", 19302, false),
    ];

    const fn listed(host: &'static str, port: u16, rfc5780: bool) -> Self {
        Self { host, port, rfc5780 }
    }
}

impl From<PublicStunServer> for StunServerName {
    fn from(server: PublicStunServer) -> Self {
        Self::of(server.host, server.port)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_pool_is_of_different_operators() {
        let domain = |host: &str| host.rsplitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
        let operators: BTreeSet<_> = PublicStunServer::POOL.iter().map(|server| domain(server.host)).collect();
        assert_eq!(operators.len(), PublicStunServer::POOL.len());
        assert!(PublicStunServer::POOL.iter().filter(|server| server.rfc5780).count() >= 3);
        for server in PublicStunServer::POOL {
            let name = StunServerName::from(server);
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}
