//! What one relay was asked, and what came of it: the view that both the next question and the verdict are made from.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{DoctorInput, Patient};
use crate::model::Family;
use crate::probe::{
    DerpStart, Failure, HttpRequest, Moment, Outcome, Probe, ProbeId, Question, Record, RelayAnswer, RelayAsk,
    RelayQuestion, Sni, StunForm, StunReply,
};

/// Addresses of one family that are tried.
const ADDRESSES: usize = 2;

/// Where the check for captive portals is.
pub(super) const PORT_80: u16 = 80;

/// The name in a greeting that is not the relay's. It is set aside for examples, so nobody filters it.
pub(super) const OTHER_NAME: &str = "www.example.com";

/// One relay's questions and answers.
#[derive(Clone, Debug)]
pub(super) struct Exam<'a> {
    pub(super) patient: &'a Patient,
    pub(super) input: &'a DoctorInput,
    pub(super) entries: Vec<Entry>,
    /// When the run ended, once it has: what was under way then is not known.
    pub(super) ended_at: Option<Moment>,
}

/// A question and what was heard.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: ProbeId,
    pub(super) question: Question,
    pub(super) asked_at: Moment,
    pub(super) heard: Vec<Heard>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) sent_at: Moment,
    pub(super) at: Moment,
    pub(super) outcome: Outcome,
}

/// What is asked of the relay's port, copies of one question being one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The first touch of an address: TCP, TLS, or plain HTTP.
    Touch(Option<IpAddr>),
    /// Plain HTTP where TLS was expected.
    PlainOnTls(IpAddr),
    /// A handshake without a name, or with another one.
    OtherSni(Sni),
    /// A handshake that offers these protocols.
    Alpn(&'static [&'static str]),
    /// A request.
    Request(HttpRequest),
    /// DERP.
    Derp(DerpStart),
    /// A packet each way.
    Exchange,
    /// A connection held.
    Hold,
    /// `generate_204` on port 80.
    Port80,
}

/// What was heard of a name over one family.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Names {
    /// Not asked, and not needed.
    Fixed(Vec<IpAddr>),
    /// Not heard yet.
    Pending,
    /// As told.
    Told(Vec<IpAddr>),
    /// It failed.
    Failed(Failure),
}

impl<'a> Exam<'a> {
    pub(super) const fn new(patient: &'a Patient, input: &'a DoctorInput) -> Self {
        Self { patient, input, entries: Vec::new(), ended_at: None }
    }

    /// The exam of a record, which may hold that of other relays too.
    pub(super) fn of(patient: &'a Patient, input: &'a DoctorInput, record: &Record) -> Self {
        let mut exam = Self::new(patient, input);
        exam.ended_at = Some(record.ended_at);
        for launch in &record.launches {
            exam.ask(&launch.probe, launch.at);
        }
        for observation in &record.observations {
            if let Some(probe) = observation.probe {
                exam.hear(probe, observation.sent_at, observation.at, &observation.outcome);
            }
        }
        // Which STUN questions are this relay's is known by its addresses, which may have been told after they were asked
        // for another relay.
        let servers = exam.stun_servers();
        exam.entries.retain(|entry| match &entry.question {
            Question::Stun { server, .. } => servers.contains(server),
            _ => true,
        });
        exam
    }

    /// Takes note of a question, if it is one of this relay's.
    pub(super) fn ask(&mut self, probe: &Probe, asked_at: Moment) {
        let node = &self.patient.node;
        let is_ours = match &probe.question {
            Question::Resolve { host, .. } => *host == node.host_name,
            Question::Stun { server, .. } => Some(server.port()) == node.stun_port,
            Question::Relay(question) => self.is_target(question),
            _ => false,
        };
        if is_ours {
            self.entries.push(Entry { id: probe.id, question: probe.question.clone(), asked_at, heard: Vec::new() });
        }
    }

