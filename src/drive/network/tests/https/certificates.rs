//! Whose certificate is taken, and what is told of one that is not.

use super::*;

#[tokio::test]
async fn every_phase_is_timed_and_the_certificate_told() {
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let hash = identity.pin();
    let server = identity.and("derpkey0123").serve(Script::Answer(OK)).await;
    let answer = answer(trusting(&root), target("relay.test", server)).await;
    assert_eq!((answer.status, answer.remote, answer.via_proxy), (200, server, None));
    assert!(answer.connect > Duration::ZERO && answer.tls > Duration::ZERO && answer.request > Duration::ZERO);
    assert_eq!(format!("sha256-raw:{}", answer.cert_sha256.unwrap()), hash);
}

#[tokio::test]
async fn an_unknown_issuer_is_told() {
    let server = Identity::self_signed("relay.test", |_| {}).serve(Script::Answer(OK)).await;
    let (_, root) = Identity::signed("other.test", |_| {});
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, CertificateFault::UnknownIssuer);
    // The system's own roots do not know it either.
    assert_eq!(fault(direct(Trust::System), target("relay.test", server)).await, CertificateFault::UnknownIssuer);
}

#[tokio::test]
async fn a_wrong_name_is_told() {
    let (identity, root) = Identity::signed("other.test", |_| {});
    let server = identity.serve(Script::Answer(OK)).await;
    let expected = CertificateFault::NameMismatch { expected: "relay.test".into() };
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, expected);
    // The map may say that the certificate is for another name.
    let fronted = HttpsTarget { cert_name: "other.test".into(), ..target("relay.test", server) };
    assert_eq!(answer(trusting(&root), fronted).await.status, 200);
}

#[tokio::test]
async fn an_address_for_a_host_name_must_be_in_the_certificate() {
    let (identity, root) = Identity::signed("127.0.0.1", |_| {});
    let server = identity.serve(Script::Answer(OK)).await;
    assert_eq!(answer(trusting(&root), target("127.0.0.1", server)).await.status, 200);
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let server = identity.serve(Script::Answer(OK)).await;
    let expected = CertificateFault::NameMismatch { expected: "127.0.0.1".into() };
    assert_eq!(fault(trusting(&root), target("127.0.0.1", server)).await, expected);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told() {
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    let (identity, root) = Identity::signed("relay.test", past);
    let server = identity.serve(Script::Answer(OK)).await;
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, CertificateFault::Expired);
    let (identity, root) = Identity::signed("relay.test", future);
    let server = identity.serve(Script::Answer(OK)).await;
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, CertificateFault::NotYetValid);
    // A pin does not lift it.
    for (identity, expected) in [
        (Identity::self_signed("relay.test", past), CertificateFault::Expired),
        (Identity::self_signed("relay.test", future), CertificateFault::NotYetValid),
    ] {
        let cert_name = identity.pin();
        let server = identity.serve(Script::Answer(OK)).await;
        let pinned = HttpsTarget { cert_name, ..target("relay.test", server) };
        assert_eq!(fault(direct(Trust::System), pinned).await, expected);
    }
}

#[tokio::test]
async fn a_pin_takes_the_place_of_the_chain() {
    let identity = Identity::self_signed("relay.test", |_| {});
    let cert_name = identity.pin();
    let server = identity.and("derpkey0123").serve(Script::Answer(OK)).await;
    let pinned = |cert_name: &str| HttpsTarget { cert_name: cert_name.into(), ..target("relay.test", server) };
    assert_eq!(answer(direct(Trust::System), pinned(&cert_name)).await.status, 200);

    let hex = cert_name.strip_prefix("sha256-raw:").unwrap();
    for wrong in ["0".repeat(64), hex.to_uppercase(), String::new()] {
        let expected = CertificateFault::PinMismatch { expected: wrong.clone(), presented: hex.into() };
        assert_eq!(fault(direct(Trust::System), pinned(&format!("sha256-raw:{wrong}"))).await, expected);
        // Nor does "insecure" lift a pin.
        let insecure = HttpsTarget { insecure_for_tests: true, ..pinned(&format!("sha256-raw:{wrong}")) };
        assert_eq!(fault(direct(Trust::System), insecure).await, expected);
    }
}

#[tokio::test]
async fn a_pinned_certificate_must_be_for_the_name_and_alone() {
    let identity = Identity::self_signed("other.test", |_| {});
    let cert_name = identity.pin();
    let server = identity.serve(Script::Answer(OK)).await;
    let pinned = HttpsTarget { cert_name: cert_name.clone(), ..target("relay.test", server) };
    let expected = CertificateFault::NameMismatch { expected: "relay.test".into() };
    assert_eq!(fault(direct(Trust::System), pinned).await, expected);
    // An address has no name to compare.
    let pinned = HttpsTarget { cert_name, ..target("127.0.0.1", server) };
    assert_eq!(answer(direct(Trust::System), pinned).await.status, 200);

    let identity = Identity::self_signed("relay.test", |_| {});
    let cert_name = identity.pin();
    let server = identity.and("derpkey0123").and("intermediate").serve(Script::Answer(OK)).await;
    let pinned = HttpsTarget { cert_name, ..target("relay.test", server) };
    assert_eq!(fault(direct(Trust::System), pinned).await, CertificateFault::NotAlone { count: 2 });
}

#[tokio::test]
async fn insecure_for_tests_verifies_nothing() {
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let server = Identity::self_signed("other.test", past).serve(Script::Answer(OK)).await;
    let insecure = HttpsTarget { insecure_for_tests: true, ..target("relay.test", server) };
    assert_eq!(answer(direct(Trust::System), insecure).await.status, 200);
}
