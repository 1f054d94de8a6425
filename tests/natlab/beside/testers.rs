//! The other testers: how each is asked, and how what it says reads.

use super::super::truth::Truth;

pub struct Tester {
    pub program: &'static str,
    /// For the document.
    pub called: &'static str,
    /// By the server's and the client's address.
    pub arguments: fn(&str, &str) -> Vec<String>,
    /// The verdict in the tester's own words.
    pub verdict: fn(&str) -> Option<String>,
    /// Whether those words are true.
    pub is_true: fn(&str, &Truth) -> bool,
}

pub const TESTERS: [Tester; 3] = [
    Tester {
        program: "turnutils_natdiscovery",
        called: "coturn's `turnutils_natdiscovery -m -f` (RFC 5780)",
        arguments: |server, client| ["-m", "-f", "-L", client, server].map(str::to_owned).to_vec(),
        verdict: natdiscovery,
        is_true: |words, truth| {
            let mapping = match truth.mapping.as_deref() {
                Some("direct") => "No NAT",
                Some("address-dependent") => "NAT with Address Dependent Mapping",
                Some("address-and-port-dependent") => "NAT with Address and Port Dependent Mapping",
                _ => "NAT with Endpoint Independent Mapping",
            };
            let filtering = match truth.filtering.as_deref() {
                Some("endpoint-independent") => "Endpoint Independent Filtering",
                Some("address-dependent") => "with Address Dependent Filtering",
                _ => "Address and Port Dependent Filtering",
            };
            words.contains(mapping) && words.contains(filtering)
        },
    },
    Tester {
        program: "stun",
        called: "the classic `stun` client, Debian's stun-client (RFC 3489)",
        arguments: |server, _| vec![server.to_owned()],
        verdict: |stdout| {
            let line = stdout.lines().find_map(|line| line.strip_prefix("Primary: "))?;
            // What follows is told of ports and hairpins.
            let words: Vec<_> =
                line.split(", ").filter(|word| !word.contains("port") && !word.contains("hairpin")).collect();
            Some(words.join(", "))
        },
        is_true: |words, truth| {
            let type_ = match (truth.mapping.as_deref(), truth.filtering.as_deref()) {
                (Some("direct"), Some("endpoint-independent")) => "Open",
                (Some("direct"), _) => "Firewall",
                (Some("address-dependent" | "address-and-port-dependent"), _) => "Dependent Mapping",
                (_, Some("endpoint-independent")) => "Independent Filter",
                (_, Some("address-dependent")) => "Address Dependent Filter",
                _ => "Port Dependent Filter",
            };
            // "Independent Mapping" has "Dependent Mapping" in it, but for the case of a letter.
            words.contains(type_)
        },
    },
    Tester {
        program: "pystun3",
        called: "`pystun3` from PyPI (RFC 3489)",
        // It tells an open network only if it knows its own address.
        arguments: |server, client| ["-i", client, "-H", server].map(str::to_owned).to_vec(),
        verdict: |stdout| Some(stdout.lines().find_map(|line| line.strip_prefix("NAT Type: "))?.to_owned()),
        is_true: |words, truth| {
            let type_ = match (truth.mapping.as_deref(), truth.filtering.as_deref()) {
                (Some("direct"), Some("endpoint-independent")) => "Open Internet",
                (Some("direct"), _) => "Symmetric UDP Firewall",
                (Some("address-dependent" | "address-and-port-dependent"), _) => "Symmetric NAT",
                (_, Some("endpoint-independent")) => "Full Cone",
                (_, Some("address-dependent")) => "Restric NAT",
                _ => "Restric Port NAT",
            };
            words == type_
        },
    },
];

/// It tells of mapping and filtering in a line each, between others.
fn natdiscovery(stdout: &str) -> Option<String> {
    let said: Vec<_> = stdout
        .lines()
        .map(|line| line.trim().trim_end_matches('!'))
        .filter(|line| line.contains(" Mapping") || line.contains(" Filtering") || line.contains("No NAT"))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}
