//! The next question to one relay, by what it has answered so far.

use std::net::IpAddr;
use std::time::Duration;

use super::CONNECT;
use super::exam::{Exam, Names, OTHER_NAME, What};
use crate::model::Family;
use crate::probe::{
    Cause, DerpStart, Failure, HttpRequest, Moment, Question, RelayAsk, RelayQuestion, Slot, Sni, Stage, StunForm,
};

/// A second copy of an important question is asked when the first has not been answered for this long, and a third: a lost
/// packet costs TCP a second, or more.
const COPIES: [Duration; 2] = [Duration::from_millis(600), Duration::from_millis(1200)];

/// How much longer than the first copy the later ones may take.
const SLACK: Duration = Duration::from_millis(300);

/// From when on a first touch is silent.
const SILENT: Duration = Duration::from_millis(1300);

/// Copies of a STUN request, from the first on. Only silence takes more than one; where a quarter of the packets is lost
/// each way, it is mistaken for a closed port once in a thousand times.
pub(super) const STUN_COPIES: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_millis(150),
    Duration::from_millis(350),
    Duration::from_millis(600),
    Duration::from_millis(850),
    Duration::from_millis(1100),
    Duration::from_millis(1300),
    Duration::from_millis(1500),
];

/// How long the last of them is waited for.
pub(super) const STUN_PATIENCE: Duration = Duration::from_millis(900);

/// How long DNS is waited for.
const DNS: Duration = Duration::from_millis(2400);

/// What to ask now, or when to look again.
#[derive(Debug)]
pub(super) enum Wish {
    /// This.
    Ask(Question),
    /// Nothing before then, unless something is heard.
    Later(Moment),
    /// Nothing more can be asked; answers may be under way.
    Nothing,
}

