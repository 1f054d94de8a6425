//! One certificate: the order, the proof, and what comes of it.

use std::io;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use tokio::time::{Instant, sleep};

use super::challenge::{Challenges, Way};
use super::failure::{Failure, is_of_validation, told};

/// For the authority to look, from all the places it looks from.
const PATIENCE: Duration = Duration::from_secs(90);
const EVERY: Duration = Duration::from_secs(2);

/// For the authority to sign.
const SIGNING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_secs(90));

/// A chain and its key, as PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

/// Which way it went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tried {
    pub(super) way: Way,
    /// Whether there is another one, which the authority offers too.
    pub(super) or_else: Option<Way>,
}

/// Has a certificate for the name, proven the first of these ways that the authority offers. The way it went is told
/// even if it failed.
pub(super) async fn place(
    account: &Account,
    name: &str,
    ways: &[Way],
    challenges: &Challenges,
    tried: &mut Option<Tried>,
) -> Result<Issued, Failure> {
    let identifiers = [Identifier::Dns(name.to_owned())];
    let mut order =
        account.new_order(&NewOrder::new(&identifiers)).await.map_err(|error| Failure::of("a new order", &error))?;
    prove(&mut order, name, ways, challenges, tried).await?;
    if order.state().status != OrderStatus::Ready {
        let status = order
            .poll_ready(&RetryPolicy::new().timeout(PATIENCE))
            .await
            .map_err(|error| Failure::of("the order", &error))?;
        if status != OrderStatus::Ready {
            return Err(Failure::refused(
                "the order",
                "the authority calls it invalid, and did not say why".to_owned(),
            ));
        }
    }
    let (key, request) = request(name).map_err(|error| Failure::local("the certificate's key", &error))?;
    order.finalize_csr(&request).await.map_err(|error| Failure::of("signing", &error))?;
    let chain = order.poll_certificate(&SIGNING).await.map_err(|error| Failure::of("signing", &error))?;
    Ok(Issued { chain, key })
}

async fn prove(
    order: &mut Order,
    name: &str,
    ways: &[Way],
    challenges: &Challenges,
    tried: &mut Option<Tried>,
) -> Result<(), Failure> {
    let failed = |error: instant_acme::Error| Failure::of("the proof", &error);
    let mut authorizations = order.authorizations();
    let Some(authorization) = authorizations.next().await else { return Ok(()) };
    let mut authorization = authorization.map_err(failed)?;
    match authorization.status {
        // Proven lately, for an earlier order.
        AuthorizationStatus::Valid => return Ok(()),
        AuthorizationStatus::Pending => {}
        other => {
            return Err(Failure::refused("the proof", format!("the authority calls it `{other:?}` from the start")));
        }
    }
    let offered: Vec<ChallengeType> =
        authorization.challenges.iter().map(|challenge| challenge.r#type.clone()).collect();
    let mut possible = ways.iter().copied().filter(|way| offered.contains(&way.kind()));
    let Some(way) = possible.next() else {
        return Err(Failure::refused("the proof", format!("the authority wants one of {}", list(&offered))));
    };
    *tried = Some(Tried { way, or_else: possible.next() });
    let Some(mut challenge) = authorization.challenge(way.kind()) else { return Ok(()) };
    let answer = challenge.key_authorization();
    // Until the authority has looked, or will not any more.
    let _showing =
        challenges.show(way, name, &challenge.token, &answer).map_err(|error| Failure::local("the proof", &error))?;
    // Some look at once, and answer with what they have found.
    challenge.set_ready().await.map_err(|error| match &error {
        Error::Api(problem) if is_of_validation(problem) => unproven(way, &told(problem)),
        _ => failed(error),
    })?;
    let until = Instant::now() + PATIENCE;
    let mut wait = EVERY / 4;
    loop {
        sleep(wait).await;
        wait = EVERY;
        let mut authorizations = order.authorizations();
        let Some(authorization) = authorizations.next().await else { return Ok(()) };
        let mut authorization = authorization.map_err(failed)?;
        let state = authorization.refresh().await.map_err(failed)?;
        match state.status {
            AuthorizationStatus::Valid => break,
            AuthorizationStatus::Pending if Instant::now() < until => {}
            AuthorizationStatus::Pending => {
                let cause = format!("the authority has not decided in {} s ({way})", PATIENCE.as_secs());
                return Err(Failure::network("the proof", cause));
            }
            _ => {
                let because = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
                let because = because.map_or_else(|| "it did not say why".to_owned(), told);
                return Err(unproven(way, &because));
            }
        }
    }
    Ok(())
}

fn unproven(way: Way, because: &str) -> Failure {
    Failure::validation("the proof", format!("{way} failed: {because}"))
}

fn list(kinds: &[ChallengeType]) -> String {
    let names: Vec<&str> = kinds
        .iter()
        .map(|kind| match kind {
            ChallengeType::Http01 => "http-01",
            ChallengeType::TlsAlpn01 => "tls-alpn-01",
            ChallengeType::Dns01 => "dns-01",
            _ => "a kind not known here",
        })
        .collect();
    names.join(", ")
}

/// A new key, and the request to sign it for that name alone.
fn request(name: &str) -> io::Result<(String, Vec<u8>)> {
    let made = || -> Result<_, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key)?;
        Ok((key.serialize_pem(), request.der().to_vec()))
    };
    made().map_err(|error| io::Error::other(format!("cannot make a request for a certificate: {error}")))
}
