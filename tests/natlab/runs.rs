//! Runs of the built binary in a lab.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::lab::Lab;

/// None may take longer, unless its scenario says so.
pub const LONGEST_RUN: Duration = Duration::from_secs(20);

/// The binary in the namespace of this short name, with nothing of this process's environment.
pub fn natscope(lab: &Lab, short: &str) -> Result<Command, String> {
    let home = lab.folder().join("home");
    std::fs::create_dir_all(&home).map_err(|e| e.to_string())?;
    let mut command = lab.inside(short, binary());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", home);
    Ok(command)
}

/// The built one; another may be put in its place, as one to be released.
fn binary() -> String {
    std::env::var("NATLAB_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_natscope").to_owned())
}

/// Exit code, standard output and standard error.
pub fn finish(
    command: &mut Command,
    folder: &Path,
    longest: Duration,
) -> Result<(Option<i32>, String, String), String> {
    let [out, err] = ["stdout", "stderr"].map(|name| folder.join(name));
    let file = |path: &Path| std::fs::File::create(path).map_err(|e| e.to_string());
    let mut child =
        command.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&err)?).spawn().map_err(|e| e.to_string())?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if start.elapsed() > longest => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{command:?} did not end within {longest:?}"));
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| e.to_string());
    Ok((status.code(), read(&out)?, read(&err)?))
}
