//! The certificate the relay presents: where it comes from, how it is kept, and how it changes while the relay runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::certificate::{self, Made, pin};
use super::options::Certificates;
use super::private_file;
use crate::drive::{tls_roots, wall_clock};
use crate::wire::x509::Certificate;

/// A self-signed certificate that is good for less than this is replaced when the relay starts: the owner has to tell
/// all clients of the new one, and wants to know before they are refused.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longest file read as a certificate or key.
const LARGEST_PEM: u64 = 1 << 20;

/// A source of the relay's certificate, and the one in force.
#[derive(Debug)]
pub(super) struct Identity {
    host_name: String,
    source: Certificates,
    served: Arc<Served>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    Same,
    Changed,
}

impl Identity {
    /// Loads the certificate, or makes it where it is self-signed and there is none. `meta` goes last into the chain.
    /// The host name is without brackets.
    pub(super) fn load(host_name: &str, source: Certificates, meta: CertificateDer<'static>) -> io::Result<Self> {
        let pair = match &source {
            Certificates::SelfSigned { dir: None } => make(host_name)?,
            Certificates::SelfSigned { dir: Some(dir) } => kept(host_name, &Files::new(dir, host_name))?,
            Certificates::Manual { dir } => Pair::read(host_name, &Files::new(dir, host_name))?,
        };
        let served = Served { current: RwLock::new(Arc::new(pair.certified(&meta)?)), meta };
        Ok(Self { host_name: host_name.to_owned(), source, served: Arc::new(served) })
    }

    /// Reads the files again. What cannot be served leaves the earlier certificate in force.
    pub(super) fn reload(&self) -> io::Result<Reloaded> {
        let (Certificates::SelfSigned { dir: Some(dir) } | Certificates::Manual { dir }) = &self.source else {
            return Ok(Reloaded::Same);
        };
        let pair = Pair::read(&self.host_name, &Files::new(dir, &self.host_name))?;
        let certified = Arc::new(pair.certified(&self.served.meta)?);
        if certified.cert == self.served.current().cert {
            return Ok(Reloaded::Same);
        }
        *self.served.current.write().unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(Reloaded::Changed)
    }

    /// `sha256-raw:` and the lower-case hex SHA-256 of the leaf certificate's DER.
    pub(super) fn pin(&self) -> String {
        self.served.current().cert.first().map(|leaf| pin(leaf)).unwrap_or_default()
    }

    /// Whether clients that know no pin cannot verify it.
    pub(super) const fn is_self_signed(&self) -> bool {
        matches!(self.source, Certificates::SelfSigned { .. })
    }

    /// The time from which on clients refuse the certificate.
    pub(super) fn expires(&self) -> Option<SystemTime> {
        self.served.current().cert.first().and_then(|leaf| expiry(leaf))
    }

