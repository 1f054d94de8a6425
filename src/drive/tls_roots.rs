//! Who is trusted to sign certificates: the system's store, else Mozilla's list as built in.
//!
//! Loading the store reads files and may take tens of milliseconds: call it where that delays nobody. The
//! cryptography is always ring's, given explicitly, so that a second provider in the build changes nothing.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// The cryptography used for all TLS.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Verifies certificates as the system would. A system without any certificates, as a bare container, gets Mozilla's.
pub fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    match rustls_platform_verifier::Verifier::new(provider()) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => {
            tracing::debug!(%error, "no system certificates, using the built-in ones");
            webpki_verifier(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
        }
    }
}

/// Verifies certificates signed by these and nobody else.
pub fn verifier_of(roots: &[CertificateDer<'static>]) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    webpki_verifier(store)
}

/// A client's configuration with the system's trust and no ALPN, as a DERP client has it.
pub fn client_config() -> Result<ClientConfig, rustls::Error> {
    config_with(system_verifier()?)
}

/// A client's configuration with that verifier, no ALPN, and no memory of earlier sessions: every handshake is whole.
pub fn config_with(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn webpki_verifier(store: RootCertStore) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(verifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_had_and_offers_no_alpn() {
        let config = client_config().unwrap();
        assert!(config.alpn_protocols.is_empty());
    }

    #[test]
    fn an_empty_list_of_roots_is_refused() {
        assert!(verifier_of(&[]).is_err());
    }
}
