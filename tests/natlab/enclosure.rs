//! The namespaces around all labs: user, network, mount and PID.
//!
//! The lab never touches the network it was started in: the test process starts itself again as the first process of
//! fresh namespaces (no root needed where user namespaces are allowed), with a private /run for the names of the
//! labs' own namespaces. When either process dies, for whatever reason, the kernel ends everything inside.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

const UNSHARE: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Runs the trials inside the namespaces, or, where none can be made, says so for each of them.
pub fn enter() -> ExitCode {
    let missing: Vec<_> = ["ip", "nft", "unshare", "setpriv", "mount"].into_iter().filter(|tool| !has(tool)).collect();
    if !missing.is_empty() {
        return super::trials::run(Err(format!("missing: {}", missing.join(", "))));
    }
    for user in [&["--user", "--map-root-user"][..], &[]] {
        if allowed(user) {
            let own = env::current_exe().expect("own path");
            let status = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "unshare"])
                .args(user)
                .args(UNSHARE)
                .arg(own)
                .args(env::args_os().skip(1))
                .env("NATLAB_ROLE", "enclosed")
                .env("PATH", path())
                .status()
                .expect("unshare was there a moment ago");
            return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
        }
    }
    super::trials::run(Err("namespaces are not allowed here, neither as root nor as a user (unshare -Urnm)".to_owned()))
}

/// Inside: a private /run, and a file at the place where /etc/resolv.conf leads, to be covered in each client.
pub fn furnish() -> Result<(), String> {
    let resolv = fs::canonicalize("/etc/resolv.conf").ok();
    let status = Command::new("mount").args(["-t", "tmpfs", "natlab", "/run"]).status().map_err(|e| e.to_string())?;
    if !status.success() {
        return Err("mount of a private /run failed".to_owned());
    }
    if let Some(target) = resolv.filter(|target| target.starts_with("/run")) {
        target.parent().map(fs::create_dir_all).transpose().map_err(|e| e.to_string())?;
        fs::write(&target, "").map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Whether a program is found where the lab looks for it.
pub fn has(tool: &str) -> bool {
    path().split(':').any(|folder| Path::new(folder).join(tool).is_file())
}

fn path() -> String {
    format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", env::var("PATH").unwrap_or_default())
}

fn allowed(user: &[&str]) -> bool {
    // Not only the namespaces: a container may allow them and still forbid the mounts `ip netns` needs.
    let script = "mount -t tmpfs t /run && ip netns add t && ip netns exec t nft list ruleset";
    let mut command = Command::new("unshare");
    command.args(user).args(UNSHARE).args(["sh", "-c", script]).env("PATH", path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.status().is_ok_and(|status| status.success())
}
