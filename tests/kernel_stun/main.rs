//! STUN in the kernel (`natscope relay --stun-bpf`), frame by frame: a virtual Ethernet card whose other end is the test,
//! in a network namespace of its own. Proves that what the program answers is what the sockets answer, that it leaves alone
//! whatever is not its business, and that it is gone when the relay is.
//!
//! Needs root with `CAP_BPF`, Linux 6.6, /dev/net/tun, `unshare`, `setpriv` and `ip` (Debian: util-linux, iproute2). Without
//! them the trials are ignored and say NOT RUN, and fail where `NATSCOPE_REQUIRE_LAB=1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test of a real system, with its clock: panics are failures"
)]

#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
#[path = "../tools/mod.rs"]
mod tools;
#[cfg(target_os = "linux")]
mod trials;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::{Command, ExitCode};

    use libtest_mimic::{Arguments, Completion, Trial};

    const INSIDE: &str = "KERNEL_STUN_INSIDE";

    let mut arguments = Arguments::from_args();
    // Within, devices and addresses are everybody's.
    arguments.test_threads = Some(1);
    let missing = lab::missing().map(|missing| format!("NOT RUN: the tests of STUN in the kernel need {missing}"));
    if missing.is_none() && std::env::var_os(INSIDE).is_none() && !arguments.list {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new("unshare");
        command.arg("--net").arg(own).args(std::env::args_os().skip(1)).env(INSIDE, "1");
        let status = command.status().unwrap();
        return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
    }
    let required = std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() == Ok("1");
    let trial = |&(name, body): &(&str, fn())| match missing.clone() {
        None => Trial::test(name, move || {
            body();
            Ok(())
        }),
        Some(missing) => Trial::ignorable_test(name, move || {
            if required { Err(missing.into()) } else { Ok(Completion::ignored_with(missing)) }
        }),
    };
    libtest_mimic::run(&arguments, trials::ALL.iter().map(trial).collect()).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("NOT RUN: the tests of STUN in the kernel need Linux");
    assert!(std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() != Ok("1"), "NATSCOPE_REQUIRE_LAB is set");
}
