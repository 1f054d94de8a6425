//! One request asked over and over from one socket of a filter test, and what it wants next.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::timing;
use super::super::tracks::{Copy, Fate};
use crate::check::filtering::{FEWEST_COPIES, MOST_COPIES, WITH_CONTROL};
use crate::model::HelpCookie;
use crate::probe::{Moment, Slot, StunForm};

/// Copies that leave one after the other, whatever is asked …
const AT_FIRST: u32 = 3;
/// … with this between them.
const SPACING: Duration = Duration::from_millis(1);
/// Between those that silence takes besides, while nothing is known to get lost: by then an answer from a server nearby
/// has made them needless.
const APART: Duration = Duration::from_millis(5);
/// The same when something does: far enough apart for a burst of loss to end.
const LOSSY_SPACING: Duration = Duration::from_millis(20);

/// Copies of a request that silence may answer. Those that a lost control went with do not count, so it takes more than
/// are needed: this many do where half of all round trips get lost.
const MOST_SILENT_COPIES: u32 = 48;
/// Requests for one proof: with half of all packets lost, one in 1,000 proofs fails.
const MOST_PROOF_COPIES: u32 = 10;

/// Copies of one request from one socket.
#[derive(Debug)]
pub(super) struct Flow {
    pub kind: Kind,
    pub slot: Slot,
    pub server: SocketAddr,
    pub start: Moment,
    /// Nothing more is to be asked.
    pub over: bool,
    pub copies: Vec<Copy>,
}

/// What a flow is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plain, from F: is the server there, how far, how lossy is it?
    Control,
    /// From F: answer from another address and port.
    Elsewhere,
    /// From F: answer from another port.
    Neighbour,
    /// Plain, from G, to where an answer is to come from.
    Opening,
    /// From G: answer from another address and port.
    ElsewhereProof,
    /// From G: answer from another port.
    NeighbourProof,
    /// Plain, from F or G: does another relay help, and with which cookie?
    Offer,
    /// The same, from F, along with …
    HelpControl,
    /// … this: have the other relay answer.
    Helped(HelpCookie),
    /// From G: have the other relay answer.
    HelpProof(HelpCookie),
}

impl Kind {
    /// Silence must be proven against loss, of which there may be much; for a proof one answer does.
    const fn most_copies(self) -> u32 {
        match self {
            Self::ElsewhereProof | Self::NeighbourProof | Self::Offer | Self::HelpProof(_) => MOST_PROOF_COPIES,
            Self::Elsewhere | Self::Neighbour | Self::Helped(_) => MOST_SILENT_COPIES,
            _ => MOST_COPIES,
        }
    }

    /// Whether that nothing comes back is an answer as well.
    pub(super) const fn takes_silence(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Neighbour | Self::Helped(_))
    }

    pub(super) const fn form(self) -> StunForm {
        match self {
            Self::Control | Self::Opening => StunForm::Plain,
            Self::Elsewhere | Self::ElsewhereProof => StunForm::ChangeAddressAndPort,
            Self::Neighbour | Self::NeighbourProof => StunForm::ChangePort,
            Self::Offer | Self::HelpControl => StunForm::AskForHelp,
            Self::Helped(cookie) | Self::HelpProof(cookie) => StunForm::FromHelper(cookie),
        }
    }

    /// Whether it goes along with others, to tell whether the way was up.
    const fn is_control(self) -> bool {
        matches!(self, Self::Control | Self::HelpControl)
    }

    /// Whether another relay has a part in it.
    pub(super) const fn is_help(self) -> bool {
        matches!(self, Self::HelpControl | Self::Helped(_))
    }
}

/// What a flow wants next.
pub(super) enum Next {
    Copy,
    Wait(Moment),
    /// Until the server's distance is known.
    Patience,
    Over,
}

impl Flow {
    pub(super) fn answered(&self) -> bool {
        self.copies.iter().any(|copy| matches!(copy.fate, Fate::Answered(_)))
    }