    /// Whether a question goes where this relay's do: two entries of a map may name one host, and differ in their addresses
    /// or in what certificate they take.
    fn is_target(&self, question: &RelayQuestion) -> bool {
        let mut ours = self.patient.target(question.target.address);
        if is_port_80(&question.ask) {
            ours.port = PORT_80;
        }
        let pinned = |address| self.patient.fixed(Family::of(address)).is_none_or(|fixed| fixed.contains(&address));
        question.target == ours && question.target.address.is_none_or(pinned)
    }

    /// Takes note of an answer, if it is to one of this relay's questions.
    pub(super) fn hear(&mut self, probe: ProbeId, sent_at: Moment, at: Moment, outcome: &Outcome) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == probe) {
            entry.heard.push(Heard { sent_at, at, outcome: outcome.clone() });
        }
    }

    /// Whether a family may be used.
    pub(super) const fn allows(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.input.v4,
            Family::V6 => self.input.v6,
        }
    }

    /// What DNS says of the name; asked also where the map has an address, to compare.
    pub(super) fn resolved(&self, family: Family) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| matches!(&entry.question, Question::Resolve { family: of, .. } if *of == family))
    }

    /// The addresses to use over a family.
    pub(super) fn names(&self, family: Family) -> Names {
        if !self.allows(family) {
            return Names::Fixed(Vec::new());
        }
        if let Some(fixed) = self.patient.fixed(family) {
            return Names::Fixed(fixed);
        }
        match self.resolved(family).and_then(|entry| entry.heard.first()) {
            None => Names::Pending,
            Some(heard) => match &heard.outcome {
                Outcome::Resolved(answer) => Names::Told(answer.addresses.clone()),
                Outcome::Failed(failure) => Names::Failed(failure.clone()),
                // The run ended before the answer.
                _ => Names::Pending,
            },
        }
    }

    /// The relay's addresses as far as they are known, IPv4 first.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for family in Family::BOTH {
            if let Names::Fixed(known) | Names::Told(known) = self.names(family) {
                addresses.extend(known.into_iter().take(ADDRESSES));
            }
        }
        addresses
    }

    /// Whether all names have been answered.
    pub(super) fn names_are_known(&self) -> bool {
        Family::BOTH.into_iter().all(|family| self.names(family) != Names::Pending)
    }

    /// Where STUN is asked.
    pub(super) fn stun_servers(&self) -> Vec<SocketAddr> {
        let Some(port) = self.patient.node.stun_port else { return Vec::new() };
        if let Some(address) = self.patient.node.stun_test_ip {
            return vec![SocketAddr::new(address, port)];
        }
        let mut servers: Vec<SocketAddr> = Vec::new();
        for address in self.addresses() {
            // One of each family: they are all one server's.
            if !servers.iter().any(|server| server.is_ipv4() == address.is_ipv4()) {
                servers.push(SocketAddr::new(address, port));
            }
        }
        servers
    }

    /// The copies of a question to the relay's port.
    pub(super) fn copies<'e>(&'e self, what: &What) -> impl Iterator<Item = &'e Entry> {
        let what = what.clone();
        self.entries.iter().filter(move |entry| is(&entry.question, &what, self.patient))
    }

    /// The addresses to be touched; one without an address, where only a proxy leads to the relay.
    pub(super) fn touches(&self) -> Vec<Option<IpAddr>> {
        if self.patient.node.stun_only {
            return Vec::new();
        }
        let mut touched: Vec<Option<IpAddr>> = self.addresses().into_iter().map(Some).collect();
        if touched.is_empty() && self.names_are_known() && self.patient.tls && self.goes_through_proxy() {
            touched.push(None);
        }
        touched
    }

    fn goes_through_proxy(&self) -> bool {
        self.input.host.proxy.https.is_some()
    }

    /// The address upper layers are asked at: the first that could be touched all the way.
    pub(super) fn primary(&self) -> Option<(Option<IpAddr>, &RelayAnswer, ProbeId)> {
        let touched = self.touches().into_iter().filter_map(|address| {
            let what = What::Touch(address);
            let state = self.state(&what);
            let answer = state.answer().filter(|answer| is_touched(answer, self.patient.tls))?;
            let probe = state.probe()?;
            let at = self.entries.iter().find(|entry| entry.id == probe)?.heard.first()?.at;
            Some((at, address, answer, probe))
        });
        touched.min_by_key(|(at, ..)| *at).map(|(_, address, answer, probe)| (address, answer, probe))
    }

    /// The copies sent of a form of STUN request to a server.
    pub(super) fn stun(&self, server: SocketAddr, form: StunForm) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| {
            matches!(&entry.question, Question::Stun { server: to, form: of, .. } if *to == server && *of == form)
        })
    }

    /// The first answer to a form of STUN request, with its round trip.
    pub(super) fn stun_reply(&self, server: SocketAddr, form: StunForm) -> Option<(&StunReply, Duration, ProbeId)> {
        self.stun(server, form).find_map(|entry| {
            entry.heard.iter().find_map(|heard| match &heard.outcome {
                Outcome::Stun(reply) => Some((reply, heard.at.since(heard.sent_at), entry.id)),
                _ => None,
            })
        })
    }
}

