//! What packets pass between this host and the internet, family by family, as far as the evidence shows it.
//!
//! Nothing is drawn that nobody saw: what may be there and may not is uncertain, with why. What was measured is the
//! behaviour of all that translates together, so it is said of all of it and of no single box.

use super::{Scribe, Tone, nat};
use crate::model::{Difficulty, Family, Mapping, NatType, RegionId, is_global};
use crate::probe::PortMappingService;
use crate::render::catalogue::{Word, service};
use crate::render::number::round_trip;
use crate::report::{Command, LatencyMethod, Nat, Netcheck, Report, Verdict, Why};

/// A way, from this host on.
#[derive(Clone, Debug)]
pub(in crate::render) struct Lane {
    pub label: String,
    pub stops: Vec<Stop>,
    /// What is said of several stops together.
    pub group: Option<Group>,
}

/// Something on the way.
#[derive(Clone, Debug)]
pub(in crate::render) struct Stop {
    pub kind: StopKind,
    /// Whether it is known to be there, and known to be what it is called.
    pub certain: bool,
    pub tone: Tone,
    pub title: String,
    pub lines: Vec<String>,
    /// What leads to it from the stop before.
    pub links: Vec<Link>,
}

/// What something on the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) enum StopKind {
    Host,
    Tunnel,
    Nat,
    Carrier,
    Portal,
    Internet,
    Relay,
    Layer,
}

/// What leads from one stop to the next. Its tone: good, it works; bad, it does not; unknown; plain, nothing was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::render) struct Link {
    pub tone: Tone,
    pub label: String,
}

/// Stops that are spoken of together.
#[derive(Clone, Debug)]
pub(in crate::render) struct Group {
    pub first: usize,
    pub last: usize,
    pub tone: Tone,
    pub text: String,
}

impl Stop {
    pub(super) fn new(kind: StopKind, title: impl Into<String>) -> Self {
        let title = title.into();
        let links = vec![Link { tone: Tone::Plain, label: String::new() }];
        Self { kind, certain: true, tone: Tone::Plain, title, lines: Vec::new(), links }
    }

    /// The same, where it may be there or may not.
    fn doubtful(self) -> Self {
        let title = format!("{} ?", self.title);
        Self { certain: false, tone: Tone::Unknown, title, ..self }
    }

    fn saying(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines.into_iter().filter(|line| !line.is_empty()));
        self
    }

    pub(super) fn reached(mut self, tone: Tone, label: impl Into<String>) -> Self {
        self.links = vec![Link { tone, label: label.into() }];
        self
    }
}

