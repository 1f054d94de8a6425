use std::net::IpAddr;

/// What stands between this host and the internet, as far as the host itself tells. Everything else in the report
/// was measured through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathReport {
    /// The interface packets leave by.
    pub interface: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Why the interface looks like a tunnel or an overlay (VPN), in the interface's own terms.
    pub tunnel: Option<Tunnel>,
    /// The proxy HTTPS goes through, without credentials. STUN never does.
    pub proxy: Option<String>,
    /// A name was answered from 198.18.0.0/15, as a proxy in "fake-IP" mode does.
    pub fake_dns: bool,
}

/// A tunnel or an overlay network that owns the default route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// By the interface's name, as `wg0`, `tun0`, `utun4`, `tailscale0`.
    ByName,
    /// By its address: Tailscale's or another overlay's range.
    ByAddress,
    /// By its kind: point-to-point.
    PointToPoint,
}
