//! What the reader of maps says, as mistakes.

use crate::derpmap::{Decoded, MapError, MapFormat, NotAMap, Problem, WarningDetail};
use crate::report::{MapMistake, NoMap, PlacedMistake};

/// What the reader warns of.
pub(super) fn mistake_of(decoded: &Decoded, detail: &WarningDetail) -> MapMistake {
    let yaml = decoded.format == MapFormat::HeadscaleYaml;
    match detail.clone() {
        WarningDetail::RegionIdDiffers { key, found } => MapMistake::RegionId { key, found, node: false },
        WarningDetail::NodeRegionIdDiffers { region, found } => MapMistake::RegionId { key: region, found, node: true },
        WarningDetail::UnknownKey { key, meant } => MapMistake::UnknownKey { key, meant, yaml },
        WarningDetail::MisplacedMap => MapMistake::Misplaced,
        WarningDetail::NoHostName { dialled } => MapMistake::NoHostName { dialled },
        WarningDetail::DuplicateKey { key, first_line } => MapMistake::DuplicateKey { key, first_line, fatal: false },
        WarningDetail::NoNodes => MapMistake::NoNodes,
        WarningDetail::NullNode => MapMistake::NullNode,
        WarningDetail::StunPortOutOfRange { found } => MapMistake::Port { field: "STUNPort", found },
        WarningDetail::DerpPortOutOfRange { found } => MapMistake::Port { field: "DERPPort", found },
        WarningDetail::ScoreIgnored { score } => MapMistake::Score { score },
        WarningDetail::NotAnAddress { found } => MapMistake::NotAnAddress { found },
        WarningDetail::MoreDocuments => MapMistake::MoreDocuments,
    }
}

/// What the reader refuses.
pub(super) fn placed(error: &MapError) -> PlacedMistake {
    let omit = error.path.to_ascii_lowercase().ends_with("omitdefaultregions");
    let mistake = match error.problem.clone() {
        Problem::Syntax { expected, found } => MapMistake::Syntax { expected, found },
        Problem::Yaml { said } => MapMistake::Yaml { said },
        Problem::Value { expected, found } => MapMistake::WrongType { expected, found, omit },
        Problem::RegionKey { found } => MapMistake::RegionKey { found },
        Problem::DuplicateKey { key, first_line } => MapMistake::DuplicateKey { key, first_line, fatal: true },
        Problem::NoMap { looks_like } => MapMistake::NoMap(no_map(looks_like)),
        Problem::Empty => MapMistake::NoMap(NoMap::Blank),
        Problem::Html => MapMistake::NoMap(NoMap::Html),
        Problem::Binary { looks_like } => MapMistake::NoMap(NoMap::Binary { looks_like }),
        Problem::NotUtf8 => MapMistake::NoMap(NoMap::NotUtf8),
        Problem::TooLarge { .. } | Problem::TooDeep | Problem::TooManyValues | Problem::TooMany { .. } => {
            MapMistake::TooLarge { said: error.problem.to_string() }
        }
    };
    PlacedMistake { place: error.place(), path: error.path.to_string(), mistake }
}

fn no_map(looks_like: NotAMap) -> NoMap {
    match looks_like {
        NotAMap::HeadscaleConfig { urls, paths, has_embedded_relay: _ } => {
            NoMap::HeadscaleConfig { maps: urls.into_iter().chain(paths).collect() }
        }
        NotAMap::Policy => NoMap::Policy,
        NotAMap::BareRegions => NoMap::BareRegions,
        NotAMap::BareRegion => NoMap::BareRegion,
        NotAMap::BareNode => NoMap::BareNode,
        NotAMap::OtherObject { keys } => NoMap::OtherObject { keys },
        NotAMap::NotAnObject { found } => NoMap::NotAnObject { found },
    }
}
