//! The TLS client configuration of everything that trusts what this host trusts.
//!
//! Certificates are verified as the platform does; where there is no store of CA certificates (containers made from
//! nothing), Mozilla's roots that came with this program are used. Pins and insecure relays are not served here.

use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// The configuration, without ALPN and without client certificates. Built once; that reads the host's CA store.
#[must_use]
pub fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| Arc::new(platform_or_webpki().with_no_client_auth())))
}

fn platform_or_webpki() -> ConfigBuilder<ClientConfig, WantsClientCert> {
    match builder().with_platform_verifier() {
        Ok(verified) => verified,
        Err(error) => {
            tracing::debug!(%error, "no CA store on this host, using the built-in roots");
            let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
            builder().with_root_certificates(roots)
        }
    }
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    // The provider is named, for `ClientConfig::builder` panics when two are linked in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    #[expect(clippy::expect_used, reason = "fails only for a provider without any suite of TLS 1.2 or 1.3")]
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("ring has TLS suites")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_once() {
        assert!(Arc::ptr_eq(&client_config(), &client_config()));
    }
}
