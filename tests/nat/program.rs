//! Runs of the built binary, and the servers it asks.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use natscope::drive::relay::{Relay, RelayHandle, RelayOptions};
use serde_json::Value;

use crate::tools::program::{NATSCOPE, assert_valid, bare};

/// For what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The report it printed, checked against the schema.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let report = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stderr));
        assert_valid(&report);
        report
    }
}

pub(crate) fn natscope(arguments: &str) -> Run {
    ended(bare(NATSCOPE).args(arguments.split_whitespace()))
}

pub(crate) fn ended(command: &mut Command) -> Run {
    Run::of(command.output().unwrap())
}

/// Relays on 127.0.`n`.1 and .2, for as long as the runtime lives.
pub(crate) fn relays(ordinals: &[u8]) -> (Vec<SocketAddr>, tokio::runtime::Runtime, Vec<RelayHandle>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let relays: Vec<Relay> =
        ordinals.iter().map(|ordinal| Relay::bind(RelayOptions::loopback(*ordinal)).unwrap()).collect();
    let servers = relays.iter().map(|relay| relay.stun_addrs()[0]).collect();
    let guard = runtime.enter();
    let handles = relays.into_iter().map(Relay::spawn).collect();
    drop(guard);
    (servers, runtime, handles)
}

pub(crate) fn words(servers: &[SocketAddr]) -> String {
    servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// What a report says of the server at this endpoint.
#[track_caller]
pub(crate) fn server(nat: &Value, endpoint: SocketAddr) -> &Value {
    let servers = nat["servers"].as_array().unwrap();
    servers.iter().find(|server| server["endpoint"] == endpoint.to_string()).unwrap_or_else(|| panic!("{nat:#}"))
}
