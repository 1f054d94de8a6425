use std::fmt;

/// The type of a frame, known or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameKind(pub u8);

macro_rules! kinds {
    ($($(#[$about:meta])* $name:ident $text:ident = $value:literal,)*) => {
        impl FrameKind {
            $($(#[$about])* pub const $name: Self = Self($value);)*

            /// Its name, if it is known.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($text)),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// The relay's key, its first frame.
    SERVER_KEY ServerKey = 0x01,
    /// The client's greeting, its first frame.
    CLIENT_INFO ClientInfo = 0x02,
    /// The relay's greeting: the client is admitted.
    SERVER_INFO ServerInfo = 0x03,
    /// A packet on its way to the relay.
    SEND_PACKET SendPacket = 0x04,
    /// A packet on its way from the relay.
    RECV_PACKET RecvPacket = 0x05,
    /// The relay is still there.
    KEEP_ALIVE KeepAlive = 0x06,
    /// Whether this relay is the client's home.
    NOTE_PREFERRED NotePreferred = 0x07,
    /// A peer is not here (any more).
    PEER_GONE PeerGone = 0x08,
    /// A peer is here; told to watchers.
    PEER_PRESENT PeerPresent = 0x09,
    /// A packet from a relay of the mesh.
    FORWARD_PACKET ForwardPacket = 0x0a,
    /// A relay of the mesh wants to know who is here.
    WATCH_CONNS WatchConns = 0x10,
    /// A relay of the mesh wants a client's connections closed.
    CLOSE_PEER ClosePeer = 0x11,
    /// An echo is asked for.
    PING Ping = 0x12,
    /// The echo.
    PONG Pong = 0x13,
    /// What is wrong with the connection; nothing if empty.
    HEALTH Health = 0x14,
    /// The relay is about to restart.
    RESTARTING Restarting = 0x15,
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "frame type 0x{:02x}", self.0),
        }
    }
}

impl fmt::Debug for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (0x{:02x})", self.0)
    }
}
