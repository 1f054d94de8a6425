//! What is seen of a TLS handshake, whatever the certificate.

use std::net::IpAddr;
use std::sync::Mutex;

use rcgen::{CertificateParams, DnType, SanType};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::*;
use crate::probe::TlsAnswer;

async fn seen_by(options: NetworkOptions, target: HttpsTarget, ask: RelayAsk) -> TlsAnswer {
    let answer = answer_by(options, RelayQuestion { target, tls: true, ask, timeout: PATIENCE }).await;
    assert_eq!(answer.ended, None);
    assert!(answer.connect.is_some() && answer.http.is_none() && answer.derp.is_none());
    answer.tls.expect("a handshake")
}

async fn serve(identity: Identity) -> SocketAddr {
    tls_server(server_config(identity), wait_for_end).await
}

#[tokio::test]
async fn a_chain_of_two_is_told_in_full() {
    let (mut identity, root) = Identity::signed("relay.test", |params| {
        params.distinguished_name.push(DnType::CommonName, "The relay");
        params.subject_alt_names.push(SanType::IpAddress("192.0.2.7".parse().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2090, 1, 1);
    });
    identity.chain.push(root.clone());
    let hash = bytes::Bytes::copy_from_slice(&Sha256::digest(&identity.chain[0]));
    let server = serve(identity).await;
    let tls = seen_by(trusting(Trust::Explicit(vec![root])), target("relay.test", server), handshake()).await;
    assert_eq!((tls.version.as_str(), tls.alpn, tls.by_map, tls.by_roots), ("1.3", None, None, None));
    let [leaf, issuer] = tls.certificates.as_slice() else { panic!("{:?}", tls.certificates) };
    assert_eq!(leaf.sha256, format!("{hash:x}"));
    assert_eq!((leaf.common_name.as_str(), leaf.issuer.as_str()), ("The relay", "Test authority"));
    assert_eq!(leaf.dns_names, ["relay.test"]);
    let addresses: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    assert_eq!(leaf.addresses, addresses);
    assert_eq!((leaf.not_before, leaf.not_after), (1_577_836_800, 3_786_912_000));
    assert!(!leaf.self_issued && issuer.self_issued && leaf.meta_key.is_none());
    assert_eq!(issuer.common_name, "Test authority");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_an_answer() {
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    let mismatch = CertificateFault::NameMismatch { expected: "relay.test".into() };
    for ((identity, root), fault) in [
        (Identity::signed("relay.test", past), CertificateFault::Expired),
        (Identity::signed("relay.test", future), CertificateFault::NotYetValid),
        (Identity::signed("other.test", |_| {}), mismatch),
    ] {
        let server = serve(identity).await;
        let tls = seen_by(trusting(Trust::Explicit(vec![root])), target("relay.test", server), handshake()).await;
        assert_eq!((tls.by_map, tls.by_roots), (Some(fault.clone()), Some(fault)));
    }
}

#[tokio::test]
async fn the_map_and_the_roots_may_disagree() {
    let identity = Identity::self_signed("relay.test", |_| {});
    let pin = identity.pin();
    let server = serve(identity).await;
    let pinned = HttpsTarget { cert_name: pin, ..target("relay.test", server) };
    let tls = seen_by(trusting_a_stranger(), pinned, handshake()).await;
    assert_eq!((tls.by_map, tls.by_roots), (None, Some(CertificateFault::UnknownIssuer)));
    let insecure = HttpsTarget { insecure_for_tests: true, ..target("relay.test", server) };
    let tls = seen_by(trusting_a_stranger(), insecure, handshake()).await;
    assert_eq!((tls.by_map, tls.by_roots), (None, Some(CertificateFault::UnknownIssuer)));
    // A name in the map is what counts for it, and the host name for everybody else.
    let (identity, root) = Identity::signed("front.test", |_| {});
    let server = serve(identity).await;
    let fronted = HttpsTarget { cert_name: "front.test".into(), ..target("relay.test", server) };
    let tls = seen_by(trusting(Trust::Explicit(vec![root])), fronted, handshake()).await;
    let mismatch = CertificateFault::NameMismatch { expected: "relay.test".into() };
    assert_eq!((tls.by_map, tls.by_roots), (None, Some(mismatch)));
}

#[tokio::test]
async fn an_address_is_verified_as_one() {
    for (name, fault) in
        [("127.0.0.1", None), ("relay.test", Some(CertificateFault::NameMismatch { expected: "127.0.0.1".into() }))]
    {
        let (identity, root) = Identity::signed(name, |_| {});
        let server = serve(identity).await;
        let tls = seen_by(trusting(Trust::Explicit(vec![root])), target("127.0.0.1", server), handshake()).await;
        assert_eq!((&tls.by_map, &tls.by_roots), (&fault, &fault));
    }
}

#[tokio::test]
async fn roots_that_cannot_be_had_are_told_in_words() {
    let server = serve(Identity::self_signed("relay.test", |_| {})).await;
    let insecure = HttpsTarget { insecure_for_tests: true, ..target("relay.test", server) };
    let tls = seen_by(trusting(Trust::Explicit(Vec::new())), insecure, handshake()).await;
    assert_eq!(tls.by_map, None);
    let Some(CertificateFault::Other { said }) = tls.by_roots else { panic!("{:?}", tls.by_roots) };
    assert!(said.starts_with("trusted root certificates: "), "{said}");
}

#[tokio::test]
async fn our_relays_meta_certificate_tells_its_key() {
    let relay = ours(Access::Anyone);
    let pinned = HttpsTarget { cert_name: relay.pin.clone(), ..target("relay.test", relay.https) };
    let tls = seen_by(trusting_a_stranger(), pinned, handshake()).await;
    assert_eq!(tls.by_map, None);
    let keys: Vec<_> = tls.certificates.iter().map(|seen| seen.meta_key.clone()).collect();
    assert_eq!(keys, [None, Some(relay.key.to_hex())]);
}

#[tokio::test]
async fn protocols_are_offered_only_when_asked_for() {
    let mut config = server_config(Identity::self_signed("relay.test", |_| {}));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = tls_server(config, wait_for_end).await;
    let offering = |alpn: &[&str]| RelayAsk::Handshake {
        sni: Sni::HostName,
        alpn: alpn.iter().map(|protocol| (*protocol).to_owned()).collect(),
    };
    let chosen = |alpn| seen_by(trusting_a_stranger(), target("relay.test", server), alpn);
    assert_eq!(chosen(offering(&[])).await.alpn, None);
    assert_eq!(chosen(offering(&["h2", "http/1.1"])).await.alpn.as_deref(), Some("h2"));
    let refused = over_tls(target("relay.test", server), offering(&["http/1.1"])).await;
    let alert = "no_application_protocol".into();
    assert_eq!((refused.ended, refused.tls), (failed(Stage::Tls, Cause::TlsAlert { alert }), None));
    assert!(refused.connect.is_some());
}

/// Has a certificate for one name alone, and remembers the names it was asked for.
#[derive(Debug)]
struct Picky {
    name: &'static str,
    certified: Arc<CertifiedKey>,
    asked: Arc<Mutex<Vec<Option<String>>>>,
}

impl ResolvesServerCert for Picky {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_owned);
        let fits = name.as_deref() == Some(self.name);
        self.asked.lock().unwrap().push(name);
        fits.then(|| Arc::clone(&self.certified))
    }
}

