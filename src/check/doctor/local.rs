//! What the relay's own host says: which ports are listened on, and whether what the relay relies on is there.

use std::net::SocketAddr;

use super::DoctorInput;
use crate::probe::{CertificateFile, LocalFacts, RelayProcess};
use crate::report::{FileProblem, RelayFault};

/// Where derper asks tailscaled unless told otherwise, on Linux.
pub const TAILSCALED_SOCKET: &str = "/var/run/tailscale/tailscaled.sock";

/// What of a host's facts is in the way of a relay on it. `presented` are the hashes of the certificates its relays show.
#[must_use]
pub fn look(input: &DoctorInput, facts: &LocalFacts, presented: &[&str]) -> Vec<RelayFault> {
    let mut faults = Vec::new();
    let mut ports: Vec<(bool, u16)> = Vec::new();
    for patient in &input.patients {
        if !patient.node.stun_only {
            ports.push((false, patient.node.derp_port));
        }
        ports.extend(patient.node.stun_port.map(|port| (true, port)));
    }
    if input.patients.is_empty() {
        ports = vec![(false, 443), (true, 3478)];
    }
    ports.sort_unstable();
    ports.dedup();
    for (udp, port) in ports {
        let bound = if udp { &facts.udp } else { &facts.tcp };
        let on_it: Vec<&SocketAddr> = bound.iter().filter(|address| address.port() == port).collect();
        if on_it.is_empty() {
            faults.push(RelayFault::NotListening { udp, port });
        } else if on_it.iter().all(|address| address.ip().is_loopback()) {
            faults.push(RelayFault::LoopbackOnly { udp, port });
        }
    }
    // Unknown is no fault.
    if facts.clock_synchronized == Some(false) {
        faults.push(RelayFault::ClockUnsynchronized);
    }
    for relay in &facts.relays {
        derper(relay, facts, &mut faults);
        faults.extend(relay.certificate.as_ref().and_then(|file| certificate_file(file, presented, input.now_unix_s)));
    }
    faults
}

/// derper reads the file at its start: one that was renewed later is not the one it shows.
fn certificate_file(file: &CertificateFile, presented: &[&str], now: i64) -> Option<RelayFault> {
    let problem = match &file.content {
        None => FileProblem::Missing,
        Some((_, not_after)) if *not_after < now => FileProblem::Expired,
        Some((sha256, _)) if !presented.is_empty() && !presented.contains(&sha256.as_str()) => {
            FileProblem::NotPresented
        }
        Some(_) => return None,
    };
    Some(RelayFault::CertificateFile { path: file.path.clone(), problem })
}

/// Go's flags: one dash or two, a value after `=` or as the next word; a switch is true unless it says otherwise.
fn derper(relay: &RelayProcess, facts: &LocalFacts, faults: &mut Vec<RelayFault>) {
    if is_on(relay, "verify-clients", false) {
        let socket = value(relay, "socket").unwrap_or(TAILSCALED_SOCKET);
        if !facts.sockets.iter().any(|known| known == socket) {
            faults.push(RelayFault::NoTailscaled { socket: socket.to_owned() });
        }
    }
    let asks = value(relay, "verify-client-url").is_some_and(|url| !url.is_empty());
    if asks && is_on(relay, "verify-client-url-fail-open", true) {
        faults.push(RelayFault::FailOpen);
    }
}

fn is_on(relay: &RelayProcess, flag: &str, usually: bool) -> bool {
    let written = relay.arguments.iter().rev().find_map(|argument| {
        let (name, value) = argument.split_once('=').map_or((argument.as_str(), None), |(name, it)| (name, Some(it)));
        (is_flag(name, flag)).then_some(value)
    });
    match written {
        None => usually,
        Some(None) => true,
        Some(Some(value)) => matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"),
    }
}

fn value<'a>(relay: &'a RelayProcess, flag: &str) -> Option<&'a str> {
    let mut found = None;
    let mut arguments = relay.arguments.iter().peekable();
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            Some((name, value)) if is_flag(name, flag) => found = Some(value),
            None if is_flag(argument, flag) => found = arguments.peek().map(|next| next.as_str()).or(found),
            _ => {}
        }
    }
    found
}

fn is_flag(argument: &str, flag: &str) -> bool {
    argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) == Some(flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(arguments: &[&str], sockets: &[&str]) -> Vec<RelayFault> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let facts = LocalFacts { sockets: owned(sockets), ..LocalFacts::default() };
        let mut faults = Vec::new();
        derper(&RelayProcess { arguments: owned(arguments), certificate: None }, &facts, &mut faults);
        faults
    }

    #[test]
    fn a_certificate_file_is_to_be_what_is_shown() {
        let of = |content: Option<(&str, i64)>, presented: &[&str]| {
            let content = content.map(|(hash, end)| (hash.to_owned(), end));
            let file = CertificateFile { path: "x.crt".to_owned(), content };
            certificate_file(&file, presented, 100).map(|fault| match fault {
                RelayFault::CertificateFile { problem, .. } => problem,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(of(None, &[]), Some(FileProblem::Missing));
        assert_eq!(of(Some(("aa", 99)), &["aa"]), Some(FileProblem::Expired));
        assert_eq!(of(Some(("aa", 101)), &["bb"]), Some(FileProblem::NotPresented));
        assert_eq!(of(Some(("aa", 101)), &["bb", "aa"]), None);
        // Nothing was shown here: nothing is known.
        assert_eq!(of(Some(("aa", 101)), &[]), None);
    }

    #[test]
    fn flags_of_derper_are_read_as_go_reads_them() {
        let missing = |socket: &str| vec![RelayFault::NoTailscaled { socket: socket.to_owned() }];
        assert_eq!(found(&["-a", ":443"], &[]), []);
        assert_eq!(found(&["-verify-clients"], &[]), missing(TAILSCALED_SOCKET));
        assert_eq!(found(&["--verify-clients=true"], &[TAILSCALED_SOCKET]), []);
        assert_eq!(found(&["--verify-clients=false"], &[]), []);
        assert_eq!(found(&["-verify-clients", "-socket", "/x"], &[TAILSCALED_SOCKET]), missing("/x"));
        assert_eq!(found(&["-verify-clients", "--socket=/x"], &["/x"]), []);
        assert_eq!(found(&["-verify-client-url=https://h/verify"], &[]), [RelayFault::FailOpen]);
        assert_eq!(
            found(&["-verify-client-url", "https://h", "-verify-client-url-fail-open"], &[]),
            [RelayFault::FailOpen]
        );
        assert_eq!(found(&["-verify-client-url", "https://h", "-verify-client-url-fail-open=false"], &[]), []);
        assert_eq!(found(&["-verify-client-url-fail-open=true"], &[]), []);
    }
}
