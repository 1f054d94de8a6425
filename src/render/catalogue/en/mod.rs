//! English.

mod doctor;
mod explain;
mod failure;
mod finding;
mod map;
mod mode_why;
mod nat;
mod nat_why;
mod ping;
mod plan;
mod predict;
mod relay_fault;
mod watch;
mod why;
mod word;

use super::{Catalogue, Change, FindingText, Headline, NatHeadline, PingHeadline, RegionNames, Told, Word};
use crate::model::{Difficulty, Family, Filtering, Mapping, NatType, NodePublic, Pooling, PortAllocation};
use crate::probe::Failure;
use crate::render::catalogue::{DoctorHeadline, DoctorNote};
use crate::render::number::round_trip;
use crate::report::Layer;
use crate::report::{
    Advice, Class, ClassicWarning, Confidence, Fact, FindingDetail, LatencyMethod, Likelihood, Mechanism, Missing,
    PingEvent, PlanWhat, PlanWhen, Predict, RegionSkip, RelayReport, RoundTrips, ServerNote, Severity, Tunnel, Why,
};

/// The English catalogue.
pub(super) struct English;

impl Catalogue for English {
    fn said(&self, english: &str) -> String {
        english.to_owned()
    }

    fn why(&self, why: &Why, names: &RegionNames<'_>) -> String {
        why::why(why, names)
    }

    fn failure(&self, failure: &Failure) -> String {
        failure::failure(failure)
    }

    fn finding(&self, detail: &FindingDetail) -> FindingText {
        finding::finding(detail)
    }

    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    fn confidence(&self, confidence: Confidence) -> &'static str {
        match confidence {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }

