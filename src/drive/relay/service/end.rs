use std::fmt;
use std::io;

use crate::derp::{Closed, ServerClose};

/// Why a connection ends.
pub(super) enum End {
    Session(ServerClose),
    Switchboard(Closed),
    Io(io::Error),
    Stalled,
    NoLongerAdmitted,
    /// The relay stops, and the client has got all there was for it.
    Delivered,
    Cut,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(reason) => reason.fmt(f),
            Self::Switchboard(Closed::Left) => f.write_str("it left"),
            Self::Switchboard(Closed::ByMesh) => f.write_str("another relay of the mesh wanted it"),
            Self::Switchboard(Closed::Overflow) => f.write_str("it reads too slowly to be told who is here"),
            Self::Io(error) => error.fmt(f),
            Self::Stalled => f.write_str("it does not read what it is sent"),
            Self::NoLongerAdmitted => f.write_str("its key is no longer on an allow list"),
            Self::Delivered => f.write_str("the relay stops"),
            Self::Cut => f.write_str("the relay stops at once"),
        }
    }
}
