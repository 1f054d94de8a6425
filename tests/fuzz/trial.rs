//! A target's inputs, tried in a process of their own.
//!
//! What exhausts the stack or the memory, or never ends, cannot be caught where it happens: it takes that process down, and
//! the test tells which input it was by the note that is written before each.

use crate::{change, kept};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fmt, fs, str, thread};

/// Set where the inputs are tried: the file for the note.
const NOTE: &str = "NATSCOPE_FUZZ_NOTE";
/// Of addresses, in bytes, where the inputs are tried: what a program with a few threads maps anyhow, and room for the
/// largest of what should be bounded.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 1 << 30;
/// More of an input is not printed.
const PRINTED: usize = 2_000;

/// What is tried.
pub(crate) struct Trial {
    /// Of the test, with its modules.
    pub(crate) name: &'static str,
    /// Tried first, and changed then.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// How many changed ones.
    pub(crate) count: u64,
    /// An input fails that takes twice as long; one that takes less than this does not.
    pub(crate) long: Duration,
    pub(crate) run: fn(&[u8]),
}

/// An input that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) input: Vec<u8>,
    /// What the process that tried it said in the end.
    pub(crate) said: String,
}

impl Trial {
    /// Tries everything in another process. In that process, which comes here as well, returns only if nothing failed.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        if let Some(note) = env::var_os(NOTE) {
            self.try_all(note.as_ref());
            return Ok(());
        }
        let note = kept::place(&format!("{}-{}", self.name.replace("::", "-"), std::process::id()));
        let Output { status, stdout, stderr } = Command::new(env::current_exe().unwrap())
            .args([self.name, "--exact", "--nocapture"])
            .env(NOTE, &note)
            .output()
            .unwrap();
        // That it ended well is not enough: so does a process that has no test of this name.
        if status.success() && String::from_utf8_lossy(&stdout).contains(&self.done()) {
            fs::remove_file(note).unwrap();
            return Ok(());
        }
        let input = fs::read(&note).map(|note| noted(&note)).unwrap_or_default();
        let _ = fs::remove_file(note);
        Err(Failure { input, said: format!("{status}\n{}", String::from_utf8_lossy(&stderr)) })
    }

    fn done(&self) -> String {
        format!("{}: {} kept inputs and {} others tried", self.name, self.seeds.len(), self.count)
    }

    fn try_all(&self, note: &Path) {
        limit();
        let turn = Arc::new(AtomicU64::new(0));
        let (finished, wait) = mpsc::channel::<()>();
        let watch = thread::spawn({
            let (turn, long) = (Arc::clone(&turn), self.long);
            move || watch(&turn, long, &wait)
        });
        let mut rng = fastrand::Rng::with_seed(seed());
        let changed = (0..self.count).map(|_| change::change(&mut rng, &self.seeds));
        // Never shortened: some file systems wait for the disk then.
        let mut note = File::create(note).unwrap();
        for input in self.seeds.iter().cloned().chain(changed) {
            let length = u32::try_from(input.len()).unwrap().to_be_bytes();
            note.rewind().unwrap();
            note.write_all(&[&length, &input[..]].concat()).unwrap();
            (self.run)(&input);
            turn.fetch_add(1, Ordering::Relaxed);
        }
        drop(finished);
        watch.join().unwrap();
        println!("{}", self.done());
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.input.get(..PRINTED).unwrap_or(&self.input);
        write!(f, "{} bytes, {}\n{}", self.input.len(), start.escape_ascii(), self.said)
    }
}

/// The input that a note begins with, after its length; behind it may be more of an earlier one.
fn noted(note: &[u8]) -> Vec<u8> {
    let (length, input) = note.split_first_chunk().unwrap();
    input[..u32::from_be_bytes(*length) as usize].to_vec()
}

/// The number that changes are made from.
pub(crate) fn seed() -> u64 {
    number("NATSCOPE_FUZZ_SEED", 1)
}

/// A variable, or what is usual.
pub(crate) fn number(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |number| number.parse().expect(name))
}

/// Ends the process when one input is still tried at the second look.
fn watch(turn: &AtomicU64, long: Duration, finished: &mpsc::Receiver<()>) {
    let mut seen = None;
    while finished.recv_timeout(long) == Err(RecvTimeoutError::Timeout) {
        let now = turn.load(Ordering::Relaxed);
        if seen == Some(now) {
            eprintln!("still tried after {long:?}");
            exit(1);
        }
        seen = Some(now);
    }
}

/// Bounds this process's memory, and leaves no core of it where an input breaks it.
fn limit() {
    #[cfg(target_os = "linux")]
    {
        rlimit::Resource::AS.set(MEMORY, MEMORY).unwrap();
        rlimit::Resource::CORE.set(0, 0).unwrap();
    }
}
