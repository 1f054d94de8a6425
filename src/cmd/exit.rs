//! Exit codes, as scripts rely on them.

use crate::cli::FailOn;
use crate::drive::network::DriveError;
use crate::report::{Command, Doctor, Finding, LatencyMethod, LayerState, Netcheck, NodeExam, Report, Severity};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done; no finding at or above `--fail-on`.
    Done,
    /// Findings at or above `--fail-on`.
    Findings,
    /// Nothing answered.
    NothingAnswered,
    /// The question has no verdict, and the report says why.
    Inconclusive,
    /// Bad arguments, or an input file that is not what it should be.
    Usage,
    /// Our own failure.
    Own,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The code for the shell.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::NothingAnswered => 2,
            Self::Inconclusive => 3,
            Self::Usage => 64,
            Self::Own => 70,
            Self::Interrupted => 130,
        }
    }

    /// The end of a run that asked about the NAT and nothing else.
    pub(super) fn of_nat(report: &Report, answered: bool, fail_on: FailOn) -> Self {
        if !answered {
            Self::NothingAnswered
        } else if fails(report, fail_on) {
            Self::Findings
        } else if report.nat().is_some_and(|nat| nat.difficulty.value().is_some()) {
            Self::Done
        } else {
            Self::Inconclusive
        }
    }

    /// The end of a run, by the question its command asks: whether UDP works, for `nat` how hard the NAT is, for
    /// `predict` whether there is a direct path. Other reports must still have their netcheck block.
    pub(super) fn of(report: &Report, fail_on: FailOn) -> Self {
        if let Some(predict) = &report.predict {
            return if predict.direct.value().is_some() { Self::Done } else { Self::Inconclusive };
        }
        if let (Command::Doctor, Some(doctor)) = (report.command, &report.doctor) {
            return Self::of_doctor(doctor, report, fail_on);
        }
        let Some(netcheck) = &report.netcheck else { return Self::Own };
        if nothing_answered(netcheck) {
            return Self::NothingAnswered;
        }
        if fails(report, fail_on) {
            return Self::Findings;
        }
        let settled = match report.command {
            Command::Nat => report.nat().is_some_and(|nat| nat.difficulty.value().is_some()),
            Command::Netcheck
            | Command::Selftest
            | Command::Predict
            | Command::Ping
            | Command::Listen
            | Command::Doctor => netcheck.udp.value().is_some(),
        };
        if !settled {
            return Self::Inconclusive;
        }
        Self::Done
    }

    /// The end of an examination: what is wrong counts before what was not looked at.
    fn of_doctor(doctor: &Doctor, report: &Report, fail_on: FailOn) -> Self {
        let examined = |node: &NodeExam| node.layers.iter().any(|exam| exam.state != LayerState::Skipped);
        if !doctor.anything_answered() && !doctor.nodes.is_empty() {
            Self::NothingAnswered
        } else if fails(report, fail_on) {
            Self::Findings
        } else if doctor.nodes.iter().all(examined) && doctor.nodes.iter().all(NodeExam::is_settled) {
            Self::Done
        } else {
            Self::Inconclusive
        }
    }
}

fn nothing_answered(netcheck: &Netcheck) -> bool {
    let method = |region: &crate::report::RegionReport| {
        matches!(region.method, Some(LatencyMethod::Stun | LatencyMethod::Https | LatencyMethod::Icmp))
    };
    !netcheck.udp.is_true() && !netcheck.captive_portal.is_true() && !netcheck.regions.iter().any(method)
}

/// Whether a report has findings at or above the severity.
fn fails(report: &Report, fail_on: FailOn) -> bool {
    exceeds(&report.findings, fail_on)
}

/// Whether one of the findings is at or above the severity.
pub(super) fn exceeds(findings: &[Finding], fail_on: FailOn) -> bool {
    let least = match fail_on {
        FailOn::Never => return false,
        FailOn::Info => Severity::Info,
        FailOn::Warning => Severity::Warning,
        FailOn::Error => Severity::Error,
    };
    findings.iter().any(|finding| finding.severity >= least)
}

/// Why a command could not do its job. What a network does is never one of these.
#[derive(Debug, thiserror::Error)]
pub(super) enum CmdError {
    /// The user's arguments or files.
    #[error("{0}")]
    Usage(String),
    /// Ours, or this host's.
    #[error("{0}")]
    Own(String),
    /// There is no map, because the network does not answer.
    #[error("{0}")]
    NoMap(String),
    /// The proxy that all was to go through does not do it.
    #[error("{0}")]
    Proxy(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl From<DriveError> for CmdError {
    /// What the user has chosen to send from is the user's to change; the rest is this host's.
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::BindAddress { .. } | DriveError::BindPort { .. } | DriveError::Interface { .. } => {
                Self::Usage(error.to_string())
            }
            DriveError::Randomness(_) => Self::Own(error.to_string()),
        }
    }
}

impl CmdError {
    /// The end it leads to.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Own(_) => Exit::Own,
            Self::NoMap(_) | Self::Proxy(_) => Exit::NothingAnswered,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_blame() {
        let unsupported = DriveError::Randomness(getrandom::Error::UNSUPPORTED);
        assert_eq!(CmdError::from(unsupported).exit().code(), 70);
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        let interface = DriveError::Interface { name: "x0".to_owned(), source };
        assert_eq!(CmdError::from(interface).exit().code(), 64);
    }
}
