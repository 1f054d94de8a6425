//! Files and standard input, bounded in size.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::MAX_BYTES;

/// What standard input is called in errors.
pub(super) const STDIN: &str = "<stdin>";

/// Why a file or standard input could not be read.
#[derive(Debug, Error)]
pub enum LocalError {
    /// No such file.
    #[error(
        "{path}: there is no such file; is the name right, and is `{}` the right directory to start from?",
        current_dir()
    )]
    NotFound {
        /// As given.
        path: PathBuf,
    },
    /// A directory.
    #[error("{path}: it is a directory; name the map file in it")]
    Directory {
        /// As given.
        path: PathBuf,
    },
    /// The file may not be read.
    #[error("{path}: this user may not read it")]
    NotPermitted {
        /// As given.
        path: PathBuf,
    },
    /// Longer than a map is allowed to be.
    #[error("{name}: too large: a map has at most {MAX_BYTES} bytes")]
    TooLarge {
        /// The file, or `<stdin>`.
        name: String,
    },
    /// Another error of the operating system.
    #[error("{name}: {error}")]
    Os {
        /// The file, or `<stdin>`.
        name: String,
        /// Its error.
        error: io::Error,
    },
}

pub(super) async fn read_file(path: &Path) -> Result<Vec<u8>, LocalError> {
    let path = path.to_owned();
    on_a_thread(path.display().to_string(), move || {
        let failed = |error: io::Error| {
            let path = path.clone();
            match error.kind() {
                io::ErrorKind::NotFound => LocalError::NotFound { path },
                io::ErrorKind::PermissionDenied => LocalError::NotPermitted { path },
                io::ErrorKind::IsADirectory => LocalError::Directory { path },
                _ => LocalError::Os { name: path.display().to_string(), error },
            }
        };
        let file = std::fs::File::open(&path).map_err(failed)?;
        let bytes = read_bounded(file).map_err(failed)?;
        bytes.ok_or_else(|| LocalError::TooLarge { name: path.display().to_string() })
    })
    .await
}

pub(super) async fn read_stdin() -> Result<Vec<u8>, LocalError> {
    on_a_thread(STDIN.to_owned(), || match read_bounded(io::stdin().lock()) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(LocalError::TooLarge { name: STDIN.to_owned() }),
        Err(error) => Err(LocalError::Os { name: STDIN.to_owned(), error }),
    })
    .await
}

/// Runs blocking work on a thread of its own. The runtime's blocking threads would not do: it waits for them when it
/// ends, and a pipe that nobody writes to never ends.
async fn on_a_thread<F>(name: String, work: F) -> Result<Vec<u8>, LocalError>
where
    F: FnOnce() -> Result<Vec<u8>, LocalError> + Send + 'static,
{
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("map-reader".to_owned()).spawn(move || {
        let _ = sender.send(work());
    });
    if let Err(error) = spawned {
        return Err(LocalError::Os { name, error });
    }
    let ended = |_| Err(LocalError::Os { name, error: io::Error::other("the reading thread ended early") });
    receiver.await.unwrap_or_else(ended)
}

/// `None` for more than [`MAX_BYTES`]. The length a file claims is not asked: pipes and devices claim none.
fn read_bounded(from: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES).then_some(bytes))
}

fn current_dir() -> String {
    std::env::current_dir().map_or_else(|_| ".".to_owned(), |dir| dir.display().to_string())
}
