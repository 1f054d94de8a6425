//! A handshake that takes any certificate, and what is wrong with it afterwards.

use std::sync::Arc;

use rustls::ProtocolVersion;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::super::http::told;
use super::super::https::{RelayVerifier, Rule, Stream, cause_of_tls, of_handshake, sha256_hex};
use super::Asking;
use crate::drive::tls_roots;
use crate::probe::{Cause, CertificateFault, CertificateSeen, Failure, Sni, Stage, TlsAnswer};
use crate::wire::upgrade::meta_certificate_key;
use crate::wire::x509::{Certificate, Names};

/// Certificates of a chain that are told of.
const CERTIFICATES: usize = 20;
/// Names of a certificate that are told of.
const NAMES: usize = 50;

pub(super) async fn handshake(
    asking: &Asking<'_>,
    stream: Box<dyn Stream>,
    sni: &Sni,
    alpn: &[String],
) -> Result<(Box<dyn Stream>, TlsAnswer), Failure> {
    let unsupported = |what: String| Failure::new(Stage::Tls, Cause::Unsupported { what });
    let bare = asking.question.target.host_name.trim_start_matches('[').trim_end_matches(']').to_owned();
    let no_name = |name: &str| unsupported(format!("a certificate for {name:?}, which is no host name"));
    let host = ServerName::try_from(bare.clone()).map_err(|_| no_name(&bare))?;
    let asked = match sni {
        Sni::HostName | Sni::Absent => host.clone(),
        Sni::Name(name) => ServerName::try_from(name.clone()).map_err(|_| no_name(name))?,
    };
    let any = Arc::new(RelayVerifier::new(Rule::Nothing, None, tls_roots::provider()));
    let mut config = tls_roots::config_with(any).map_err(|error| unsupported(error.to_string()))?;
    config.enable_sni = *sni != Sni::Absent;
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect();
    let begun = asking.clock.now();
    let connecting = async {
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(asked, stream).await.map_err(|error| of_handshake(&error, &bare))
    };
    let stream = asking.deadline.within(Stage::Tls, connecting).await?;
    let took = asking.since(begun);
    let session = stream.get_ref().1;
    let chain: Vec<CertificateDer<'static>> =
        session.peer_certificates().unwrap_or_default().iter().map(|der| der.clone().into_owned()).collect();
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        _ => "?",
    };
    let alpn = session.alpn_protocol().map(|protocol| told(&String::from_utf8_lossy(protocol)));
    let (by_map, by_roots) = faults(asking, &chain, &host, &bare).await;
    let answer = TlsAnswer {
        took,
        version: version.to_owned(),
        alpn,
        certificates: chain.iter().take(CERTIFICATES).map(seen).collect(),
        by_map,
        by_roots,
    };
    Ok((Box::new(stream), answer))
}

/// What is wrong with a chain by the rules of the map, and by those of anybody.
async fn faults(
    asking: &Asking<'_>,
    chain: &[CertificateDer<'static>],
    host: &ServerName<'static>,
    bare: &str,
) -> (Option<CertificateFault>, Option<CertificateFault>) {
    let other = |said: String| Some(CertificateFault::Other { said });
    // Reading the store is no part of the exchange, whose time may be up.
    let roots = match asking.https.roots().await {
        Ok(roots) => Ok(roots),
        Err(Failure { cause: Cause::Unsupported { what }, .. }) => Err(what),
        Err(Failure { cause, .. }) => Err(format!("trusted root certificates: {cause:?}")),
    };
    let by = |rule: Rule| {
        let expected = match &rule {
            Rule::Chain(name) => name.to_str().into_owned(),
            _ => bare.to_owned(),
        };
        let trusted = match (&roots, rule.needs_roots()) {
            (Ok(roots), true) => Some(Arc::clone(roots)),
            (Err(said), true) => return other(said.clone()),
            (_, false) => None,
        };
        let Some((leaf, rest)) = chain.split_first() else { return other("no certificate was presented".to_owned()) };
        let verifier = RelayVerifier::new(rule, trusted, tls_roots::provider());
        match verifier.verify_server_cert(leaf, rest, host, &[], UnixTime::now()) {
            Ok(_) => None,
            Err(error) => match cause_of_tls(&error, &expected) {
                Cause::Certificate { fault } => Some(fault),
                _ => other(error.to_string()),
            },
        }
    };
    let by_map = match Rule::of(&asking.question.target, host) {
        Ok(rule) => by(rule),
        Err(said) => other(said),
    };
    (by_map, by(Rule::Chain(host.clone())))
}

fn seen(der: &CertificateDer<'static>) -> CertificateSeen {
    let certificate = Certificate::decode(der);
    let names = Names::decode(der).unwrap_or_default();
    let meta_key = certificate
        .as_ref()
        .and_then(|certificate| meta_certificate_key(&certificate.common_name, certificate.serial?))
        .map(|key| key.to_hex());
    CertificateSeen {
        sha256: sha256_hex(der),
        common_name: certificate.as_ref().map(|it| told(&it.common_name)).unwrap_or_default(),
        issuer: told(&names.issuer),
        self_issued: names.self_issued,
        dns_names: names.dns.iter().take(NAMES).map(|name| told(name)).collect(),
        addresses: names.addresses.iter().take(NAMES).copied().collect(),
        not_before: certificate.as_ref().map_or(i64::MIN, |it| it.not_before),
        not_after: certificate.as_ref().map_or(i64::MAX, |it| it.not_after),
        meta_key,
    }
}
