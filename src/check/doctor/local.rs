//! What the relay's own host says: which ports are listened on, and whether what the relay relies on is there.

use std::net::SocketAddr;

use super::DoctorInput;
use crate::probe::{CertificateFile, FileContent, LocalFacts, RelayProcess};
use crate::report::{FileProblem, PortUnknown, RelayFault};

/// Where derper asks tailscaled unless told otherwise, on Linux.
pub const TAILSCALED_SOCKET: &str = "/var/run/tailscale/tailscaled.sock";

/// What was seen of the relays of a host over the network.
#[derive(Clone, Debug, Default)]
pub struct SeenOfRelays<'a> {
    /// The hashes of the certificates they show.
    pub presented: Vec<&'a str>,
    /// The ports they answer on, and whether by UDP.
    pub answering: Vec<(bool, u16)>,
}

/// What of a host's facts is in the way of a relay on it.
#[must_use]
pub fn look(input: &DoctorInput, facts: &LocalFacts, seen: &SeenOfRelays<'_>) -> Vec<RelayFault> {
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
        let unknown = |why| RelayFault::PortUnknown { udp, port, why };
        let Some(bound) = (if udp { &facts.udp } else { &facts.tcp }) else {
            faults.push(unknown(PortUnknown::Unreadable));
            continue;
        };
        let on_it: Vec<&SocketAddr> = bound.iter().filter(|address| address.port() == port).collect();
        if on_it.is_empty() {
            faults.push(if seen.answering.contains(&(udp, port)) {
                unknown(PortUnknown::Answered)
            } else if facts.relays.iter().any(|relay| relay.shares_network != Some(true)) {
                unknown(PortUnknown::OtherNamespace)
            } else {
                RelayFault::NotListening { udp, port }
            });
        } else if on_it.iter().all(|address| address.ip().is_loopback()) {
            faults.push(RelayFault::LoopbackOnly { udp, port });
        }
    }
    // Unknown is no fault.
    if facts.clock_synchronized == Some(false) {
        faults.push(RelayFault::ClockUnsynchronized);
    }
    for relay in &facts.relays {
        derper(relay, &mut faults);
        let certificate = relay.certificate.as_ref();
        faults.extend(certificate.and_then(|file| certificate_file(file, &seen.presented, input.now_unix_s)));
    }
    faults
}

/// derper reads the file at its start: one that was renewed later is not the one it shows.
fn certificate_file(file: &CertificateFile, presented: &[&str], now: i64) -> Option<RelayFault> {
    let problem = match &file.content {
        FileContent::Missing => FileProblem::Missing,
        FileContent::Unreadable { said } => FileProblem::Unreadable { said: said.clone() },
        FileContent::NoCertificate => FileProblem::NoCertificate,
        FileContent::Certificate { not_after, .. } if *not_after < now => FileProblem::Expired,
        FileContent::Certificate { sha256, .. } if !presented.is_empty() && !presented.contains(&sha256.as_str()) => {
            FileProblem::NotPresented
        }
        FileContent::Certificate { .. } => return None,
    };
    Some(RelayFault::CertificateFile { path: file.path.clone(), problem })
}

/// Go's flags: one dash or two, a value after `=` or as the next word; a switch is true unless it says otherwise.
fn derper(relay: &RelayProcess, faults: &mut Vec<RelayFault>) {
    if is_on(relay, "verify-clients", false) {
        let socket = value(relay, "socket").unwrap_or(TAILSCALED_SOCKET);
        if relay.missing.iter().any(|missing| missing == socket) {
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

    /// With these sockets looked for in vain.
    fn found(arguments: &[&str], missing: &[&str]) -> Vec<RelayFault> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut faults = Vec::new();
        let relay = RelayProcess { arguments: owned(arguments), missing: owned(missing), ..RelayProcess::default() };
        derper(&relay, &mut faults);
        faults
    }

    #[test]
    fn a_certificate_file_is_to_be_what_is_shown() {
        let dated = |hash: &str, not_after| FileContent::Certificate { sha256: hash.to_owned(), not_after };
        let of = |content: FileContent, presented: &[&str]| {
            let file = CertificateFile { path: "x.crt".to_owned(), content };
            certificate_file(&file, presented, 100).map(|fault| match fault {
                RelayFault::CertificateFile { problem, .. } => problem,
                other => panic!("{other:?}"),
            })
        };
        let said = || "permission denied".to_owned();
        assert_eq!(of(FileContent::Missing, &[]), Some(FileProblem::Missing));
        assert_eq!(of(FileContent::NoCertificate, &[]), Some(FileProblem::NoCertificate));
        let unreadable = of(FileContent::Unreadable { said: said() }, &["aa"]);
        assert_eq!(unreadable, Some(FileProblem::Unreadable { said: said() }));
        assert_eq!(of(dated("aa", 99), &["aa"]), Some(FileProblem::Expired));
        assert_eq!(of(dated("aa", 101), &["bb"]), Some(FileProblem::NotPresented));
        assert_eq!(of(dated("aa", 101), &["bb", "aa"]), None);
        // Nothing was shown here: nothing is known.
        assert_eq!(of(dated("aa", 101), &[]), None);
    }

    #[test]
    fn flags_of_derper_are_read_as_go_reads_them() {
        let missing = |socket: &str| vec![RelayFault::NoTailscaled { socket: socket.to_owned() }];
        assert_eq!(found(&["-a", ":443"], &[]), []);
        assert_eq!(found(&["-verify-clients"], &[TAILSCALED_SOCKET]), missing(TAILSCALED_SOCKET));
        assert_eq!(found(&["--verify-clients=true"], &[]), []);
        assert_eq!(found(&["--verify-clients=false"], &[TAILSCALED_SOCKET]), []);
        assert_eq!(found(&["-verify-clients", "-socket", "/x"], &["/x"]), missing("/x"));
        assert_eq!(found(&["-verify-clients", "--socket=/x"], &[TAILSCALED_SOCKET]), []);
        assert_eq!(found(&["-verify-client-url=https://h/verify"], &[]), [RelayFault::FailOpen]);
        assert_eq!(
            found(&["-verify-client-url", "https://h", "-verify-client-url-fail-open"], &[]),
            [RelayFault::FailOpen]
        );
        assert_eq!(found(&["-verify-client-url", "https://h", "-verify-client-url-fail-open=false"], &[]), []);
        assert_eq!(found(&["-verify-client-url-fail-open=true"], &[]), []);
    }
}
