use super::{Fact, Scribe, Section, Tone, nat};
use crate::model::{Difficulty, Family};
use crate::probe::PortMappingService;
use crate::render::catalogue::{Word, service};
use crate::render::number::round_trip;
use crate::report::{FamilyReport, Nat, Netcheck, Report, Verdict};

impl Scribe<'_> {
    /// The block on top: what most people want to know.
    pub(super) fn netcheck_facts(&self, netcheck: &Netcheck, report: &Report) -> Section {
        let mut facts = vec![self.switch(Word::Udp, &netcheck.udp, Word::Works, Word::Blocked)];
        facts.extend(self.family(Word::Ipv4, Family::V4, &netcheck.ipv4));
        facts.extend(self.family(Word::Ipv6, Family::V6, &netcheck.ipv6));
        facts.extend(self.nat_facts(report.nat_v4.as_ref(), report.nat_v6.as_ref()));
        facts.extend(self.port_mapping(netcheck));
        facts.extend(self.router(netcheck));
        facts.push(self.portal(&netcheck.captive_portal));
        if self.verbose || !netcheck.udp.is_true() {
            facts.push(self.icmp(&netcheck.icmp));
        }
        facts.push(self.home(netcheck));
        facts.extend(self.path(netcheck));
        Section { title: None, facts }
    }

    fn switch(&self, label: Word, verdict: &Verdict<bool>, yes: Word, no: Word) -> Fact {
        let text = self.verdict(verdict, |value| self.words.word(if *value { yes } else { no }).to_owned());
        self.fact(tone(verdict), label, text)
    }

    /// Its endpoint is what is asked for; `--verbose` keeps the two verdicts apart.
    fn family(&self, label: Word, family: Family, report: &FamilyReport) -> Vec<Fact> {
        if self.verbose || !report.usable.is_true() {
            let mut fact = self.switch(label, &report.usable, Word::Yes, Word::No);
            // A host of one family is a whole host; only the loss of the usual one is bad news.
            if report.usable.is_false() && family == Family::V6 {
                fact.tone = Tone::Plain;
            }
            let global = self.verdict(&report.global, ToString::to_string);
            let shown = self.verbose && !report.usable.is_false();
            return [fact]
                .into_iter()
                .chain(shown.then(|| self.fact(Tone::Plain, Word::MappedEndpoints, global)))
                .collect();
        }
        let text = match (report.global.value(), report.global.why()) {
            (Some(endpoint), _) => endpoint.to_string(),
            (None, Some(why)) => self.words.aside(self.words.word(Word::Works), &self.words.why(why, &self.names)),
            (None, None) => self.words.word(Word::Works).to_owned(),
        };
        vec![self.fact(Tone::Good, label, text)]
    }

    /// One line for both families when they have the same to say of it, which is the rule.
    fn nat_facts(&self, v4: Option<&Nat>, v6: Option<&Nat>) -> Vec<Fact> {
        let told = |nat: &&Nat| nat.difficulty.value().is_some() || nat.nat_type.value().is_some();
        match (v4, v6.filter(told)) {
            (Some(v4), Some(v6)) => vec![self.nat_fact(Word::NatIpv4, v4), self.nat_fact(Word::NatIpv6, v6)],
            (Some(nat), None) => vec![self.nat_fact(Word::Nat, nat)],
            (None, Some(nat)) => vec![self.nat_fact(Word::NatIpv6, nat)],
            (None, None) => Vec::new(),
        }
    }

    fn nat_fact(&self, label: Word, nat: &Nat) -> Fact {
        let text = match nat.difficulty.value() {
            // The reason stands one line above, beside UDP.
            Some(Difficulty::Blocked) if !self.verbose => self.words.difficulty(Difficulty::Blocked).to_owned(),
            _ => self.verdict(&nat.difficulty, |difficulty| self.nat_name(*difficulty, nat)),
        };
        self.fact(nat.difficulty.value().map_or(Tone::Unknown, |difficulty| nat::tone(*difficulty)), label, text)
    }

    /// `UPnP: yes, NAT-PMP: no, PCP: ? (why)`; services that are undetermined for the same reason share it.
    fn port_mapping(&self, netcheck: &Netcheck) -> Vec<Fact> {
        const SERVICES: [PortMappingService; 3] =
            [PortMappingService::Upnp, PortMappingService::NatPmp, PortMappingService::Pcp];
        if self.verbose {
            let fact = |asked| {
                let verdict = netcheck.port_mapping.of(asked);
                let text = self.verdict(verdict, |value| self.yes_no(*value).to_owned());
                let tone = if verdict.is_true() { Tone::Good } else { Tone::Plain };
                self.fact(tone, Word::PortMapping, self.words.labelled(service(asked), &text))
            };
            return SERVICES.map(fact).into();
        }
        let mut parts: Vec<String> = Vec::new();
        let mut unknown: Vec<(String, String)> = Vec::new();
        let mut offered = false;
        for asked in SERVICES {
            let verdict = netcheck.port_mapping.of(asked);
            let name = service(asked);
            offered |= verdict.is_true();
            match (verdict.value(), verdict.why()) {
                (Some(value), _) => parts.push(self.words.labelled(name, self.yes_no(*value))),
                (None, why) => {
                    let why = why.map(|why| self.words.why(why, &self.names)).unwrap_or_default();
                    match unknown.iter_mut().find(|(_, other)| *other == why) {
                        Some((names, _)) => *names = format!("{names}/{name}"),
                        None => unknown.push((name.to_owned(), why)),
                    }
                }
            }
        }
        let all = parts.is_empty() && unknown.len() == 1;
        parts.extend(unknown.into_iter().map(|(names, why)| {
            let value = if all { "?".to_owned() } else { self.words.labelled(&names, "?") };
            self.words.aside(&value, &why)
        }));
        let tone = if offered { Tone::Good } else { Tone::Plain };
        vec![self.fact(tone, Word::PortMapping, self.words.list(&parts))]
    }

    /// Shown when the router's outer address is not the one servers see.
    fn router(&self, netcheck: &Netcheck) -> Option<Fact> {
        let router = &netcheck.router;
        let odd = router.wan_is_mapped_address == Some(false);
        if !odd && !self.verbose {
            return None;
        }
        let gateway = router.gateway.map(|address| address.to_string());
        let wan = router.wan_address.map(|(address, told_by)| {
            let text = format!("{} {address}", self.words.word(Word::OuterAddress));
            self.words.aside(&text, service(told_by))
        });
        let parts: Vec<String> = gateway.into_iter().chain(wan).collect();
        let text = if parts.is_empty() { self.words.word(Word::NoGateway).to_owned() } else { self.words.list(&parts) };
        Some(self.fact(if odd { Tone::Middling } else { Tone::Plain }, Word::Router, text))
    }

    fn portal(&self, verdict: &Verdict<bool>) -> Fact {
        let mut fact = self.switch(Word::CaptivePortal, verdict, Word::InTheWay, Word::NoneFound);
        fact.tone = match verdict.value() {
            Some(true) => Tone::Bad,
            Some(false) => Tone::Good,
            None => Tone::Unknown,
        };
        fact
    }

    fn icmp(&self, verdict: &Verdict<bool>) -> Fact {
        let mut fact = self.switch(Word::Icmp, verdict, Word::Works, Word::No);
        if verdict.is_false() {
            fact.tone = Tone::Plain;
        }
        fact
    }

    fn home(&self, netcheck: &Netcheck) -> Fact {
        let text = self.verdict(&netcheck.home_region, |id| {
            let latency = netcheck.regions.iter().find(|region| region.id == *id).and_then(|region| region.latency);
            let code = self.names.code(*id);
            latency.map_or(code.clone(), |latency| self.words.list(&[code, round_trip(latency)]))
        });
        let tone = if netcheck.home_region.value().is_some() { Tone::Good } else { Tone::Unknown };
        self.fact(tone, Word::HomeRegion, text)
    }

    /// Shown when something stands between this host and what was measured.
    fn path(&self, netcheck: &Netcheck) -> Option<Fact> {
        let path = &netcheck.path;
        let special = path.tunnel.is_some() || path.proxy.is_some() || path.fake_dns;
        if !special && !self.verbose {
            return None;
        }
        let mut parts = Vec::new();
        if let Some(interface) = &path.interface {
            let address = path.address.map(|address| format!(" {address}")).unwrap_or_default();
            let text = format!("{interface}{address}");
            parts.push(
                path.tunnel.as_ref().map_or(text.clone(), |tunnel| self.words.aside(&text, self.words.tunnel(tunnel))),
            );
        }
        if let Some(proxy) = &path.proxy {
            parts.push(format!("{} {proxy}", self.words.word(Word::Proxy)));
        }
        if path.fake_dns {
            parts.push(self.words.word(Word::FakeDns).to_owned());
        }
        let tone = if special { Tone::Middling } else { Tone::Plain };
        (!parts.is_empty()).then(|| self.fact(tone, Word::Path, self.words.list(&parts)))
    }
}

fn tone(verdict: &Verdict<bool>) -> Tone {
    match verdict.value() {
        Some(true) => Tone::Good,
        Some(false) => Tone::Bad,
        None => Tone::Unknown,
    }
}
