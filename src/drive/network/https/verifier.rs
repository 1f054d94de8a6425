//! Which certificates a node of a map may present: what Tailscale's clients enforce, and one thing they do not.
//!
//! They verify no name at all when the host name is an IP address. Here the certificate must then be for that
//! address: a relay that presents a stranger's certificate deserves to be named, not passed.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::drive::x509::Certificate;
use crate::probe::{CertificateFault, HttpsTarget};

/// The prefix of a `CertName` that pins a certificate.
const PIN: &str = "sha256-raw:";
/// The beginning of the common name of a derper's meta-certificate, which carries its key and proves nothing.
const META: &str = "derpkey";

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::drive::network) enum Rule {
    /// A chain to a trusted root, for this name or address.
    Chain(ServerName<'static>),
    /// One certificate with this hash; for that name, where the host has one.
    Pin {
        /// Lower-case hex SHA-256, compared as text: an upper-case pin never matches, as in Tailscale's clients.
        hex: String,
        /// The host name, unless it is an IP address.
        name: Option<ServerName<'static>>,
    },
    /// Nothing but that the peer has the certificate's key.
    Nothing,
}

impl Rule {
    /// The rule for a node whose host name is `host`. `Err`: `CertName` is no name.
    pub(in crate::drive::network) fn of(target: &HttpsTarget, host: &ServerName<'static>) -> Result<Self, String> {
        if let Some(hex) = target.cert_name.strip_prefix(PIN) {
            let name = matches!(host, ServerName::DnsName(_)).then(|| host.clone());
            return Ok(Self::Pin { hex: hex.to_owned(), name });
        }
        // A CertName equal to the host name changes nothing, so it does not undo InsecureForTests either.
        if target.cert_name.is_empty() || target.cert_name == target.host_name {
            return Ok(if target.insecure_for_tests { Self::Nothing } else { Self::Chain(host.clone()) });
        }
        let name = ServerName::try_from(target.cert_name.clone());
        name.map(Self::Chain).map_err(|_| format!("CertName {:?} is no DNS name", target.cert_name))
    }

    /// Whether it needs trusted roots.
    pub(in crate::drive::network) const fn needs_roots(&self) -> bool {
        matches!(self, Self::Chain(_))
    }
}

/// Verifies by a [`Rule`].
#[derive(Debug)]
pub(in crate::drive::network) struct RelayVerifier {
    rule: Rule,
    /// Where the rule needs it.
    chain: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl RelayVerifier {
    pub(in crate::drive::network) fn new(
        rule: Rule,
        chain: Option<Arc<dyn ServerCertVerifier>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { rule, chain, provider }
    }
}

impl ServerCertVerifier for RelayVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.rule {
            Rule::Chain(name) => {
                let Some(chain) = &self.chain else {
                    return Err(Error::General("no roots were loaded".into()));
                };
                // Not every system's verifier takes a stranger at the end of the chain calmly.
                let others: Vec<_> = intermediates.iter().filter(|der| !is_meta(der)).cloned().collect();
                chain.verify_server_cert(end_entity, &others, name, ocsp_response, now)
            }
            Rule::Pin { hex, name } => {
                verify_pin(hex, name.as_ref(), end_entity, intermediates, now)?;
                Ok(ServerCertVerified::assertion())
            }
            Rule::Nothing => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What the text of a fault becomes on its way through the TLS library.
#[derive(Debug)]
struct Fault(CertificateFault);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Fault {}

/// What a verifier's complaint about a certificate for `expected` means.
pub(super) fn fault_of(error: &CertificateError, expected: &str) -> CertificateFault {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::NameMismatch { expected: expected.to_owned() }
        }
        CertificateError::Other(OtherError(other)) => match other.downcast_ref::<Fault>() {
            Some(Fault(fault)) => fault.clone(),
            None => CertificateFault::Other { said: other.to_string() },
        },
        other => CertificateFault::Other { said: other.to_string() },
    }
}

/// Lower-case hex SHA-256 of a certificate as presented.
pub(in crate::drive::network) fn sha256_hex(der: &[u8]) -> String {
    Sha256::digest(der).iter().fold(String::with_capacity(64), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 0xf] {
            hex.extend(char::from_digit(nibble.into(), 16));
        }
        hex
    })
}

/// The pin rule: exactly one certificate besides meta-certificates, with that hash, for that name, and valid now.
fn verify_pin(
    hex: &str,
    name: Option<&ServerName<'_>>,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let presented: Vec<_> = std::iter::once(end_entity).chain(intermediates).filter(|der| !is_meta(der)).collect();
    let [leaf] = presented.as_slice() else {
        let count = u32::try_from(presented.len()).unwrap_or(u32::MAX);
        return Err(refuse(CertificateFault::NotAlone { count }));
    };
    let hash = sha256_hex(leaf);
    if hash != hex {
        return Err(refuse(CertificateFault::PinMismatch { expected: hex.to_owned(), presented: hash }));
    }
    if let Some(name) = name {
        rustls::client::verify_server_name(&ParsedCertificate::try_from(*leaf)?, name)?;
    }
    let Some(certificate) = Certificate::decode(leaf) else {
        return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < certificate.not_before {
        return Err(refuse(CertificateFault::NotYetValid));
    }
    if now > certificate.not_after {
        return Err(refuse(CertificateFault::Expired));
    }
    Ok(())
}

fn is_meta(der: &CertificateDer<'_>) -> bool {
    Certificate::decode(der).is_some_and(|certificate| certificate.common_name.starts_with(META))
}

fn refuse(fault: CertificateFault) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Fault(fault)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host_name: &str, cert_name: &str, insecure_for_tests: bool) -> HttpsTarget {
        HttpsTarget {
            host_name: host_name.into(),
            address: None,
            port: 443,
            cert_name: cert_name.into(),
            insecure_for_tests,
        }
    }

    #[test]
    fn the_rule_follows_the_map() {
        let name = |text: &str| ServerName::try_from(text.to_owned()).unwrap();
        let rule = |host: &str, cert: &str, insecure| Rule::of(&target(host, cert, insecure), &name(host)).unwrap();
        assert_eq!(rule("a.example", "", false), Rule::Chain(name("a.example")));
        assert_eq!(rule("192.0.2.1", "", false), Rule::Chain(name("192.0.2.1")));
        assert_eq!(rule("a.example", "b.example", false), Rule::Chain(name("b.example")));
        assert_eq!(rule("a.example", "", true), Rule::Nothing);
        assert_eq!(rule("a.example", "a.example", true), Rule::Nothing);
        // Insecure does not lift what CertName asks for.
        assert_eq!(rule("a.example", "b.example", true), Rule::Chain(name("b.example")));
        let pin = |host: Option<&str>| Rule::Pin { hex: "00FF".into(), name: host.map(name) };
        assert_eq!(rule("a.example", "sha256-raw:00FF", true), pin(Some("a.example")));
        assert_eq!(rule("192.0.2.1", "sha256-raw:00FF", false), pin(None));
        assert!(Rule::of(&target("a.example", "not a name", false), &name("a.example")).is_err());
    }

    #[test]
    fn hashes_are_lower_case_hex() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
