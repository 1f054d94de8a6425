//! One HTTP GET, bounded in time, size and redirects.

use std::time::SystemTime;

use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use reqwest::redirect;
use reqwest::{Client, StatusCode};

use super::cache::{Entry, Freshness};
use super::failure::{TooManyRedirects, UnsafeRedirect, classify};
use super::{LoadOptions, MAX_BYTES};
use crate::drive::tls_roots;
use crate::probe::{Cause, Failure, Stage};

const MAX_REDIRECTS: usize = 5;

pub(super) enum Response {
    Body { body: Vec<u8>, freshness: Freshness },
    NotModified { freshness: Freshness },
}

/// Fetches a URL; with an earlier copy, only if it has changed since.
pub(super) async fn fetch(url: &str, options: &LoadOptions, copy: Option<&Entry>) -> Result<Response, Failure> {
    // The limit of the client covers its own waits; this one covers whatever else there may be.
    let whole = tokio::time::timeout(options.timeout, exchange(url, options, copy)).await;
    whole.unwrap_or_else(|_| Err(Failure::new(Stage::Http, Cause::TimedOut { after: options.timeout })))
}

async fn exchange(url: &str, options: &LoadOptions, copy: Option<&Entry>) -> Result<Response, Failure> {
    let failed = |error: reqwest::Error| classify(&error, options);
    let mut request = client(options)?.get(url);
    if let Some(Freshness { etag, last_modified, .. }) = copy.map(|copy| &copy.freshness) {
        let conditions = [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)];
        for (name, value) in conditions {
            if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(name, value);
            }
        }
    }
    let mut response = request.send().await.map_err(failed)?;
    let freshness = freshness(response.headers(), options.now);
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED => return Ok(Response::NotModified { freshness }),
        status => return Err(Failure::new(Stage::Http, Cause::Status { code: status.as_u16() })),
    }
    let too_large = || Failure::new(Stage::Http, Cause::TooLarge { limit: MAX_BYTES });
    if response.content_length().is_some_and(|length| length > MAX_BYTES) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if u64::try_from(body.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(too_large());
        }
    }
    Ok(Response::Body { body, freshness })
}

fn client(options: &LoadOptions) -> Result<Client, Failure> {
    let unusable = |error: rustls::Error| {
        Failure::new(Stage::Tls, Cause::Unsupported { what: format!("TLS on this host: {error}") })
    };
    let tls = tls_roots::client_config().map_err(unusable)?;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("natscope/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .timeout(options.timeout)
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::custom(|attempt| {
            let downgrades = attempt.url().scheme() == "http"
                && attempt.previous().last().is_some_and(|previous| previous.scheme() == "https");
            if downgrades {
                attempt.error(UnsafeRedirect)
            } else if attempt.previous().len() > MAX_REDIRECTS {
                attempt.error(TooManyRedirects)
            } else {
                attempt.follow()
            }
        }));
    if !options.use_proxy {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| classify(&error, options))
}

/// RFC 9111 sections 4.2 and 5.2.2: `max-age` before `Expires`, less the age the response already has.
fn freshness(headers: &HeaderMap, now: SystemTime) -> Freshness {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let date = |name: HeaderName| text(name).and_then(|text| httpdate::parse_http_date(&text).ok());
    let mut freshness = Freshness { etag: text(ETAG), last_modified: text(LAST_MODIFIED), ..Freshness::default() };
    let mut no_cache = false;
    for line in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in line.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => freshness.no_store = true,
                "no-cache" => no_cache = true,
                "max-age" => freshness.max_age_s = value.trim().trim_matches('"').parse().ok(),
                _ => {}
            }
        }
    }
    if freshness.max_age_s.is_none() && headers.contains_key(EXPIRES) {
        let from = date(DATE).unwrap_or(now);
        let lifetime = date(EXPIRES).and_then(|expires| expires.duration_since(from).ok());
        // A date that is none, as `0`, means already expired (section 5.3).
        freshness.max_age_s = Some(lifetime.map_or(0, |lifetime| lifetime.as_secs()));
    }
    let age: u64 = text(AGE).and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    freshness.max_age_s = freshness.max_age_s.map(|max_age| if no_cache { 0 } else { max_age.saturating_sub(age) });
    freshness
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn how_long_a_response_stays_good() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (headers, max_age, no_store) in [
            (vec![], None, false),
            (vec![("cache-control", "public, max-age=60")], Some(60), false),
            (vec![("cache-control", "public"), ("cache-control", "Max-Age=\"60\"")], Some(60), false),
            (vec![("cache-control", "max-age=60"), ("age", "20")], Some(40), false),
            (vec![("cache-control", "max-age=60"), ("age", "90")], Some(0), false),
            (vec![("cache-control", "max-age=60, no-cache")], Some(0), false),
            (vec![("cache-control", "no-store, max-age=60")], Some(60), true),
            (vec![("cache-control", "max-age=soon")], None, false),
            (vec![("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60), false),
            (
                vec![("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", "Sun, 06 Nov 1994 08:50:27 GMT")],
                Some(10),
                false,
            ),
            (vec![("expires", "0")], Some(0), false),
            (vec![("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("cache-control", "max-age=5")], Some(5), false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let found = freshness(&map, now);
            assert_eq!((found.max_age_s, found.no_store), (max_age, no_store), "{headers:?}");
        }
    }
}
