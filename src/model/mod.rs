//! The nouns: DERP map, region, node, key, address family, and the NAT behaviours of RFC 4787.
//!
//! Nothing here knows bytes, time or any other room. Values are valid by construction where a type can say so.

mod address;
mod derp_map;
mod family;
mod filter_help;
mod key;
mod map_source;
mod mesh_node;
mod metric;
mod nat;
mod nat64;
mod place;
mod public_stun_server;
mod relay_target;
mod secret;
mod setting;
mod socks5_proxy;
mod stun_server;
mod transport;

pub use address::{is_carrier_grade, is_fake_dns, is_global, unmap};
pub use derp_map::{CertName, DerpMap, HomeParams, Node, Pin, Region, RegionId};
pub use family::Family;
pub use filter_help::{FilterHelp, HelpCookie};
pub use key::{DiscoPrivate, DiscoPublic, KeyError, MeshKey, NodePrivate, NodePublic};
pub use map_source::{MapSource, MapSourceError};
pub use mesh_node::{MeshNode, MeshNodeError};
pub use metric::{Metric, MetricKind, Sample};
pub use nat::{Difficulty, Filtering, Level, Mapping, NatType, Pooling, PortAllocation};
pub use nat64::Nat64Prefix;
pub use place::{Excerpt, Place};
pub use public_stun_server::PublicStunServer;
pub use relay_target::{RelayAddress, RelayTarget, RelayTargetError};
pub use secret::{harmless_value, without_secrets};
pub use setting::{Origin, Setting};
pub use socks5_proxy::{Socks5Proxy, Socks5ProxyError};
pub use stun_server::{StunServerError, StunServerName};
pub use transport::Transport;
