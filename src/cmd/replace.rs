//! Files whose content is replaced as a whole: whoever reads one finds the old content or the new, never half of it,
//! and a run that is broken off leaves the old.
//!
//! What is no regular file, as a pipe or a terminal, is written to as it is. So is a file in a directory where none can
//! be made; that one alone may end up with half of its content.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Finds out whether the file can be written. What is in it stays; where there is none, an empty one is made.
pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path).map(drop)
}

/// Replaces the content of the file.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Of a link, what it leads to is meant.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let earlier = fs::metadata(path).ok();
    if earlier.as_ref().is_some_and(|earlier| !earlier.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let Some(temporary) = beside(path) else { return fs::write(path, bytes) };
    let Ok(file) = OpenOptions::new().write(true).create_new(true).open(&temporary) else {
        return fs::write(path, bytes);
    };
    let replaced =
        fill(file, bytes, earlier.map(|earlier| earlier.permissions())).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        drop(fs::remove_file(&temporary));
    }
    replaced
}

fn fill(mut file: File, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(bytes)
}

/// A name in the same directory, since nothing is renamed from one file system to another.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    Some(path.with_file_name(format!(".{name}.{}.tmp", std::process::id())))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn content_is_replaced_and_the_file_stays_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("link"));
        replace(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        check_writable(&link).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        // Somebody who has it open keeps what he reads.
        let mut reader = File::open(&path).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "one");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn what_is_no_file_is_written_to() {
        replace(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let dir = tempfile::tempdir().unwrap();
        assert!(replace(dir.path(), b"x").is_err() && check_writable(dir.path()).is_err());
    }
}