impl Scribe<'_> {
    /// The lanes of a report, and whether there would be more.
    pub(super) fn lanes(&self, report: &Report) -> (Vec<Lane>, bool) {
        if let (Command::Doctor, Some(doctor)) = (report.command, &report.doctor) {
            return self.relay_lanes(doctor);
        }
        let netcheck = report.netcheck.as_ref();
        let seen = |nat: Option<&Nat>| nat.is_some_and(|nat| !nat.mapped.is_empty());
        let (v4, v6) = (report.nat_v4.as_ref(), report.nat_v6.as_ref());
        let mut lanes = Vec::new();
        // A family that nobody was reached over is drawn where there is no better one.
        if let Some(v4) = v4.filter(|v4| seen(Some(v4)) || !seen(v6)) {
            lanes.push(self.lane(Family::V4, v4, netcheck));
        }
        if let Some(v6) = v6.filter(|v6| seen(Some(v6)) || v4.is_none()) {
            lanes.push(self.lane(Family::V6, v6, netcheck));
        }
        (lanes, false)
    }

    fn lane(&self, family: Family, nat: &Nat, netcheck: Option<&Netcheck>) -> Lane {
        let label = self.words.word(if family == Family::V4 { Word::Ipv4 } else { Word::Ipv6 }).to_owned();
        let mut stops = vec![self.host(family, nat, netcheck)];
        stops.extend(self.detour(nat, netcheck));
        let first = stops.len();
        stops.extend(self.translators(family, nat, netcheck));
        let last = stops.len() - 1;
        let together = (last >= first).then(|| self.together(first, last, nat));
        // Said once is enough.
        let group = together.filter(|group| stops.get(first).is_none_or(|stop| stop.title != group.text));
        let portal = netcheck.filter(|netcheck| netcheck.captive_portal.is_true());
        stops.extend(
            portal
                .map(|_| Stop { tone: Tone::Bad, ..Stop::new(StopKind::Portal, self.words.word(Word::CaptivePortal)) }),
        );
        if let Some(next) = stops.get_mut(1) {
            next.links = vec![leaving(family, nat, netcheck)];
        }
        stops.push(self.internet(nat, netcheck));
        stops.push(match netcheck {
            Some(netcheck) => self.home_stop(family, netcheck),
            None => self.servers_stop(nat),
        });
        Lane { label, stops, group }
    }

    fn host(&self, family: Family, nat: &Nat, netcheck: Option<&Netcheck>) -> Stop {
        let address = netcheck.and_then(|netcheck| {
            let report = if family == Family::V4 { &netcheck.ipv4 } else { &netcheck.ipv6 };
            let path = netcheck.path.address.filter(|address| address.is_ipv4() == (family == Family::V4));
            path.or_else(|| report.local.first().copied())
        });
        let local = nat.local.first().map(ToString::to_string).or_else(|| address.map(|it| it.to_string()));
        let interface = netcheck
            .and_then(|netcheck| netcheck.path.interface.clone())
            .filter(|_| address.is_some() && netcheck.is_some_and(|it| it.path.tunnel.is_none()));
        Stop::new(StopKind::Host, self.words.word(Word::ThisHost)).saying(local.into_iter().chain(interface))
    }

    /// A tunnel or a proxy all was measured through.
    fn detour(&self, nat: &Nat, netcheck: Option<&Netcheck>) -> Option<Stop> {
        if let Some(proxy) = &nat.proxy {
            return Some(Stop::new(StopKind::Tunnel, "SOCKS5").saying([proxy.clone()]));
        }
        let path = &netcheck?.path;
        let tunnel = path.tunnel.as_ref()?;
        let stop = Stop { tone: Tone::Middling, ..Stop::new(StopKind::Tunnel, self.words.word(Word::Tunnel)) };
        Some(stop.saying(path.interface.iter().cloned().chain([self.words.tunnel(tunnel).to_owned()])))
    }

    /// What translates, or routes without.
    fn translators(&self, family: Family, nat: &Nat, netcheck: Option<&Netcheck>) -> Vec<Stop> {
        // The gateway of the system is not that of a tunnel or of a proxy.
        let router = netcheck.filter(|it| it.path.tunnel.is_none() && nat.proxy.is_none()).map(|it| &it.router);
        let of_family = |address: &std::net::IpAddr| address.is_ipv4() == (family == Family::V4);
        let gateway = router.and_then(|router| router.gateway).filter(of_family);
        let wan = router.and_then(|router| router.wan_address).map(|(address, _)| address).filter(of_family);
        let at = gateway.map(|gateway| gateway.to_string());
        let outer = wan.map(|wan| format!("{} {wan}", self.words.word(Word::OuterAddress)));
        let offers = netcheck.filter(|_| gateway.is_some()).and_then(|netcheck| self.offers(netcheck));
        let box_of = |title: &str| {
            Stop::new(StopKind::Nat, title).saying(at.iter().chain(&outer).cloned().chain(offers.clone()))
        };
        let router_name = self.words.word(Word::Router);
        match Translates::of(nat) {
            Translates::No => vec![box_of(if gateway.is_some() { router_name } else { self.words.word(Word::NoNat) })],
            Translates::Yes => {
                let carrier = self.carrier(nat);
                let alone = carrier.is_none();
                let told = matches!(
                    nat.carrier_grade.why(),
                    Some(Why::WanIsCarrierGrade { .. } | Why::WanIsPrivate { .. } | Why::WanIsAnother { .. })
                );
                let title = match (gateway.is_some() || told, alone) {
                    // Which of the boxes it is that translates is not known where there may be several.
                    (true, true) => self.words.aside(router_name, self.words.word(Word::Nat)),
                    (true, false) => router_name.to_owned(),
                    (false, _) => self.words.word(Word::Nat).to_owned(),
                };
                // A translator of the provider's may be all there is.
                let only_carrier = gateway.is_none() && matches!(nat.carrier_grade.why(), Some(Why::Nat(_)));
                let own = (!only_carrier).then(|| box_of(&title));
                own.into_iter().chain(carrier).collect()
            }
            Translates::Perhaps => {
                let why = nat.difficulty.why().or_else(|| nat.mapping.why());
                let why = why.map(|why| self.words.why(why, &self.names)).unwrap_or_default();
                let beyond = nat.mapped.is_empty() || crosses_internet(nat);
                let doubtful = match gateway.filter(|_| beyond) {
                    Some(_) => box_of(router_name),
                    None => Stop::new(StopKind::Nat, self.words.word(Word::Nat)).doubtful().saying([why]),
                };
                [doubtful].into_iter().chain(self.carrier(nat)).collect()
            }
        }
    }

    fn offers(&self, netcheck: &Netcheck) -> Option<String> {
        let services = [PortMappingService::Upnp, PortMappingService::NatPmp, PortMappingService::Pcp];
        let offered = services.into_iter().filter(|asked| netcheck.port_mapping.of(*asked).is_true());
        let names: Vec<String> = offered.map(|asked| service(asked).to_owned()).collect();
        (!names.is_empty()).then(|| self.words.list(&names))
    }

    /// A NAT beyond the router's.
    fn carrier(&self, nat: &Nat) -> Option<Stop> {
        let verdict = &nat.carrier_grade;
        let why = || verdict.why().map(|why| self.words.why(why, &self.names)).unwrap_or_default();
        let named = |word| Stop::new(StopKind::Carrier, self.words.word(word)).saying([why()]);
        match (verdict.value(), verdict.why()) {
            (Some(true), _) => Some(Stop { tone: Tone::Middling, ..named(Word::CarrierGrade) }),
            (Some(false), _) | (None, Some(Why::NotMeasuredYet)) => None,
            (None, Some(Why::WanIsPrivate { .. })) => Some(Stop { tone: Tone::Middling, ..named(Word::SecondNat) }),
            (None, _) => Some(named(Word::CarrierGrade).doubtful()),
        }
    }

    /// The verdict on all that translates.
    fn together(&self, first: usize, last: usize, nat: &Nat) -> Group {
        let difficulty = nat.difficulty.value().copied();
        let text = match difficulty {
            Some(Difficulty::None) => {
                let firewall = nat.nat_type.value().filter(|kind| **kind == NatType::SymmetricUdpFirewall);
                let parts = [self.words.word(Word::NoNat), firewall.map_or("", |kind| self.words.nat_type(*kind))];
                self.words
                    .list(&parts.iter().filter(|it| !it.is_empty()).map(|it| (*it).to_owned()).collect::<Vec<_>>())
            }
            Some(difficulty) => {
                let level = nat.level.map_or(self.words.word(Word::Nat), nat::level_name);
                let parts = [self.words.difficulty(difficulty).to_owned()].into_iter();
                let kind = nat.nat_type.value().filter(|kind| nat::says_more(**kind));
                let kind = kind.map(|kind| self.words.nat_type(*kind).to_owned());
                self.words.labelled(level, &self.words.list(&parts.chain(kind).collect::<Vec<_>>()))
            }
            None => self.words.labelled(self.words.word(Word::Nat), "?"),
        };
        Group { first, last, tone: difficulty.map_or(Tone::Unknown, nat::tone), text }
    }

    fn internet(&self, nat: &Nat, netcheck: Option<&Netcheck>) -> Stop {
        let outside = || nat.mapped.iter().filter(|endpoint| is_global(endpoint.ip()));
        let mut told: Vec<String> = outside().take(2).map(ToString::to_string).collect();
        if outside().count() > 2 {
            told.push(format!("+{}", outside().count() - 2));
        }
        let udp = outward(nat, netcheck);
        let transport = nat.transport.to_string();
        let mark = match udp {
            Tone::Good => format!("{transport} ✓"),
            Tone::Bad => format!("{transport} ✗"),
            _ => format!("{transport} ?"),
        };
        let mut links = vec![Link { tone: udp, label: mark }];
        // Who was heard was near by, and his relay is as well.
        let near = !nat.mapped.is_empty() && !crosses_internet(nat);
        let over_tcp = netcheck.filter(|_| udp != Tone::Good && !near).is_some_and(|netcheck| {
            let regions = &netcheck.regions;
            regions.iter().any(|it| it.method == Some(LatencyMethod::Https) || it.relay_answers == Some(true))
        });
        if over_tcp {
            let proxy = netcheck.is_some_and(|netcheck| netcheck.path.proxy.is_some());
            let label =
                if proxy { format!("HTTPS ✓ ({})", self.words.word(Word::Proxy)) } else { "HTTPS ✓".to_owned() };
            links.push(Link { tone: Tone::Good, label });
        }
        let reached = udp == Tone::Good || over_tcp;
        let stop = Stop::new(StopKind::Internet, self.words.word(Word::Internet)).saying(told);
        Stop { links, certain: reached, tone: if reached { Tone::Plain } else { Tone::Unknown }, ..stop }
    }

    fn home_stop(&self, family: Family, netcheck: &Netcheck) -> Stop {
        let home = self.words.word(Word::HomeRegion);
        let found = |id: &RegionId| netcheck.regions.iter().find(|region| region.id == *id);
        let Some(region) = netcheck.home_region.value().and_then(found) else {
            let why = netcheck.home_region.why().map(|why| self.words.why(why, &self.names)).unwrap_or_default();
            return Stop::new(StopKind::Relay, home).doubtful().saying([why]).reached(Tone::Unknown, "");
        };
        let own = if family == Family::V4 { region.ipv4 } else { region.ipv6 };
        let otherwise = region.latency.filter(|_| region.method != Some(LatencyMethod::Stun));
        let stop = Stop { tone: Tone::Good, ..Stop::new(StopKind::Relay, self.short_code(region)) };
        let stop = stop.saying([region.name.clone(), home.to_owned()]);
        match (own, otherwise) {
            (Some(latency), _) => stop.reached(Tone::Good, round_trip(latency)),
            (None, Some(latency)) => {
                let method = region.method.map_or("", |method| self.words.method(method));
                stop.saying([method.to_owned()]).reached(Tone::Good, round_trip(latency))
            }
            (None, None) => stop.reached(Tone::Unknown, "?"),
        }
    }

    /// Where no region was measured: those who told of the NAT.
    fn servers_stop(&self, nat: &Nat) -> Stop {
        let used = nat.servers.iter().filter(|server| server.trusted);
        let nearest = used.clone().filter_map(|server| server.round_trip).min();
        let stop = Stop::new(StopKind::Relay, self.words.word(Word::Servers))
            .saying((!nat.servers.is_empty()).then(|| self.words.servers_used(used.count(), nat.servers.len())));
        match nearest {
            Some(nearest) => stop.reached(Tone::Good, round_trip(nearest)),
            None if nat.mapped.is_empty() => Stop { certain: false, ..stop.reached(Tone::Unknown, "?") },
            None => stop,
        }
    }
}

