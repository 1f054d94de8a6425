//! Bytes ⇄ values: STUN, NAT-PMP, PCP, UPnP IGD, ICMP echo, DERP, disco and the boxes they are
//! sealed in, metrics for Prometheus. No sockets, no clock, no randomness, no meaning.

pub mod companion;
pub mod derp;
pub mod disco;
pub mod exposition;
pub mod icmp;
pub mod nacl;
pub mod nat_pmp;
pub mod pcp;
pub mod port_mapping;
pub mod relay_help;
pub mod stun;
pub mod upgrade;
pub mod upnp;
pub mod websocket;
pub mod x509;
