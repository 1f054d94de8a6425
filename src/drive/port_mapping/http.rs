//! One HTTP/1.1 exchange with a device on the link that may be broken or hostile: no proxy, no name, no redirect, a
//! connection of its own, a bounded body, a deadline.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::wire::upnp::HttpUrl;

/// Descriptions of real routers have 2 to 20 KB.
pub(super) const MAX_BODY: usize = 256 * 1024;

/// The head of a response must fit, and this much may be read ahead.
const MAX_HEAD: usize = 16 * 1024;

/// A response.
pub(super) struct Response {
    pub(super) status: u16,
    /// Bytes that are not UTF-8 are replaced.
    pub(super) body: String,
}

/// `GET url`.
pub(super) async fn fetch(url: &HttpUrl, local: Ipv4Addr, deadline: Instant) -> Result<Response, String> {
    let request = Request::get(url.path.as_str()).header(HOST, host(url.address));
    perform(url.address, local, deadline, request, Bytes::new()).await
}

/// `POST url` with a SOAP action.
pub(super) async fn call(
    url: &HttpUrl,
    action: &str,
    body: String,
    local: Ipv4Addr,
    deadline: Instant,
) -> Result<Response, String> {
    let request = Request::post(url.path.as_str())
        .header(HOST, host(url.address))
        .header("SOAPAction", action)
        .header(CONTENT_TYPE, "text/xml; charset=\"utf-8\"");
    perform(url.address, local, deadline, request, Bytes::from(body)).await
}

/// As browsers write it: without the port where that is 80.
fn host(address: SocketAddr) -> String {
    match address.port() {
        80 => address.ip().to_string(),
        _ => address.to_string(),
    }
}

/// The error is what went wrong, in a few words.
async fn perform(
    address: SocketAddr,
    local: Ipv4Addr,
    deadline: Instant,
    request: hyper::http::request::Builder,
    body: Bytes,
) -> Result<Response, String> {
    let request = request.header(CONNECTION, "close").body(Full::new(body)).map_err(|error| error.to_string())?;
    timeout_at(deadline, exchange(address, local, request)).await.map_err(|_elapsed| "no answer in time".to_owned())?
}

async fn exchange(address: SocketAddr, local: Ipv4Addr, request: Request<Full<Bytes>>) -> Result<Response, String> {
    let socket = TcpSocket::new_v4().map_err(|error| error.to_string())?;
    socket.bind(SocketAddr::from((local, 0))).map_err(|error| error.to_string())?;
    let stream = socket.connect(address).await.map_err(|error| format!("connecting to {address}: {error}"))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        // Some routers know `Content-Length` and not `content-length`.
        .title_case_headers(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // Dropped, and so aborted, with this function's future.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { format!("more than {MAX_BODY} bytes") } else { error.to_string() }
    })?;
    Ok(Response { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
}
