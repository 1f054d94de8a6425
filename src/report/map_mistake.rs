use std::net::IpAddr;

use super::{FindingCode, Severity};
use crate::model::{Family, Place, RegionId};

/// A mistake in a map, where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedMistake {
    /// File, line and column.
    pub place: Place,
    /// Which value, as `Regions.901.Nodes[0].HostName`. Empty for the text as a whole.
    pub path: String,
    /// What it is.
    pub mistake: MapMistake,
}

/// A mistake in a DERP map, or something its author should know. Words are made in `render/`.
#[derive(Clone, Debug, PartialEq)]
pub enum MapMistake {
    /// `RegionID` is missing or not the region's key.
    RegionId {
        /// The key.
        key: RegionId,
        /// What stands there.
        found: Option<i64>,
        /// Whether it is that of a node.
        node: bool,
    },
    /// `HostName` is no name a client could dial.
    HostName {
        /// As written.
        host: String,
        /// What is wrong with it.
        fault: HostFault,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// A region of one's own with an id outside 900 to 999.
    ReservedRegion {
        /// The id.
        id: RegionId,
        /// Whether the map is laid over Tailscale's own for certain.
        certain: bool,
    },
    /// A region id above 65535, which does not fit where clients keep it.
    RegionIdTooLarge {
        /// The id.
        id: RegionId,
    },
    /// Two nodes of one name.
    NodeNameTwice {
        /// The name.
        name: String,
        /// The region of the first one.
        first: RegionId,
        /// Its line.
        line: usize,
    },
    /// Two regions of one code.
    RegionCodeTwice {
        /// The code.
        code: String,
        /// The first one.
        first: RegionId,
        /// Its line.
        line: usize,
    },
    /// A `RegionName` that is empty or missing.
    NoRegionName,
    /// A name that is empty or missing.
    NoName {
        /// `Name` or `RegionCode`.
        field: &'static str,
    },
    /// The map sets one region and no other is known.
    SingleRegion,
    /// A key nothing reads.
    UnknownKey {
        /// As written.
        key: String,
        /// What was probably meant.
        meant: Option<String>,
        /// Whether the map is Headscale's.
        yaml: bool,
    },
    /// A part of a map file that Headscale does not take over.
    HeadscaleIgnores {
        /// The key.
        key: &'static str,
    },
    /// `null` in place of a region, in a map file of Headscale.
    HeadscaleNull {
        /// The region.
        id: RegionId,
    },
    /// `InsecureForTests`.
    Insecure {
        /// Whether a pin still tells the relay from others.
        pinned: bool,
    },
    /// Not the notation it began as.
    Syntax {
        /// What could stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// Not YAML.
    Yaml {
        /// What the parser says, in English.
        said: String,
    },
    /// `derpMap` is not at the top of the policy.
    Misplaced,
    /// `Avoid`.
    Avoid,
    /// A node without `HostName`.
    NoHostName {
        /// What is dialled in its place.
        dialled: Option<IpAddr>,
    },
    /// A key that is there twice.
    DuplicateKey {
        /// As written.
        key: String,
        /// The line of the first.
        first_line: usize,
        /// Whether it makes the text unreadable, as in YAML.
        fatal: bool,
    },
    /// A region without nodes.
    NoNodes,
    /// `null` among the nodes.
    NullNode,
    /// `STUNPort` or `DERPPort` is no port.
    Port {
        /// The key.
        field: &'static str,
        /// The number.
        found: i64,
    },
    /// A score that is not greater than 0.
    Score {
        /// The score.
        score: f64,
    },
    /// A text that is no address where one is wanted.
    NotAnAddress {
        /// The text.
        found: String,
    },
    /// Further YAML documents.
    MoreDocuments,
    /// A value of another type.
    WrongType {
        /// What should be there, in English.
        expected: &'static str,
        /// What is, in English.
        found: String,
        /// Whether it is that of `OmitDefaultRegions`.
        omit: bool,
    },
    /// A region's key is no number, or out of range.
    RegionKey {
        /// The key.
        found: String,
    },
    /// The text has no map in it.
    NoMap(NoMap),
    /// The text is larger or deeper than any map.
    TooLarge {
        /// In which way, in English.
        said: String,
    },
    /// A `CertName` pin that matches no certificate.
    Pin(PinFault),
    /// `STUNPort` is written as 0, which is not "none".
    StunPortZero,
    /// `STUNPort` is -1.
    StunOff {
        /// Whether no node of the region has STUN.
        region: bool,
    },
    /// An address family is turned off.
    FamilyOff {
        /// Which.
        family: Family,
    },
    /// Both are.
    BothFamiliesOff,
    /// No node of the region relays.
    StunOnly,
    /// `STUNTestIP`.
    StunTestIp,
    /// `CanPort80` without an IPv4 address in the map.
    Port80,
    /// The map sets no region.
    Empty,
    /// An address nobody elsewhere can reach, or that stands for something else.
    OddAddress {
        /// The address.
        address: IpAddr,
        /// What it is.
        kind: OddAddress,
    },
    /// Degrees that are nowhere on earth.
    Position {
        /// The number.
        degrees: f64,
    },
}

/// What is wrong with a `HostName`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFault {
    /// It begins with a scheme, as `https://`.
    Scheme,
    /// It ends in a port.
    Port(u16),
    /// It has a slash.
    Path,
    /// It has white space.
    Space,
    /// A wildcard of certificates.
    Wildcard,
    /// Brackets around an IPv6 address.
    Brackets,
    /// An underscore, which host names do not have.
    Underscore,
    /// Another character host names do not have.
    Character(char),
    /// A part between dots is empty, too long, or begins or ends with a hyphen.
    Label,
}

/// Why a pin matches no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinFault {
    /// Upper-case digits, where clients compare with lower-case ones.
    UpperCase,
    /// Not 64 digits.
    Length(usize),
    /// Not hexadecimal.
    NotHex,
}

