//! The certificate the relay presents, and how it changes while the relay runs. Where it is kept: [`certificate_files`].
//!
//! [`certificate_files`]: super::certificate_files

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::acme;
use super::certificate::pin;
use super::certificate_files::{Files, Pair, had, kept, make, unix};
use super::options::{AcmeOptions, Certificates};
use super::private_file;
use crate::drive::tls_roots;
use crate::wire::x509::Certificate;

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
        let current = pair.map(|pair| Current::of(pair, &meta)).transpose()?;
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

    /// Keeps a certificate that was had from that ACME directory, and serves it.
    pub(super) fn replace(&self, chain: &str, key: &str, directory: &str) -> io::Result<Reloaded> {
        let Certificates::Acme(AcmeOptions { dir, .. }) = &self.source else { return Ok(Reloaded::Same) };
        let _alone = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = Files::new(dir, &self.host_name).keep_from_acme(&self.host_name, chain, key, directory)?;
        self.serve(pair)
    }

    fn serve(&self, pair: Pair) -> io::Result<Reloaded> {
        let current = Current::of(pair, &self.served.meta)?;
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

impl Current {
    fn of(pair: Pair, meta: &CertificateDer<'static>) -> io::Result<Self> {
        let (certified, authority) = pair.certified(meta)?;
        Ok(Self { certified: Arc::new(certified), authority })
    }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::drive::relay::certificate::{self, Made};
    use crate::drive::wall_clock;
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
