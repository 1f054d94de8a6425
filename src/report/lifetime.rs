use std::net::SocketAddr;
use std::time::Duration;

use super::Verdict;

/// How long idle mappings live. NATs keep a mapping longer once it has carried traffic both ways for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifetime {
    /// After one request and its answer.
    pub single: Verdict<Bracket>,
    /// After more than three seconds of traffic both ways.
    pub stream: Verdict<Bracket>,
    /// The server that sent to the idle mappings; `None`: there was none.
    pub server: Option<SocketAddr>,
}

/// What a lifetime lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// The longest idle time after which a mapping still let a packet in; zero: none did.
    pub alive: Duration,
    /// The shortest after which one did not. `None`: all did, for as long as was tested.
    pub dead: Option<Duration>,
}