/// What an address is that a relay should not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddAddress {
    /// The client itself.
    Loopback,
    /// No address at all.
    Unspecified,
    /// Of one link.
    LinkLocal,
    /// A group.
    Multicast,
    /// Made up by a proxy in fake-IP mode.
    Fake,
}

/// What a text without a map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMap {
    /// Nothing.
    Blank,
    /// A web page.
    Html,
    /// No text.
    Binary {
        /// What it looks like, in English.
        looks_like: &'static str,
    },
    /// Text in another encoding.
    NotUtf8,
    /// Headscale's configuration.
    HeadscaleConfig {
        /// The maps it names.
        maps: Vec<String>,
    },
    /// A policy without `derpMap`.
    Policy,
    /// Regions without `Regions` around them.
    BareRegions,
    /// One region.
    BareRegion,
    /// One node.
    BareNode,
    /// An object with other keys.
    OtherObject {
        /// Some of them.
        keys: Vec<String>,
    },
    /// No object.
    NotAnObject {
        /// What it is, in English.
        found: String,
    },
}

impl MapMistake {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> FindingCode {
        use FindingCode as Code;
        match self {
            Self::RegionId { .. } => Code::MapRegionId,
            Self::HostName { .. } => Code::MapHostName,
            Self::ReservedRegion { .. } | Self::RegionIdTooLarge { .. } => Code::MapReservedRegion,
            Self::NodeNameTwice { .. } | Self::RegionCodeTwice { .. } | Self::NoName { .. } | Self::NoRegionName => {
                Code::MapNames
            }
            Self::SingleRegion | Self::WrongType { omit: true, .. } => Code::MapSingleRegion,
            Self::UnknownKey { yaml: true, .. } => Code::MapYamlKey,
            Self::UnknownKey { yaml: false, .. } => Code::MapUnknownKey,
            Self::HeadscaleIgnores { .. } => Code::MapHeadscaleIgnores,
            Self::HeadscaleNull { .. } => Code::MapHeadscaleNull,
            Self::Insecure { .. } => Code::MapInsecure,
            Self::Syntax { .. } | Self::Yaml { .. } | Self::Misplaced => Code::MapSyntax,
            Self::Avoid => Code::MapAvoid,
            Self::NoHostName { .. } => Code::MapNoHostName,
            Self::DuplicateKey { .. } => Code::MapDuplicateKey,
            Self::NoNodes | Self::NullNode => Code::MapNoNodes,
            Self::Port { .. } => Code::MapPort,
            Self::Score { .. } => Code::MapScore,
            Self::NotAnAddress { .. } => Code::MapAddress,
            Self::MoreDocuments => Code::MapMoreDocuments,
            Self::WrongType { omit: false, .. } => Code::MapWrongType,
            Self::RegionKey { .. } => Code::MapRegionKey,
            Self::NoMap(_) => Code::MapNone,
            Self::TooLarge { .. } => Code::MapTooLarge,
            Self::Pin(_) => Code::MapPin,
            Self::StunPortZero | Self::StunOff { .. } => Code::MapStunPort,
            Self::FamilyOff { .. } | Self::BothFamiliesOff => Code::MapFamilyOff,
            Self::StunOnly => Code::MapStunOnly,
            Self::StunTestIp => Code::MapStunTestIp,
            Self::Port80 => Code::MapPort80,
            Self::Empty => Code::MapEmpty,
            Self::OddAddress { .. } => Code::MapOddAddress,
            Self::Position { .. } => Code::MapPosition,
        }
    }

    /// An error where the map, or a relay of it, cannot work as it is written; a warning where it does not do what it
    /// seems to say; else a note.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::HostName { fault: HostFault::Underscore | HostFault::Brackets, .. } => Severity::Warning,
            Self::HostName { .. }
            | Self::RegionId { node: false, found: Some(_), .. }
            | Self::RegionIdTooLarge { .. }
            | Self::Syntax { .. }
            | Self::Yaml { .. }
            | Self::NoHostName { dialled: None }
            | Self::DuplicateKey { fatal: true, .. }
            | Self::WrongType { .. }
            | Self::RegionKey { .. }
            | Self::NoMap(_)
            | Self::TooLarge { .. }
            | Self::Pin(_)
            | Self::BothFamiliesOff
            | Self::Empty => Severity::Error,
            Self::ReservedRegion { certain: false, .. }
            | Self::NoRegionName
            | Self::SingleRegion
            | Self::UnknownKey { meant: None, yaml: false, .. }
            | Self::StunPortZero
            | Self::StunOff { region: false }
            | Self::FamilyOff { .. } => Severity::Info,
            _ => Severity::Warning,
        }
    }
}