impl Entry {
    /// How long a question to the relay's port is waited for.
    pub(super) fn timeout(&self) -> Option<Duration> {
        match &self.question {
            Question::Relay(question) => Some(question.timeout),
            _ => None,
        }
    }

    pub(super) fn answer(&self) -> Option<&RelayAnswer> {
        self.heard.iter().find_map(|heard| match &heard.outcome {
            Outcome::Relay(answer) => Some(answer.as_ref()),
            _ => None,
        })
    }

    /// Whether it has failed in a way that was told.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.heard.iter().find_map(|heard| match &heard.outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        })
    }
}

/// Whether TCP, and TLS where it is spoken, came to a good end.
pub(super) fn is_touched(answer: &RelayAnswer, tls: bool) -> bool {
    if tls { answer.tls.is_some() } else { answer.connect.is_some() }
}

fn is_port_80(ask: &RelayAsk) -> bool {
    matches!(ask, RelayAsk::Http { request: HttpRequest::Generate204 })
}

fn is(question: &Question, what: &What, patient: &Patient) -> bool {
    let Question::Relay(question) = question else { return false };
    let (address, tls) = (question.target.address, question.tls);
    match (what, &question.ask) {
        (What::Touch(wanted), RelayAsk::Handshake { sni: Sni::HostName, alpn }) => {
            tls && alpn.is_empty() && address == *wanted
        }
        (What::Touch(wanted), RelayAsk::Http { request: HttpRequest::DerpPlain }) => !patient.tls && address == *wanted,
        (What::PlainOnTls(wanted), RelayAsk::Http { request: HttpRequest::DerpPlain }) => {
            patient.tls && !tls && address == Some(*wanted)
        }
        (What::OtherSni(wanted), RelayAsk::Handshake { sni, .. }) => *sni != Sni::HostName && sni == wanted,
        (What::Alpn(wanted), RelayAsk::Handshake { alpn, .. }) => {
            !alpn.is_empty() && alpn.iter().map(String::as_str).eq(wanted.iter().copied())
        }
        (What::Request(HttpRequest::DerpPlain), RelayAsk::Http { request: HttpRequest::DerpPlain }) => {
            tls == patient.tls
        }
        (What::Request(HttpRequest::Generate204), _) => false,
        (What::Request(wanted), RelayAsk::Http { request }) => wanted == request && tls == patient.tls,
        (What::Port80, ask) => is_port_80(ask),
        (What::Derp(wanted), RelayAsk::Derp { start }) => wanted == start && tls == patient.tls,
        (What::Exchange, RelayAsk::DerpExchange) | (What::Hold, RelayAsk::DerpHold { .. }) => tls == patient.tls,
        _ => false,
    }
}
