//! What relays were asked and what they answered.

use super::pseudonym::Pseudonyms;
use super::record::target;
use super::verdict::failure;
use crate::probe::{Cause, Failure, Stage};
use crate::probe::{CertificateFault, CertificateSeen, HttpReply, RelayAnswer, RelayAsk, RelayQuestion, Sni};

pub(super) fn question(question: &mut RelayQuestion, names: &mut Pseudonyms) {
    target(&mut question.target, names);
    if let RelayAsk::Handshake { sni: Sni::Name(name), alpn: _ } = &mut question.ask {
        names.host(name);
    }
}

pub(super) fn answer(answer: &mut RelayAnswer, names: &mut Pseudonyms) {
    let RelayAnswer { remote, via_proxy, connect: _, tls, http, derp, ended } = answer;
    if let Some(remote) = remote {
        names.endpoint(remote);
    }
    if let Some(proxy) = via_proxy {
        names.text(proxy);
    }
    if let Some(tls) = tls {
        for seen in &mut tls.certificates {
            certificate(seen, names);
        }
        for fault in [&mut tls.by_map, &mut tls.by_roots].into_iter().flatten() {
            certificate_fault(fault, names);
        }
    }
    if let Some(HttpReply { took: _, status: _, headers, body, challenge_echoed: _, date_ahead_s: _ }) = http {
        for (_, value) in headers {
            names.text(value);
        }
        // Whose page it is may be read in it.
        body.clear();
    }
    if let Some(derp) = derp {
        for key in &mut derp.server_keys {
            *key = names.hash(key);
        }
    }
    if let Some(ended) = ended {
        failure(ended, names);
    }
}

pub(super) fn certificate(seen: &mut CertificateSeen, names: &mut Pseudonyms) {
    let CertificateSeen {
        sha256,
        common_name,
        issuer,
        self_issued,
        dns_names,
        addresses,
        not_before: _,
        not_after: _,
        meta_key,
    } = seen;
    *sha256 = names.hash(sha256);
    if !is_public_authority(common_name) {
        names.host(common_name);
    }
    if *self_issued || !is_public_authority(issuer) {
        names.host(issuer);
    }
    for name in dns_names {
        names.host(name);
    }
    for address in addresses {
        names.address(address);
    }
    if let Some(key) = meta_key {
        *key = names.hash(key);
        common_name.clear();
        issuer.clear();
    }
}

/// Whether a name is one that an authority for everybody signs with: it tells nothing of who is signed for. One that only
/// might be is taken for one's own.
pub(super) fn is_public_authority(name: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "Let's Encrypt",
        "ISRG Root",
        "ZeroSSL",
        "Sectigo ",
        "DigiCert ",
        "GTS ",
        "Google Trust Services",
        "GlobalSign ",
        "Amazon RSA ",
        "Amazon Root ",
        "Buypass ",
        "SSL.com ",
        "Go Daddy ",
        "Starfield ",
    ];
    // Let's Encrypt's intermediates (R10, E5, YE1) and Google's (WE1, WR3).
    let is_short = || {
        let letters = name.trim_end_matches(|character: char| character.is_ascii_digit());
        matches!(letters, "R" | "E" | "YE" | "YR" | "WE" | "WR") && (1..=2).contains(&(name.len() - letters.len()))
    };
    BEGINNINGS.into_iter().any(|beginning| name.starts_with(beginning)) || is_short()
}

/// As in a failure.
fn certificate_fault(fault: &mut CertificateFault, names: &mut Pseudonyms) {
    let mut wrapped = Failure::new(Stage::Tls, Cause::Certificate { fault: fault.clone() });
    failure(&mut wrapped, names);
    if let Cause::Certificate { fault: redacted } = wrapped.cause {
        *fault = redacted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(common_name: &str, issuer: &str) -> (String, String) {
        let mut seen = CertificateSeen {
            sha256: "5a".repeat(32),
            common_name: common_name.to_owned(),
            issuer: issuer.to_owned(),
            self_issued: common_name == issuer,
            dns_names: Vec::new(),
            addresses: Vec::new(),
            not_before: 0,
            not_after: 1,
            meta_key: None,
        };
        let mut names = Pseudonyms::collecting();
        certificate(&mut seen, &mut names);
        names.collected();
        certificate(&mut seen, &mut names);
        (seen.common_name, seen.issuer)
    }

    #[test]
    fn an_authority_of_ones_own_is_nobodys_business() {
        for (name, issuer) in [
            ("derp.example.org", "Secret Corp Issuing CA 2"),
            ("Secret Corp Issuing CA 2", "Secret Corp Root"),
            ("Secret Corp", "Secret Corp"),
            ("derp.example.org", "RX7"),
            ("derp.example.org", "R100"),
            ("derp.example.org", "E"),
        ] {
            let (common_name, told) = redacted(name, issuer);
            assert!(common_name.ends_with(".example") && told.ends_with(".example"), "{common_name} {told}");
        }
        for issuer in ["R11", "E5", "YE1", "WR3", "Let's Encrypt", "DigiCert TLS RSA SHA256 2020 CA1"] {
            assert_eq!(redacted("derp.example.org", issuer).1, issuer);
        }
        assert_eq!(redacted("R11", "ISRG Root X1"), ("R11".to_owned(), "ISRG Root X1".to_owned()));
    }
}