    pub(super) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let mut config = ServerConfig::builder_with_provider(tls_roots::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| io::Error::other(format!("cannot serve TLS: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Served>::clone(&self.served));
        // A connection that negotiates HTTP/2 cannot be upgraded to DERP.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The certificate in force, for whatever name a client asks: it may reach the relay under its address.
struct Served {
    current: RwLock<Arc<CertifiedKey>>,
    meta: CertificateDer<'static>,
}

impl Served {
    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Where a host's certificate and key are kept, under derper's names.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(dir: &Path, host_name: &str) -> Self {
        // Colons of IPv6 vanish, as do separators that would lead out of the directory.
        let kept = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
        let name: String = host_name.chars().filter(kept).collect();
        Self { certificate: dir.join(format!("{name}.crt")), key: dir.join(format!("{name}.key")) }
    }
}

/// A chain and its key, as read.
struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// For errors.
    origin: String,
}

impl Pair {
    fn read(host_name: &str, files: &Files) -> io::Result<Self> {
        let certificate = read(&files.certificate)?;
        let key = read(&files.key)?;
        let pair = Self::parse(&certificate, &key, &files.certificate.display().to_string())?;
        pair.check_name(host_name)?;
        if private_file::is_exposed(&files.key) {
            tracing::warn!(file = %files.key.display(), "others than its owner may read this private key: chmod 600");
        }
        Ok(pair)
    }

    fn parse(certificate: &[u8], key: &[u8], origin: &str) -> io::Result<Self> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{origin}: {what}"));
        let chain = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(format!("not a certificate in PEM: {error}")))?;
        if chain.is_empty() {
            return Err(invalid("no certificate in PEM is in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| invalid(format!("its key is no private key in PEM: {error}")))?;
        Ok(Self { chain, key, origin: origin.to_owned() })
    }

    /// Clients check it, and a wrong file is found at once this way.
    fn check_name(&self, host_name: &str) -> io::Result<()> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", self.origin));
        let Some(leaf) = self.chain.first() else { return Ok(()) };
        let leaf = ParsedCertificate::try_from(leaf).map_err(|error| invalid(format!("no certificate: {error}")))?;
        let name = ServerName::try_from(host_name)
            .map_err(|_| invalid(format!("a certificate for {host_name:?}, which is no host name")))?;
        rustls::client::verify_server_name(&leaf, &name)
            .map_err(|_| invalid(format!("the certificate is not for {host_name} (its subject alternative names)")))
    }

    fn certified(mut self, meta: &CertificateDer<'static>) -> io::Result<CertifiedKey> {
        self.chain.push(meta.clone());
        CertifiedKey::from_der(self.chain, self.key, &tls_roots::provider()).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: cannot be served: {error}", self.origin))
        })
    }
}

fn make(host_name: &str) -> io::Result<Pair> {
    let Made { certificate, key } = made(host_name)?;
    Pair::parse(certificate.as_bytes(), key.as_bytes(), "the certificate just made")
}

fn made(host_name: &str) -> io::Result<Made> {
    certificate::self_signed(host_name, wall_clock::now())
        .map_err(|error| io::Error::other(format!("cannot make a certificate for {host_name:?}: {error}")))
}

/// The self-signed certificate of an earlier start, while it is good; else a new one.
fn kept(host_name: &str, files: &Files) -> io::Result<Pair> {
    if files.certificate.exists() || files.key.exists() {
        // What is there and cannot be used is somebody's: it is not overwritten.
        let pair = Pair::read(host_name, files)?;
        let good_until = pair.chain.first().and_then(|leaf| expiry(leaf));
        if good_until.is_some_and(|until| until > wall_clock::now() + RENEW_BEFORE) {
            return Ok(pair);
        }
        tracing::warn!(
            file = %files.certificate.display(),
            "the self-signed certificate is about to expire and is replaced: its pin changes, and maps must be updated"
        );
    }
    let Made { certificate, key } = made(host_name)?;
    let written = |path: &Path, error: io::Error| {
        io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
    };
    private_file::replace(&files.key, key.as_bytes(), true).map_err(|error| written(&files.key, error))?;
    private_file::replace(&files.certificate, certificate.as_bytes(), false)
        .map_err(|error| written(&files.certificate, error))?;
    Pair::read(host_name, files)
}

fn expiry(leaf: &[u8]) -> Option<SystemTime> {
    let seconds = u64::try_from(Certificate::decode(leaf)?.not_after).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;

    let named = |error: io::Error| {
        let wanted = "in the directory of certificates are HOSTNAME.crt and, with its key, HOSTNAME.key";
        io::Error::new(error.kind(), format!("cannot read {}: {error}; {wanted}", path.display()))
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(LARGEST_PEM).read_to_end(&mut bytes)).map_err(named)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::NodePublic;

    fn meta() -> CertificateDer<'static> {
        super::super::meta_certificate::meta_certificate(&NodePublic::from_bytes([7; 32]), wall_clock::now()).unwrap()
    }

