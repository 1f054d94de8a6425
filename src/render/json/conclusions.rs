use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::list::List;
use crate::model::{Difficulty, Filtering, Mapping, NatType, Pooling, PortAllocation, Transport};
use crate::report::{
    Command, Confidence, FamilyReport, Nat, Netcheck, PathReport, PortMappingReport, Report, RouterReport, SCHEMA,
    Tunnel, Verdict, Why,
};

/// What a report concluded, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Concluded<'a> {
    /// The report, as far as it says what this host's way to others is: regions, services, servers and findings are left
    /// out, and reasons are not read back ([`Why::NotMeasuredYet`] stands for every one).
    pub report: Report,
    /// The JSON of the report where it holds what was heard as well, so that it can be concluded from again.
    pub record: Option<&'a str>,
}

/// A text is not a report of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {problem}")]
pub struct NotAReport {
    /// Where, from 1.
    pub line: usize,
    /// Where in the line, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// What a report concluded, out of its JSON: indented, on one line, or the last of several.
pub fn conclusions_from(text: &str) -> Result<Concluded<'_>, NotAReport> {
    let (start, last) = last_document(text)?;
    let lift = |error: &serde_json::Error| placed(text, start, error);
    let (line, column) = position(text, start);
    let refuse = |problem: String| NotAReport { line, column, problem };
    if !last.starts_with('{') {
        let problem = "a JSON object is expected, as `natscope netcheck --save FILE` writes it";
        return Err(refuse(problem.to_owned()));
    }
    let kind: Kind = serde_json::from_str(last).map_err(|error| lift(&error))?;
    if let Some(problem) = kind.foreign() {
        return Err(refuse(problem));
    }
    let file: File = serde_json::from_str(last).map_err(|error| lift(&error))?;
    let record = (kind.inputs.is_some() && kind.observations.is_some()).then_some(last);
    Ok(Concluded { report: file.report().map_err(refuse)?, record })
}

/// The last JSON document of a text, whatever it is.
///
/// # Errors
///
/// The text is empty or no JSON.
pub fn last_report(text: &str) -> Result<serde_json::Value, NotAReport> {
    let (start, last) = last_document(text)?;
    serde_json::from_str(last).map_err(|error| placed(text, start, &error))
}

/// The last of the documents in a row, and where it begins.
fn last_document(text: &str) -> Result<(usize, &str), NotAReport> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut last = None;
    let mut begin = 0;
    while let Some(document) = documents.next() {
        document.map_err(|error| {
            let NotAReport { line, column, problem } = placed(text, 0, &error);
            NotAReport { line, column, problem: format!("this is not JSON: {problem}") }
        })?;
        let end = documents.byte_offset();
        let blanks = text.get(begin..end).map_or(0, |it| it.len() - it.trim_start().len());
        last = text.get(begin + blanks..end).map(|it| (begin + blanks, it));
        begin = end;
    }
    last.ok_or_else(|| NotAReport {
        line: 1,
        column: 1,
        problem: "this is empty; a report is expected, as `natscope netcheck --save FILE` writes it".to_owned(),
    })
}

/// The error, counted from the beginning of the whole text.
fn placed(text: &str, start: usize, error: &serde_json::Error) -> NotAReport {
    let (line, column) = position(text, start);
    let said = error.to_string();
    let problem = said.rsplit_once(" at line ").map_or(said.as_str(), |(problem, _)| problem).to_owned();
    let column = if error.line() == 1 { column - 1 + error.column().max(1) } else { error.column().max(1) };
    NotAReport { line: line - 1 + error.line().max(1), column, problem }
}

/// Line and column of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    (line, column)
}

/// Enough of a document to tell what it is.
#[derive(Deserialize)]
struct Kind {
    schema: Option<serde_json::Value>,
    command: Option<serde_json::Value>,
    inputs: Option<IgnoredAny>,
    observations: Option<IgnoredAny>,
    plan: Option<IgnoredAny>,
    #[serde(rename = "UDP")]
    tailscale: Option<IgnoredAny>,
    #[serde(rename = "Regions")]
    regions: Option<IgnoredAny>,
}

