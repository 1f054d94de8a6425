//! The files of the project: what is written by hand or kept with it, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that are made, not kept, and files that a tool writes for itself.
const NOT_OURS: &[&str] = &["target", ".git", "Cargo.lock", "corpus", "artifacts", "proptest-regressions"];

/// Every text file, by its path from the project's directory, with `/` between names.
pub(crate) fn files() -> Vec<String> {
    all().into_iter().filter(|path| is_text(path)).collect()
}

/// Every file that is no text.
pub(crate) fn binaries() -> Vec<String> {
    all().into_iter().filter(|path| !is_text(path)).collect()
}

fn is_text(path: &str) -> bool {
    fs::read_to_string(root().join(path)).is_ok()
}

fn all() -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if NOT_OURS.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(from_root(&path));
            }
        }
    }
    found.sort();
    found
}

/// Those of [`files`] that are Rust.
pub(crate) fn rust_files() -> Vec<String> {
    files().into_iter().filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The text of one of [`files`].
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn from_root(path: &Path) -> String {
    let names: Vec<_> = path.strip_prefix(root()).unwrap().iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}
