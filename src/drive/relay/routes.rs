use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::{acme, websocket};
use crate::wire::upgrade;

/// Longest challenge that is echoed, in characters.
const LONGEST_CHALLENGE: usize = 64;

/// The headers derper sends with everything a browser may show.
const BROWSER_HEADERS: [(HeaderName, &str); 4] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'; block-all-mixed-content; \
         object-src 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

const HOME: &str = "<!DOCTYPE html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>natscope relay</title>
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\"></head>
<body><h1>natscope relay</h1>
<p>This is a DERP relay: machines of a private network that cannot reach each other directly pass their packets through
it, and ask it under which address they are seen. What passes is encrypted between the machines; the relay sees who
sends to whom and how much, and cannot read it.</p>
<p>There is nothing to log in to. What its owner may see of it is told on another address.</p>
</body></html>
";

/// Which listener the requests come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The main one.
    Main,
    /// The plain one beside HTTPS: the captive-portal endpoint, and redirects to HTTPS.
    BesideHttps {
        /// The port of HTTPS.
        port: u16,
    },
}

/// What is answered to which request, as derper answers it.
#[derive(Debug)]
pub(super) struct Routes {
    role: Role,
    /// Answers that an ACME authority looks for.
    acme: Option<Arc<acme::Shared>>,
}

pub(super) type Answer = Response<Full<Bytes>>;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// It is answered.
    Answer(Answer),
    /// The connection is a DERP client's from here on; whatever is to be answered comes from there.
    Upgrade(Opening),
}

/// How a DERP connection opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// With a response, and then frames.
    Answered,
    /// With frames at once: the client has the relay's key from the certificate.
    FastStart,
    /// With a WebSocket, and frames in its messages.
    WebSocket(websocket::Handshake),
}

impl Routes {
    pub(super) const fn new(role: Role, acme: Option<Arc<acme::Shared>>) -> Self {
        Self { role, acme }
    }

    /// The body of the request is not looked at.
    pub(super) fn reply<B>(&self, request: &Request<B>) -> Reply {
        if request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST) {
            return Reply::Answer(text(StatusCode::BAD_REQUEST, "missing Host header\n"));
        }
        if request.method() == Method::CONNECT {
            return Reply::Answer(text(StatusCode::FORBIDDEN, "CONNECT not enabled\n"));
        }
        // The path of an absolute-form target counts too: tailscale-rs sends that form.
        let path = request.uri().path();
        if let Some(content) = self.acme.as_ref().and_then(|acme| acme.challenges.file(path)) {
            return Reply::Answer(challenge(content));
        }
        Reply::Answer(match (path, self.role) {
            ("/generate_204", _) => no_content(request.headers()),
            (path, Role::BesideHttps { port }) if !path.starts_with("/debug") => redirect(request, port),
            ("/derp/latency-check" | "/derp/probe", _) => latency_check(request.method()),
            (upgrade::PATH, Role::Main) => return derp(request.headers()),
            ("/robots.txt", _) => page("text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n"),
            ("/bootstrap-dns", _) => bootstrap_dns(),
            ("/debug", _) => debug(),
            (path, _) if path.starts_with("/debug/") => text(StatusCode::FORBIDDEN, "debug access denied\n"),
            _ => page("text/html; charset=utf-8", HOME),
        })
    }
}

/// Nothing, as derper has it when it was told no names: clients go on without.
fn bootstrap_dns() -> Answer {
    let mut answer = page("application/json", "");
    set(&mut answer, header::CONNECTION, "close");
    answer
}

fn debug() -> Answer {
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    set(&mut answer, header::LOCATION, "/debug/");
    answer
}

fn latency_check(method: &Method) -> Answer {
    if method != Method::GET && method != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "bogus probe method\n");
        set(&mut answer, header::ALLOW, "GET, HEAD");
        return answer;
    }
    let mut answer = Response::default();
    set(&mut answer, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    answer
}

/// RFC 8555 section 8.3.
fn challenge(content: String) -> Answer {
    let mut answer = Response::new(Full::from(content));
    set(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut answer, header::CACHE_CONTROL, "no-store");
    answer
}

fn no_content(request: &HeaderMap) -> Answer {
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    set(&mut answer, header::CACHE_CONTROL, "no-cache, no-store, must-revalidate, no-transform, max-age=0");
    let challenge = request.get("x-tailscale-challenge").and_then(|value| value.to_str().ok());
    let response = challenge
        .filter(|challenge| is_challenge(challenge))
        .and_then(|challenge| HeaderValue::from_str(&format!("response {challenge}")).ok());
    if let Some(response) = response {
        answer.headers_mut().insert("x-tailscale-response", response);
    }
    answer
}

