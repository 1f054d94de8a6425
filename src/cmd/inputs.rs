//! The inputs of a netcheck as JSON, for `--save`, and back, for `--replay`. With them goes what else a report needs and
//! no record holds: which command was run, and what was found about the map when it was loaded.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exit::CmdError;
use super::netcheck::Setup;
use crate::check::netcheck::{Input, Options};
use crate::derpmap;
use crate::model::{Place, RegionId};
use crate::probe::{Failure, HostFacts};
use crate::render::{self, Lang};
use crate::report::{Command, Finding, FindingCode, FindingDetail, Severity};

/// What a file of `--save` gives back.
pub(super) struct Inputs {
    pub(super) input: Input,
    /// The command that was run; `None` in files of versions that did not keep it.
    pub(super) command: Option<Command>,
    /// Findings about the map.
    pub(super) findings: Vec<Finding>,
    /// The proxy all went through.
    pub(super) socks5: Option<String>,
}

/// [`Input`] with its map in the form everybody reads.
#[derive(Serialize, Deserialize)]
struct Kept {
    derp_map: Value,
    host: HostFacts,
    options: Options,
    previous_home: Option<RegionId>,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    map_findings: Vec<KeptFinding>,
    /// The proxy all went through, without its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    socks5: Option<String>,
}

/// A finding that comes from loading the map rather than from the record.
#[derive(Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub(super) enum KeptFinding {
    Stale { url: String, age: Duration, because: Failure },
    Map { map_code: String, place: String, message: String, severity: Severity },
}

/// The inputs as JSON.
pub(super) fn to_json(input: &Input, setup: &Setup) -> Result<Value, CmdError> {
    let kept = Kept {
        derp_map: derpmap::encode_json(&input.map),
        host: input.host.clone(),
        options: input.options.clone(),
        previous_home: input.previous_home,
        command: Some(setup.command.name().to_owned()),
        socks5: setup.socks5.clone(),
        map_findings: setup.findings.iter().filter_map(KeptFinding::of).collect(),
    };
    plain(&kept)
}

/// Any inputs as JSON.
pub(super) fn plain(inputs: &impl Serialize) -> Result<Value, CmdError> {
    serde_json::to_value(inputs).map_err(|error| CmdError::Own(format!("cannot save the inputs: {error}")))
}

/// The inputs from JSON that [`to_json`] wrote. `name` is the file, for errors.
pub(super) fn from_json(name: &str, value: &Value) -> Result<Inputs, CmdError> {
    let refuse = |what: &dyn std::fmt::Display| CmdError::Usage(format!("{name}: inputs: {what}"));
    let kept = Kept::deserialize(value).map_err(|error| refuse(&error))?;
    let text = kept.derp_map.to_string();
    let decoded = derpmap::decode(&format!("{name}: inputs.derp_map"), text.as_bytes())
        .map_err(|error| CmdError::Usage(error.to_string()))?;
    let command = kept.command.map(|command| {
        let known = [Command::Netcheck, Command::Nat, Command::Selftest];
        known.into_iter().find(|known| known.name() == command).ok_or_else(|| {
            refuse(&format!("it was saved by the command {command:?}, which this natscope does not know"))
        })
    });
    let findings = kept.map_findings.into_iter().map(|kept| kept.finding().map_err(|code| refuse(&code)));
    Ok(Inputs {
        input: Input {
            map: derpmap::overlay([decoded.layer]),
            host: kept.host,
            options: kept.options,
            previous_home: kept.previous_home,
        },
        command: command.transpose()?,
        findings: findings.collect::<Result<_, _>>()?,
        socks5: kept.socks5,
    })
}

impl KeptFinding {
    /// `None`: it does not come from loading a map.
    pub(super) fn of(finding: &Finding) -> Option<Self> {
        match finding.detail.clone() {
            FindingDetail::StaleMap { url, age, because } => Some(Self::Stale { url, age, because }),
            FindingDetail::Map { code, place, message, severity } => {
                Some(Self::Map { map_code: code.to_owned(), place, message, severity })
            }
            // In words, since the text it was found in is not kept.
            FindingDetail::MapMistake(placed) => {
                let Place { file, line, column, excerpt: _ } = &placed.place;
                Some(Self::Map {
                    map_code: finding.code().to_owned(),
                    place: format!("{file}:{line}:{column}"),
                    message: render::map_mistake(&placed.mistake, Lang::En),
                    severity: finding.severity,
                })
            }
            _ => None,
        }
    }

    /// `Err` says that there is no such code.
    pub(super) fn finding(self) -> Result<Finding, String> {
        Ok(Finding::new(match self {
            Self::Stale { url, age, because } => FindingDetail::StaleMap { url, age, because },
            Self::Map { map_code, place, message, severity } => {
                let of_maps = FindingCode::ALL.iter().map(|code| code.name()).filter(|name| name.starts_with("MAP-"));
                let known = derpmap::MapWarning::CODES.into_iter().chain(of_maps).find(|known| *known == map_code);
                let code = known.ok_or_else(|| format!("no finding about a map has the code {map_code:?}"))?;
                FindingDetail::Map { code, place, message, severity }
            }
        }))
    }
}
