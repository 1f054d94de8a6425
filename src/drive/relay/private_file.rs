//! Files with secrets: readable by their owner alone from the first moment, whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file that must not exist yet; its directory is made if need be, for its owner alone. Of two processes that
/// do so at once, one gets [`io::ErrorKind::AlreadyExists`].
pub(super) fn create(path: &Path, content: &[u8], secret: bool) -> io::Result<()> {
    put(path, content, secret, |temporary| fs::hard_link(temporary, path))
}

/// Writes a file, in place of what it was.
pub(super) fn replace(path: &Path, content: &[u8], secret: bool) -> io::Result<()> {
    put(path, content, secret, |temporary| fs::rename(temporary, path))
}

fn put(
    path: &Path,
    content: &[u8],
    secret: bool,
    move_into_place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        make_directory(directory)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    // Of an earlier process that had this number and died here.
    drop(fs::remove_file(&temporary));
    let written = open_new(&temporary, secret)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| move_into_place(&temporary));
    drop(fs::remove_file(&temporary));
    written
}

#[cfg(unix)]
fn open_new(path: &Path, secret: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    OpenOptions::new().write(true).create_new(true).mode(if secret { 0o600 } else { 0o644 }).open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path, _secret: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn make_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Whether others than the owner may read it.
#[cfg(unix)]
pub(super) fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Whether others than the owner may read it; not known here.
#[cfg(not(unix))]
pub(super) fn is_exposed(_path: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_their_owners_and_never_overwritten_by_accident() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/b/key");
        create(&path, b"one", true).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(!is_exposed(&path));
        assert_eq!(create(&path, b"two", true).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three", false).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"three".to_vec(), 0o644));
        assert!(is_exposed(&path));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left behind");
    }
}
