//! Sessions of a relay and its clients, and the switchboard between them: bytes and `now` in, bytes and events out.
//!
//! [`ClientSession`] and [`ServerSession`] are the two ends of one connection, after the HTTP upgrade; [`Switchboard`]
//! decides which packet goes to whom. None of them owns a socket, a task or a clock, and none waits: whoever drives
//! them reads into their [room](ServerSession::room), polls events and bytes to write, and calls back at the time
//! they name. Calls at the wrong moment are harmless.

mod bucket;
mod client;
mod pace;
pub mod peer;
mod server;
mod switchboard;

pub use bucket::{Rate, TokenBucket};
pub use client::{ClientClose, ClientConfig, ClientEvent, ClientSession, SendError, Sent};
pub use pace::{Pace, SharedPace};
pub use server::{Admission, MAX_JITTER, RelayIdentity, ServerClose, ServerEvent, ServerSession, Stage};
pub use switchboard::{
    Census, Closed, Counters, Drained, DropReason, Dropped, Inlet, Limits, Link, Member, Outlet, PacketKind, Routed,
    Snapshot, Switchboard, Tray,
};
