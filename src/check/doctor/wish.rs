//! The next question to one relay, by what it has answered so far.

use std::net::IpAddr;
use std::time::Duration;

use super::CONNECT;
use super::exam::{Entry, Exam, Names, OTHER_NAME, PORT_80, What};
use crate::model::Family;
use crate::probe::{
    Cause, DerpStart, Failure, HttpRequest, Moment, Question, RelayAnswer, RelayAsk, RelayQuestion, Slot, Sni, Stage,
    StunForm,
};

/// How much longer than the first copy the later ones may take.
const SLACK: Duration = Duration::from_millis(300);

/// From when on a first touch is silent.
const SILENT: Duration = Duration::from_millis(1300);

/// Protocols offered by name, to see whether it is HTTP/1.1 that is not spoken.
pub(super) const ALPN_BOTH: &[&str] = &["h2", "http/1.1"];
/// The same without the other.
pub(super) const ALPN_1: &[&str] = &["http/1.1"];

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
            let question = |longer: Option<Duration>| {
                let ask = if self.patient.tls {
                    RelayAsk::Handshake { sni: Sni::HostName, alpn: Vec::new() }
                } else {
                    RelayAsk::Http { request: HttpRequest::DerpPlain }
                };
                let timeout = longer.unwrap_or_else(|| self.touch_timeout(address, now));
                self.relay_question(address, self.patient.tls, ask, timeout)
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
        if matches!(&failure.cause, Cause::TlsAlert { alert } if alert.contains("no_application_protocol")) {
            return self.once(&What::Alpn(&["h2"]), || self.handshake(address, Sni::HostName, &["h2"], CONNECT));
        }
        if !matches!(failure.cause, Cause::Reset | Cause::Closed | Cause::TimedOut { .. } | Cause::TlsAlert { .. }) {
            return Wish::Nothing;
        }
        self.wish_other_sni(address)
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
        let question = |ask: RelayAsk| {
            move |longer: Option<Duration>| self.relay_question(address, tls, ask.clone(), longer.unwrap_or(timeout))
        };
        let has_meta =
            touched.tls.iter().flat_map(|tls| &tls.certificates).any(|certificate| certificate.meta_key.is_some());
        let derp = |start| self.copy(&What::Derp(start), now, question(RelayAsk::Derp { start }));
        let request = |request| self.copy(&What::Request(request), now, question(RelayAsk::Http { request }));
        let mut later: Option<Moment> = None;
        let mut wishes =
            vec![derp(DerpStart::Upgrade), request(HttpRequest::DerpPlain), request(HttpRequest::LatencyCheck)];
        if has_meta {
            wishes.push(derp(DerpStart::Fast));
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
                question.target.port = PORT_80;
            }
            wishes.push(self.copy(&What::Port80, now, |_| at_80.clone()));
        }
        let upgrade = self.state(&What::Derp(DerpStart::Upgrade));
        if let Some(answer) = upgrade.answer() {
            let said = answer.derp.as_ref();
            if said.is_some_and(|derp| !derp.server_keys.is_empty()) {
                // Who is not let in hears the relay's key all the same: two connections more, to be compared.
                // It is given longer, since this relay is there and lost packets cost TCP seconds.
                wishes.push(self.copy(&What::Exchange, now, |_| {
                    self.relay_question(address, tls, RelayAsk::DerpExchange, timeout + CONNECT)
                }));
            }
            if said.is_some_and(|derp| derp.admitted.is_some()) {
                if let Some(stay) = self.input.hold {
                    let ask = RelayAsk::DerpHold { stay };
                    wishes.push(self.once(&What::Hold, || self.relay_question(address, tls, ask, timeout + stay)));
                }
            } else if tls && speaks_no_http_1(answer.ended.as_ref()) {
                for offer in [ALPN_BOTH, ALPN_1] {
                    let ask = || self.handshake(address, Sni::HostName, offer, CONNECT);
                    wishes.push(self.once(&What::Alpn(offer), ask));
                }
            }
        }
        // Not put off until a silent upgrade has been waited for to its end.
        let copies = || self.copies(&What::Derp(DerpStart::Upgrade)).filter_map(Entry::answer);
        let upgraded = copies().any(|answer| answer.http.as_ref().is_some_and(|reply| reply.status == 101));
        let at_http = |answer: &RelayAnswer| answer.ended.as_ref().is_some_and(|it| it.stage == Stage::Http);
        if !upgraded && copies().any(at_http) {
            wishes.push(request(HttpRequest::DerpWebSocket));
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
