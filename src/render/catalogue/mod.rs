//! All wording, one catalogue a language. Matches are exhaustive, so a new reason, failure or finding does not
//! compile until every language has words for it.
//!
//! Sentences say what was tried, with which value, and claim no more than was seen. They hold strings of strangers
//! as they are: the formats clean them.

mod en;
mod explanation;
mod headline;
mod map;
mod phrase;
mod snippet;
mod watch;
mod zh_cn;

pub(super) use explanation::Explanation;
use explanation::explanations;
pub(super) use headline::{Change, DoctorHeadline, DoctorNote, Headline, NatHeadline, PingHeadline, Told};
pub(super) use map::{MapWord, MapWords};
pub(super) use watch::{WatchWord, WatchWords};

use std::collections::BTreeMap;

use crate::model::{Difficulty, Family, Filtering, Mapping, NatType, NodePublic, Pooling, PortAllocation, RegionId};
use crate::probe::{Failure, PortMappingService};
use crate::render::clean::short;
use crate::report::{
    Advice, Class, ClassicWarning, Confidence, Fact, FindingDetail, LatencyMethod, Layer, Likelihood, Mechanism,
    Missing, PingEvent, PlanWhat, PlanWhen, Predict, RegionSkip, RelayReport, Report, RoundTrips, ServerNote, Severity,
    Tunnel, Why,
};

/// A language of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Lang {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The language for a POSIX locale or a BCP 47 tag, as `zh_CN.UTF-8` or `zh-Hans`: Chinese for every Chinese
    /// locale (there is no traditional catalogue), else English.
    #[must_use]
    pub fn from_locale(locale: &str) -> Self {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") { Self::ZhCn } else { Self::En }
    }
}

/// The catalogue of a language.
pub(super) const fn of(lang: Lang) -> &'static dyn Catalogue {
    match lang {
        Lang::En => &en::English,
        Lang::ZhCn => &zh_cn::Chinese,
    }
}

