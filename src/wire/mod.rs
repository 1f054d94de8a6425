//! Bytes ⇄ values: STUN, NAT-PMP, PCP, UPnP IGD, ICMP echo. No sockets, no clock, no randomness, no meaning.

pub mod icmp;
pub mod nat_pmp;
pub mod pcp;
pub mod stun;
pub mod upnp;
