//! What the greetings have in their boxes: JSON, read as its peers read it and written as they write it.
//!
//! Keys are matched in any case, unknown keys are ignored, a document of `null` is one without keys, and a field of the
//! wrong type is an error. `mesh_key` is an unknown key: one implementation fills it with "none".

use serde_json::{Map, Value};
use thiserror::Error;

use super::VERSION;
use crate::model::MeshKey;

/// What a client says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The version it speaks; 0 if it does not say. Nobody minds which.
    pub version: i64,
    /// The key of the mesh, if it is a relay of one. Whether it is the right key is not decided here.
    pub mesh_key: Option<MeshKey>,
    /// Whether it answers pings.
    pub can_ack_pings: bool,
    /// Whether it is a monitoring client.
    pub is_prober: bool,
    /// What it is called in statistics.
    pub app_name: String,
}

impl ClientInfo {
    /// What an ordinary client of this version says.
    #[must_use]
    pub fn ordinary() -> Self {
        Self { version: VERSION.into(), can_ack_pings: true, ..Self::default() }
    }

    /// Reads the JSON of a greeting.
    pub fn decode(json: &[u8]) -> Result<Self, InfoError> {
        let fields = Fields::read(json)?;
        // An empty or null mesh key is refused by every relay, and so is one that is no key.
        let mesh_key = match fields.find("meshKey") {
            None => None,
            Some(Value::String(digits)) => Some(digits.parse().map_err(|_| InfoError::Field { name: "meshKey" })?),
            Some(_) => return Err(InfoError::Field { name: "meshKey" }),
        };
        Ok(Self {
            version: fields.integer("version")?,
            mesh_key,
            can_ack_pings: fields.flag("CanAckPings")?,
            is_prober: fields.flag("IsProber")?,
            app_name: fields.text("AppName")?,
        })
    }

    /// The JSON of a greeting, fields at their defaults left out as relays expect.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Map::new();
        if let Some(key) = &self.mesh_key {
            fields.insert("meshKey".into(), key.to_secret_text().into());
        }
        if self.version != 0 {
            fields.insert("version".into(), self.version.into());
        }
        fields.insert("CanAckPings".into(), self.can_ack_pings.into());
        if self.is_prober {
            fields.insert("IsProber".into(), true.into());
        }
        if !self.app_name.is_empty() {
            fields.insert("AppName".into(), self.app_name.as_str().into());
        }
        Value::Object(fields).to_string().into_bytes()
    }
}

/// What a relay says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version it speaks; 0 if it does not say. Nobody minds which.
    pub version: i64,
    /// Bytes a second the client may send; 0 is no limit.
    pub bytes_per_second: u64,
    /// Bytes it may send at once after a pause.
    pub burst_bytes: u64,
}

impl ServerInfo {
    /// What a relay of this version without limits says.
    #[must_use]
    pub fn ordinary() -> Self {
        Self { version: VERSION.into(), ..Self::default() }
    }

    /// Reads the JSON of a greeting. A negative limit is none.
    pub fn decode(json: &[u8]) -> Result<Self, InfoError> {
        let fields = Fields::read(json)?;
        let limit = |name| fields.integer(name).map(|limit| u64::try_from(limit).unwrap_or(0));
        Ok(Self {
            version: fields.integer("version")?,
            bytes_per_second: limit("TokenBucketBytesPerSecond")?,
            burst_bytes: limit("TokenBucketBytesBurst")?,
        })
    }

    /// The JSON of a greeting.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Map::new();
        fields.insert("version".into(), self.version.into());
        for (name, limit) in
            [("TokenBucketBytesPerSecond", self.bytes_per_second), ("TokenBucketBytesBurst", self.burst_bytes)]
        {
            if limit != 0 {
                fields.insert(name.into(), limit.into());
            }
        }
        Value::Object(fields).to_string().into_bytes()
    }
}

/// Why a greeting cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InfoError {
    /// Not JSON, or nothing at all.
    #[error("the greeting is no JSON")]
    Json,
    /// JSON, but no object.
    #[error("the greeting is no JSON object")]
    Object,
    /// A field is not what it should be.
    #[error("the greeting's \"{name}\" is not what it should be")]
    Field {
        /// The field.
        name: &'static str,
    },
}

/// The fields of a greeting.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(json: &[u8]) -> Result<Self, InfoError> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(Value::Null) => Ok(Self(Map::new())),
            Ok(_) => Err(InfoError::Object),
            Err(_) => Err(InfoError::Json),
        }
    }

    /// The last field of this name, in any case.
    fn find(&self, name: &str) -> Option<&Value> {
        self.0.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn integer(&self, name: &'static str) -> Result<i64, InfoError> {
        self.present(name).map_or(Ok(0), |value| value.as_i64().ok_or(InfoError::Field { name }))
    }

    fn flag(&self, name: &'static str) -> Result<bool, InfoError> {
        self.present(name).map_or(Ok(false), |value| value.as_bool().ok_or(InfoError::Field { name }))
    }

    fn text(&self, name: &'static str) -> Result<String, InfoError> {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(InfoError::Field { name });
        self.present(name).map_or_else(|| Ok(String::new()), text)
    }

    /// The field, unless it is null, which says as little as its absence.
    fn present(&self, name: &str) -> Option<&Value> {
        self.find(name).filter(|value| !value.is_null())
    }
}
