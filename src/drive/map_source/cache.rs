//! Copies of fetched maps on disk: one file for a URL, a line of JSON about the body and then the body.
//!
//! One file, so that body and description cannot come from different writers; it is written under another name and
//! moved into place. A file that is damaged, foreign or too large is no copy. Nothing here fails loudly: a cache
//! that cannot be written is a slower program, not a broken one.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::MAX_BYTES;

/// A server may say a map is good for a year; after a day it is asked all the same.
const LONGEST_FRESHNESS: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest first line that is looked at.
const MAX_DESCRIPTION: usize = 16 * 1024;

/// `natscope` in the user's cache directory (`$XDG_CACHE_HOME`, else `~/.cache`, and what other systems have).
#[must_use]
pub(in crate::drive) fn default_dir() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|base| base.cache_dir().join("natscope"))
}

/// The place of the copy of one URL.
pub(super) struct Cache {
    dir: Option<PathBuf>,
    file: String,
}

/// A copy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) fetched_at: SystemTime,
    pub(super) freshness: Freshness,
    pub(super) body: Vec<u8>,
}

/// What a response said about how long it stays good, and how to ask whether it still is (RFC 9111).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Freshness {
    /// Seconds it stays good; `None` when the server did not say.
    pub(super) max_age_s: Option<u64>,
    /// It must not be kept.
    pub(super) no_store: bool,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    /// Of the layout of the file.
    version: u32,
    /// RFC 3339.
    fetched_at: String,
    #[serde(flatten)]
    freshness: Freshness,
    /// Lower-case hex, of the body.
    sha256: String,
}

impl Entry {
    pub(super) const fn new(fetched_at: SystemTime, freshness: Freshness, body: Vec<u8>) -> Self {
        Self { fetched_at, freshness, body }
    }

    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        let Some(max_age) = self.freshness.max_age_s else { return false };
        // A copy from the future: the clock was set back, and its age is unknown.
        let Ok(age) = now.duration_since(self.fetched_at) else { return false };
        age < Duration::from_secs(max_age).min(LONGEST_FRESHNESS)
    }

    /// The copy after the server confirmed it. What its answer leaves out stays as it was (RFC 9111 section 4.3.4).
    pub(super) fn confirmed(mut self, now: SystemTime, freshness: Freshness) -> Self {
        self.fetched_at = now;
        let old = self.freshness;
        self.freshness = Freshness {
            max_age_s: freshness.max_age_s.or(old.max_age_s),
            no_store: freshness.no_store,
            etag: freshness.etag.or(old.etag),
            last_modified: freshness.last_modified.or(old.last_modified),
        };
        self
    }
}

impl Cache {
    pub(super) fn new(dir: Option<PathBuf>, url: &str) -> Self {
        // The URL itself may hold a token and stays out of the name and the file.
        Self { dir, file: format!("{}.derpmap", hex(&Sha256::digest(url))) }
    }

    pub(super) fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    pub(super) async fn read(&self) -> Option<Entry> {
        let path = self.dir.as_ref()?.join(&self.file);
        let limit = MAX_BYTES + u64::try_from(MAX_DESCRIPTION).unwrap_or_default();
        let mut bytes = Vec::new();
        tokio::fs::File::open(path).await.ok()?.take(limit + 1).read_to_end(&mut bytes).await.ok()?;
        decode(bytes)
    }

    pub(super) async fn write(&self, entry: &Entry) {
        let Some(dir) = &self.dir else { return };
        let path = dir.join(&self.file);
        let result = if entry.freshness.no_store {
            tokio::fs::remove_file(&path).await
        } else {
            write_atomically(dir, &path, entry).await
        };
        if let Err(error) = result {
            tracing::debug!(%error, path = %path.display(), "the copy of the map was not kept");
        }
    }
}

async fn write_atomically(dir: &Path, path: &Path, entry: &Entry) -> io::Result<()> {
    let bytes = encode(entry).map_err(io::Error::other)?;
    tokio::fs::create_dir_all(dir).await?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let temporary = dir.join(format!(".{}.tmp", hex(&random)));
    let written = async {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&temporary).await?;
        file.write_all(&bytes).await?;
        file.flush().await?;
        drop(file);
        tokio::fs::rename(&temporary, path).await
    }
    .await;
    if written.is_err() {
        let _ = tokio::fs::remove_file(&temporary).await;
    }
    written
}

fn encode(entry: &Entry) -> serde_json::Result<Vec<u8>> {
    let description = Description {
        version: 1,
        fetched_at: humantime::format_rfc3339_seconds(entry.fetched_at).to_string(),
        freshness: entry.freshness.clone(),
        sha256: hex(&Sha256::digest(&entry.body)),
    };
    let mut bytes = serde_json::to_vec(&description)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&entry.body);
    Ok(bytes)
}

fn decode(mut bytes: Vec<u8>) -> Option<Entry> {
    let line_end = bytes.iter().take(MAX_DESCRIPTION).position(|&byte| byte == b'\n')?;
    let body = bytes.split_off(line_end + 1);
    let description: Description = serde_json::from_slice(&bytes).ok()?;
    let is_whole = description.version == 1 && description.sha256 == hex(&Sha256::digest(&body));
    let fetched_at = humantime::parse_rfc3339(&description.fetched_at).ok()?;
    is_whole.then_some(Entry { fetched_at, freshness: description.freshness, body })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let freshness = Freshness { max_age_s: Some(60), etag: Some("\"x\"".into()), ..Freshness::default() };
        Entry::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000), freshness, b"{}\n\xff body".to_vec())
    }

    #[test]
    fn comes_back_and_damage_is_noticed() {
        let bytes = encode(&entry()).unwrap();
        assert_eq!(decode(bytes.clone()), Some(entry()));
        for length in 0..bytes.len() {
            assert_eq!(decode(bytes[..length].to_vec()), None, "{length}");
        }
        let body_start = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for at in body_start..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(damaged), None, "{at}");
        }
        assert_eq!(decode(vec![b'x'; 1_000_000]), None);
    }

    #[test]
    fn fresh_as_long_as_was_said_and_a_day_at_most() {
        let entry = entry();
        let after = |seconds: u64| entry.fetched_at + Duration::from_secs(seconds);
        assert!(entry.is_fresh(after(59)));
        assert!(!entry.is_fresh(after(60)));
        assert!(!entry.is_fresh(entry.fetched_at - Duration::from_secs(1)), "from the future");
        let mut long = entry.clone();
        long.freshness.max_age_s = Some(u64::MAX);
        assert!(long.is_fresh(after(86_399)));
        assert!(!long.is_fresh(after(86_400)));
        let mut silent = entry.clone();
        silent.freshness.max_age_s = None;
        assert!(!silent.is_fresh(after(0)));
    }
}