impl Exam<'_> {
    /// The next question. The order is that of what takes longest.
    pub(super) fn wish(&self, now: Moment) -> Wish {
        let mut later: Option<Moment> = None;
        let wishes = [Self::wish_name, Self::wish_stun, Self::wish_touch, Self::wish_why_no_touch, Self::wish_above];
        for wish in wishes {
            match wish(self, now) {
                Wish::Ask(question) => return Wish::Ask(question),
                Wish::Later(moment) => later = Some(later.map_or(moment, |earlier| earlier.min(moment))),
                Wish::Nothing => {}
            }
        }
        later.map_or(Wish::Nothing, Wish::Later)
    }

    /// Whether anything is still under way that is worth waiting for.
    pub(super) fn is_waiting(&self, now: Moment) -> bool {
        let unanswered = self.entries.iter().any(|entry| match &entry.question {
            Question::Stun { .. } => false,
            // A copy of what is settled is not waited for.
            Question::Relay(question) => entry.heard.is_empty() && !self.is_settled(question),
            _ => entry.heard.is_empty(),
        });
        unanswered || self.stun_servers().into_iter().any(|server| self.stun_open_until(server) > now)
    }

    fn is_settled(&self, question: &RelayQuestion) -> bool {
        let what = match &question.ask {
            RelayAsk::Handshake { sni: Sni::HostName, alpn } if alpn.is_empty() => What::Touch(question.target.address),
            RelayAsk::Http { request: HttpRequest::DerpPlain } if !self.patient.tls => {
                What::Touch(question.target.address)
            }
            RelayAsk::Derp { start } => What::Derp(*start),
            RelayAsk::DerpExchange => What::Exchange,
            RelayAsk::Http { request } => What::Request(*request),
            RelayAsk::Handshake { .. } | RelayAsk::DerpHold { .. } => return false,
        };
        self.state(&what).is_over()
    }

    fn wish_name(&self, _: Moment) -> Wish {
        if self.patient.node.host_address().is_some() {
            return Wish::Nothing;
        }
        let missing = Family::BOTH.into_iter().find(|family| self.allows(*family) && self.resolved(*family).is_none());
        missing.map_or(Wish::Nothing, |family| {
            Wish::Ask(Question::Resolve { host: self.patient.node.host_name.clone(), family, timeout: DNS })
        })
    }

    fn wish_stun(&self, now: Moment) -> Wish {
        let mut later: Option<Moment> = None;
        for server in self.stun_servers() {
            for form in [StunForm::Tailnode, StunForm::Plain] {
                let sent: Vec<Moment> = self.stun(server, form).map(|entry| entry.asked_at).collect();
                if self.stun_reply(server, form).is_some() || sent.len() >= self.stun_copies(server, form) {
                    continue;
                }
                let due = match (sent.first(), STUN_COPIES.get(sent.len())) {
                    (None, _) => now,
                    (Some(first), Some(after)) => *first + *after,
                    (Some(_), None) => continue,
                };
                if due <= now {
                    let family = Family::of(server.ip());
                    // Refusals are heard by a connected socket alone, answers from elsewhere by the other kind.
                    let slot = if sent.len().is_multiple_of(2) {
                        Slot::Connected { family }
                    } else {
                        Slot::Shared { family, index: 0 }
                    };
                    return Wish::Ask(Question::Stun { slot, server, form });
                }
                later = Some(later.map_or(due, |earlier| earlier.min(due)));
            }
        }
        later.map_or(Wish::Nothing, Wish::Later)
    }

    /// Most copies of a form. That one form is answered shows that packets get there: then the other needs fewer.
    fn stun_copies(&self, server: std::net::SocketAddr, form: StunForm) -> usize {
        let other = match form {
            StunForm::Tailnode => StunForm::Plain,
            _ => StunForm::Tailnode,
        };
        if form == StunForm::Plain && self.stun_reply(server, other).is_some() { 3 } else { STUN_COPIES.len() }
    }

    /// Until when an answer of a STUN server is waited for.
    fn stun_open_until(&self, server: std::net::SocketAddr) -> Moment {
        let open_until = |form| {
            if self.stun_reply(server, form).is_some() {
                return None;
            }
            // A refusal is an answer, unless another copy has been answered.
            let refused = self.stun(server, form).filter(|entry| entry.failure().is_some()).count();
            if refused >= 2 {
                return None;
            }
            let last = self.stun(server, form).map(|entry| entry.asked_at).max()?;
            let patience = match form {
                StunForm::Plain => self
                    .stun_reply(server, StunForm::Tailnode)
                    .map_or(STUN_PATIENCE, |(_, took, _)| (took * 3 + Duration::from_millis(60)).min(STUN_PATIENCE)),
                _ => STUN_PATIENCE,
            };
            Some(last + patience)
        };
        let open = [StunForm::Tailnode, StunForm::Plain].into_iter().filter_map(open_until).max();
        open.unwrap_or_default()
    }

    fn wish_touch(&self, now: Moment) -> Wish {
        let mut later: Option<Moment> = None;
        for address in self.touches() {
            let question = || {
                let ask = if self.patient.tls {
                    RelayAsk::Handshake { sni: Sni::HostName, alpn: Vec::new() }
                } else {
                    RelayAsk::Http { request: HttpRequest::DerpPlain }
                };
                self.relay_question(address, self.patient.tls, ask, self.touch_timeout(address, now))
            };
            match self.copy(&What::Touch(address), now, question) {
                Wish::Later(moment) => later = Some(later.map_or(moment, |earlier| earlier.min(moment))),
                Wish::Ask(question) => return Wish::Ask(question),
                Wish::Nothing => {}
            }
        }
        later.map_or(Wish::Nothing, Wish::Later)
    }

    /// All copies of a first touch are to end soon after the first one: nobody is to wait for a dead relay.
    fn touch_timeout(&self, address: Option<IpAddr>, now: Moment) -> Duration {
        let first = self.copies(&What::Touch(address)).map(|entry| entry.asked_at).min();
        CONNECT.saturating_sub(first.map_or(Duration::ZERO, |first| now.since(first)))
            + SLACK * u32::from(first.is_some())
    }

    /// What may explain why TLS did not come about.
    fn wish_why_no_touch(&self, now: Moment) -> Wish {
        if !self.patient.tls || self.primary().is_some() {
            return Wish::Nothing;
        }
        if !self.touches_are_over() {
            return self.wish_while_silent(now);
        }
        let Some((address, failure)) = self.tls_failure() else { return Wish::Nothing };
        if failure.cause == Cause::NotTls
            && let Some(address) = address
        {
            let ask = RelayAsk::Http { request: HttpRequest::DerpPlain };
            return self.once(&What::PlainOnTls(address), || self.relay_question(Some(address), false, ask, CONNECT));
        }
        let offers: &'static [&'static str] = &["http/1.1"];
        if matches!(&failure.cause, Cause::TlsAlert { alert } if alert.contains("no_application_protocol")) {
            return self.once(&What::Alpn(&["h2"]), || self.handshake(address, Sni::HostName, &["h2"], CONNECT));
        }
        if !matches!(failure.cause, Cause::Reset | Cause::Closed | Cause::TimedOut { .. } | Cause::TlsAlert { .. }) {
            return Wish::Nothing;
        }
        let wish = self.wish_other_sni(address);
        if matches!(wish, Wish::Ask(_)) {
            return wish;
        }
        self.once(&What::Alpn(offers), || self.handshake(address, Sni::HostName, offers, CONNECT))
    }

    /// A handshake that is silent for long is not waited for to its end before others are tried beside it.
    fn wish_while_silent(&self, now: Moment) -> Wish {
        let Some(address) = self.touches().into_iter().next() else { return Wish::Nothing };
        let touch = What::Touch(address);
        let Some(first) = self.copies(&touch).map(|entry| entry.asked_at).min() else { return Wish::Nothing };
        if self.copies(&touch).any(|entry| !entry.heard.is_empty()) {
            return Wish::Nothing;
        }
        let due = first + SILENT;
        if due > now { Wish::Later(due) } else { self.wish_other_sni(address) }
    }

    fn wish_other_sni(&self, address: Option<IpAddr>) -> Wish {
        let mut names = vec![Sni::Name(OTHER_NAME.to_owned())];
        if self.patient.node.host_address().is_none() {
            names.push(Sni::Absent);
        }
        let mut wishes = names.into_iter().map(|sni| {
            self.once(&What::OtherSni(sni.clone()), || {
                self.handshake(address, sni, &[], CONNECT.saturating_sub(SILENT) + SLACK)
            })
        });
        wishes.find(|wish| matches!(wish, Wish::Ask(_))).unwrap_or(Wish::Nothing)
    }

    fn wish_above(&self, now: Moment) -> Wish {
        let Some((address, touched, _)) = self.primary() else { return Wish::Nothing };
        let tls = self.patient.tls;
        let round_trip = touched.connect.unwrap_or_default();
        let timeout = CONNECT + round_trip * 10;
        let question = |ask| self.relay_question(address, tls, ask, timeout);
        let has_meta =
            touched.tls.iter().flat_map(|tls| &tls.certificates).any(|certificate| certificate.meta_key.is_some());
        let mut later: Option<Moment> = None;
        let mut wishes = vec![
            self.copy(&What::Derp(DerpStart::Upgrade), now, || question(RelayAsk::Derp { start: DerpStart::Upgrade })),
            self.copy(&What::Request(HttpRequest::DerpPlain), now, || {
                question(RelayAsk::Http { request: HttpRequest::DerpPlain })
            }),
            self.copy(&What::Request(HttpRequest::LatencyCheck), now, || {
                question(RelayAsk::Http { request: HttpRequest::LatencyCheck })
            }),
        ];
        if has_meta {
            wishes.push(
                self.copy(&What::Derp(DerpStart::Fast), now, || question(RelayAsk::Derp { start: DerpStart::Fast })),
            );
        }
        if self.patient.node.can_port_80
            && let Some(address) = address
        {
            let mut at_80 = self.relay_question(
                Some(address),
                false,
                RelayAsk::Http { request: HttpRequest::Generate204 },
                CONNECT,
            );
            if let Question::Relay(question) = &mut at_80 {
                question.target.port = 80;
            }
            wishes.push(self.copy(&What::Port80, now, || at_80.clone()));
        }
        let upgrade = self.state(&What::Derp(DerpStart::Upgrade));
        if let Some(answer) = upgrade.answer() {
            let said = answer.derp.as_ref();
            if said.is_some_and(|derp| !derp.server_keys.is_empty()) {
                // Who is not let in hears the relay's key all the same: two connections more, to be compared.
                // It is given longer, since this relay is there and lost packets cost TCP seconds.
                wishes.push(self.copy(&What::Exchange, now, || {
                    self.relay_question(address, tls, RelayAsk::DerpExchange, timeout + CONNECT)
                }));
            }
            if said.is_some_and(|derp| derp.admitted.is_some()) {
                if let Some(stay) = self.input.hold {
                    let ask = RelayAsk::DerpHold { stay };
                    wishes.push(self.once(&What::Hold, || self.relay_question(address, tls, ask, timeout + stay)));
                }
            } else if answer.ended.as_ref().is_some_and(|failure| failure.stage == Stage::Http) {
                wishes.push(self.copy(&What::Request(HttpRequest::DerpWebSocket), now, || {
                    question(RelayAsk::Http { request: HttpRequest::DerpWebSocket })
                }));
                if tls && speaks_no_http_1(answer.ended.as_ref()) {
                    let both: &'static [&'static str] = &["h2", "http/1.1"];
                    wishes.push(self.once(&What::Alpn(both), || self.handshake(address, Sni::HostName, both, CONNECT)));
                }
            }
        }
        for wish in wishes {
            match wish {
                Wish::Ask(question) => return Wish::Ask(question),
                Wish::Later(moment) => later = Some(later.map_or(moment, |earlier| earlier.min(moment))),
                Wish::Nothing => {}
            }
        }
        later.map_or(Wish::Nothing, Wish::Later)
    }

    /// Whether every address has been touched, one way or the other.
    pub(super) fn touches_are_over(&self) -> bool {
        self.names_are_known() && self.touches().into_iter().all(|address| self.state(&What::Touch(address)).is_over())
    }

    /// The failure of the TLS handshake, where TCP came about.
    pub(super) fn tls_failure(&self) -> Option<(Option<IpAddr>, Failure)> {
        self.touches().into_iter().find_map(|address| {
            let answer = self.state(&What::Touch(address)).answer()?;
            let failure = answer.ended.as_ref().filter(|failure| failure.stage == Stage::Tls)?;
            Some((address, failure.clone()))
        })
    }

    /// The first copy of a question, or the next one where the ones before it are silent.
    fn copy(&self, what: &What, now: Moment, question: impl Fn() -> Question) -> Wish {
        let asked: Vec<Moment> = self.copies(what).map(|entry| entry.asked_at).collect();
        let Some(first) = asked.first() else { return Wish::Ask(question()) };
        let answered = self.copies(what).any(|entry| !entry.heard.is_empty());
        // Far away, a copy in time for a near relay would only be one connection more.
        let far = self.primary().and_then(|(_, touched, _)| touched.connect).unwrap_or_default() * 4;
        match COPIES.get(asked.len() - 1) {
            Some(after) if !answered => {
                let due = *first + *after + far;
                if due <= now { Wish::Ask(question()) } else { Wish::Later(due) }
            }
            _ => Wish::Nothing,
        }
    }

    fn once(&self, what: &What, question: impl FnOnce() -> Question) -> Wish {
        if self.copies(what).next().is_some() { Wish::Nothing } else { Wish::Ask(question()) }
    }

    fn handshake(&self, address: Option<IpAddr>, sni: Sni, alpn: &[&str], timeout: Duration) -> Question {
        let alpn = alpn.iter().map(|protocol| (*protocol).to_owned()).collect();
        self.relay_question(address, true, RelayAsk::Handshake { sni, alpn }, timeout)
    }

    fn relay_question(&self, address: Option<IpAddr>, tls: bool, ask: RelayAsk, timeout: Duration) -> Question {
        let target = self.patient.target(address);
        Question::Relay(Box::new(RelayQuestion { target, tls, ask, timeout }))
    }
}

/// Whether what came is no HTTP/1: a frame of HTTP/2, or nothing.
pub(super) fn speaks_no_http_1(failure: Option<&Failure>) -> bool {
    matches!(
        failure.map(|failure| &failure.cause),
        Some(Cause::Malformed { .. } | Cause::Closed | Cause::Reset | Cause::TlsAlert { .. })
    )
}

impl Names {
    /// Whether DNS was asked and had nothing of use.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Told(addresses) => addresses.is_empty(),
            Self::Failed(_) => true,
            Self::Fixed(_) | Self::Pending => false,
        }
    }
}
