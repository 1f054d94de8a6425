//! Local ports that sockets had a short while ago, so that no socket gets one again too soon.
//!
//! A NAT that keeps ports may still hold the pinholes of the socket that had the port before, and let through to a
//! filter test what the test never opened: the filter would look more open than it is. So a port rests for as long as
//! common NATs remember UDP, and across runs of the program it is remembered in a small file. Losing that file, or
//! not being able to write it, is no failure: ports are random, and meeting an old one is a matter of luck.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::drive::wall_clock;

/// How long a port rests. RFC 4787 REQ-5 asks NATs for five minutes at least as a default; few remember for longer
/// than ten.
const REST: Duration = Duration::from_secs(600);
/// More of a file than this is not read; 10 minutes of the busiest use are half of it.
const LONGEST_FILE: u64 = 1 << 20;
/// Lines of a file that are worth writing it anew when most of them are old.
const MANY_LINES: usize = 2000;

/// The ports used within the last ten minutes. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct RecentPorts {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    used: HashMap<u16, SystemTime>,
    /// Where other runs of the program look them up.
    file: Option<PathBuf>,
}

impl RecentPorts {
    /// Those of this user's other runs too, and remembered for them.
    #[must_use]
    pub fn of_user() -> Self {
        let file = crate::drive::map_source::default_dir().map(|dir| dir.join("local-ports"));
        file.map_or_else(Self::default, |file| Self::kept_in(file, wall_clock::now()))
    }

    /// Those a file tells of, and remembered there.
    fn kept_in(file: PathBuf, now: SystemTime) -> Self {
        let (used, lines) = read(&file, now);
        if lines > MANY_LINES && lines > 2 * used.len() {
            rewrite(&file, &used);
        }
        Self { known: Arc::new(Mutex::new(Known { used, file: Some(file) })) }
    }

    /// Whether a socket had the port so short a while ago that it must rest.
    pub(super) fn rests(&self, port: u16, now: SystemTime) -> bool {
        self.known().used.get(&port).is_some_and(|used| is_recent(*used, now))
    }

    /// A socket has this port now.
    pub(super) fn note(&self, port: u16, now: SystemTime) {
        let mut known = self.known();
        known.used.insert(port, now);
        if let Some(file) = &known.file {
            // A line at a time and in one write, so that runs side by side do not mix theirs up.
            let _ = append(file, &line(port, now));
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time in the future is one of a clock that was set back since: its age is unknown.
fn is_recent(used: SystemTime, now: SystemTime) -> bool {
    now.duration_since(used).is_ok_and(|age| age < REST)
}

fn line(port: u16, at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{port} {seconds}\n")
}

/// The recent ports of a file, and how many lines it has. Lines that are not ours are passed over.
fn read(file: &Path, now: SystemTime) -> (HashMap<u16, SystemTime>, usize) {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut bytes));
    if opened.is_err() {
        return (HashMap::new(), 0);
    }
    let text = String::from_utf8_lossy(&bytes);
    let parsed = text.lines().filter_map(|line| {
        let (port, seconds) = line.split_once(' ')?;
        let used = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))?;
        is_recent(used, now).then_some((port.parse().ok()?, used))
    });
    (parsed.collect(), text.lines().count())
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let open = || std::fs::OpenOptions::new().append(true).create(true).open(file);
    let mut file = match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            open()?
        }
        other => other?,
    };
    file.write_all(line.as_bytes())
}

/// What a run beside this one adds in between may be lost; it is luck that was not needed so far.
fn rewrite(file: &Path, used: &HashMap<u16, SystemTime>) {
    let text = used.iter().fold(String::new(), |mut text, (port, at)| {
        let _ = write!(text, "{}", line(*port, *at));
        text
    });
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    if std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file)).is_err() {
        let _ = std::fs::remove_file(&beside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_800_000_000);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + START + Duration::from_secs(seconds)
    }

    #[test]
    fn a_port_rests_for_ten_minutes() {
        let ports = RecentPorts::default();
        assert!(!ports.rests(5000, at(0)));
        ports.clone().note(5000, at(0));
        assert!(ports.rests(5000, at(0)) && ports.rests(5000, at(599)));
        assert!(!ports.rests(5000, at(600)) && !ports.rests(5001, at(1)));
        // The clock was set back.
        ports.note(6000, at(100));
        assert!(!ports.rests(6000, at(50)));
    }

    #[test]
    fn other_runs_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/local-ports");
        let first = RecentPorts::kept_in(file.clone(), at(0));
        first.note(5000, at(0));
        first.note(5001, at(300));
        let second = RecentPorts::kept_in(file.clone(), at(590));
        assert!(second.rests(5000, at(590)) && second.rests(5001, at(590)) && !second.rests(5002, at(590)));
        let third = RecentPorts::kept_in(file, at(700));
        assert!(!third.rests(5000, at(700)) && third.rests(5001, at(700)));
    }

    #[test]
    fn a_file_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("local-ports");
        let old: String = (0..3000).map(|port| line(port, at(0))).collect();
        std::fs::write(&file, old + &line(7, at(900))).unwrap();
        let ports = RecentPorts::kept_in(file.clone(), at(1000));
        assert!(ports.rests(7, at(1000)) && !ports.rests(8, at(1000)));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), line(7, at(900)));
    }

    #[test]
    fn a_strange_file_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("local-ports");
        for text in ["\n\n \n5000\n5000 x\n70000 1\n-1 5\n", "5 99999999999999999999\n5 18446744073709551615\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(RecentPorts::kept_in(file.clone(), at(0)).known().used.is_empty(), "{text}");
        }
        std::fs::write(&file, [0xff, b'\n', b'9', b' ', 0xfe]).unwrap();
        assert!(!RecentPorts::kept_in(file.clone(), at(0)).rests(9, at(0)));
        // A folder stands in its place: nothing is remembered there, and nothing fails.
        let ports = RecentPorts::kept_in(folder.path().to_owned(), at(0));
        ports.note(5, at(0));
        assert!(ports.rests(5, at(1)));
    }
}
