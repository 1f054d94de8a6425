//! The port-mapping questions against a real router: miniupnpd on the kernel's NAT, in network namespaces of the test's
//! own. Proves that UPnP, NAT-PMP and PCP are understood, and that asking leaves no mapping behind.
//!
//! Needs root, `ip`, `nft` and `miniupnpd` (Debian: iproute2, nftables, miniupnpd-nftables). Without them the trials are
//! ignored and say NOT RUN, and fail where `NATSCOPE_REQUIRE_LAB=1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test: plain output, panics are failures"
)]

#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod trials;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use libtest_mimic::{Arguments, Completion, Trial};

    // Started by a trial, inside its client.
    if let Ok(job) = std::env::var(inside::JOB) {
        inside::run(&job);
        return std::process::ExitCode::SUCCESS;
    }
    let missing = lab::missing().map(|missing| format!("NOT RUN: the port-mapping tests need {missing}"));
    let required = std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() == Ok("1");
    let trial =
        |&(name, body): &(&str, fn())| {
            let Some(missing) = missing.clone() else {
                return Trial::test(name, move || {
                    body();
                    Ok(())
                });
            };
            Trial::ignorable_test(name, move || {
                if required { Err(missing.into()) } else { Ok(Completion::ignored_with(missing)) }
            })
        };
    libtest_mimic::run(&Arguments::from_args(), trials::ALL.iter().map(trial).collect()).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("NOT RUN: the port-mapping tests need Linux network namespaces");
    assert!(std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() != Ok("1"), "NATSCOPE_REQUIRE_LAB is set");
}
