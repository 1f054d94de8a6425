//! The certificate the relay presents: where it comes from, how it is kept, and how it changes while the relay runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::acme;
use super::certificate::{self, Made, pin};
use super::options::{AcmeOptions, Certificates};
use super::private_file;
use crate::drive::{tls_roots, wall_clock};
use crate::wire::x509::Certificate;

/// A self-signed certificate that is good for less than this is replaced when the relay starts: the owner has to tell
/// all clients of the new one, and wants to know before they are refused.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longest file read as a certificate or key.
const LARGEST_PEM: u64 = 1 << 20;

/// The first line of a certificate had by ACME, and the directory: one from elsewhere is none to be renewed there.
const ACME_MARK: &str = "# By ACME from ";

/// A source of the relay's certificate, and the one in force.
#[derive(Debug)]
pub(super) struct Identity {
    host_name: String,
    source: Certificates,
    served: Arc<Served>,
    /// Held while the two files are read or written: between them they do not fit.
    files: Mutex<()>,
}

/// From when to when the certificate in force is valid, and by whom it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    /// The ACME directory it was had from, by this relay.
    pub(super) authority: Option<String>,
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
            Certificates::SelfSigned { dir: None } => Some(make(host_name)?),
            Certificates::SelfSigned { dir: Some(dir) } => Some(kept(host_name, &Files::new(dir, host_name))?),
            Certificates::Manual { dir } => Some(Pair::read(host_name, &Files::new(dir, host_name))?),
            Certificates::Acme(AcmeOptions { dir, .. }) => had(host_name, &Files::new(dir, host_name)),
        };
        let acme = matches!(source, Certificates::Acme(_)).then(Arc::default);
        let current = pair.map(|pair| pair.current(&meta)).transpose()?;
        let served = Arc::new(Served { current: RwLock::new(current), meta, acme });
        let identity = Self { host_name: host_name.to_owned(), source, served, files: Mutex::default() };
        identity.check_directory()?;
        Ok(identity)
    }

    /// Whether a certificate can be kept where it is to be: an authority is not to be asked for one in vain.
    pub(super) fn check_directory(&self) -> io::Result<()> {
        let Certificates::Acme(AcmeOptions { dir, .. }) = &self.source else { return Ok(()) };
        let probe = dir.join(".natscope-writes-here");
        let outcome = private_file::replace(&probe, b"", true).and_then(|()| std::fs::remove_file(&probe));
        outcome.map_err(|error| io::Error::new(error.kind(), format!("cannot write to {}: {error}", dir.display())))
    }

    /// Reads the files again. What cannot be served leaves the earlier certificate in force.
    pub(super) fn reload(&self) -> io::Result<Reloaded> {
        let dir = match &self.source {
            Certificates::SelfSigned { dir: None } => return Ok(Reloaded::Same),
            Certificates::SelfSigned { dir: Some(dir) }
            | Certificates::Manual { dir }
            | Certificates::Acme(AcmeOptions { dir, .. }) => dir,
        };
        let files = Files::new(dir, &self.host_name);
        if self.acme().is_some() && !files.certificate.exists() {
            return Ok(Reloaded::Same);
        }
        let _alone = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = Pair::read(&self.host_name, &files)?;
        self.serve(pair)
    }

    /// Keeps a certificate that was had from that ACME directory, and serves it. One from elsewhere that was in its place
    /// is kept beside it: it may be pinned somewhere.
    pub(super) fn replace(&self, chain: &str, key: &str, directory: &str) -> io::Result<Reloaded> {
        let Certificates::Acme(AcmeOptions { dir, .. }) = &self.source else { return Ok(Reloaded::Same) };
        let text = format!("{ACME_MARK}{directory}\n{chain}");
        let pair = Pair::parse(text.as_bytes(), key.as_bytes(), "the certificate just issued")?;
        pair.check_name(&self.host_name)?;
        let files = Files::new(dir, &self.host_name);
        let _alone = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if read(&files.certificate).is_ok_and(|text| authority(&text).is_none()) {
            for file in [&files.certificate, &files.key] {
                let mut beside = file.clone().into_os_string();
                beside.push(".before-acme");
                let beside = PathBuf::from(beside);
                if let Ok(content) = read(file) {
                    private_file::replace(&beside, &content, true).map_err(|error| unwritten(&beside, &error))?;
                }
            }
        }
        files.write(text.as_bytes(), key.as_bytes())?;
        self.serve(pair)
    }

    fn serve(&self, pair: Pair) -> io::Result<Reloaded> {
        let current = pair.current(&self.served.meta)?;
        let mut served = self.served.current.write().unwrap_or_else(PoisonError::into_inner);
        if served.as_ref().is_some_and(|served| served.certified.cert == current.certified.cert) {
            return Ok(Reloaded::Same);
        }
        *served = Some(current);
        Ok(Reloaded::Changed)
    }

    pub(super) fn host_name(&self) -> &str {
        &self.host_name
    }

    /// Whether there is one: with ACME it may be still to come.
    pub(super) fn is_there(&self) -> bool {
        self.served.current().is_some()
    }

    /// What goes with ACME, where certificates come from there.
    pub(super) fn acme(&self) -> Option<&Arc<acme::Shared>> {
        self.served.acme.as_ref()
    }

    /// `sha256-raw:` and the lower-case hex SHA-256 of the leaf certificate's DER.
    /// `None` while there is none.
    pub(super) fn pin(&self) -> Option<String> {
        self.served.current()?.cert.first().map(|leaf| pin(leaf))
    }

    /// Whether clients that know no pin cannot verify it.
    pub(super) const fn is_self_signed(&self) -> bool {
        matches!(self.source, Certificates::SelfSigned { .. })
    }

    /// The time from which on clients refuse the certificate.
    pub(super) fn expires(&self) -> Option<SystemTime> {
        self.term().map(|term| term.not_after)
    }

    /// From when to when it is valid. `None` while there is none.
    pub(super) fn term(&self) -> Option<Term> {
        let served = self.served.current.read().unwrap_or_else(PoisonError::into_inner);
        let current = served.as_ref()?;
        let leaf = Certificate::decode(current.certified.cert.first()?)?;
        let (not_before, not_after) = (unix(leaf.not_before)?, unix(leaf.not_after)?);
        Some(Term { not_before, not_after, authority: current.authority.clone() })
    }

    pub(super) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let mut config = ServerConfig::builder_with_provider(tls_roots::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| io::Error::other(format!("cannot serve TLS: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Served>::clone(&self.served));
        // A connection that negotiates HTTP/2 cannot be upgraded to DERP.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.acme().is_some() {
            config.alpn_protocols.push(acme::ALPN.to_vec());
        }
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The certificate in force, for whatever name a client asks: it may reach the relay under its address.
struct Served {
    current: RwLock<Option<Current>>,
    meta: CertificateDer<'static>,
    acme: Option<Arc<acme::Shared>>,
}

struct Current {
    certified: Arc<CertifiedKey>,
    authority: Option<String>,
}

impl Served {
    fn current(&self) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|current| Arc::clone(&current.certified))
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Served {
    /// Without a certificate the handshake ends with an alert.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &self.acme {
            Some(acme) if acme::is_challenge(&hello) => acme.challenges.certificate(&hello),
            _ => self.current(),
        }
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

    fn write(&self, certificate: &[u8], key: &[u8]) -> io::Result<()> {
        private_file::replace(&self.key, key, true).map_err(|error| unwritten(&self.key, &error))?;
        private_file::replace(&self.certificate, certificate, false)
            .map_err(|error| unwritten(&self.certificate, &error))
    }
}

fn unwritten(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

/// A chain and its key, as read.
struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The ACME directory it was had from.
    authority: Option<String>,
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
        Ok(Self { chain, key, authority: authority(certificate), origin: origin.to_owned() })
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

    fn current(mut self, meta: &CertificateDer<'static>) -> io::Result<Current> {
        self.chain.push(meta.clone());
        let certified = CertifiedKey::from_der(self.chain, self.key, &tls_roots::provider()).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: cannot be served: {error}", self.origin))
        })?;
        Ok(Current { certified: Arc::new(certified), authority: self.authority })
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
    files.write(certificate.as_bytes(), key.as_bytes())?;
    Pair::read(host_name, files)
}

