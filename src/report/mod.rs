//! The answer as versioned data: verdicts with their why, findings, and the blocks of a report.
//!
//! Nothing here knows how anything was measured or how it is shown; words are made in `render/`, so whatever a
//! sentence needs is a typed field here.

mod classic;
mod code;
mod doctor;
mod doctor_why;
mod filter_why;
mod finding;
mod lifetime;
mod map;
mod map_mistake;
mod mode_why;
mod nat;
mod nat_why;
mod netcheck;
mod path;
mod ping;
mod plan;
mod predict;
mod relay_detail;
mod relay_fault;
mod relay_fault_code;
mod side;
mod verdict;
mod why;

use std::time::{Duration, SystemTime};

pub use classic::{Classic, ClassicStep, ClassicWarning};
pub use code::FindingCode;
pub use doctor::{
    AddressExam, Client, ClientReason, ClientView, Doctor, ExamFacts, Layer, LayerExam, LayerState, NodeExam, StunExam,
};
pub use doctor_why::DoctorWhy;
pub use filter_why::FilterWhy;
pub use finding::{Finding, FindingDetail, Severity};
pub use lifetime::{Bracket, Lifetime};
pub use map::{MapLint, MapNotation, MapShown, MapSourceReport, ShownRegion};
pub use map_mistake::{HostFault, MapMistake, NoMap, OddAddress, PinFault, PlacedMistake};
pub use mode_why::ModeWhy;
pub use nat::{Nat, ServerNote, StunServer};
pub use nat_why::NatWhy;
pub use netcheck::{
    FamilyReport, LatencyMethod, Netcheck, NodeReport, PortMappingReport, RegionReport, RegionSkip, RouterReport,
};
pub use path::{PathReport, Tunnel};
pub use ping::{
    Listen, ListenPeer, Obstacle, PathSide, PathSides, Ping, PingEvent, Pong, PongPath, RelayReport, RelayState,
    RoundTrips,
};
pub use plan::{Plan, PlanStep, PlanWhat, PlanWhen};
pub use predict::{Advice, Advised, Class, Fact, Likelihood, Mechanism, Missing, PairWhy, Predict, PredictSide, Which};
pub use relay_detail::{FileProblem, MapNode, PortUnknown, Unpinnable};
pub use relay_fault::{RelayFault, RelayFinding};
pub use side::{FamilyFacts, Side};
pub use verdict::{Confidence, Verdict};
pub use why::Why;

use crate::probe::{Record, Tape};

/// Schema number of the JSON form.
pub const SCHEMA: u32 = 1;

/// A whole report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which command made it.
    pub command: Command,
    /// When the run began.
    pub started_at: SystemTime,
    /// How long the run took, from its first act to its last observation.
    pub took: Duration,
    /// The netcheck block.
    pub netcheck: Option<Netcheck>,
    /// The NAT seen over IPv4.
    pub nat_v4: Option<Nat>,
    /// The NAT seen over IPv6.
    pub nat_v6: Option<Nat>,
    /// The ping block.
    pub ping: Option<Ping>,
    /// The listen block.
    pub listen: Option<Listen>,
    /// Whether two hosts will talk directly.
    pub predict: Option<Predict>,
    /// What was seen of relays.
    pub doctor: Option<Doctor>,
    /// What deserves attention, most severe first.
    pub findings: Vec<Finding>,
    /// Whether addresses and names in it are pseudonyms, and so cannot be compared with those of another report.
    pub redacted: bool,
    /// What was asked and heard, when it is to be kept.
    pub saved: Option<Saved>,
}

impl Report {
    /// A report of a command that says nothing yet, for struct update syntax.
    #[must_use]
    pub const fn new(command: Command, started_at: SystemTime, took: Duration) -> Self {
        Self {
            command,
            started_at,
            took,
            netcheck: None,
            nat_v4: None,
            nat_v6: None,
            ping: None,
            listen: None,
            predict: None,
            doctor: None,
            findings: Vec::new(),
            redacted: false,
            saved: None,
        }
    }

    /// The NAT to speak of where there is room for one: that over IPv4, unless nobody told us an endpoint over IPv4 and
    /// somebody did over IPv6.
    #[must_use]
    pub fn nat(&self) -> Option<&Nat> {
        let seen = |nat: &&Nat| !nat.mapped.is_empty();
        let (v4, v6) = (self.nat_v4.as_ref(), self.nat_v6.as_ref());
        v4.filter(seen).or_else(|| v6.filter(seen)).or(v4).or(v6)
    }
}

/// What a report was concluded from: enough to conclude again.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The inputs of the check (map, host facts, options) as JSON.
    pub inputs: serde_json::Value,
    /// Probes and observations.
    pub record: Record,
    /// Of checks that were run after that.
    pub further: Vec<SavedCheck>,
}

/// What a further check started from and heard: enough to run it again.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedCheck {
    /// Which check.
    pub check: String,
    /// Its inputs as JSON.
    pub inputs: serde_json::Value,
    /// Probes and observations, and in which order.
    pub tape: Tape,
}

/// The command a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `natscope netcheck`.
    Netcheck,
    /// `natscope nat`.
    Nat,
    /// `natscope selftest`.
    Selftest,
    /// `natscope ping`.
    Ping,
    /// `natscope listen`.
    Listen,
    /// `natscope predict`.
    Predict,
    /// `natscope doctor`.
    Doctor,
}

impl Command {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netcheck => "netcheck",
            Self::Nat => "nat",
            Self::Selftest => "selftest",
            Self::Ping => "ping",
            Self::Listen => "listen",
            Self::Predict => "predict",
            Self::Doctor => "doctor",
        }
    }
}
