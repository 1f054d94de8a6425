use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::cache::Cache;
use super::failure::Said;
use super::local::LocalError;
use crate::probe::Failure;

const ADVICE: &str = "Give a map with `--derp-map FILE`, or run `natscope selftest`, which needs no internet";

/// Why there is no map. `E` is the decoder's error.
#[derive(Debug, Error)]
pub enum LoadError<E: std::error::Error> {
    /// It could not be fetched, and there is no earlier copy.
    Fetch {
        /// From here.
        url: String,
        /// How the fetch failed.
        failure: Failure,
        /// Where an earlier copy would be.
        cache_dir: Option<PathBuf>,
    },
    /// A file or standard input could not be read.
    Local(LocalError),
    /// What was read is no map and, if it was fetched, there is no earlier copy.
    NotAMap {
        /// The decoder's error, which names the source.
        error: E,
        /// Whether it was fetched.
        is_fetched: bool,
    },
    /// The embedded relay has no map before it runs.
    Embedded,
}

impl<E: std::error::Error> LoadError<E> {
    pub(super) fn fetch(url: String, failure: Failure, cache: &Cache) -> Self {
        Self::Fetch { url, failure, cache_dir: cache.dir().map(PathBuf::from) }
    }
}

impl<E: std::error::Error> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch { url, failure, cache_dir } => {
                write!(f, "no DERP map: fetching {url} failed: {}, ", Said(failure))?;
                match cache_dir {
                    Some(dir) => write!(f, "and there is no earlier copy in {}", dir.display())?,
                    None => f.write_str("and no earlier copies are kept")?,
                }
                write!(f, ". {ADVICE}")
            }
            Self::Local(error) => fmt::Display::fmt(error, f),
            Self::NotAMap { error, is_fetched } => {
                fmt::Display::fmt(error, f)?;
                if *is_fetched { write!(f, "\nThere is no earlier copy. {ADVICE}") } else { Ok(()) }
            }
            Self::Embedded => f.write_str("the embedded relay has no map to read; it is made by starting the relay"),
        }
    }
}
