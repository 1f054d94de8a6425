//! Certificates of all sorts, signed by an authority of these tests or by nobody.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use natscope::drive::wall_clock;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The authority, and the file programs are told to trust.
static AUTHORITY: LazyLock<(CertifiedIssuer<'static, KeyPair>, tempfile::NamedTempFile)> = LazyLock::new(|| {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "An authority of tests");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), issuer.pem()).unwrap();
    (issuer, file)
});

pub(crate) fn authority_file() -> PathBuf {
    AUTHORITY.1.path().to_owned()
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
    pub(crate) pem: [String; 2],
}

impl Identity {
    /// As `CertName` takes it.
    pub(crate) fn pin(&self) -> String {
        use sha2::{Digest as _, Sha256};
        Sha256::digest(&self.chain[0]).iter().fold("sha256-raw:".to_owned(), |pin, byte| format!("{pin}{byte:02x}"))
    }
}

/// For these names, valid for the days given around now.
pub(crate) fn signed(names: &[&str], from_days: i64, to_days: i64) -> Identity {
    made(names, from_days, to_days, true)
}

pub(crate) fn self_signed(names: &[&str]) -> Identity {
    made(names, -1, 90, false)
}

/// In order.
pub(crate) fn usual() -> Identity {
    signed(&["localhost"], -1, 90)
}

/// Signed by the authority, and for the wrong purpose.
pub(crate) fn for_clients_alone() -> Identity {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (day(-1).into(), day(90).into());
    let key = KeyPair::generate().unwrap();
    identity(&params.signed_by(&key, &AUTHORITY.0).unwrap(), &key)
}

/// Of this common name, and of no use as a server's: derper's meta-certificate is one.
pub(crate) fn named(common_name: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    // The version of DERP.
    params.serial_number = Some(rcgen::SerialNumber::from_slice(&[2]));
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn day(offset: i64) -> std::time::SystemTime {
    let by = Duration::from_secs(offset.unsigned_abs() * 86_400);
    if offset < 0 { wall_clock::now() - by } else { wall_clock::now() + by }
}

fn made(names: &[&str], from_days: i64, to_days: i64, by_authority: bool) -> Identity {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.not_before = day(from_days).into();
    params.not_after = day(to_days).into();
    params.distinguished_name.push(rcgen::DnType::CommonName, names[0]);
    let key = KeyPair::generate().unwrap();
    let certificate =
        if by_authority { params.signed_by(&key, &AUTHORITY.0).unwrap() } else { params.self_signed(&key).unwrap() };
    identity(&certificate, &key)
}

fn identity(certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: Arc::new(der),
        pem: [certificate.pem(), key.serialize_pem()],
    }
}