impl Kind {
    /// What it is, where it is no report of a host.
    fn foreign(&self) -> Option<String> {
        let save = "make it with `natscope netcheck --save FILE`, or with --json";
        match &self.schema {
            Some(number) if number.as_u64() == Some(u64::from(SCHEMA)) => {}
            Some(number) => {
                return Some(format!("this report follows schema {number}; this natscope reads schema {SCHEMA}"));
            }
            None if self.tailscale.is_some() => {
                return Some(format!(
                    "this is the JSON of `tailscale netcheck` (or of --format tailscale-json), which does not tell what \
                     decides about a direct path; {save}"
                ));
            }
            None if self.plan.is_some() => {
                return Some(format!("this is a plan of --dry-run: nothing was asked; {save}"));
            }
            None if self.regions.is_some() => {
                return Some(format!("this is a DERP map, not a report; {save}"));
            }
            None => return Some(format!("key \"schema\" is missing: this is no natscope report; {save}")),
        }
        match self.command.as_ref().and_then(serde_json::Value::as_str) {
            Some(command) if !["netcheck", "nat", "selftest"].contains(&command) => {
                Some(format!("this is what `natscope {command}` has found, which is no report of one host; {save}"))
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct File {
    command: CommandName,
    #[serde(default)]
    redacted: bool,
    netcheck: Option<NetcheckBlock>,
    nat: NatBlocks,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum CommandName {
    Netcheck,
    Nat,
    Selftest,
}

#[derive(Deserialize)]
struct NatBlocks {
    #[serde(deserialize_with = "present")]
    ipv4: Option<NatBlock>,
    #[serde(deserialize_with = "present")]
    ipv6: Option<NatBlock>,
}

#[derive(Deserialize)]
struct NatBlock {
    #[serde(default)]
    transport: Transport,
    #[serde(default)]
    proxy: Option<String>,
    difficulty: Read<Difficulty>,
    effective: Read<Difficulty>,
    filtering: Read<Filtering>,
    hairpinning: Read<bool>,
    port_allocation: Read<PortAllocation>,
    pooling: Read<Pooling>,
    carrier_grade: Read<bool>,
    mapped: List<SocketAddr>,
    local: List<SocketAddr>,
}

#[derive(Deserialize)]
struct NetcheckBlock {
    udp: Read<bool>,
    ipv4: FamilyBlock,
    ipv6: FamilyBlock,
    router: RouterBlock,
    path: PathBlock,
}

#[derive(Deserialize)]
struct FamilyBlock {
    usable: Read<bool>,
    local: List<IpAddr>,
    global: Read<SocketAddr>,
}

#[derive(Deserialize)]
struct RouterBlock {
    gateway: Option<IpAddr>,
    wan_is_mapped_address: Option<bool>,
}

#[derive(Deserialize)]
struct PathBlock {
    tunnel: Option<TunnelName>,
    fake_dns: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TunnelName {
    ByName,
    ByAddress,
    PointToPoint,
}

/// A verdict. One without a value must say why, as everywhere.
#[derive(Deserialize)]
#[serde(try_from = "RawVerdict<T>", bound(deserialize = "T: Deserialize<'de>"))]
struct Read<T>(Verdict<T>);

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct RawVerdict<T> {
    #[serde(deserialize_with = "present")]
    value: Option<T>,
    #[serde(deserialize_with = "present")]
    why: Option<String>,
    #[serde(deserialize_with = "present")]
    confidence: Option<ConfidenceName>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ConfidenceName {
    Low,
    Medium,
    High,
}

impl<T> TryFrom<RawVerdict<T>> for Read<T> {
    type Error = &'static str;

    fn try_from(raw: RawVerdict<T>) -> Result<Self, Self::Error> {
        let confidence = raw.confidence.map(|confidence| match confidence {
            ConfidenceName::Low => Confidence::Low,
            ConfidenceName::Medium => Confidence::Medium,
            ConfidenceName::High => Confidence::High,
        });
        match (raw.value, confidence, raw.why) {
            (Some(value), Some(confidence), _) => Ok(Self(Verdict::known(value, confidence, []))),
            (Some(_), None, _) => Err("a verdict with a value and no confidence: this report was changed"),
            (None, None, Some(_)) => Ok(Self(Verdict::unknown(Why::NotMeasuredYet))),
            (None, None, None) => Err("a verdict with neither a value nor a why: this report was changed"),
            (None, Some(_), _) => Err("a verdict with a confidence and no value: this report was changed"),
        }
    }
}

/// A key that may be null and must be there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

impl File {
    fn report(self) -> Result<Report, String> {
        let command = match self.command {
            CommandName::Netcheck => Command::Netcheck,
            CommandName::Nat => Command::Nat,
            CommandName::Selftest => Command::Selftest,
        };
        if self.netcheck.is_none() && command != Command::Nat {
            return Err(format!("key \"netcheck\" is missing from a report of `natscope {}`", command.name()));
        }
        if let Some(nat) = [&self.nat.ipv4, &self.nat.ipv6].into_iter().flatten().find(|nat| !nat.is_of_this_host()) {
            return Err(match &nat.proxy {
                Some(proxy) => format!("this is about the NAT of the proxy {proxy}, not of a host"),
                None => format!("this is about the mapping of {}, and direct paths take UDP", nat.transport),
            });
        }
        Ok(Report {
            netcheck: self.netcheck.map(NetcheckBlock::netcheck),
            nat_v4: self.nat.ipv4.map(NatBlock::nat),
            nat_v6: self.nat.ipv6.map(NatBlock::nat),
            redacted: self.redacted,
            ..Report::new(command, SystemTime::UNIX_EPOCH, Duration::ZERO)
        })
    }
}

const fn unread<T>() -> Verdict<T> {
    Verdict::unknown(Why::NotMeasuredYet)
}

impl NatBlock {
    /// Whether it tells how datagrams of the host itself get out.
    const fn is_of_this_host(&self) -> bool {
        matches!(self.transport, Transport::Udp) && self.proxy.is_none()
    }

    fn nat(self) -> Nat {
        Nat {
            transport: self.transport,
            proxy: self.proxy,
            difficulty: self.difficulty.0,
            effective: self.effective.0,
            nat_type: unread::<NatType>(),
            level: None,
            mapping: unread::<Mapping>(),
            mapping_varies: unread(),
            filtering: self.filtering.0,
            hairpinning: self.hairpinning.0,
            port_preservation: unread(),
            port_allocation: self.port_allocation.0,
            pooling: self.pooling.0,
            mapping_lifetime: unread(),
            lifetime: None,
            classic: None,
            carrier_grade: self.carrier_grade.0,
            mapped: self.mapped.0,
            local: self.local.0,
            servers: Vec::new(),
        }
    }
}

impl NetcheckBlock {
    fn netcheck(self) -> Netcheck {
        Netcheck {
            udp: self.udp.0,
            ipv4: self.ipv4.family(),
            ipv6: self.ipv6.family(),
            icmp: unread(),
            captive_portal: unread(),
            port_mapping: PortMappingReport { upnp: unread(), nat_pmp: unread(), pcp: unread() },
            router: RouterReport {
                gateway: self.router.gateway,
                wan_address: None,
                wan_is_mapped_address: self.router.wan_is_mapped_address,
            },
            home_region: unread(),
            regions: Vec::new(),
            path: PathReport {
                tunnel: self.path.tunnel.map(|tunnel| match tunnel {
                    TunnelName::ByName => Tunnel::ByName,
                    TunnelName::ByAddress => Tunnel::ByAddress,
                    TunnelName::PointToPoint => Tunnel::PointToPoint,
                }),
                fake_dns: self.path.fake_dns,
                ..PathReport::default()
            },
        }
    }
}

impl FamilyBlock {
    fn family(self) -> FamilyReport {
        FamilyReport {
            usable: self.usable.0,
            os_support: true,
            local: self.local.0,
            global: self.global.0,
            observed: BTreeMap::new(),
        }
    }
}
