//! What a check asks and what the network answers, as data: [`Probe`], [`Observation`], [`Failure`], [`Check`].
//!
//! This room does not know how a probe is sent (that is `drive/`) nor what an answer implies (that is `check/`).

mod check;
mod failure;
mod host;
pub mod millis;
mod moment;
mod observation;
mod question;
mod record;
mod recorded;
mod relay_answer;
mod relay_question;

pub use check::Check;
pub use failure::{Cause, CertificateFault, Failure, Stage};
pub use host::{CertificateFile, FileContent, Gateway, HostFacts, Interface, LocalFacts, ProxyFacts, RelayProcess};
pub use moment::Moment;
pub use observation::{
    HttpsAnswer, IcmpAnswer, Observation, Outcome, PortMappingAnswer, PortalAnswer, ResolveAnswer, StunReply,
};
pub use question::{HttpsTarget, PortMappingService, Probe, ProbeId, Question, Slot, StunForm};
pub use record::{Launch, Record};
pub use recorded::{NotReplayed, Recorded, Tape, Turn};
pub use relay_answer::{CertificateSeen, DerpAnswer, HttpReply, RelayAnswer, ServerGreeting, TlsAnswer};
pub use relay_question::{DerpStart, HttpRequest, RelayAsk, RelayQuestion, Sni};
