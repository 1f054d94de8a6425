//! How fast clients may send and come, as a file says that may change while the relay runs.
//!
//! The file is JSON in the form of derper's `-rate-config`, which is read as it is; the keys derper does not have are
//! named like its own. A key nobody knows is an error: a limit that is misspelt would be none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::derp::{Pace, Rate};
use crate::wire::derp::MAX_PACKET;

/// Bytes of the largest frame a client sends: as much must be allowed at once, as derper has it.
const LARGEST: u64 = MAX_PACKET as u64 + 32;

/// A file longer than this is another one.
const LONGEST_FILE: usize = 64 << 10;

/// Limits in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Throttle {
    /// For each client.
    pub(super) each: Pace,
    /// For all of them together.
    pub(super) all: Pace,
    /// Connections accepted; those beyond are closed at once.
    pub(super) accepts: Option<Rate>,
    /// Connections from one address that are no clients (yet).
    pub(super) handshakes_per_address: Option<usize>,
    /// Clients at once, instead of [`RelayOptions::max_clients`](super::RelayOptions::max_clients).
    pub(super) max_clients: Option<usize>,
}

/// The file. Zero is no limit, as derper has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
struct Keys {
    per_client_rate_limit_bytes_per_sec: u64,
    per_client_rate_burst_bytes: u64,
    per_client_rate_limit_packets_per_sec: u64,
    global_rate_limit_bytes_per_sec: u64,
    global_rate_limit_packets_per_sec: u64,
    accept_connection_limit: u64,
    accept_connection_burst: u64,
    handshakes_per_address: usize,
    max_clients: usize,
}

impl Throttle {
    /// Reads the text of a file.
    fn decode(text: &[u8]) -> Result<Self, serde_json::Error> {
        // A list would be read as the values in order.
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(serde::de::Error::custom(
                "this is no JSON object, as {\"PerClientRateLimitBytesPerSec\": 5000000}",
            ));
        }
        let keys: Keys = serde_json::from_slice(text)?;
        let some = |number: usize| (number > 0).then_some(number);
        Ok(Self {
            each: Pace {
                bytes: rate(keys.per_client_rate_limit_bytes_per_sec, keys.per_client_rate_burst_bytes.max(LARGEST)),
                packets: second_of(keys.per_client_rate_limit_packets_per_sec),
            },
            all: Pace {
                bytes: second_of(keys.global_rate_limit_bytes_per_sec),
                packets: second_of(keys.global_rate_limit_packets_per_sec),
            },
            accepts: rate(
                keys.accept_connection_limit,
                if keys.accept_connection_burst > 0 {
                    keys.accept_connection_burst
                } else {
                    keys.accept_connection_limit
                },
            ),
            handshakes_per_address: some(keys.handshakes_per_address),
            max_clients: some(keys.max_clients),
        })
    }
}

fn rate(per_second: u64, burst: u64) -> Option<Rate> {
    (per_second > 0).then_some(Rate { per_second, burst })
}

/// A second's worth at once.
fn second_of(per_second: u64) -> Option<Rate> {
    rate(per_second, per_second)
}

/// The file and what it said last.
#[derive(Debug)]
pub(super) struct ThrottleFile {
    path: PathBuf,
    text: Mutex<Vec<u8>>,
}

impl ThrottleFile {
    /// Reads the file for the first time. The error names it.
    pub(super) fn load(path: PathBuf) -> io::Result<(Self, Throttle)> {
        let text = read(&path)?;
        let throttle = understand(&path, &text)?;
        Ok((Self { path, text: Mutex::new(text) }, throttle))
    }

    /// Reads it again: `None` if it is the same as before. A file that makes no sense is told of each time.
    pub(super) fn reload(&self) -> io::Result<Option<Throttle>> {
        let text = read(&self.path)?;
        let mut known = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == text {
            return Ok(None);
        }
        let throttle = understand(&self.path, &text)?;
        *known = text;
        Ok(Some(throttle))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let text = std::fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("--rate-limit {}: {error}", path.display())))?;
    if text.len() > LONGEST_FILE {
        return Err(invalid(path, &"the file is too long to be one of limits"));
    }
    Ok(text)
}

fn understand(path: &Path, text: &[u8]) -> io::Result<Throttle> {
    Throttle::decode(text).map_err(|error| invalid(path, &error))
}

fn invalid(path: &Path, what: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("--rate-limit {}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derpers_file_is_read_as_derper_reads_it() {
        let throttle =
            Throttle::decode(br#"{"PerClientRateLimitBytesPerSec": 20000, "PerClientRateBurstBytes": 10}"#).unwrap();
        let each = Pace { bytes: Some(Rate { per_second: 20_000, burst: 65_568 }), packets: None };
        assert_eq!(throttle, Throttle { each, ..Throttle::default() });
        let off = Throttle::decode(br#"{"PerClientRateLimitBytesPerSec": 0, "PerClientRateBurstBytes": 10}"#).unwrap();
        assert_eq!(off, Throttle::default());
        assert_eq!(Throttle::decode(b"{}").unwrap(), Throttle::default());
    }

    #[test]
    fn all_keys_are_read_and_no_other() {
        let throttle = Throttle::decode(
            br#"{"PerClientRateLimitBytesPerSec": 1, "PerClientRateBurstBytes": 70000,
                "PerClientRateLimitPacketsPerSec": 2, "GlobalRateLimitBytesPerSec": 3,
                "GlobalRateLimitPacketsPerSec": 4, "AcceptConnectionLimit": 5, "AcceptConnectionBurst": 6,
                "HandshakesPerAddress": 7, "MaxClients": 8}"#,
        );
        let rate = |per_second, burst| Some(Rate { per_second, burst });
        let wanted = Throttle {
            each: Pace { bytes: rate(1, 70_000), packets: rate(2, 2) },
            all: Pace { bytes: rate(3, 3), packets: rate(4, 4) },
            accepts: rate(5, 6),
            handshakes_per_address: Some(7),
            max_clients: Some(8),
        };
        assert_eq!(throttle.unwrap(), wanted);
        let accepts = Throttle::decode(br#"{"AcceptConnectionLimit": 5}"#).unwrap().accepts;
        assert_eq!(accepts, rate(5, 5));
        for wrong in [&br#"{"PerClientRateLimitBytesPerSecond": 1}"#[..], br#"{"MaxClients": -1}"#, b"[]", b"", b"{} x"]
        {
            assert!(Throttle::decode(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn a_file_that_makes_no_sense_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("limits.json");
        assert!(ThrottleFile::load(path.clone()).unwrap_err().to_string().contains("limits.json"));
        std::fs::write(&path, r#"{"MaxClients": 8}"#).unwrap();
        let (file, throttle) = ThrottleFile::load(path.clone()).unwrap();
        assert_eq!(throttle.max_clients, Some(8));
        assert_eq!(file.reload().unwrap(), None);
        for wrong in ["{", r#"{"MaxClient": 8}"#] {
            std::fs::write(&path, wrong).unwrap();
            for _ in 0..2 {
                assert!(file.reload().unwrap_err().to_string().contains("limits.json"), "{wrong}");
            }
        }
        std::fs::write(&path, r#"{"MaxClients": 8}"#).unwrap();
        assert_eq!(file.reload().unwrap(), None, "as it was");
        std::fs::write(&path, r#"{"MaxClients": 9}"#).unwrap();
        assert_eq!(file.reload().unwrap().unwrap().max_clients, Some(9));
    }
}
