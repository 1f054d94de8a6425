//! The authority over HTTPS, with bounds on what it may take: time, memory, and the places it may send to.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Client, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::drive::{tls_roots, wall_clock};

/// For a request with its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Chains are some kilobytes, and lists of problems can be no longer.
const LARGEST_ANSWER: usize = 1 << 18;

/// Longest file of certificates that is read.
const LARGEST_PEM: u64 = 1 << 20;

/// RFC 8555 section 6.1 demands one.
const AGENT: &str = concat!("natscope/", env!("CARGO_PKG_VERSION"), " instant-acme/0.8");

/// Whom the relay asks.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    client: Client,
    /// The last Retry-After of an answer that is a refusal.
    asked_for: Arc<Mutex<Option<Duration>>>,
}

impl Authority {
    /// `ca`: who signs the authority's own certificate, where that is none the system knows.
    pub(super) fn new(ca: Option<&Path>) -> io::Result<Self> {
        let failed = |error: &dyn std::fmt::Display| io::Error::other(format!("cannot ask an ACME directory: {error}"));
        let tls = match ca {
            Some(file) => {
                let verifier = tls_roots::verifier_of(&roots(file)?).map_err(|error| {
                    io::Error::other(format!("{}: no certificate of an authority: {error}", file.display()))
                })?;
                tls_roots::config_with(verifier)
            }
            None => tls_roots::client_config(),
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls.map_err(|error| failed(&error))?)
            .https_only(true)
            // What is signed is signed for its URL.
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { client, asked_for: Arc::default() })
    }

    /// How long it has asked to be left alone, told once.
    pub(super) fn take_asked_for(&self) -> Option<Duration> {
        self.asked_for.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn exchange(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        let request = self.client.request(head.method, head.uri.to_string()).headers(head.headers);
        let mut answer = request.header(USER_AGENT, AGENT).body(body).send().await.map_err(other)?;
        let status = answer.status();
        if !status.is_success() {
            *self.asked_for.lock().unwrap_or_else(PoisonError::into_inner) = retry_after(answer.headers());
            if !is_problem(answer.headers()) {
                let said = format!("it answered {} and no ACME problem", status.as_u16());
                return Err(Error::Other(said.into()));
            }
        }
        let headers = std::mem::take(answer.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(other)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Error::Other("its answer is longer than any of an ACME directory".into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response(status, headers, body))
    }
}

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().exchange(request))
    }
}

fn response(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> BytesResponse {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    BytesResponse::from(response)
}

fn other(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::Other(format!("no answer in {} s", PATIENCE.as_secs()).into());
    }
    Error::Other(Box::new(error))
}

/// RFC 7807; a proxy's or a balancer's page is none.
fn is_problem(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/problem+json") || kind.starts_with("application/json")
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(wall_clock::now()).ok()
}

fn roots(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let named = |error: &dyn std::fmt::Display| io::Error::other(format!("cannot use {}: {error}", file.display()));
    let mut pem = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(LARGEST_PEM).read_to_end(&mut pem))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", file.display())))?;
    let roots: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| named(&error))?;
    if roots.is_empty() {
        return Err(named(&"no certificate in PEM is in it"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::drive::relay::certificate;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn the_wish_to_be_left_alone_is_seconds_or_a_date() {
        assert_eq!(retry_after(&headers("retry-after", " 120 ")), Some(Duration::from_secs(120)));
        let date = httpdate::fmt_http_date(wall_clock::now() + Duration::from_secs(600));
        let told = retry_after(&headers("retry-after", &date)).unwrap().as_secs();
        assert!((590..=600).contains(&told), "{told}");
        for nothing in ["soon", "-5", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(retry_after(&headers("retry-after", nothing)), None, "{nothing}");
        }
    }

    #[test]
    fn a_balancers_page_is_no_problem_of_acme() {
        assert!(is_problem(&headers("content-type", "application/problem+json; charset=utf-8")));
        assert!(!is_problem(&headers("content-type", "text/html")));
    }

    #[test]
    fn roots_are_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("root.crt");
        assert!(Authority::new(Some(&file)).unwrap_err().to_string().contains("root.crt"));
        std::fs::write(&file, "nothing").unwrap();
        assert!(Authority::new(Some(&file)).unwrap_err().to_string().contains("no certificate in PEM"));
    }

    /// An authority that answers one request with these bytes, and whoever trusts it.
    async fn answering(answer: Vec<u8>) -> (Authority, String) {
        let made = certificate::self_signed("127.0.0.1", wall_clock::now()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root.crt");
        std::fs::write(&root, &made.certificate).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(tls_roots::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap(),
            )
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/directory", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            let asked = String::from_utf8_lossy(&asked[..length]).to_lowercase();
            assert!(asked.contains("user-agent: natscope/"), "{asked}");
            // Whoever has seen enough does not read on.
            drop(stream.write_all(&answer).await);
            drop(stream.shutdown().await);
        });
        (Authority::new(Some(&root)).unwrap(), url)
    }

    async fn asked(answer: impl Into<Vec<u8>>) -> (Result<BytesResponse, String>, Authority) {
        let (authority, url) = answering(answer.into()).await;
        let request = Request::builder().uri(url).body(BodyWrapper::default()).unwrap();
        let outcome = authority.clone().exchange(request).await.map_err(|error| error.to_string());
        (outcome, authority)
    }

    #[tokio::test]
    async fn answers_are_bounded_and_refusals_kept_apart() {
        let (outcome, authority) = asked("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
        assert_eq!(outcome.unwrap().parts.status, StatusCode::OK);
        assert_eq!(authority.take_asked_for(), None);

        let problem = "HTTP/1.1 429 x\r\nContent-Type: application/problem+json\r\nRetry-After: 7200\r\n\
                       Content-Length: 2\r\n\r\n{}";
        let (outcome, authority) = asked(problem).await;
        assert_eq!(outcome.unwrap().parts.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(authority.take_asked_for(), Some(Duration::from_secs(7200)));
        assert_eq!(authority.take_asked_for(), None, "told once");

        let page = "HTTP/1.1 503 x\r\nContent-Type: text/html\r\nRetry-After: 60\r\nContent-Length: 3\r\n\r\nno!";
        let (outcome, authority) = asked(page).await;
        assert_eq!(outcome.err().unwrap(), "it answered 503 and no ACME problem");
        assert_eq!(authority.take_asked_for(), Some(Duration::from_secs(60)));

        let elsewhere = "HTTP/1.1 302 x\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(asked(elsewhere).await.0.err().unwrap(), "it answered 302 and no ACME problem");

        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(4 * LARGEST_ANSWER, b'x');
        assert!(asked(endless).await.0.err().unwrap().contains("longer than any"));
    }

    #[tokio::test]
    async fn only_https_is_spoken() {
        let (authority, _) = answering(Vec::new()).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/directory", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        });
        let request = Request::builder().uri(url).body(BodyWrapper::default()).unwrap();
        assert!(authority.exchange(request).await.is_err());
    }
}
