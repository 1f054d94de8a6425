//! Where the relay's certificate and its key are kept, and how they are read: made by itself, put there by somebody, or
//! had by ACME.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use super::certificate::{self, Made};
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

/// Where a host's certificate and key are kept, under derper's names.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    pub(super) fn new(dir: &Path, host_name: &str) -> Self {
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

    /// Keeps a certificate that was had from that ACME directory. One from elsewhere that was in its place is kept beside
    /// it: it may be pinned somewhere.
    pub(super) fn keep_from_acme(&self, host_name: &str, chain: &str, key: &str, directory: &str) -> io::Result<Pair> {
        let text = format!("{ACME_MARK}{directory}\n{chain}");
        let pair = Pair::parse(text.as_bytes(), key.as_bytes(), "the certificate just issued")?;
        pair.check_name(host_name)?;
        if read(&self.certificate).is_ok_and(|text| authority(&text).is_none()) {
            for file in [&self.certificate, &self.key] {
                let mut beside = file.clone().into_os_string();
                beside.push(".before-acme");
                let beside = PathBuf::from(beside);
                if let Ok(content) = read(file) {
                    private_file::replace(&beside, &content, true).map_err(|error| unwritten(&beside, &error))?;
                }
            }
        }
        self.write(text.as_bytes(), key.as_bytes())?;
        Ok(pair)
    }
}

fn unwritten(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

/// A chain and its key, as read.
pub(super) struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The ACME directory it was had from.
    authority: Option<String>,
    /// For errors.
    origin: String,
}

impl Pair {
    pub(super) fn read(host_name: &str, files: &Files) -> io::Result<Self> {
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

    /// As it is served, with `meta` last in the chain, and the ACME directory it was had from.
    pub(super) fn certified(mut self, meta: &CertificateDer<'static>) -> io::Result<(CertifiedKey, Option<String>)> {
        self.chain.push(meta.clone());
        let authority = self.authority.take();
        Ok((self.together()?, authority))
    }

    fn together(self) -> io::Result<CertifiedKey> {
        CertifiedKey::from_der(self.chain, self.key, &tls_roots::provider()).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: cannot be served: {error}", self.origin))
        })
    }
}

pub(super) fn make(host_name: &str) -> io::Result<Pair> {
    let Made { certificate, key } = made(host_name)?;
    Pair::parse(certificate.as_bytes(), key.as_bytes(), "the certificate just made")
}

fn made(host_name: &str) -> io::Result<Made> {
    certificate::self_signed(host_name, wall_clock::now())
        .map_err(|error| io::Error::other(format!("cannot make a certificate for {host_name:?}: {error}")))
}

/// The self-signed certificate of an earlier start, while it is good; else a new one.
pub(super) fn kept(host_name: &str, files: &Files) -> io::Result<Pair> {
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
pub(super) fn had(host_name: &str, files: &Files) -> Option<Pair> {
    if !files.certificate.exists() {
        return None;
    }
    let usable = |pair: Pair| {
        // That key and certificate fit is found when they are put together.
        let same =
            Pair { chain: pair.chain.clone(), key: pair.key.clone_key(), authority: None, origin: pair.origin.clone() };
        same.together().map(|_| pair)
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

pub(super) fn unix(seconds: i64) -> Option<SystemTime> {
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