    fn classic_warning(&self, warning: ClassicWarning) -> &'static str {
        match warning {
            ClassicWarning::OrderMisleads => {
                "its order of packets misleads here: what Test II provokes leaves traces in the router, which then gives \
                 the socket another port; a fresh socket is seen at one endpoint by both addresses"
            }
            ClassicWarning::MappingOverlooked => {
                "it does not look at the mapping once Test II comes through; a fresh socket is seen at different endpoints"
            }
            ClassicWarning::Differs => "separate sockets and several servers say otherwise; believe those",
        }
    }

    fn server_note(&self, note: &ServerNote) -> String {
        match note {
            ServerNote::Silent => "it never answered".to_owned(),
            ServerNote::WrongSource { from } => format!("its replies came from {from}"),
            ServerNote::ServerSideNat { saw } => {
                format!("it saw us at the private address {saw}, so a NAT or proxy stands before the server")
            }
            ServerNote::Outlier { saw } => format!("on every socket it saw another endpoint than all others: {saw}"),
            ServerNote::ThroughNat64 => "reached through a NAT64, so it tells of IPv4".to_owned(),
            ServerNote::NotOnInternet => {
                "it is inside this network, so it says nothing of a NAT on the way to the internet".to_owned()
            }
            ServerNote::NoMappedAddress => "it answered without telling our endpoint".to_owned(),
        }
    }

    fn plan_header(&self) -> [&'static str; 3] {
        plan::HEADER
    }

    fn plan_when(&self, when: PlanWhen) -> String {
        plan::when(when)
    }

    fn plan_what(&self, what: &PlanWhat) -> String {
        plan::what(what, |skip| self.region_skip(skip))
    }

    fn region_skip(&self, skip: RegionSkip) -> &'static str {
        match skip {
            RegionSkip::NoMeasure => "left out: the map says NoMeasureNoHome",
            RegionSkip::NoNodes => "the map gives it no nodes",
            RegionSkip::NotAsked => "the run ended before it was asked",
            RegionSkip::NothingToAsk => "no node with an address, a STUN port or a relay that could be asked",
        }
    }

    fn method(&self, method: LatencyMethod) -> &'static str {
        match method {
            LatencyMethod::Stun => "STUN",
            LatencyMethod::Https => "HTTPS",
            LatencyMethod::Icmp => "ICMP",
        }
    }

    fn tunnel(&self, tunnel: &Tunnel) -> &'static str {
        match tunnel {
            Tunnel::ByName => "a tunnel, by its name",
            Tunnel::ByAddress => "an overlay network, by its address",
            Tunnel::PointToPoint => "a point-to-point interface",
        }
    }

    fn difficulty(&self, difficulty: Difficulty) -> &'static str {
        match difficulty {
            Difficulty::None => "none",
            Difficulty::Easy => "easy",
            Difficulty::Hard => "hard",
            Difficulty::Blocked => "blocked",
        }
    }

    fn nat_type(&self, nat_type: NatType) -> &'static str {
        match nat_type {
            NatType::OpenInternet => "open internet",
            NatType::SymmetricUdpFirewall => "symmetric UDP firewall",
            NatType::FullCone => "full cone",
            NatType::RestrictedCone => "restricted cone",
            NatType::PortRestrictedCone => "port-restricted cone",
            NatType::Symmetric => "symmetric",
            NatType::UdpBlocked => "UDP blocked",
            NatType::Unnamed => "no name in RFC 3489",
        }
    }

    fn mapping(&self, mapping: Mapping) -> &'static str {
        match mapping {
            Mapping::Direct => "direct",
            Mapping::EndpointIndependent => "endpoint-independent",
            Mapping::AddressDependent => "address-dependent",
            Mapping::AddressAndPortDependent => "address- and port-dependent",
        }
    }

    fn filtering(&self, filtering: Filtering) -> &'static str {
        match filtering {
            Filtering::EndpointIndependent => "endpoint-independent",
            Filtering::AddressDependent => "address-dependent",
            Filtering::AddressAndPortDependent => "address- and port-dependent",
        }
    }

    fn allocation(&self, allocation: PortAllocation) -> &'static str {
        match allocation {
            PortAllocation::Preserving => "keeps the local port",
            PortAllocation::Sequential => "sequential",
            PortAllocation::Random => "random",
        }
    }

    fn pooling(&self, pooling: Pooling) -> &'static str {
        match pooling {
            Pooling::Paired => "paired",
            Pooling::Arbitrary => "arbitrary",
        }
    }

    fn headline(&self, headline: &Headline<'_>) -> String {
        let mut sentences = Vec::new();
        if headline.portal {
            sentences.push("A captive portal is in the way.".to_owned());
        }
        if headline.offline {
            sentences.push("Nothing answered: this host looks offline.".to_owned());
            return sentences.join(" ");
        }
        match headline.udp {
            Told::Known(true) => sentences.push("UDP works.".to_owned()),
            Told::Known(false) => sentences.push("UDP is blocked: connections go through relays.".to_owned()),
            Told::Undetermined => sentences.push("Whether UDP works is unclear.".to_owned()),
            Told::Absent => {}
        }
        match headline.nat {
            Told::Known(Difficulty::Blocked) if headline.udp != Told::Absent => {}
            Told::Known(difficulty) => {
                let mut text = vec![format!("NAT: {}", self.difficulty(difficulty))];
                if let Some(nat_type) = headline.nat_type {
                    text.push(format!(" ({})", self.nat_type(nat_type)));
                }
                if let Some(effective) = headline.effective {
                    text.push(format!(", {} with the router's port mapping", self.difficulty(effective)));
                }
                sentences.push(text.concat() + ".");
            }
            Told::Undetermined => sentences.push("NAT: undetermined.".to_owned()),
            Told::Absent => {}
        }
        match headline.home {
            Told::Known((code, Some(latency))) => sentences.push(format!("Home: {code}, {}.", round_trip(latency))),
            Told::Known((code, None)) => sentences.push(format!("Home: {code}.")),
            Told::Undetermined => sentences.push("No home region.".to_owned()),
            Told::Absent => {}
        }
        sentences.join(" ")
    }

    fn nat_headline(&self, headline: &NatHeadline) -> String {
        nat::headline(headline)
    }

    fn ping_event(&self, event: &PingEvent) -> String {
        ping::event(event)
    }

    fn ping_headline(&self, headline: &PingHeadline) -> String {
        ping::headline(headline)
    }

    fn listen_headline(&self, answered: u64, peers: usize) -> String {
        let plural = |count: bool| if count { "s" } else { "" };
        format!("{answered} ping{} of {peers} peer{} answered.", plural(answered != 1), plural(peers != 1))
    }

    fn round_trips(&self, times: &RoundTrips) -> String {
        ping::round_trips(times)
    }

    fn relay(&self, relay: &RelayReport) -> String {
        ping::relay(relay)
    }

    fn answered(&self, peer: NodePublic, relayed: u64, direct: u64) -> String {
        ping::answered(peer, relayed, direct)
    }

    fn layer(&self, layer: Layer) -> &'static str {
        doctor::layer_name(layer)
    }

    fn doctor_headline(&self, headline: &DoctorHeadline<'_>) -> String {
        doctor::headline(headline)
    }

    fn doctor_note(&self, note: &DoctorNote<'_>) -> String {
        doctor::note(note)
    }

    fn predict_headline(&self, predict: &Predict) -> String {
        predict::headline(predict)
    }

    fn mechanism(&self, mechanism: Mechanism, family: Option<Family>) -> String {
        predict::mechanism(mechanism, family)
    }

    fn likelihood(&self, likelihood: Likelihood) -> &'static str {
        predict::likelihood(likelihood)
    }

    fn class(&self, class: Class) -> &'static str {
        predict::class(class)
    }

    fn missing(&self, missing: Missing) -> String {
        predict::missing(missing)
    }

    fn how_to_learn(&self, fact: Fact) -> &'static str {
        predict::how_to_learn(fact)
    }

    fn advice(&self, advice: Advice) -> &'static str {
        predict::advice(advice)
    }

    fn advised(&self, text: &str, enough: bool) -> String {
        predict::advised(text, enough)
    }

    fn servers_used(&self, used: usize, asked: usize) -> String {
        format!("{used} of {asked} used")
    }

    fn diff_headline(&self, changes: usize, compared: usize) -> String {
        match changes {
            0 => format!("Nothing changed in what both reports tell ({compared} things compared)"),
            1 => format!("1 change in what both reports tell ({compared} things compared)"),
            _ => format!("{changes} changes in what both reports tell ({compared} things compared)"),
        }
    }

    fn change(&self, change: &Change<'_>) -> String {
        match change {
            Change::Became(what, before, after) => {
                // Labels are capitalized, acronyms stay so in the middle of a line.
                let label = match what {
                    Word::HomeRegion => "home region",
                    Word::CaptivePortal => "captive portal",
                    other => self.word(*other),
                };
                format!("{label} {before} → {after}")
            }
            Change::Lost(what) => format!("{} lost", self.word(*what)),
            Change::Back(what) => format!("{} works again", self.word(*what)),
            Change::Unclear(what) => format!("{} unclear now", self.word(*what)),
            Change::RegionAppeared(code) => format!("region {code} answers again"),
            Change::RegionLost(code) => format!("region {code} lost"),
        }
    }

    fn word(&self, word: Word) -> &'static str {
        word::word(word)
    }

    fn aside(&self, text: &str, aside: &str) -> String {
        format!("{text} ({aside})")
    }

    fn labelled(&self, label: &str, text: &str) -> String {
        format!("{label}: {text}")
    }

    fn clauses(&self, items: &[String]) -> String {
        items.join("; ")
    }

    fn list(&self, items: &[String]) -> String {
        items.join(", ")
    }
}

/// `1 server`, `2 servers`.
fn count(number: u32, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}
