//! Questions to real relays and to scripted servers, all on loopback.

mod derp;
mod exchange;
mod hostile;
mod http;
mod scripted;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::super::https::Stream;
use super::super::options::{NetworkOptions, Proxies, Trust};
use super::super::tests::https::{Identity, request_head, target, tcp_server};
use super::super::tests::outcome_of;
use crate::drive::relay::{Access, AccessRules, Relay, RelayHandle, RelayOptions};
use crate::drive::tls_roots;
use crate::model::NodePublic;
use crate::probe::{
    Cause, CertificateFault, DerpStart, Failure, HttpRequest, HttpsTarget, Outcome, Question, RelayAnswer, RelayAsk,
    RelayQuestion, Sni, Stage,
};

/// For what is certain to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// For what is certain not to come.
const SHORT: Duration = Duration::from_millis(400);

fn trusting(trust: Trust) -> NetworkOptions {
    NetworkOptions { proxies: Proxies::None, trust, ..NetworkOptions::default() }
}

/// Trusts somebody who has signed nothing here.
fn trusting_a_stranger() -> NetworkOptions {
    let (_, root) = Identity::signed("nobody.test", |_| {});
    trusting(Trust::Explicit(vec![root]))
}

async fn answer_by(options: NetworkOptions, question: RelayQuestion) -> RelayAnswer {
    match outcome_of(options, Question::Relay(Box::new(question))).await {
        Outcome::Relay(answer) => *answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// The answer of a relay that speaks TLS.
async fn over_tls(target: HttpsTarget, ask: RelayAsk) -> RelayAnswer {
    let question = RelayQuestion { target, tls: true, ask, timeout: PATIENCE };
    answer_by(trusting_a_stranger(), question).await
}

/// The answer of a server that speaks no TLS.
async fn plain(server: SocketAddr, ask: RelayAsk) -> RelayAnswer {
    within(PATIENCE, server, ask).await
}

async fn within(timeout: Duration, server: SocketAddr, ask: RelayAsk) -> RelayAnswer {
    let question = RelayQuestion { target: target("relay.test", server), tls: false, ask, timeout };
    answer_by(trusting_a_stranger(), question).await
}

const fn handshake() -> RelayAsk {
    RelayAsk::Handshake { sni: Sni::HostName, alpn: Vec::new() }
}

const fn get(request: HttpRequest) -> RelayAsk {
    RelayAsk::Http { request }
}

const fn derp(start: DerpStart) -> RelayAsk {
    RelayAsk::Derp { start }
}

#[allow(clippy::unnecessary_wraps, reason = "what answers are compared with")]
fn failed(stage: Stage, cause: Cause) -> Option<Failure> {
    Some(Failure::new(stage, cause))
}

/// How a TLS server of that identity is set up.
fn server_config(identity: Identity) -> ServerConfig {
    ServerConfig::builder_with_provider(tls_roots::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain, PrivateKeyDer::try_from(identity.key).unwrap())
        .unwrap()
}

/// A TLS server that does to every connection what `act` says.
async fn tls_server<F, R>(config: ServerConfig, act: F) -> SocketAddr
where
    F: Fn(Box<dyn Stream>) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tcp_server(move |stream| {
        let (acceptor, act) = (acceptor.clone(), act.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                act(Box::new(stream)).await;
            }
        }
    })
    .await
}

/// Does nothing until the client leaves.
async fn wait_for_end(mut stream: impl Stream) {
    let mut heard = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut heard).await;
}

/// Our own relay on both kinds of ports.
struct Ours {
    https: SocketAddr,
    http: SocketAddr,
    key: NodePublic,
    pin: String,
    _running: RelayHandle,
}

fn ours(access: Access) -> Ours {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = RelayOptions {
        https_addrs: vec![any],
        host_name: Some("relay.test".into()),
        access,
        ..RelayOptions::default()
    };
    let relay = Relay::bind(options).unwrap();
    let (https, pin, key) = (relay.https_addrs()[0], relay.cert_pin().unwrap(), relay.public_key());
    Ours { https, http: https, key, pin, _running: relay.spawn() }
}

/// The same without TLS.
fn ours_plain(access: Access) -> Ours {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let relay = Relay::bind(RelayOptions { http_addrs: vec![any], access, ..RelayOptions::default() }).unwrap();
    let (http, key) = (relay.http_addrs()[0], relay.public_key());
    Ours { https: http, http, key, pin: String::new(), _running: relay.spawn() }
}

/// Lets nobody in.
fn nobody() -> Access {
    Access::Rules(AccessRules::default())
}
