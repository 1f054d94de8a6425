//! `GET /generate_204` over plain HTTP: who answers, a relay or a captive portal.
//!
//! Never through a proxy, follows no redirect, and reads of a body no more than whether there is one.

use std::fmt::Write as _;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::causes::Deadline;
use super::http::{Head, USER_AGENT, exchange, told};
use super::sockets::Binding;
use crate::probe::{Cause, Failure, PortalAnswer, Stage};

/// Asks, and says what the answer looks like.
pub(super) async fn ask(
    binding: &Binding,
    address: SocketAddr,
    host: &str,
    deadline: Deadline,
) -> Result<PortalAnswer, Failure> {
    if host.contains(|character: char| character.is_control() || character.is_whitespace()) {
        return Err(Failure::new(Stage::Http, Cause::Unsupported { what: format!("{host:?} as a host name") }));
    }
    let challenge = challenge()?;
    let mut stream = deadline.within(Stage::Connect, binding.connect(address)).await?;
    let request = format!(
        "GET /generate_204 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nX-Tailscale-Challenge: {challenge}\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    );
    let head = deadline.within(Stage::Http, exchange(&mut stream, &request, Stage::Http)).await?;
    let expected = format!("response {challenge}");
    // The head is the answer; a body that was announced and never comes is not worth losing it.
    let empty = deadline.within(Stage::Http, async { Ok(body_is_empty(&head, &mut stream).await) }).await;
    Ok(PortalAnswer {
        status: head.status,
        location: head.field("Location").map(told),
        challenge_echoed: head.field("X-Tailscale-Response") == Some(expected.as_str()),
        body_empty: empty.unwrap_or(false),
    })
}

/// Random, and made of characters derper accepts.
fn challenge() -> Result<String, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::new(Stage::Http, Cause::Os { message: error.to_string() }))?;
    Ok(random.iter().fold(String::from("ns_"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Whether a response has no body, or an empty one. Reads on only where the head does not tell.
async fn body_is_empty<S: AsyncRead + Unpin>(head: &Head, stream: &mut S) -> bool {
    let chunked = head.field("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length: Option<u64> = head.field("Content-Length").and_then(|length| length.parse().ok());
    if head.rest.is_empty() {
        if matches!(head.status, 204 | 304) {
            return true;
        }
        if !chunked && let Some(length) = length {
            return length == 0;
        }
    }
    let mut body = head.rest.clone();
    if body.is_empty() && stream.read_buf(&mut body).await.is_err() {
        return true;
    }
    body.is_empty() || (chunked && is_last_chunk(&body))
}

/// Whether a chunked body begins with its end, a chunk of size 0.
fn is_last_chunk(body: &[u8]) -> bool {
    let size: Vec<u8> = body.iter().copied().take_while(u8::is_ascii_hexdigit).collect();
    !size.is_empty() && size.iter().all(|digit| *digit == b'0')
}