fn config_by(resolver: Picky) -> ServerConfig {
    ServerConfig::builder_with_provider(tls_roots::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver))
}

fn certified(chain: Vec<CertificateDer<'static>>, key: Vec<u8>) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::try_from(key).unwrap();
    Arc::new(CertifiedKey::new(chain, tls_roots::provider().key_provider.load_private_key(key).unwrap()))
}

#[tokio::test]
async fn the_name_in_the_greeting_is_the_one_asked_for() {
    let Identity { chain, key } = Identity::self_signed("relay.test", |_| {});
    let asked = Arc::new(Mutex::new(Vec::new()));
    let picky = Picky { name: "relay.test", certified: certified(chain, key), asked: Arc::clone(&asked) };
    let server = tls_server(config_by(picky), wait_for_end).await;
    let mut got = Vec::new();
    for (host, sni) in [
        ("relay.test", Sni::HostName),
        ("relay.test", Sni::Absent),
        ("relay.test", Sni::Name("other.test".into())),
        ("other.test", Sni::Name("relay.test".into())),
        ("127.0.0.1", Sni::HostName),
    ] {
        let answer = over_tls(target(host, server), RelayAsk::Handshake { sni, alpn: Vec::new() }).await;
        got.push(answer.tls.is_some());
        let alert = matches!(answer.ended, Some(Failure { stage: Stage::Tls, cause: Cause::TlsAlert { .. } }));
        assert_eq!(answer.tls.is_none(), alert, "{answer:?}");
    }
    assert_eq!(got, [true, false, false, true, false]);
    let names = asked.lock().unwrap().clone();
    let names: Vec<_> = names.iter().map(Option::as_deref).collect();
    assert_eq!(names, [Some("relay.test"), None, Some("other.test"), Some("relay.test"), None]);
}

#[tokio::test]
async fn any_certificate_does_but_its_key_must_be_there() {
    let Identity { chain, .. } = Identity::self_signed("relay.test", |_| {});
    let Identity { key, .. } = Identity::self_signed("relay.test", |_| {});
    let stolen = Picky { name: "relay.test", certified: certified(chain, key), asked: Arc::default() };
    let server = tls_server(config_by(stolen), wait_for_end).await;
    let answer = over_tls(target("relay.test", server), handshake()).await;
    assert_eq!(answer.tls, None);
    assert_eq!(answer.ended.map(|failure| failure.stage), Some(Stage::Tls));
}

#[tokio::test]
async fn an_older_version_is_told() {
    let Identity { chain, key } = Identity::self_signed("relay.test", |_| {});
    let config = ServerConfig::builder_with_provider(tls_roots::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key).unwrap())
        .unwrap();
    let server = tls_server(config, wait_for_end).await;
    let tls = seen_by(trusting_a_stranger(), target("relay.test", server), handshake()).await;
    assert_eq!(tls.version, "1.2");
}