/// Whether addresses are translated on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Translates {
    Yes,
    No,
    Perhaps,
}

impl Translates {
    fn of(nat: &Nat) -> Self {
        match (nat.difficulty.value(), nat.mapping.value()) {
            (Some(Difficulty::None), _) => Self::No,
            // Servers near by see an address that nothing has translated yet: what is beyond them they do not see.
            (Some(Difficulty::Blocked) | None, None | Some(Mapping::Direct)) => Self::Perhaps,
            _ => Self::Yes,
        }
    }
}

/// Whether UDP, or what else was asked over, gets out.
fn outward(nat: &Nat, netcheck: Option<&Netcheck>) -> Tone {
    let blocked = nat.difficulty.value() == Some(&Difficulty::Blocked)
        || netcheck.is_some_and(|netcheck| Verdict::is_false(&netcheck.udp));
    match (crosses_internet(nat), blocked) {
        (true, _) => Tone::Good,
        (false, true) => Tone::Bad,
        (false, false) => Tone::Unknown,
    }
}

/// Whether a server beyond the host's own network has answered: what it saw is an address of the internet.
fn crosses_internet(nat: &Nat) -> bool {
    nat.mapped.iter().any(|endpoint| is_global(endpoint.ip()))
}

/// What leads away from the host.
fn leaving(family: Family, nat: &Nat, netcheck: Option<&Netcheck>) -> Link {
    let usable = netcheck.map(|it| if family == Family::V4 { &it.ipv4.usable } else { &it.ipv6.usable });
    let tone = match usable {
        _ if !nat.mapped.is_empty() => Tone::Plain,
        Some(usable) if usable.is_false() => Tone::Bad,
        Some(usable) if usable.is_true() => Tone::Plain,
        None if nat.difficulty.value().is_some() => Tone::Plain,
        Some(_) | None => Tone::Unknown,
    };
    Link { tone, label: String::new() }
}
