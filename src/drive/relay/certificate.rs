use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

/// How long a certificate is valid. Clients of a pin check the dates, and nobody renews it while the relay runs;
/// derper's lasts a year and is refused from then on.
const VALID_FOR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Clocks of clients may be behind.
const VALID_BEFORE: Duration = Duration::from_secs(24 * 3600);

/// A certificate with its key, ready to serve.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    pin: String,
}

impl Identity {
    /// A fresh self-signed ECDSA P-256 certificate for a DNS name or IP address (brackets around IPv6 allowed).
    pub(super) fn self_signed(host_name: &str) -> io::Result<Self> {
        let host_name = host_name.trim_start_matches('[').trim_end_matches(']');
        let (certificate, key) = make(host_name)
            .map_err(|error| io::Error::other(format!("cannot make a certificate for {host_name:?}: {error}")))?;
        Self::new(vec![certificate], key)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> io::Result<Self> {
        let pin = chain.first().map(|leaf| pin(leaf)).unwrap_or_default();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| io::Error::other(format!("cannot serve TLS: {error}")))?;
        // A connection that negotiates HTTP/2 cannot be upgraded to DERP.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), pin })
    }

    /// `sha256-raw:` and the lower-case hex SHA-256 of the leaf certificate's DER.
    pub(super) fn pin(&self) -> &str {
        &self.pin
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

#[expect(clippy::disallowed_methods, reason = "this room owns the clock; a certificate is dated when it is made")]
fn make(host_name: &str) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let now = SystemTime::now();
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
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((certificate.der().clone(), key))
}

fn pin(certificate: &[u8]) -> String {
    format!("sha256-raw:{:x}", Bytes::copy_from_slice(&Sha256::digest(certificate)))
}
