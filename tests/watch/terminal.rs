//! A terminal with a shell in it: tmux, on a socket of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use crate::tools::not_run;
use crate::tools::program::{NATSCOPE, bare, installed};

/// For what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the shell says when the program has ended, before its exit status.
const ENDED: &str = "ended with";

pub(crate) struct Terminal {
    directory: tempfile::TempDir,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.try_tmux(&["kill-server"]);
    }
}

impl Terminal {
    /// A terminal of so many columns and lines, in which this is typed: arguments of natscope, and what the shell is to do
    /// with it. `None`: there is no tmux.
    #[track_caller]
    pub(crate) fn start(size: (u16, u16), typed: &str) -> Option<Self> {
        Self::with_environment(size, "", typed)
    }

    /// The same with assignments before the program.
    #[track_caller]
    pub(crate) fn with_environment((columns, lines): (u16, u16), environment: &str, typed: &str) -> Option<Self> {
        if !installed("tmux") {
            not_run("tmux");
            return None;
        }
        let terminal = Self { directory: tempfile::tempdir().unwrap() };
        // All that is written is kept, from before the program starts: it waits for a line.
        let script = format!(
            "echo before; read -r go; sh -c 'echo $$ >{pid}; exec env {environment} {NATSCOPE} {typed}'; \
             echo {ENDED} $?.; stty -a >{stty}; read -r go",
            pid = terminal.path("pid").display(),
            stty = terminal.path("stty").display(),
        );
        let (columns, lines) = (columns.to_string(), lines.to_string());
        terminal.tmux(&["new-session", "-d", "-x", &columns, "-y", &lines, "sh", "-c", &script]);
        terminal.tmux(&["pipe-pane", &format!("cat >{}", terminal.path("written").display())]);
        terminal.keys(&["Enter"]);
        Some(terminal)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn try_tmux(&self, arguments: &[&str]) -> std::io::Result<Output> {
        let mut tmux = bare("tmux");
        tmux.env_remove("TMUX").env_remove("NO_COLOR").env("TERM", "xterm-256color");
        tmux.args(["-u", "-f", "/dev/null", "-S"]).arg(self.path("socket")).args(arguments).output()
    }

    #[track_caller]
    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.try_tmux(arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is on the screen.
    #[track_caller]
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The screen, as soon as this is on it.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        self.until(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// The screen, as soon as it is as it should be.
    #[track_caller]
    pub(crate) fn until(&self, wanted: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(began.elapsed() < PATIENCE, "no {wanted} in\n{screen}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses keys, by tmux's names for them.
    #[track_caller]
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    #[track_caller]
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// The id of the program's process.
    pub(crate) fn process(&self) -> String {
        fs::read_to_string(self.path("pid")).unwrap().trim().to_owned()
    }

    /// Every byte the terminal was sent so far.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("written")).unwrap_or_default()).into_owned()
    }

    /// Waits for the program's end. The exit status, when the terminal is as it was before: no other screen, a cursor, and
    /// what is typed is a line that is seen.
    #[track_caller]
    pub(crate) fn ended(&self) -> (String, String) {
        let screen = self.shows(ENDED);
        let status = screen.split_once(ENDED).unwrap().1.split_once('.').unwrap().0.trim().to_owned();
        let state = self.tmux(&["display-message", "-p", "alternate #{alternate_on} cursor #{cursor_flag}"]);
        assert_eq!(state.trim(), "alternate 0 cursor 1", "{screen}");
        let stty = wait_for(&self.path("stty"));
        let words: Vec<&str> = stty.split(|letter: char| letter.is_whitespace() || letter == ';').collect();
        for word in ["icanon", "echo", "isig", "opost", "icrnl"] {
            assert!(words.contains(&word), "{word} in {stty}");
        }
        (status, screen)
    }
}

#[track_caller]
fn wait_for(path: &Path) -> String {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        assert!(began.elapsed() < PATIENCE, "no {}", path.display());
        std::thread::sleep(Duration::from_millis(30));
    }
}
