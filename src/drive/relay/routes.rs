use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

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
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>natscope relay</title></head>
<body><h1>natscope relay</h1>
<p>This host helps machines find out how they can reach each other. There is nothing to see for a browser.</p>
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
}

type Answer = Response<Full<Bytes>>;

impl Routes {
    pub(super) const fn new(role: Role) -> Self {
        Self { role }
    }

    /// The body of the request is not looked at.
    pub(super) fn respond<B>(&self, request: &Request<B>) -> Answer {
        if request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST) {
            return text(StatusCode::BAD_REQUEST, "missing Host header\n");
        }
        if request.method() == Method::CONNECT {
            return text(StatusCode::FORBIDDEN, "CONNECT not enabled\n");
        }
        // The path of an absolute-form target counts too: tailscale-rs sends that form.
        match (request.uri().path(), self.role) {
            ("/generate_204", _) => no_content(request.headers()),
            (_, Role::BesideHttps { port }) => redirect(request, port),
            ("/derp/latency-check" | "/derp/probe", Role::Main) => latency_check(request.method()),
            ("/derp", Role::Main) => derp(request.headers()),
            ("/robots.txt", Role::Main) => page("text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n"),
            (_, Role::Main) => page("text/html; charset=utf-8", HOME),
        }
    }
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

/// Without an upgrade the answer is derper's. With one it is that this build cannot do it: neither 101, which would
/// promise a DERP server, nor 426, which would blame the client.
fn derp(request: &HeaderMap) -> Answer {
    let upgrade = request.get(header::UPGRADE).map(|value| value.as_bytes().to_ascii_lowercase());
    if matches!(upgrade.as_deref(), Some(b"derp" | b"websocket")) {
        return text(
            StatusCode::NOT_IMPLEMENTED,
            "this natscope relay answers probes only and does not speak DERP yet\n",
        );
    }
    let mut answer = text(StatusCode::UPGRADE_REQUIRED, "DERP requires connection upgrade\n");
    // RFC 9110 section 15.5.22 demands what derper leaves out.
    set(&mut answer, header::UPGRADE, "DERP");
    set(&mut answer, header::CONNECTION, "Upgrade");
    answer
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
        Routes::new(role).respond(&request.body(()).unwrap())
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
    fn derp_is_refused_honestly() {
        assert_eq!(respond(Role::Main, "GET", "/derp", &[]).status(), 426);
        assert_eq!(respond(Role::Main, "GET", "/derp", &[("upgrade", "h2c")]).status(), 426);
        for method in ["GET", "POST"] {
            assert_eq!(respond(Role::Main, method, "/derp", &[("upgrade", "DERP")]).status(), 501);
        }
        assert_eq!(respond(Role::Main, "GET", "/derp/", &[]).status(), 200, "the home page");
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
        assert_eq!(Routes::new(Role::Main).respond(&without_host).status(), 400);
    }
}
