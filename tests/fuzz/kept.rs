//! The inputs that are kept, and a place for one that fails.

use std::fs;
use std::path::{Path, PathBuf};

/// Those kept for a target, in the order of their names.
pub(crate) fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Writes one down that failed.
pub(crate) fn write(target: &str, input: &[u8]) -> PathBuf {
    let path = place(&format!("{target}-{:08x}", crc32fast::hash(input)));
    fs::write(&path, input).unwrap();
    path
}

/// A file of the tests'.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
