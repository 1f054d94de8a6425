//! What the authority is shown to prove that the name leads here.
//!
//! TLS-ALPN-01 (RFC 8737): a handshake for `acme-tls/1` alone is answered with a certificate made for it. HTTP-01 (RFC
//! 8555 section 8.3): a file on port 80. Either is there only while the authority is to look.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use instant_acme::{ChallengeType, KeyAuthorization};
use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

use crate::drive::tls_roots;

/// The protocol of RFC 8737, offered by nobody else.
pub(in crate::drive::relay) const ALPN: &[u8] = b"acme-tls/1";

/// Where HTTP-01 is asked for.
const PATH: &str = "/.well-known/acme-challenge/";

/// A way to prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    TlsAlpn,
    Http,
}

impl Way {
    pub(super) const fn kind(self) -> ChallengeType {
        match self {
            Self::TlsAlpn => ChallengeType::TlsAlpn01,
            Self::Http => ChallengeType::Http01,
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::TlsAlpn => Self::Http,
            Self::Http => Self::TlsAlpn,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlpn => "tls-alpn-01",
            Self::Http => "http-01",
        })
    }
}

/// The answer there is at the moment, if any.
#[derive(Default)]
pub(in crate::drive::relay) struct Challenges {
    shown: RwLock<Option<Shown>>,
}

enum Shown {
    Certificate { name: String, certified: Arc<CertifiedKey> },
    File { token: String, content: String },
}

/// The answer is shown until this is dropped.
pub(super) struct Showing<'a>(&'a Challenges);

impl Challenges {
    pub(super) fn show(
        &self,
        way: Way,
        name: &str,
        token: &str,
        authorization: &KeyAuthorization,
    ) -> io::Result<Showing<'_>> {
        let shown = match way {
            Way::TlsAlpn => Shown::Certificate {
                name: name.to_owned(),
                certified: Arc::new(certificate(name, authorization.digest().as_ref())?),
            },
            Way::Http => Shown::File { token: token.to_owned(), content: authorization.as_str().to_owned() },
        };
        self.set(Some(shown));
        Ok(Showing(self))
    }

    /// The certificate for a handshake that is for a challenge ([`is_challenge`]), if there is one for that name.
    pub(in crate::drive::relay) fn certificate(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name()?;
        match &*self.shown.read().unwrap_or_else(PoisonError::into_inner) {
            Some(Shown::Certificate { name, certified }) if asked.eq_ignore_ascii_case(name) => {
                Some(Arc::clone(certified))
            }
            _ => None,
        }
    }

    /// What is to be answered on that path, if it is that of a challenge there is.
    pub(in crate::drive::relay) fn file(&self, path: &str) -> Option<String> {
        let asked = path.strip_prefix(PATH)?;
        match &*self.shown.read().unwrap_or_else(PoisonError::into_inner) {
            Some(Shown::File { token, content }) if token == asked => Some(content.clone()),
            _ => None,
        }
    }

    fn set(&self, shown: Option<Shown>) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenges").finish_non_exhaustive()
    }
}

impl Drop for Showing<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Whether a handshake is for a challenge. Whoever offers another protocol besides is a client with odd ideas: RFC 8737
/// section 3 demands this one alone.
pub(in crate::drive::relay) fn is_challenge(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(ALPN) && offered.next().is_none())
}

/// RFC 8737 section 3: self-signed, for that name alone, with the digest in a critical extension.
fn certificate(name: &str, digest: &[u8]) -> io::Result<CertifiedKey> {
    let made = || -> Result<_, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        Ok((params.self_signed(&key)?.der().clone(), key.serialize_der()))
    };
    if digest.len() != 32 {
        return Err(io::Error::other("the digest of a challenge has another length than SHA-256"));
    }
    let (certificate, key) =
        made().map_err(|error| io::Error::other(format!("cannot make the certificate of a challenge: {error}")))?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
    let key = tls_roots::provider().key_provider.load_private_key(key).map_err(io::Error::other)?;
    // Whether they fit is not asked: rustls knows no such critical extension, and says so.
    Ok(CertifiedKey::new(vec![certificate], key))
}

