//! The file with the relay's key, in derper's format, so that a derper's file can be taken over and given back.

use std::io;
use std::path::Path;

use serde_json::Value;

use super::private_file;
use crate::model::{MeshKey, NodePrivate};

/// Longest file read as one.
const LARGEST: u64 = 1 << 16;

/// The key in the file; where there is none, a fresh one is made and written, readable by its owner alone. Two
/// processes that do so at once agree on one key.
pub fn load_or_create_key(path: &Path) -> io::Result<NodePrivate> {
    match load(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        outcome => return outcome.map_err(|error| about(path, "cannot use the key file", &error)),
    }
    let key = fresh_key()?;
    let text = format!("{{\n\t\"PrivateKey\": \"{}\"\n}}", key.to_secret_text());
    match private_file::create(path, text.as_bytes(), true) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            load(path).map_err(|error| about(path, "cannot use the key file", &error))
        }
        Err(error) => Err(about(path, "cannot make the key file", &error)),
    }
}

/// The key all relays of a mesh share, as derper's `-mesh-psk-file` has it: 64 hex digits, with white space around them.
pub fn load_mesh_key(path: &Path) -> io::Result<MeshKey> {
    let read = read_bounded(path).map_err(|error| about(path, "cannot use the mesh key file", &error))?;
    let text = String::from_utf8(read).unwrap_or_default();
    let key: MeshKey = text.trim().parse().map_err(|_| {
        let error = io::Error::new(io::ErrorKind::InvalidData, "it is not 64 hex digits (openssl rand -hex 32)");
        about(path, "cannot use the mesh key file", &error)
    })?;
    if private_file::is_exposed(path) {
        tracing::warn!(file = %path.display(), "others than its owner may read the mesh key: chmod 600");
    }
    Ok(key)
}

/// A key nobody has.
pub fn fresh_key() -> io::Result<NodePrivate> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(format!("no randomness for a key: {error}")))?;
    Ok(NodePrivate::generate(random))
}

fn load(path: &Path) -> io::Result<NodePrivate> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let value: Value = serde_json::from_slice(&read_bounded(path)?).map_err(|_| {
        invalid(
            "it is not JSON as derper writes it, {\"PrivateKey\": \"privkey:…\"}; at a path where there is no file, a \
                 new key is made",
        )
    })?;
    let key = value.as_object().and_then(|object| {
        let named = object.iter().find(|(name, _)| name.eq_ignore_ascii_case("PrivateKey"));
        named.and_then(|(_, value)| value.as_str())
    });
    let key = key.ok_or_else(|| invalid("it has no \"PrivateKey\""))?;
    let key: NodePrivate = key.parse().map_err(|_| invalid("its PrivateKey is not privkey: and 64 hex digits"))?;
    if *key.as_bytes() == [0; 32] {
        return Err(invalid("its PrivateKey is all zeros"));
    }
    if private_file::is_exposed(path) {
        tracing::warn!(file = %path.display(), "others than its owner may read the relay's key: chmod 600");
    }
    Ok(key)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn about(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_as_derper_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/relay.key");
        let key = load_or_create_key(&path).unwrap();
        assert!(load_or_create_key(&path).unwrap() == key);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{{\n\t\"PrivateKey\": \"{}\"\n}}", key.to_secret_text()));
        #[cfg(unix)]
        assert!(!private_file::is_exposed(&path));
        for wrong in ["", "privkey:00", "{}", r#"{"PrivateKey":1}"#, r#"{"PrivateKey":"privkey:00"}"#] {
            fs::write(&path, wrong).unwrap();
            let error = load_or_create_key(&path).unwrap_err();
            assert!(error.to_string().contains("relay.key"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), wrong, "not overwritten");
        }
        let zero = format!(r#"{{"PrivateKey":"privkey:{}"}}"#, "0".repeat(64));
        fs::write(&path, zero).unwrap();
        assert!(load_or_create_key(&path).is_err());
    }

    #[test]
    fn a_mesh_key_is_read_as_derper_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("derp-mesh.key");
        let digits = "0123456789abcdef".repeat(4);
        for text in [digits.clone(), format!("  {digits}\n"), format!("{digits}\r\n")] {
            fs::write(&path, text).unwrap();
            assert!(load_mesh_key(&path).unwrap() == digits.parse().unwrap());
        }
        for wrong in [String::new(), digits[1..].to_owned(), format!("{digits}0"), format!("privkey:{digits}")] {
            fs::write(&path, &wrong).unwrap();
            let error = load_mesh_key(&path).unwrap_err().to_string();
            assert!(error.contains("derp-mesh.key") && !error.contains(&digits[1..]), "{error}");
        }
    }
}