fn is_challenge(text: &str) -> bool {
    (1..=LONGEST_CHALLENGE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
}

/// The method is not looked at, nor is `Connection`, as derper does not either: tailscale-rs sends POST, and some
/// proxies leave the header out.
fn derp(request: &HeaderMap) -> Reply {
    let wanted = request.get(header::UPGRADE).map(|value| value.as_bytes().to_ascii_lowercase());
    match wanted.as_deref() {
        Some(b"derp") => Reply::Upgrade(plain(request)),
        Some(b"websocket") => match request.get(header::SEC_WEBSOCKET_PROTOCOL) {
            Some(protocols) if websocket::offers(protocols) => websocket(request, protocols),
            // Clients of long ago said websocket and meant DERP.
            _ => Reply::Upgrade(plain(request)),
        },
        _ => {
            let mut answer = text(StatusCode::UPGRADE_REQUIRED, "DERP requires connection upgrade\n");
            // RFC 9110 section 15.5.22 demands what derper leaves out.
            set(&mut answer, header::UPGRADE, "DERP");
            set(&mut answer, header::CONNECTION, "Upgrade");
            Reply::Answer(answer)
        }
    }
}

/// Whether the client would rather be at another node of the region, and says which. It does not, where it would not.
pub(super) fn is_not_ideal(request: &HeaderMap) -> bool {
    request.get("ideal-node").is_some_and(|node| !node.is_empty())
}

fn plain(request: &HeaderMap) -> Opening {
    let fast = request.get("derp-fast-start").is_some_and(|value| value == "1");
    if fast { Opening::FastStart } else { Opening::Answered }
}

fn websocket(request: &HeaderMap, protocols: &HeaderValue) -> Reply {
    let version = request.get(header::SEC_WEBSOCKET_VERSION).filter(|version| version.as_bytes() == b"13");
    match (version, request.get(header::SEC_WEBSOCKET_KEY)) {
        (None, _) => {
            let mut answer = text(StatusCode::UPGRADE_REQUIRED, "only version 13 of WebSocket is spoken here\n");
            set(&mut answer, header::SEC_WEBSOCKET_VERSION, "13");
            Reply::Answer(answer)
        }
        (_, None) => Reply::Answer(text(StatusCode::BAD_REQUEST, "missing Sec-WebSocket-Key header\n")),
        (Some(version), Some(key)) => {
            let handshake =
                websocket::Handshake { key: key.clone(), version: version.clone(), protocols: protocols.clone() };
            Reply::Upgrade(Opening::WebSocket(handshake))
        }
    }
}

fn redirect<B>(request: &Request<B>, port: u16) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::BAD_REQUEST, "Use HTTPS\n");
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // The port of the plain listener is not that of HTTPS. derper keeps it, and so redirects nowhere.
    let Ok(authority) = host.parse::<hyper::http::uri::Authority>() else {
        return text(StatusCode::BAD_REQUEST, "malformed Host header\n");
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let host = authority.host();
    let location = if port == 443 { format!("https://{host}{path}") } else { format!("https://{host}:{port}{path}") };
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::FOUND;
    set(&mut answer, header::LOCATION, &location);
    answer
}