#[cfg(test)]
mod tests {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, SignatureScheme};

    use super::*;
    use crate::drive::relay::identity::Identity;
    use crate::drive::relay::options::{AcmeOptions, Certificates};

    #[test]
    fn a_file_is_there_while_it_is_shown_and_under_its_own_name() {
        let challenges = Challenges::default();
        challenges.set(Some(Shown::File { token: "abc".to_owned(), content: "abc.thumb".to_owned() }));
        let showing = Showing(&challenges);
        assert_eq!(challenges.file("/.well-known/acme-challenge/abc").as_deref(), Some("abc.thumb"));
        for other in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/abcd", "/abc", "abc", "/"] {
            assert_eq!(challenges.file(other), None, "{other}");
        }
        drop(showing);
        assert_eq!(challenges.file("/.well-known/acme-challenge/abc"), None);
    }

    #[test]
    fn a_certificate_of_a_challenge_has_the_digest() {
        let digest: Vec<u8> = (100..132).collect();
        let made = certificate("relay.example", &digest).unwrap();
        let der = made.cert.first().unwrap();
        // 1.3.6.1.5.5.7.1.31, critical, an octet string within an octet string.
        let wanted = [&[0x2b, 6, 1, 5, 5, 7, 1, 31, 1, 1, 0xff, 4, 34, 4, 32][..], &digest].concat();
        assert!(der.windows(wanted.len()).any(|window| window == wanted));
        assert!(certificate("relay.example", &digest[1..]).is_err());
    }

    /// The certificate that is presented to whoever offers these protocols, and the protocol agreed upon.
    async fn handshake(identity: &Identity, alpn: &[&[u8]]) -> io::Result<(Vec<u8>, Option<Vec<u8>>)> {
        #[derive(Debug)]
        struct Anything;
        impl ServerCertVerifier for Anything {
            fn verify_server_cert(
                &self,
                _: &CertificateDer<'_>,
                _: &[CertificateDer<'_>],
                _: &ServerName<'_>,
                _: &[u8],
                _: UnixTime,
            ) -> Result<ServerCertVerified, rustls::Error> {
                Ok(ServerCertVerified::assertion())
            }
            fn verify_tls12_signature(
                &self,
                _: &[u8],
                _: &CertificateDer<'_>,
                _: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                Ok(HandshakeSignatureValid::assertion())
            }
            fn verify_tls13_signature(
                &self,
                _: &[u8],
                _: &CertificateDer<'_>,
                _: &DigitallySignedStruct,
            ) -> Result<HandshakeSignatureValid, rustls::Error> {
                Ok(HandshakeSignatureValid::assertion())
            }
            fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
                tls_roots::provider().signature_verification_algorithms.supported_schemes()
            }
        }
        let mut config = tls_roots::config_with(Arc::new(Anything)).unwrap();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let (near, far) = tokio::io::duplex(1 << 16);
        let acceptor = identity.acceptor()?;
        let server = tokio::spawn(async move { acceptor.accept(far).await.map(drop) });
        let client = connector.connect(ServerName::try_from("relay.example").unwrap(), near).await;
        drop(server.await);
        let client = client?;
        let (_, connection) = client.get_ref();
        let leaf = connection.peer_certificates().unwrap()[0].to_vec();
        Ok((leaf, connection.alpn_protocol().map(<[u8]>::to_vec)))
    }

    #[tokio::test]
    async fn only_whoever_asks_for_the_challenge_alone_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let options = AcmeOptions {
            dir: dir.path().to_owned(),
            directory: "https://ca.example/dir".to_owned(),
            email: None,
            ca: None,
        };
        let meta = CertificateDer::from(vec![0x30, 0]);
        let identity = Identity::load("relay.example", Certificates::Acme(options), meta).unwrap();
        for alpn in [&[][..], &[&b"http/1.1"[..]], &[ALPN]] {
            assert!(handshake(&identity, alpn).await.is_err(), "there is no certificate at all: {alpn:?}");
        }
        let challenges = &identity.acme().unwrap().challenges;
        let proof = Arc::new(certificate("relay.example", &[7; 32]).unwrap());
        let name = "relay.example".to_owned();
        challenges.set(Some(Shown::Certificate { name, certified: Arc::clone(&proof) }));
        assert_eq!(handshake(&identity, &[ALPN]).await.unwrap(), (proof.cert[0].to_vec(), Some(ALPN.to_vec())));
        assert!(handshake(&identity, &[b"http/1.1"]).await.is_err(), "still");
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let own = CertificateParams::new(["relay.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        identity.replace(&own.pem(), &key.serialize_pem(), "https://ca.example/dir").unwrap();
        let own = own.der().to_vec();
        for (alpn, agreed) in [
            (&[][..], None),
            (&[&b"http/1.1"[..]], Some(b"http/1.1".to_vec())),
            (&[ALPN, b"http/1.1"], Some(b"http/1.1".to_vec())),
        ] {
            assert_eq!(handshake(&identity, alpn).await.unwrap(), (own.clone(), agreed), "{alpn:?}");
        }
        assert!(handshake(&identity, &[b"h2"]).await.is_err(), "a protocol that is not spoken");
        let name = "other.example".to_owned();
        challenges.set(Some(Shown::Certificate { name, certified: proof }));
        assert!(handshake(&identity, &[ALPN]).await.is_err(), "another name's");
        drop(Showing(challenges));
        assert!(handshake(&identity, &[ALPN]).await.is_err(), "there is no challenge");
    }
}
