//! DERP maps from where they are: a URL, a file, standard input.
//!
//! What is fetched is kept on disk and used again: while the server says it is fresh without asking, after asking
//! when the server says it has not changed, and when the server cannot be reached or sends something else. Only what
//! decodes as a map is ever kept, so the login page of a hotel never replaces a map. Where the bytes came from is
//! always said. It does not know what a map looks like: the caller's decoder tells.
//!
//! A fetch is bounded in time and size, whatever the server does. Files and standard input are bounded in size; they
//! may take as long as whoever writes them, unless the caller ends it.

mod cache;
mod error;
mod failure;
mod fetch;
mod local;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::model::{MapSource, harmless_value};
use crate::probe::{Cause, Failure, Stage};

pub use error::LoadError;
pub use local::LocalError;

pub(in crate::drive) use cache::default_dir;
use cache::{Cache, Entry};
use fetch::Response;

/// More than any map: the public one is 100 times smaller.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// How to load a map.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The time now, to tell fresh copies from stale ones.
    pub now: SystemTime,
    /// Where copies are kept; `None` for nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest time of a fetch as a whole, redirects and body included.
    pub timeout: Duration,
    /// Whether `HTTPS_PROXY` and its like in the environment count.
    pub use_proxy: bool,
}

impl LoadOptions {
    /// The usual limits (5 s to connect, 10 s in all) and the usual place of the cache.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self {
            now,
            cache_dir: default_dir(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            use_proxy: true,
        }
    }
}

/// A map, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// What the decoder made of the bytes.
    pub map: T,
    /// Where they came from.
    pub origin: Origin,
}

/// Where the bytes of a map came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Fetched now.
    Fetched {
        /// From here.
        url: String,
    },
    /// The copy on disk; the server said it would stay good for longer than it is old.
    Fresh {
        /// From here.
        url: String,
        /// When it was fetched or last confirmed.
        fetched_at: SystemTime,
    },
    /// The copy on disk; the server was asked and said it has not changed.
    NotModified {
        /// From here.
        url: String,
        /// When it was fetched or last confirmed before now.
        fetched_at: SystemTime,
    },
    /// The last good copy on disk, because nothing newer could be had. A report must say so.
    Stale {
        /// From here.
        url: String,
        /// When it was fetched or last confirmed.
        fetched_at: SystemTime,
        /// Why nothing newer could be had.
        because: Failure,
    },
    /// A file.
    File {
        /// Which.
        path: PathBuf,
    },
    /// Standard input.
    Stdin,
}

/// Loads a map. `decode` gets a name for its errors and the bytes; what it refuses is neither returned nor kept.
///
/// [`MapSource::Embedded`] has no bytes: its map is made by starting the relay.
pub async fn load<T, E, D>(source: &MapSource, options: &LoadOptions, decode: D) -> Result<Loaded<T>, LoadError<E>>
where
    E: std::error::Error,
    D: Fn(&str, &[u8]) -> Result<T, E>,
{
    let (name, bytes, origin) = match source {
        MapSource::Default => return load_url(MapSource::DEFAULT_URL, options, decode).await,
        MapSource::Url(url) => return load_url(url, options, decode).await,
        MapSource::File(path) => {
            let bytes = local::read_file(path).await.map_err(LoadError::Local)?;
            (path.display().to_string(), bytes, Origin::File { path: path.clone() })
        }
        MapSource::Stdin => {
            let bytes = local::read_stdin().await.map_err(LoadError::Local)?;
            (local::STDIN.to_owned(), bytes, Origin::Stdin)
        }
        MapSource::Embedded => return Err(LoadError::Embedded),
    };
    match decode(&name, &bytes) {
        Ok(map) => Ok(Loaded { map, origin }),
        Err(error) => Err(LoadError::NotAMap { error, is_fetched: false }),
    }
}

async fn load_url<T, E, D>(url: &str, options: &LoadOptions, decode: D) -> Result<Loaded<T>, LoadError<E>>
where
    E: std::error::Error,
    D: Fn(&str, &[u8]) -> Result<T, E>,
{
    let cache = Cache::new(options.cache_dir.clone(), url);
    // A copy that no longer decodes is as good as none.
    let address = url;
    // What everybody is told.
    let url = harmless_value(address, false);
    let kept = cache.read().await.and_then(|entry| decode(&url, &entry.body).ok().map(|map| (entry, map)));
    let (entry, map) = match kept {
        Some((entry, map)) if entry.is_fresh(options.now) => {
            let origin = Origin::Fresh { url, fetched_at: entry.fetched_at };
            return Ok(Loaded { map, origin });
        }
        Some((entry, map)) => (Some(entry), Some(map)),
        None => (None, None),
    };

    let mut refused = None;
    let because = match fetch::fetch(address, options, entry.as_ref()).await {
        Ok(Response::Body { body, freshness }) => match decode(&url, &body) {
            Ok(map) => {
                cache.write(&Entry::new(options.now, freshness, body)).await;
                return Ok(Loaded { map, origin: Origin::Fetched { url } });
            }
            Err(error) => {
                let problem = error.to_string().lines().next().unwrap_or_default().to_owned();
                refused = Some(error);
                Failure::new(Stage::Http, Cause::Malformed { problem })
            }
        },
        Ok(Response::NotModified { freshness }) => {
            if let (Some(entry), Some(map)) = (entry, map) {
                let fetched_at = entry.fetched_at;
                let entry = entry.confirmed(options.now, freshness);
                cache.write(&entry).await;
                return Ok(Loaded { map, origin: Origin::NotModified { url, fetched_at } });
            }
            let problem = "304 Not Modified without having been asked".to_owned();
            return Err(LoadError::fetch(url, Failure::new(Stage::Http, Cause::Malformed { problem }), &cache));
        }
        Err(failure) => failure,
    };
    match (entry, map, refused) {
        (Some(entry), Some(map), _) => {
            let origin = Origin::Stale { url, fetched_at: entry.fetched_at, because };
            Ok(Loaded { map, origin })
        }
        (_, _, Some(error)) => Err(LoadError::NotAMap { error, is_fetched: true }),
        _ => Err(LoadError::fetch(url, because, &cache)),
    }
}

#[cfg(test)]
mod tests;
