//! The one room that owns sockets, TLS, DNS, the clock and randomness.
//!
//! It does not know which check is running, and knows neither reports nor arguments.

mod clock;
mod door;
pub mod exporter;
pub mod host;
pub mod local;
pub mod map_source;
pub mod network;
mod pages;
pub mod peer;
pub mod port_mapping;
mod prefixed;
pub mod relay;
pub mod supervisor;
pub mod tls_roots;
pub mod wall_clock;
mod websocket;
