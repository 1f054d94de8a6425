//! Lists of keys, given as such or in files that are read again when they change.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::drive::relay::options::Allow;
use crate::model::NodePublic;

/// Longest file read as a list: some 200,000 keys.
const LARGEST_FILE: u64 = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct AllowList {
    /// Given as such: these never change.
    keys: HashSet<NodePublic>,
    files: Vec<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the files, in their order; what was read last and could be understood.
    read: Vec<Read>,
}

#[derive(Debug, Default)]
struct Read {
    text: Vec<u8>,
    keys: HashSet<NodePublic>,
    /// What was wrong at the last reading, so that it is told once.
    complaint: Option<String>,
}

impl AllowList {
    pub(super) fn load(allowed: Vec<Allow>) -> io::Result<Self> {
        let mut list = Self::default();
        let mut read = Vec::new();
        for allowed in allowed {
            match allowed {
                Allow::Key(key) => drop(list.keys.insert(key)),
                Allow::File(path) => {
                    let text = self::read(&path)?;
                    let keys = parse(&path.display().to_string(), &text)?;
                    read.push(Read { text, keys, complaint: None });
                    list.files.push(path);
                }
            }
        }
        list.state = Mutex::new(State { read });
        Ok(list)
    }

    pub(super) fn contains(&self, key: &NodePublic) -> bool {
        self.keys.contains(key) || self.state().read.iter().any(|read| read.keys.contains(key))
    }

    /// Reads the files again. A file that cannot be read or understood leaves its earlier content in force: an editor
    /// at work must not lock everybody out.
    pub(super) fn reload(&self) -> bool {
        let mut changed = false;
        for (index, path) in self.files.iter().enumerate() {
            let text = self::read(path);
            let mut state = self.state();
            let Some(read) = state.read.get_mut(index) else { continue };
            match text.and_then(|text| Self::update(path, read, text)) {
                Ok(updated) => {
                    read.complaint = None;
                    changed |= updated;
                }
                Err(error) => {
                    let complaint = error.to_string();
                    if read.complaint.as_ref() != Some(&complaint) {
                        tracing::warn!("the allow list stays as it was: {complaint}");
                    }
                    read.complaint = Some(complaint);
                }
            }
        }
        changed
    }

    fn update(path: &Path, read: &mut Read, text: Vec<u8>) -> io::Result<bool> {
        if text == read.text {
            return Ok(false);
        }
        let keys = parse(&path.display().to_string(), &text)?;
        tracing::info!(file = %path.display(), keys = keys.len(), "allow list read again");
        read.text = text;
        read.keys = keys;
        Ok(true)
    }

    pub(super) fn describe(&self) -> Option<String> {
        let in_files: usize = self.state().read.iter().map(|read| read.keys.len()).sum();
        let count = self.keys.len() + in_files;
        if self.keys.is_empty() && self.files.is_empty() {
            return None;
        }
        let clients = if count == 1 { "1 allowed client".to_owned() } else { format!("{count} allowed clients") };
        if self.files.is_empty() {
            return Some(clients);
        }
        let files: Vec<String> = self.files.iter().map(|path| path.display().to_string()).collect();
        Some(format!("{clients} ({})", files.join(", ")))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;

    let named = |error: io::Error| {
        let wanted = "it was to be a key, nodekey:… or 64 hex digits, or a file with one a line";
        io::Error::new(error.kind(), format!("cannot read {}: {error}; {wanted}", path.display()))
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes)).map_err(named)?;
    Ok(bytes)
}

/// One key a line, `nodekey:` before it or not; a `#` begins a comment.
fn parse(name: &str, text: &[u8]) -> io::Result<HashSet<NodePublic>> {
    let mut keys = HashSet::new();
    for (number, line) in String::from_utf8_lossy(text).lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        let word = code.trim();
        if word.is_empty() {
            continue;
        }
        let Some(key) = parse_key(word) else {
            let column = code.len() - code.trim_start().len() + 1;
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{name}:{}:{column}: not a key: write nodekey: and 64 hex digits", number + 1),
            ));
        };
        keys.insert(key);
    }
    Ok(keys)
}

/// A key that somebody can have, as people write it.
pub(in crate::drive::relay) fn parse_key(text: &str) -> Option<NodePublic> {
    let key = if text.starts_with(NodePublic::PREFIX) { text.parse().ok() } else { NodePublic::from_hex(text).ok() };
    key.filter(|key: &NodePublic| !key.is_zero())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(byte: u8) -> NodePublic {
        NodePublic::from_bytes([byte; 32])
    }

    #[test]
    fn keys_are_read_with_comments_and_without_a_prefix() {
        let text = format!("# all\n\n  {} # mine\n{}\r\n", key(1), key(2).to_hex().to_uppercase());
        assert_eq!(parse("f", text.as_bytes()).unwrap(), HashSet::from([key(1), key(2)]));
        let zero = key(0).to_string();
        for (text, place) in [("\n  nodekey:12", "f:2:3:"), ("hello", "f:1:1:"), (zero.as_str(), "f:1:1:")] {
            let error = parse("f", text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_again_and_a_broken_one_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clients");
        fs::write(&path, key(1).to_string()).unwrap();
        let list = AllowList::load(vec![Allow::File(path.clone()), Allow::Key(key(9))]).unwrap();
        assert!(list.contains(&key(1)) && list.contains(&key(9)) && !list.contains(&key(2)));
        assert!(!list.reload());
        fs::write(&path, key(2).to_string()).unwrap();
        assert!(list.reload());
        assert!(!list.contains(&key(1)) && list.contains(&key(9)) && list.contains(&key(2)));
        fs::write(&path, "nodekey:ff").unwrap();
        assert!(!list.reload() && list.contains(&key(2)));
        fs::remove_file(&path).unwrap();
        assert!(!list.reload() && list.contains(&key(2)));
        fs::write(&path, "").unwrap();
        assert!(list.reload() && !list.contains(&key(2)));
        assert!(AllowList::load(vec![Allow::File(dir.path().join("none"))]).is_err());
    }
}