    fn self_signed(dir: &Path, host_name: &str) -> io::Result<Identity> {
        Identity::load(host_name, Certificates::SelfSigned { dir: Some(dir.to_owned()) }, meta())
    }

    fn manual(dir: &Path, host_name: &str) -> io::Result<Identity> {
        Identity::load(host_name, Certificates::Manual { dir: dir.to_owned() }, meta())
    }

    #[test]
    fn a_pin_survives_restarts_and_belongs_to_its_host() {
        let dir = tempfile::tempdir().unwrap();
        let pin = self_signed(dir.path(), "relay.example").unwrap().pin();
        assert_eq!(pin.len(), "sha256-raw:".len() + 64);
        assert_eq!(self_signed(dir.path(), "relay.example").unwrap().pin(), pin);
        assert_ne!(self_signed(dir.path(), "2001:db8::1").unwrap().pin(), pin);
        assert!(dir.path().join("2001db81.crt").exists());
        assert_eq!(manual(dir.path(), "relay.example").unwrap().pin(), pin, "manual reads the same files");
    }

    #[test]
    fn one_about_to_expire_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let begun = wall_clock::now();
        let ten_years = Duration::from_secs(10 * 365 * 24 * 3600);
        for (left, renewed) in [(Duration::from_secs(29 * 86400), true), (Duration::from_secs(31 * 86400), false)] {
            let made = certificate::self_signed("relay.example", begun - ten_years + left).unwrap();
            fs::write(dir.path().join("relay.example.crt"), &made.certificate).unwrap();
            fs::write(dir.path().join("relay.example.key"), &made.key).unwrap();
            let old = manual(dir.path(), "relay.example").unwrap().pin();
            let identity = self_signed(dir.path(), "relay.example").unwrap();
            assert_eq!(identity.pin() != old, renewed);
            assert!(identity.expires().unwrap() > begun);
        }
    }

    #[test]
    fn files_that_cannot_be_served_are_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (crt, key) = (dir.path().join("relay.example.crt"), dir.path().join("relay.example.key"));
        assert!(manual(dir.path(), "relay.example").unwrap_err().to_string().contains("relay.example.crt"));
        let made = certificate::self_signed("relay.example", wall_clock::now()).unwrap();
        let other = certificate::self_signed("other.example", wall_clock::now()).unwrap();
        for (certificate, private, wanted) in [
            ("nonsense", made.key.as_str(), "no certificate"),
            (made.certificate.as_str(), "nonsense", "no private key"),
            (made.certificate.as_str(), other.key.as_str(), "cannot be served"),
            (other.certificate.as_str(), other.key.as_str(), "is not for relay.example"),
        ] {
            fs::write(&crt, certificate).unwrap();
            fs::write(&key, private).unwrap();
            for load in [manual, self_signed] {
                let error = load(dir.path(), "relay.example").unwrap_err().to_string();
                assert!(error.contains(wanted) && error.contains("relay.example.crt"), "{wanted}: {error}");
            }
            assert_eq!(fs::read_to_string(&crt).unwrap(), certificate, "not overwritten");
        }
    }

    #[test]
    fn a_new_file_is_served_and_a_bad_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let put = |made: &Made| {
            fs::write(dir.path().join("relay.example.crt"), &made.certificate).unwrap();
            fs::write(dir.path().join("relay.example.key"), &made.key).unwrap();
        };
        put(&certificate::self_signed("relay.example", wall_clock::now()).unwrap());
        let identity = manual(dir.path(), "relay.example").unwrap();
        let first = identity.pin();
        assert_eq!(identity.reload().unwrap(), Reloaded::Same);
        put(&certificate::self_signed("relay.example", wall_clock::now()).unwrap());
        assert_eq!(identity.reload().unwrap(), Reloaded::Changed);
        let second = identity.pin();
        assert_ne!(first, second);
        fs::write(dir.path().join("relay.example.crt"), "half a fi").unwrap();
        assert!(identity.reload().is_err());
        assert_eq!(identity.pin(), second);
    }
}
