//! Certificates the relay makes for itself.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use sha2::{Digest, Sha256};

/// How long a certificate is valid. Clients of a pin check the dates, and a new certificate is a new pin, which its
/// owner has to put into the map; derper's lasts a year and is refused from then on.
const VALID_FOR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Clocks of clients may be behind.
const VALID_BEFORE: Duration = Duration::from_secs(24 * 3600);

/// A certificate and its key as PEM.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// A fresh self-signed ECDSA P-256 certificate for a DNS name or IP address (without brackets).
pub(super) fn self_signed(host_name: &str, now: SystemTime) -> Result<Made, rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new([host_name.to_owned()])?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, host_name);
    params.distinguished_name = subject;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = (now - VALID_BEFORE).into();
    params.not_after = (now + VALID_FOR).into();
    let certificate = params.self_signed(&key)?;
    Ok(Made { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// `sha256-raw:` and the lower-case hex SHA-256 of a certificate's DER.
pub(super) fn pin(certificate: &[u8]) -> String {
    format!("sha256-raw:{:x}", Bytes::copy_from_slice(&Sha256::digest(certificate)))
}