    pub(super) fn round_trips(&self) -> impl Iterator<Item = Duration> {
        self.copies.iter().filter_map(Copy::round_trip)
    }

    /// The place of the first copy whose loss is chance's: a proof may be kept out by a filter that is not yet open, until
    /// one has come through. What was asked to pass a filter unasked never counts.
    pub(super) fn first_that_counts(&self) -> usize {
        match self.kind {
            Kind::Control | Kind::HelpControl => 0,
            Kind::ElsewhereProof | Kind::NeighbourProof | Kind::HelpProof(_) => {
                let proven = self.copies.iter().position(|copy| copy.round_trip().is_some());
                proven.map_or(usize::MAX, |first| first + 1)
            }
            Kind::Elsewhere | Kind::Neighbour | Kind::Opening | Kind::Offer | Kind::Helped(_) => usize::MAX,
        }
    }

    /// Copies that count as unanswered, or may yet: whose control came back, or still may.
    fn accompanied(&self, control: &Self, now: Moment, late: Duration) -> u32 {
        let counts = |copy: &Copy| matches!(copy.fate, Fate::Answered(_)) || now < copy.at + late;
        let none = self.copies.len().saturating_sub(control.copies.len());
        let pairs = self.copies.iter().zip(&control.copies);
        number(none + pairs.filter(|(copy, with)| copy.at.apart(with.at) <= WITH_CONTROL && counts(with)).count())
    }

    /// What is to be sent next, as the test's `control` goes; a control itself goes with the `longest` of what is asked
    /// along with it.
    pub(super) fn next(
        &self,
        now: Moment,
        needed: u32,
        round_trip: Option<Duration>,
        control: Option<&Self>,
        longest: usize,
    ) -> Next {
        if self.over {
            return Next::Over;
        }
        let sent = number(self.copies.len());
        if self.kind == Kind::Offer && self.answered() {
            return Next::Over;
        }
        if self.kind.is_control() && self.copies.len() < longest {
            return Next::Copy;
        }
        let Some(last) = self.copies.last().map(|copy| copy.at) else { return Next::due(now, self.start) };
        if sent < AT_FIRST {
            return Next::due(now, last + SPACING);
        }
        // Opening needs no answer, only to have left: more than once for the case that it was lost on the way out.
        if self.kind == Kind::Opening {
            return Next::Over;
        }
        if self.answered() {
            return match self.kind {
                // How much gets lost between the relays shows nowhere else.
                Kind::HelpProof(_) if sent < FEWEST_COPIES => Next::due(now, last + APART),
                Kind::Control | Kind::HelpControl | Kind::HelpProof(_) => self.stragglers(now),
                _ => Next::Over,
            };
        }
        if sent < FEWEST_COPIES && self.kind.takes_silence() {
            return Next::due(now, last + APART);
        }
        let Some(round_trip) = round_trip else { return Next::Patience };
        let late = timing::late_after(round_trip);
        let first = self.copies.first().map_or(last, |copy| copy.at);
        let counting = match control {
            Some(control) if self.kind.takes_silence() => self.accompanied(control, now, late),
            _ => sent,
        };
        if counting < needed && sent < self.kind.most_copies() {
            // Only when the first ones are overdue: until then nothing is known to be amiss.
            return Next::due(now, (last + LOSSY_SPACING).max(first + late));
        }
        if now >= last + late { Next::Over } else { Next::Wait(last + late) }
    }

    /// Every copy of the control tells something of loss.
    fn stragglers(&self, now: Moment) -> Next {
        let late = timing::late_after(self.round_trips().max().unwrap_or_default());
        let waiting = self.copies.iter().filter(|copy| matches!(copy.fate, Fate::Waiting));
        match waiting.map(|copy| copy.at + late).max() {
            Some(until) if until > now => Next::Wait(until),
            _ => Next::Over,
        }
    }
}

impl Next {
    fn due(now: Moment, at: Moment) -> Self {
        if now >= at { Self::Copy } else { Self::Wait(at) }
    }
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
