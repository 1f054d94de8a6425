//! What sentences on top tell, and what a line tells of a layer or a change.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Word;
use crate::model::{Difficulty, Family, NatType, RegionId};
use crate::report::{ClientView, DoctorWhy, Layer};

/// A verdict's value, where the report has the verdict at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::render) enum Told<T> {
    /// Not part of this report.
    #[default]
    Absent,
    Undetermined,
    Known(T),
}

impl<T> Told<T> {
    /// From a verdict that may not be there, and its value.
    pub(in crate::render) fn of<V>(verdict: Option<V>, value: impl FnOnce(V) -> Option<T>) -> Self {
        match verdict.map(value) {
            None => Self::Absent,
            Some(None) => Self::Undetermined,
            Some(Some(value)) => Self::Known(value),
        }
    }
}

/// What the headline tells.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::render) struct Headline<'a> {
    /// Whether UDP works.
    pub udp: Told<bool>,
    /// Nothing at all was answered.
    pub offline: bool,
    /// A captive portal was seen.
    pub portal: bool,
    /// The difficulty as measured.
    pub nat: Told<Difficulty>,
    /// The difficulty with a verified port mapping counted in, where that is another one.
    pub effective: Option<Difficulty>,
    /// Name of the NAT type where it is known.
    pub nat_type: Option<NatType>,
    /// The home region's code and latency.
    pub home: Told<(&'a str, Option<Duration>)>,
}

/// What the headline of `natscope nat` tells.
#[derive(Clone, Debug, Default)]
pub(in crate::render) struct NatHeadline {
    /// The difficulty as measured; `None`: undetermined.
    pub difficulty: Option<Difficulty>,
    /// RFC 3489's name where it is known and says more than the difficulty.
    pub nat_type: Option<NatType>,
    /// NAT1 to NAT4.
    pub level: Option<&'static str>,
    /// The difficulty with a verified port mapping counted in, where that is another one.
    pub effective: Option<Difficulty>,
    /// The reason of the difficulty, or of its absence.
    pub why: Option<String>,
    /// The difficulty over the other family, where it is known.
    pub other: Option<(Family, Difficulty)>,
}

/// What the headline of `natscope ping` tells.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) struct PingHeadline {
    /// Pings sent.
    pub sent: u32,
    /// Pings answered.
    pub received: u32,
    /// Those answered over a direct path, where one was tried for.
    pub direct: Option<u32>,
    /// The share that was not answered.
    pub lost: f64,
}

/// What the headline of `natscope doctor` tells.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) enum DoctorHeadline<'a> {
    /// Of several relays.
    Several { works: u32, of: u32, unclear: u32 },
    /// Everything answers; whether a stranger's packet was relayed.
    Works { name: &'a str, relayed: bool },
    /// STUN does not answer.
    RelayOnly { name: &'a str },
    /// It has no STUN, on purpose.
    NoStun { name: &'a str },
    /// It has nothing but STUN, on purpose.
    StunOnly { name: &'a str },
    /// A layer fails, STUN or not.
    Broken { name: &'a str, layer: Layer, stun: bool },
    /// Nothing answers.
    Silent { name: &'a str },
    /// There was no time.
    Unclear { name: &'a str },
    /// The relay's own host was looked at, and no relay asked.
    LocalOnly,
}

/// Something the doctor has seen of a layer.
#[derive(Clone, Debug)]
pub(in crate::render) enum DoctorNote<'a> {
    Entry { code: &'a str, id: RegionId },
    EntryWrong,
    NoName,
    NotOfMap,
    Below,
    NotReached,
    Undetermined(&'a DoctorWhy),
    PlainHttp,
    NoStunInMap,
    RelaysNothing,
    Path,
    Address { address: IpAddr, took: Option<Duration> },
    ViaProxy(&'a str),
    Certificate { version: &'a str, name: &'a str, issuer: &'a str, left: Option<Duration> },
    Client(ClientView),
    Upgraded { server: Option<&'a str> },
    Admitted { exchange: Option<Duration> },
    NotAdmitted,
    Stun { server: SocketAddr, took: Duration, mapped: Option<SocketAddr> },
    Held { held: Duration, keep_alives: u32, up: bool },
}

/// Something that changed between two reports.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) enum Change<'a> {
    /// One value became another.
    Became(Word, &'a str, &'a str),
    /// Something that worked does not.
    Lost(Word),
    /// Something that did not work does.
    Back(Word),
    /// It can no longer be told whether it works.
    Unclear(Word),
    /// A region answers that did not.
    RegionAppeared(&'a str),
    /// A region that answered does not.
    RegionLost(&'a str),
}