/// The words of a language.
pub(super) trait Catalogue: MapWords + WatchWords + Sync {
    /// A sentence, or several, that was made in English where no catalogue is known: an error, a line of a log.
    fn said(&self, english: &str) -> String;
    /// A reason, as a clause without a full stop.
    fn why(&self, why: &Why, names: &RegionNames<'_>) -> String;
    /// A failure with its stage, as `TLS: the certificate has expired`.
    fn failure(&self, failure: &Failure) -> String;
    /// A finding.
    fn finding(&self, detail: &FindingDetail) -> FindingText;
    /// How bad a finding is.
    fn severity(&self, severity: Severity) -> &'static str;
    /// How sure a verdict is.
    fn confidence(&self, confidence: Confidence) -> &'static str;
    /// In which way the classic procedure misleads.
    fn classic_warning(&self, warning: ClassicWarning) -> &'static str;
    /// Why a server's answers were left out.
    fn server_note(&self, note: &ServerNote) -> String;
    /// Headings of a plan: when, copies, what.
    fn plan_header(&self) -> [&'static str; 3];
    /// When a step of a plan is taken.
    fn plan_when(&self, when: PlanWhen) -> String;
    /// What a step of a plan asks.
    fn plan_what(&self, what: &PlanWhat) -> String;
    /// Why a region was not measured.
    fn region_skip(&self, skip: RegionSkip) -> &'static str;
    /// How a latency was measured.
    fn method(&self, method: LatencyMethod) -> &'static str;
    /// A tunnel.
    fn tunnel(&self, tunnel: &Tunnel) -> &'static str;
    /// Easy or hard.
    fn difficulty(&self, difficulty: Difficulty) -> &'static str;
    /// RFC 3489's name.
    fn nat_type(&self, nat_type: NatType) -> &'static str;
    /// Mapping behaviour.
    fn mapping(&self, mapping: Mapping) -> &'static str;
    /// Filtering behaviour.
    fn filtering(&self, filtering: Filtering) -> &'static str;
    /// Port allocation.
    fn allocation(&self, allocation: PortAllocation) -> &'static str;
    /// Address pooling.
    fn pooling(&self, pooling: Pooling) -> &'static str;
    /// The one sentence on top.
    fn headline(&self, headline: &Headline<'_>) -> String;
    /// The one sentence on top of `natscope nat`.
    fn nat_headline(&self, headline: &NatHeadline) -> String;
    /// A line, or two, of something that happens while pinging or listening.
    fn ping_event(&self, event: &PingEvent) -> String;
    /// The one sentence on top of `natscope ping`.
    fn ping_headline(&self, headline: &PingHeadline) -> String;
    /// The one sentence on top of `natscope listen`: pings answered, and by how many peers they were sent.
    fn listen_headline(&self, answered: u64, peers: usize) -> String;
    /// Statistics of round trips.
    fn round_trips(&self, times: &RoundTrips) -> String;
    /// A relay and whether it was joined.
    fn relay(&self, relay: &RelayReport) -> String;
    /// Pings of a peer that were answered.
    fn answered(&self, peer: NodePublic, relayed: u64, direct: u64) -> String;
    /// The name of a layer.
    fn layer(&self, layer: Layer) -> &'static str;
    /// The one sentence on top of `natscope doctor`.
    fn doctor_headline(&self, headline: &DoctorHeadline<'_>) -> String;
    /// Something seen of a layer.
    fn doctor_note(&self, note: &DoctorNote<'_>) -> String;
    /// The one sentence on top of `natscope predict`.
    fn predict_headline(&self, predict: &Predict) -> String;
    /// How two hosts would talk.
    fn mechanism(&self, mechanism: Mechanism, family: Option<Family>) -> String;
    /// How likely they talk directly.
    fn likelihood(&self, likelihood: Likelihood) -> &'static str;
    /// What a side is to its peer.
    fn class(&self, class: Class) -> &'static str;
    /// A fact that is missing, with whose it is.
    fn missing(&self, missing: Missing) -> String;
    /// How a missing fact can be had.
    fn how_to_learn(&self, fact: Fact) -> &'static str;
    /// A change that would help.
    fn advice(&self, advice: Advice) -> &'static str;
    /// The same with what it would do.
    fn advised(&self, text: &str, enough: bool) -> String;
    /// How many of the servers asked were used.
    fn servers_used(&self, used: usize, asked: usize) -> String;
    /// The one sentence on top of `natscope diff`: how many things changed, of how many.
    fn diff_headline(&self, changes: usize, compared: usize) -> String;
    /// What changed since the last report.
    fn change(&self, change: &Change<'_>) -> String;
    /// Every other word.
    fn word(&self, word: Word) -> &'static str;
    /// A parenthesis in the punctuation of the language.
    fn aside(&self, text: &str, aside: &str) -> String;
    /// A label before its text, in the punctuation of the language.
    fn labelled(&self, label: &str, text: &str) -> String;
    /// Clauses in a row, which may hold commas of their own.
    fn clauses(&self, items: &[String]) -> String;
    /// Things in a row, in the punctuation of the language.
    fn list(&self, items: &[String]) -> String;
}

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FindingText {
    /// What it is.
    pub title: String,
    /// What was seen.
    pub observed: String,
    /// What may be behind it, likeliest first. "Consistent with", never "is".
    pub causes: Vec<String>,
    /// What to do.
    pub fix: String,
    /// Commands and configuration to be pasted.
    pub snippets: Vec<Snippet>,
}

/// Something to be pasted, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    /// What it is, or where it goes, as `nginx`.
    pub name: String,
    /// Its lines.
    pub text: String,
}

/// Words that stand alone: labels, headings, values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    // Labels.
    Udp,
    Ipv4,
    Ipv6,
    Icmp,
    Nat,
    NatIpv4,
    NatIpv6,
    Effective,
    NatType,
    Mapping,
    MappingVaries,
    Filtering,
    Hairpinning,
    PortPreservation,
    PortAllocation,
    Pooling,
    MappingLifetime,
    Classic,
    Warning,
    CarrierGrade,
    MappedEndpoints,
    MappedAddress,
    MappedPort,
    LocalEndpoints,
    UnknownToo,
    PortMapping,
    Router,
    OuterAddress,
    CaptivePortal,
    HomeRegion,
    Path,
    Proxy,
    Relay,
    Peer,
    Key,
    RoundTrip,
    DirectPath,
    ThisSide,
    PeersSide,
    Offered,
    Direct,
    How,
    Likelihood,
    SideA,
    SideB,
    SideACould,
    SideBCould,
    Missing,
    Before,
    After,
    What,
    Answered,
    CertificateEnd,
    Finding,
    Redacted,
    AddressesNotCompared,
    // Headings.
    WouldDecide,
    Changes,
    Regions,
    NotMeasured,
    StunFailed,
    Findings,
    OpenRelay,
    CertPin,
    Doctor,
    Nodes,
    Servers,
    // Columns.
    Region,
    Name,
    Latency,
    Loss,
    Jitter,
    Method,
    Reason,
    Host,
    Server,
    Endpoint,
    Rfc5780,
    Note,
    // Findings.
    Observed,
    PossibleCauses,
    Fix,
    // Values.
    Yes,
    No,
    Works,
    Blocked,
    NoneFound,
    InTheWay,
    RelayAnswers,
    RelayFails,
    FakeDns,
    NoGateway,
    Ok,
    TookTime,
    SameReason,
    LeftOut,
    NotTold,
    Unknown,
    ThroughTunnel,
    SomeEasyNat,
    SomeHardNat,
    SomeFirewall,
    SomeNat,
    NotKnown,
    Failed,
    NoAnswer,
    Undetermined,
    // Of a page.
    ThisHost,
    Internet,
    NoNat,
    SecondNat,
    Tunnel,
    Verdict,
    Certainty,
    Property,
    DashedIsUnknown,
    ProbesAreNumbered,
    Layers,
    MoreRelays,
    AboutCodes,
}

/// Region codes by id, for sentences that name a region.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionNames<'a> {
    codes: BTreeMap<RegionId, &'a str>,
}

impl<'a> RegionNames<'a> {
    /// The codes of the report's regions.
    pub(super) fn of(report: &'a Report) -> Self {
        let regions = report.netcheck.iter().flat_map(|netcheck| &netcheck.regions);
        Self { codes: regions.map(|region| (region.id, region.code.as_str())).collect() }
    }

    /// The code of a region, or its id where there is none.
    pub(super) fn code(&self, id: RegionId) -> String {
        match self.codes.get(&id) {
            // Longer ones are somebody's joke on the reader.
            Some(code) if !code.is_empty() => short(code, 24),
            _ => id.to_string(),
        }
    }
}

/// The name of a port-mapping service, the same in every language.
pub(super) const fn service(service: PortMappingService) -> &'static str {
    match service {
        PortMappingService::Upnp => "UPnP",
        PortMappingService::NatPmp => "NAT-PMP",
        PortMappingService::Pcp => "PCP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales() {
        for chinese in ["zh_CN.UTF-8", "zh-Hans", "zh", "ZH_cn", "zh_TW.Big5", "zh@pinyin"] {
            assert_eq!(Lang::from_locale(chinese), Lang::ZhCn, "{chinese}");
        }
        for other in ["", "C", "POSIX", "en_GB.UTF-8", "de_DE@euro", "zhuang"] {
            assert_eq!(Lang::from_locale(other), Lang::En, "{other}");
        }
    }
}