/// The certificate had by ACME before, or whatever is in its place and can be served until there is one.
fn had(host_name: &str, files: &Files) -> Option<Pair> {
    if !files.certificate.exists() {
        return None;
    }
    let usable = |pair: Pair| {
        // That key and certificate fit is found when they are put together.
        let same =
            Pair { chain: pair.chain.clone(), key: pair.key.clone_key(), authority: None, origin: pair.origin.clone() };
        CertifiedKey::from_der(same.chain, same.key, &tls_roots::provider())
            .map(|_| pair)
            .map_err(|error| io::Error::other(format!("{}: cannot be served: {error}", same.origin)))
    };
    match Pair::read(host_name, files).and_then(usable) {
        Ok(pair) => Some(pair),
        Err(error) => {
            tracing::warn!("what was kept is of no use, and another certificate is asked for: {error}");
            None
        }
    }
}

/// The directory that is named by the mark.
fn authority(certificate: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(certificate).ok()?;
    text.lines().next()?.strip_prefix(ACME_MARK).map(|directory| directory.trim().to_owned())
}

fn unix(seconds: i64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

fn expiry(leaf: &[u8]) -> Option<SystemTime> {
    unix(Certificate::decode(leaf)?.not_after)
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
        assert_eq!(pin.as_ref().unwrap().len(), "sha256-raw:".len() + 64);
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

    const DIRECTORY: &str = "https://ca.example/directory";

    fn acme(dir: &Path) -> io::Result<Identity> {
        let options = AcmeOptions { dir: dir.to_owned(), directory: DIRECTORY.to_owned(), email: None, ca: None };
        Identity::load("relay.example", Certificates::Acme(options), meta())
    }

    #[test]
    fn with_acme_there_is_none_until_one_is_had_and_then_it_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("certs");
        let identity = acme(&dir).unwrap();
        assert!(!identity.is_there() && identity.term().is_none() && identity.pin().is_none());
        assert_eq!(identity.reload().unwrap(), Reloaded::Same);
        let made = certificate::self_signed("relay.example", wall_clock::now()).unwrap();
        assert_eq!(identity.replace(&made.certificate, &made.key, DIRECTORY).unwrap(), Reloaded::Changed);
        assert_eq!(identity.term().unwrap().authority.as_deref(), Some(DIRECTORY));
        assert_eq!(identity.reload().unwrap(), Reloaded::Same, "the files have what is served");
        let again = acme(&dir).unwrap();
        assert_eq!((again.term(), again.pin()), (identity.term(), identity.pin()));
        // Other modes read the same files.
        assert_eq!(manual(&dir, "relay.example").unwrap().pin(), identity.pin());
        let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["relay.example.crt", "relay.example.key"]);
        #[cfg(unix)]
        assert!(private_file::is_exposed(&dir.join("relay.example.crt")));
        assert!(!private_file::is_exposed(&dir.join("relay.example.key")));
        // What an authority gave for another name is not served.
        let other = certificate::self_signed("other.example", wall_clock::now()).unwrap();
        assert!(identity.replace(&other.certificate, &other.key, DIRECTORY).is_err());
        assert_eq!(identity.pin(), again.pin());
    }

    #[test]
    fn a_certificate_from_elsewhere_is_served_meanwhile_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let pinned = self_signed(dir.path(), "relay.example").unwrap().pin();
        let key = fs::read(dir.path().join("relay.example.key")).unwrap();
        let identity = acme(dir.path()).unwrap();
        assert_eq!((identity.pin(), identity.term().unwrap().authority), (pinned, None));
        let made = certificate::self_signed("relay.example", wall_clock::now()).unwrap();
        identity.replace(&made.certificate, &made.key, DIRECTORY).unwrap();
        assert_eq!(fs::read(dir.path().join("relay.example.key.before-acme")).unwrap(), key);
        // What is no certificate is replaced too, and nothing else than that would help.
        fs::write(dir.path().join("relay.example.crt"), "half a fi").unwrap();
        assert!(!acme(dir.path()).unwrap().is_there());
        fs::write(dir.path().join("relay.example.crt"), &made.certificate).unwrap();
        fs::write(dir.path().join("relay.example.key"), &key).unwrap();
        assert!(!acme(dir.path()).unwrap().is_there(), "the key of another one");
    }
}
