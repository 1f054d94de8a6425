//! The inputs of a netcheck as JSON, for `--save`, and back, for `--replay`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exit::CmdError;
use crate::check::netcheck::{Input, Options};
use crate::derpmap;
use crate::model::RegionId;
use crate::probe::HostFacts;

/// [`Input`] with its map in the form everybody reads.
#[derive(Serialize, Deserialize)]
struct Kept {
    derp_map: Value,
    host: HostFacts,
    options: Options,
    previous_home: Option<RegionId>,
}

/// The inputs as JSON.
pub(super) fn to_json(input: &Input) -> Result<Value, CmdError> {
    let kept = Kept {
        derp_map: derpmap::encode_json(&input.map),
        host: input.host.clone(),
        options: input.options.clone(),
        previous_home: input.previous_home,
    };
    serde_json::to_value(kept).map_err(|error| CmdError::Own(format!("cannot save the inputs: {error}")))
}

/// The inputs from JSON that [`to_json`] wrote. `name` is the file, for errors.
pub(super) fn from_json(name: &str, value: &Value) -> Result<Input, CmdError> {
    let kept = Kept::deserialize(value).map_err(|error| CmdError::Usage(format!("{name}: inputs: {error}")))?;
    let text = kept.derp_map.to_string();
    let decoded = derpmap::decode(&format!("{name}: inputs.derp_map"), text.as_bytes())
        .map_err(|error| CmdError::Usage(error.to_string()))?;
    Ok(Input {
        map: derpmap::overlay([decoded.layer]),
        host: kept.host,
        options: kept.options,
        previous_home: kept.previous_home,
    })
}