fn page(content_type: &str, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(body));
    for (name, value) in BROWSER_HEADERS {
        set(&mut answer, name, value);
    }
    set(&mut answer, header::CONTENT_TYPE, content_type);
    answer
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    set(&mut answer, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    set(&mut answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

/// All values but a redirect's are ours; that one came out of a parsed request and is a value again.
fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BESIDE: Role = Role::BesideHttps { port: 8443 };

    fn respond(role: Role, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", "relay.example:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match Routes::new(role, None).reply(&request.body(()).unwrap()) {
            Reply::Answer(answer) => answer,
            Reply::Upgrade(opening) => panic!("{opening:?}"),
        }
    }

    fn opening(method: &str, target: &str, headers: &[(&str, &str)]) -> Opening {
        let mut request = Request::builder().method(method).uri(target).header("host", "relay.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match Routes::new(Role::Main, None).reply(&request.body(()).unwrap()) {
            Reply::Upgrade(opening) => opening,
            Reply::Answer(answer) => panic!("{answer:?}"),
        }
    }

    fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn latency_checks_are_answered_empty() {
        for path in ["/derp/latency-check", "/derp/probe", "https://192.0.2.1/derp/latency-check"] {
            for method in ["GET", "HEAD"] {
                let answer = respond(Role::Main, method, path, &[]);
                assert_eq!(answer.status(), 200);
                assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
            }
            assert_eq!(respond(Role::Main, "POST", path, &[]).status(), 405);
        }
    }

    #[test]
    fn challenges_are_echoed_when_harmless() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        for (challenge, echoed) in [
            ("ts_derp.example.com", true),
            ("a-B_9.:", true),
            (&longest, true),
            (&too_long, false),
            ("", false),
            ("ts_[::1]", false),
            ("a b", false),
        ] {
            for role in [Role::Main, BESIDE] {
                let answer = respond(role, "GET", "/generate_204", &[("X-Tailscale-Challenge", challenge)]);
                assert_eq!(answer.status(), 204);
                let expected = format!("response {challenge}");
                assert_eq!(header(&answer, "x-tailscale-response"), echoed.then_some(expected.as_str()));
            }
        }
        let answer = respond(Role::Main, "POST", "/generate_204", &[]);
        assert_eq!((answer.status().as_u16(), header(&answer, "x-tailscale-response")), (204, None));
        assert!(header(&answer, "cache-control").unwrap().contains("no-store"));
    }

    #[test]
    fn derp_wants_an_upgrade() {
        assert_eq!(respond(Role::Main, "GET", "/derp", &[]).status(), 426);
        assert_eq!(respond(Role::Main, "GET", "/derp", &[("upgrade", "h2c")]).status(), 426);
        assert_eq!(respond(Role::Main, "GET", "/derp/", &[("upgrade", "DERP")]).status(), 200, "the home page");
        assert_eq!(respond(BESIDE, "GET", "/derp", &[("upgrade", "DERP")]).status(), 302, "not beside HTTPS");
        for (method, target) in [("GET", "/derp"), ("POST", "https://192.0.2.1/derp")] {
            assert_eq!(opening(method, target, &[("upgrade", "DERP")]), Opening::Answered);
            assert_eq!(opening(method, target, &[("upgrade", "derp"), ("derp-fast-start", "1")]), Opening::FastStart);
            assert_eq!(opening(method, target, &[("upgrade", "derp"), ("derp-fast-start", "yes")]), Opening::Answered);
        }
    }

    #[test]
    fn a_websocket_is_one_when_it_says_derp() {
        let offer = |protocol| [("upgrade", "WebSocket"), ("sec-websocket-protocol", protocol)];
        assert_eq!(opening("GET", "/derp", &offer("chat")), Opening::Answered);
        assert_eq!(opening("GET", "/derp", &[("upgrade", "websocket")]), Opening::Answered);
        assert_eq!(respond(Role::Main, "GET", "/derp", &offer("derp")).status(), 426, "no version");
        let mut headers = offer("derp").to_vec();
        headers.push(("sec-websocket-version", "13"));
        assert_eq!(respond(Role::Main, "GET", "/derp", &headers).status(), 400, "no key");
        headers.push(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(matches!(opening("GET", "/derp", &headers), Opening::WebSocket(_)));
    }

    #[test]
    fn nobody_may_debug() {
        for role in [Role::Main, BESIDE] {
            let answer = respond(role, "GET", "/debug", &[]);
            assert_eq!((answer.status().as_u16(), header(&answer, "location")), (307, Some("/debug/")));
            assert_eq!(respond(role, "GET", "/debug/vars", &[]).status(), 403);
            assert_eq!(respond(role, "GET", "/debugfoo", &[]).status(), 200, "the home page");
        }
        let answer = respond(Role::Main, "GET", "/bootstrap-dns?q=example.com", &[]);
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (200, Some("application/json")));
    }

    #[test]
    fn plain_http_beside_https_redirects() {
        let answer = respond(BESIDE, "GET", "/derp?x=1", &[]);
        assert_eq!(answer.status(), 302);
        assert_eq!(header(&answer, "location"), Some("https://relay.example:8443/derp?x=1"));
        assert_eq!(respond(BESIDE, "POST", "/", &[]).status(), 400);
        assert_eq!(respond(BESIDE, "GET", "/derp/latency-check", &[]).status(), 302);
    }

    #[test]
    fn browsers_see_a_page() {
        for path in ["/", "/nothing/here", "/robots.txt"] {
            let answer = respond(Role::Main, "GET", path, &[]);
            assert_eq!(answer.status(), 200);
            assert_eq!(header(&answer, "x-frame-options"), Some("DENY"));
        }
        assert_eq!(respond(Role::Main, "CONNECT", "example.com:443", &[]).status(), 403);
        let without_host = Request::builder().uri("/").body(()).unwrap();
        let Reply::Answer(answer) = Routes::new(Role::Main, None).reply(&without_host) else { panic!("an answer") };
        assert_eq!(answer.status(), 400);
    }
}
