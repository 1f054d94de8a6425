use std::fmt;
use std::net::IpAddr;

use crate::model::{Excerpt, RegionId};

/// Something in a map that is not what its author means, and does not stop it from being read.
#[derive(Clone, Debug, PartialEq)]
pub struct MapWarning {
    /// Stable code, as `MAP-001`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Which value, as `Regions.901.Nodes[0].HostName`.
    pub path: String,
    /// What it is.
    pub detail: WarningDetail,
    /// The line it is in.
    pub excerpt: Option<Excerpt>,
}

/// How much a warning matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Harmless.
    Info,
    /// The map does not do what it seems to say.
    Warning,
}

/// What a warning is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WarningDetail {
    /// `RegionID` of a region is missing or not its key. The key counts.
    RegionIdDiffers {
        /// The key.
        key: RegionId,
        /// What `RegionID` says; `None` when it is missing.
        found: Option<i64>,
    },
    /// `RegionID` of a node is missing or not that of its region. The region's key counts.
    NodeRegionIdDiffers {
        /// The region the node stands in.
        region: RegionId,
        /// What `RegionID` says; `None` when it is missing.
        found: Option<i64>,
    },
    /// A key nothing reads.
    UnknownKey {
        /// As written.
        key: String,
        /// The key that was probably meant.
        meant: Option<String>,
    },
    /// `derpMap` is not at the top of the policy, where Tailscale looks for it.
    MisplacedMap,
    /// A node without `HostName`.
    NoHostName {
        /// The pinned address that is dialled in its place; `None`: the node cannot be reached at all.
        dialled: Option<IpAddr>,
    },
    /// A key that is there twice. The later one counts.
    DuplicateKey {
        /// As written the second time.
        key: String,
        /// The line of the first.
        first_line: usize,
    },
    /// A region without nodes: it is never measured.
    NoNodes,
    /// `null` among the nodes.
    NullNode,
    /// `STUNPort` is no port and not -1: the node has no STUN.
    StunPortOutOfRange {
        /// The number.
        found: i64,
    },
    /// `DERPPort` is no port: the node cannot relay and is taken for STUN-only.
    DerpPortOutOfRange {
        /// The number.
        found: i64,
    },
    /// A region's score is not greater than 0 and is ignored.
    ScoreIgnored {
        /// The score.
        score: f64,
    },
    /// An address that is none. In `IPv4` and `IPv6` such a text turns the family off, in `STUNTestIP` STUN.
    NotAnAddress {
        /// The text.
        found: String,
    },
    /// The file has further YAML documents, which nothing reads.
    MoreDocuments,
}

impl MapWarning {
    /// Every code there is.
    pub const CODES: [&str; 11] = [
        "MAP-001", "MAP-006", "MAP-010", "MAP-012", "MAP-013", "MAP-014", "MAP-015", "MAP-016", "MAP-017", "MAP-018",
        "MAP-019",
    ];
}

impl WarningDetail {
    pub(super) const fn code(&self, is_yaml: bool) -> &'static str {
        match self {
            Self::RegionIdDiffers { .. } | Self::NodeRegionIdDiffers { .. } => "MAP-001",
            Self::UnknownKey { .. } if is_yaml => "MAP-006",
            Self::MisplacedMap => "MAP-010",
            Self::NoHostName { .. } => "MAP-012",
            Self::DuplicateKey { .. } => "MAP-013",
            Self::UnknownKey { .. } => "MAP-014",
            Self::NoNodes | Self::NullNode => "MAP-015",
            Self::StunPortOutOfRange { .. } | Self::DerpPortOutOfRange { .. } => "MAP-016",
            Self::ScoreIgnored { .. } => "MAP-017",
            Self::NotAnAddress { .. } => "MAP-018",
            Self::MoreDocuments => "MAP-019",
        }
    }

    pub(super) const fn severity(&self, is_yaml: bool) -> Severity {
        match self {
            // Go's JSON decoder ignores them as silently, but a JSON map often carries another program's keys.
            Self::UnknownKey { meant: None, .. } if !is_yaml => Severity::Info,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for MapWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: ", self.line, self.column, self.code)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.detail.fmt(f)
    }
}

impl fmt::Display for WarningDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegionIdDiffers { key, found: Some(found) } => {
                write!(f, "RegionID is {found} and the region's key {key}: set both to the same number")
            }
            Self::RegionIdDiffers { key, found: None } => write!(f, "the region has no RegionID: set it to {key}"),
            Self::NodeRegionIdDiffers { region, found: Some(found) } => {
                write!(f, "RegionID is {found} and the node stands in region {region}: set it to {region}")
            }
            Self::NodeRegionIdDiffers { region, found: None } => {
                write!(f, "the node has no RegionID: set it to {region}")
            }
            Self::UnknownKey { key, meant: Some(meant) } => {
                write!(f, "the key `{key}` is not read; `{meant}` was probably meant")
            }
            Self::UnknownKey { key, meant: None } => write!(f, "the key `{key}` is not read"),
            Self::MisplacedMap => f.write_str("Tailscale looks for derpMap at the top of the policy only"),
            Self::NoHostName { dialled: Some(address) } => {
                write!(f, "the node has no HostName; {address} is dialled in its place")
            }
            Self::NoHostName { dialled: None } => {
                f.write_str("the node has no HostName and no address: it cannot be reached")
            }
            Self::DuplicateKey { key, first_line } => {
                write!(f, "the key `{key}` is already on line {first_line}; this later one counts")
            }
            Self::NoNodes => f.write_str("the region has no nodes: it is never measured"),
            Self::NullNode => f.write_str("null among the nodes is left out; clients may crash on it"),
            Self::StunPortOutOfRange { found } => {
                write!(f, "{found} is no port: the node has no STUN (0 means 3478, -1 means none)")
            }
            Self::DerpPortOutOfRange { found } => write!(f, "{found} is no port: the node cannot relay"),
            Self::ScoreIgnored { score } => write!(f, "a score must be greater than 0; {score} is ignored"),
            Self::NotAnAddress { found } => {
                write!(f, "`{found}` is not an address of this kind, and so turns it off for the node")
            }
            Self::MoreDocuments => f.write_str("only the first YAML document of the file is read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed() {
        let key = || WarningDetail::UnknownKey { key: String::new(), meant: None };
        let region = RegionId(1);
        let details = [
            WarningDetail::RegionIdDiffers { key: region, found: None },
            key(),
            WarningDetail::MisplacedMap,
            WarningDetail::NoHostName { dialled: None },
            WarningDetail::DuplicateKey { key: String::new(), first_line: 1 },
            WarningDetail::NoNodes,
            WarningDetail::StunPortOutOfRange { found: 0 },
            WarningDetail::ScoreIgnored { score: 0.0 },
            WarningDetail::NotAnAddress { found: String::new() },
            WarningDetail::MoreDocuments,
        ];
        let mut codes: Vec<_> = details.iter().map(|detail| detail.code(false)).chain([key().code(true)]).collect();
        codes.sort_unstable();
        assert_eq!(codes, MapWarning::CODES);
    }
}
