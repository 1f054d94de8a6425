//! Everything that is asked and is not STUN: names, relays over TLS, echo, port 80, the router. One outcome each,
//! within the time the question gives.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use natscope::model::Family;
use natscope::probe::{
    Cause, CertificateFault, Failure, HttpsAnswer, HttpsTarget, IcmpAnswer, Moment, Outcome, PortMappingAnswer,
    PortMappingService, PortalAnswer, Question, ResolveAnswer, Stage, StunReply,
};

use crate::internet::Internet;
use crate::link::{Way, millis};
use crate::world::{DnsAnswers, Policy, Port80, Portal, Server, Service, Tcp, Web};

/// An outcome, and how long after the asking.
pub(crate) type Answer = (Duration, Outcome);

/// TCP's first time-out for a SYN (RFC 6298), and a usual one for data.
const SYN_TIMEOUT: Duration = Duration::from_secs(1);
const DATA_TIMEOUT: Duration = Duration::from_millis(250);

impl Internet<'_> {
    /// Answers any question but STUN's.
    pub(crate) fn exchange(&mut self, question: &Question, now: Moment) -> Answer {
        match question {
            Question::Resolve { host, family, timeout } => within(*timeout, Stage::Dns, self.resolve(host, *family)),
            Question::HttpsLatency { target, timeout } => self.https(target, *timeout, now),
            Question::Icmp { address, timeout } => within(*timeout, Stage::Icmp, self.icmp(*address, now)),
            Question::CaptivePortal { address, timeout, .. } => {
                within(*timeout, Stage::Http, self.port_80(*address, now))
            }
            Question::PortMapping { service, gateway, timeout } => {
                within(*timeout, Stage::PortMapping, self.ask_router(*service, *gateway))
            }
            Question::StunStream { server, timeout, .. } => {
                within(*timeout, Stage::Connect, self.stun_stream(*server, now))
            }
            Question::Stun { .. } => unreachable!("sent as a datagram"),
            Question::Relay(_) => unreachable!("asked by the doctor alone, who is played to in tests of its own"),
        }
    }

    fn offline(&self) -> bool {
        Family::BOTH.iter().all(|family| self.world.local(*family).is_none())
    }

    fn resolve(&mut self, host: &str, family: Family) -> Option<Answer> {
        let dns = &self.world.dns;
        let after = millis(dns.delay_ms).mul_f64(1.0 + 0.2 * self.random.unit());
        if self.offline() {
            return failed(Duration::from_micros(50), Stage::Dns, Cause::Unreachable);
        }
        let server = self.servers.named(host).filter(|_| !dns.missing.iter().any(|missing| missing == host));
        let addresses = match dns.answers {
            DnsAnswers::Nothing => return None,
            DnsAnswers::NoResolver => return failed(Duration::ZERO, Stage::Dns, Cause::NoResolver),
            DnsAnswers::NoSuchName => return failed(after, Stage::Dns, Cause::NoSuchName),
            DnsAnswers::ServFail => {
                return failed(after, Stage::Dns, Cause::Resolver { said: "SERVFAIL".into() });
            }
            DnsAnswers::Portal => (family == Family::V4).then_some(self.world.host.gateway).flatten(),
            _ if server.is_none() => return failed(after, Stage::Dns, Cause::NoSuchName),
            DnsAnswers::Fake => (family == Family::V4).then(|| self.servers.fake_of(host)).flatten(),
            DnsAnswers::Truth => server.and_then(|server| server.address(family)),
        };
        Some((after, Outcome::Resolved(ResolveAnswer { addresses: addresses.into_iter().collect() })))
    }

    fn https(&mut self, target: &HttpsTarget, timeout: Duration, now: Moment) -> Answer {
        let mut clock = Steps { spent: Duration::ZERO, timeout };
        match self.https_steps(target, now, &mut clock) {
            Ok(answer) => (clock.spent, Outcome::Https(answer)),
            Err(failure) => (clock.spent, Outcome::Failed(failure)),
        }
    }

    fn stun_stream(&mut self, to: SocketAddr, now: Moment) -> Option<Answer> {
        let family = Family::of(to.ip());
        if self.world.local(family).is_none() {
            return failed(Duration::from_micros(20), Stage::Connect, Cause::Unreachable);
        }
        let policy = &self.world.network(family).tcp;
        if self.world.portal.is_some() && policy.passes(to.port()) {
            // Whatever it is, it speaks no STUN.
            return failed(millis(self.world.router.rtt_ms), Stage::Stun, Cause::Closed);
        }
        if !policy.passes(to.port()) {
            return match policy {
                Policy::Reject => failed(millis(self.world.router.rtt_ms), Stage::Connect, Cause::Refused),
                _ => None,
            };
        }
        let (server, real) = self.servers.at(to.ip())?;
        let connect = self.tcp_round_trip(server, real, family, SYN_TIMEOUT, now);
        if !server.stun_tcp || !server.stun.responds() || server.stun_port != to.port() {
            return failed(connect, Stage::Connect, Cause::Refused);
        }
        let request = self.tcp_round_trip(server, real, family, DATA_TIMEOUT, now + connect);
        let reply = StunReply::bare(to);
        Some((connect + request, Outcome::Stun(reply)))
    }

    fn https_steps(&mut self, target: &HttpsTarget, now: Moment, clock: &mut Steps) -> Result<HttpsAnswer, Failure> {
        let proxy = self.world.proxy.as_ref();
        let named = || {
            let server = self.servers.named(&target.host_name)?;
            server.address(Family::V4).or(server.address(Family::V6))
        };
        let address = match (target.address, proxy) {
            (Some(address), _) => address,
            (None, Some(_)) => named().ok_or(Failure::new(Stage::Dns, Cause::NoSuchName))?,
            (None, None) => return Err(Failure::new(Stage::Dns, Cause::NoAddress)),
        };
        let family = Family::of(address);
        if let Some(proxy) = proxy {
            clock.take(millis(proxy.rtt_ms), Stage::Connect)?;
            if !proxy.works {
                let cause = Cause::Proxy { said: "407 Proxy Authentication Required".into() };
                return Err(Failure::new(Stage::Connect, cause));
            }
        } else {
            self.connect_allowed(address, target.port, clock)?;
        }
        let Some((server, real)) = self.servers.at(address).filter(|(server, _)| server.derp_port == target.port)
        else {
            clock.run_out(Stage::Connect)?;
            return Err(Failure::new(Stage::Connect, Cause::Refused));
        };
        let hop = proxy.map_or(Duration::ZERO, |proxy| millis(proxy.rtt_ms));
        let connect = self.tcp_round_trip(server, real, family, SYN_TIMEOUT, now) + hop;
        match server.tcp {
            Tcp::Dead => clock.run_out(Stage::Connect)?,
            Tcp::Refused => {
                clock.take(connect, Stage::Connect)?;
                let cause =
                    if proxy.is_some() { Cause::Proxy { said: "502 Bad Gateway".into() } } else { Cause::Refused };
                return Err(Failure::new(Stage::Connect, cause));
            }
            _ => clock.take(connect, Stage::Connect)?,
        }
        let tls = self.tcp_round_trip(server, real, family, DATA_TIMEOUT, now + clock.spent) + hop;
        if server.tcp == Tcp::HangsInTls {
            clock.run_out(Stage::Tls)?;
        }
        clock.take(tls, Stage::Tls)?;
        self.certificate(server, target)?;
        let work = millis(server.work_ms);
        let request = self.tcp_round_trip(server, real, family, DATA_TIMEOUT, now + clock.spent) + hop + work;
        clock.take(request, Stage::Http)?;
        let status = match server.tcp {
            Tcp::Status(code) => code,
            _ => 200,
        };
        let remote = SocketAddr::new(address, target.port);
        let via_proxy = proxy.map(|proxy| proxy.url.clone());
        let cert_sha256 = Some(if self.world.web == Web::TlsOpened { "ab".repeat(32) } else { "cd".repeat(32) });
        Ok(HttpsAnswer { remote, via_proxy, connect, tls, request, status, cert_sha256 })
    }

    fn connect_allowed(&mut self, address: IpAddr, port: u16, clock: &mut Steps) -> Result<(), Failure> {
        let family = Family::of(address);
        if self.world.local(family).is_none() {
            return Err(Failure::new(Stage::Connect, Cause::Unreachable));
        }
        let policy = &self.world.network(family).tcp;
        if policy.passes(port) {
            return Ok(());
        }
        match policy {
            Policy::Reject => clock.take(millis(self.world.router.rtt_ms), Stage::Connect)?,
            Policy::Prohibit => {
                clock.take(millis(self.world.router.rtt_ms), Stage::Connect)?;
                return Err(Failure::new(Stage::Connect, Cause::Unreachable));
            }
            _ => clock.run_out(Stage::Connect)?,
        }
        Err(Failure::new(Stage::Connect, Cause::Refused))
    }

    fn certificate(&self, server: &Server, target: &HttpsTarget) -> Result<(), Failure> {
        let fault = |fault| Err(Failure::new(Stage::Tls, Cause::Certificate { fault }));
        match server.tcp {
            Tcp::NotTls => return Err(Failure::new(Stage::Tls, Cause::NotTls)),
            Tcp::BadCertificate if !target.insecure_for_tests => return fault(CertificateFault::Expired),
            _ => {}
        }
        match self.world.web {
            Web::TlsForged if !target.insecure_for_tests => fault(CertificateFault::UnknownIssuer),
            _ => Ok(()),
        }
    }

    /// A round trip over TCP: what is lost is sent again after the time-out, which doubles.
    fn tcp_round_trip(
        &mut self,
        server: &Server,
        address: IpAddr,
        family: Family,
        timeout: Duration,
        now: Moment,
    ) -> Duration {
        let mut waited = Duration::ZERO;
        let mut timeout = timeout;
        for _ in 0..6 {
            let sent = now + waited;
            if !self.loses(server, address, Way::Out, sent) && !self.loses(server, address, Way::Back, sent) {
                break;
            }
            waited += timeout;
            timeout *= 2;
        }
        waited + self.one_way(server, family, Way::Out) + self.one_way(server, family, Way::Back)
    }

    fn icmp(&mut self, address: IpAddr, now: Moment) -> Option<Answer> {
        let family = Family::of(address);
        if !self.world.host.icmp {
            return failed(Duration::from_micros(20), Stage::Icmp, Cause::NotPermitted);
        }
        if self.world.local(family).is_none() {
            return failed(Duration::from_micros(20), Stage::Icmp, Cause::Unreachable);
        }
        let (server, real) = self.servers.at(address)?;
        let passes = self.world.network(family).icmp && server.icmp;
        if !passes || self.loses(server, real, Way::Out, now) || self.loses(server, real, Way::Back, now) {
            return None;
        }
        let after = self.one_way(server, family, Way::Out) + self.one_way(server, family, Way::Back);
        Some((after, Outcome::Icmp(IcmpAnswer { from: address })))
    }

    fn port_80(&mut self, address: SocketAddr, now: Moment) -> Option<Answer> {
        if let Some(portal) = self.world.portal {
            return Some((millis(self.world.router.rtt_ms * 4.0), Outcome::Portal(portal_answer(portal))));
        }
        let family = Family::of(address.ip());
        if self.world.local(family).is_none() {
            return failed(Duration::from_micros(20), Stage::Connect, Cause::Unreachable);
        }
        let policy = &self.world.network(family).tcp;
        if !policy.passes(80) || self.world.web == Web::Port80Dropped {
            return match policy {
                Policy::Reject => failed(millis(self.world.router.rtt_ms), Stage::Connect, Cause::Refused),
                _ => None,
            };
        }
        let (server, real) = self.servers.at(address.ip())?;
        let connect = self.tcp_round_trip(server, real, family, SYN_TIMEOUT, now);
        let request = self.tcp_round_trip(server, real, family, DATA_TIMEOUT, now + connect);
        let echoed = match server.port_80 {
            Port80::Dead => return None,
            Port80::Refused => return failed(connect, Stage::Connect, Cause::Refused),
            Port80::NoEcho => false,
            Port80::Echoes => self.world.web != Web::HeadersStripped,
        };
        let answer = PortalAnswer { status: 204, location: None, challenge_echoed: echoed, body_empty: true };
        Some((connect + request, Outcome::Portal(answer)))
    }

    fn ask_router(&mut self, service: PortMappingService, gateway: IpAddr) -> Option<Answer> {
        let world = self.world;
        if world.host.gateway != Some(gateway) {
            return None;
        }
        let router = &world.router;
        let after = millis(router.rtt_ms);
        let outer = || router.wan.or_else(|| world.v4.boxes.first()?.publics.first().copied());
        let how = match service {
            PortMappingService::Upnp => router.upnp,
            PortMappingService::NatPmp => router.nat_pmp,
            PortMappingService::Pcp => router.pcp,
        };
        let (after, available, tells) = match how {
            Service::Silent => return None,
            Service::Refused => return failed(after, Stage::PortMapping, Cause::Refused),
            Service::Garbage => {
                let cause = Cause::Malformed { problem: "3 bytes are no header".into() };
                return failed(after, Stage::PortMapping, cause);
            }
            Service::Offers { after_ms, tells_wan } => (after + millis(after_ms), true, tells_wan),
            Service::Declines { tells_wan } => (after, false, tells_wan),
        };
        let wan_address = tells.then(outer).flatten();
        Some((
            after,
            Outcome::PortMapping(PortMappingAnswer { available, wan_address, detail: None, result_code: None }),
        ))
    }
}

