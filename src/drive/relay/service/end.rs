use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::derp::{Closed, ServerClose};
use crate::drive::relay::carrier::Carrier;

/// How long a connection is kept after its end was told, for what the client has not read yet: closing it with unread
/// bytes of the client's in it would throw that away.
const LINGER: Duration = Duration::from_secs(1);

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

/// Tells the end and waits until the client has taken note, for a while.
pub(super) async fn say_goodbye(mut carrier: Box<dyn Carrier>, cut: &CancellationToken) {
    let goodbye = async {
        carrier.shutdown().await?;
        let mut ignored = vec![0; 4096];
        while carrier.read(&mut ignored).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    tokio::select! {
        // Whether it heard is its own affair.
        _ = tokio::time::timeout(LINGER, goodbye) => {}
        () = cut.cancelled() => {}
    }
}