fn portal_answer(portal: Portal) -> PortalAnswer {
    let (status, location, body_empty) = match portal {
        Portal::Redirects => (302, Some("http://login.example/".to_owned()), true),
        Portal::Answers => (200, None, false),
        Portal::Cheats => (204, None, true),
        Portal::AuthenticationRequired => (511, None, false),
    };
    PortalAnswer { status, location, challenge_echoed: false, body_empty }
}

#[allow(clippy::unnecessary_wraps, reason = "an answer among others that may be missing")]
fn failed(after: Duration, stage: Stage, cause: Cause) -> Option<Answer> {
    Some((after, Outcome::Failed(Failure::new(stage, cause))))
}

/// What comes too late, or never, is a time-out.
fn within(timeout: Duration, stage: Stage, answer: Option<Answer>) -> Answer {
    match answer {
        Some((after, outcome)) if after <= timeout => (after, outcome),
        _ => (timeout, Outcome::Failed(Failure::new(stage, Cause::TimedOut { after: timeout }))),
    }
}

/// The time a connection has spent.
struct Steps {
    spent: Duration,
    timeout: Duration,
}

impl Steps {
    fn take(&mut self, step: Duration, stage: Stage) -> Result<(), Failure> {
        if self.spent + step > self.timeout {
            return self.run_out(stage);
        }
        self.spent += step;
        Ok(())
    }

    fn run_out(&mut self, stage: Stage) -> Result<(), Failure> {
        self.spent = self.timeout;
        Err(Failure::new(stage, Cause::TimedOut { after: self.timeout }))
    }
}
