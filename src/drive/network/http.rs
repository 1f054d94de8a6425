//! Just enough HTTP/1.1 for the requests of probes: one request, one response head, nothing followed.
//!
//! Written out rather than left to a client library, since every phase is timed and everything a hostile server
//! sends is bounded. A body is never read here beyond what came along with the head.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::causes::failure_of;
use crate::probe::{Cause, Failure, Stage};

/// Bytes of response heads, interim ones included, read at most.
const HEAD_MAX: usize = 64 * 1024;
/// Characters of a status line worth telling.
const TOLD_MAX: usize = 120;

/// The head of a final response.
#[derive(Debug)]
pub(super) struct Head {
    /// The status, 200 to 599, or 101.
    pub(super) status: u16,
    /// The status line, fit for a terminal.
    pub(super) status_line: String,
    fields: Vec<(String, String)>,
    /// What came after the head.
    pub(super) rest: Vec<u8>,
}

impl Head {
    /// The first header field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends `request` and reads the response's head. Failures are `stage`'s.
pub(super) async fn exchange<S>(stream: &mut S, request: &str, stage: Stage) -> Result<Head, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let failed = |error: std::io::Error| failure_of(stage, &error);
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut buffer = Vec::new();
    let mut allowed = HEAD_MAX;
    loop {
        let end = read_head(stream, &mut buffer, allowed, stage).await?;
        let rest = buffer.split_off(end);
        let head = parse(&buffer, rest).map_err(|problem| Failure::new(stage, Cause::Malformed { problem }))?;
        if !(100..200).contains(&head.status) || head.status == 101 {
            return Ok(head);
        }
        // An interim response (100, 103): the real one follows.
        allowed = allowed.saturating_sub(end);
        buffer = head.rest;
    }
}

/// Reads until `buffer` holds a whole head, and says where it ends.
async fn read_head<S>(stream: &mut S, buffer: &mut Vec<u8>, allowed: usize, stage: Stage) -> Result<usize, Failure>
where
    S: AsyncRead + Unpin + ?Sized,
{
    let failed = |cause| Failure::new(stage, cause);
    let mut searched = 0;
    loop {
        let beginning = buffer.get(..5).unwrap_or(buffer);
        if !b"HTTP/".starts_with(beginning) {
            return Err(failed(Cause::Malformed { problem: "the answer is not HTTP".into() }));
        }
        if let Some(end) = end_of_head(buffer, searched) {
            return Ok(end);
        }
        searched = buffer.len().saturating_sub(3);
        if buffer.len() >= allowed {
            let limit = u64::try_from(HEAD_MAX).unwrap_or(u64::MAX);
            return Err(failed(Cause::TooLarge { limit }));
        }
        match stream.read_buf(buffer).await {
            Ok(0) => return Err(failed(Cause::Closed)),
            Ok(_) => {}
            Err(error) => return Err(failure_of(stage, &error)),
        }
    }
}

/// Where the empty line after the head ends. Lines may end in LF alone.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    let searched = buffer.get(from..)?;
    let at = |pattern: &[u8]| searched.windows(pattern.len()).position(|w| w == pattern).map(|p| p + pattern.len());
    let end = match (at(b"\r\n\r\n"), at(b"\n\n")) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    Some(from + end)
}

fn parse(head: &[u8], rest: Vec<u8>) -> Result<Head, String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let status_line = told(lines.next().unwrap_or_default());
    let mut words = status_line.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().filter(|word| word.len() == 3).and_then(|word| word.parse().ok());
    let Some(status) = status.filter(|status| (100..600).contains(status)) else {
        return Err(format!("no HTTP status: {status_line}"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(format!("not HTTP/1: {status_line}"));
    }
    let fields = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Ok(Head { status, status_line, fields, rest })
}

/// A stranger's words, fit for a terminal.
pub(super) fn told(text: &str) -> String {
    told_up_to(text, TOLD_MAX)
}

/// The same with another limit, in characters.
pub(super) fn told_up_to(text: &str, most: usize) -> String {
    let harmless = |character: &char| {
        // Controls would move the cursor, bidirectional ones would turn the rest of the line around.
        !character.is_control()
            && !matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.trim().chars().filter(harmless).take(most).collect()
}

/// Who asks, as servers' logs have it.
pub(super) const USER_AGENT: &str = concat!("natscope/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &[u8]) -> Result<Head, Failure> {
        let (mut ours, mut theirs) = tokio::io::duplex(256 * 1024);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        exchange(&mut ours, "GET / HTTP/1.1\r\n\r\n", Stage::Http).await
    }

    async fn cause(answer: &[u8]) -> Cause {
        answered(answer).await.unwrap_err().cause
    }

    #[tokio::test]
    async fn a_head_is_read_and_what_follows_kept() {
        let head = answered(b"HTTP/1.1 302 Found\r\nLocation:  http://x/ \r\nA: b\r\n\r\nbody").await.unwrap();
        assert_eq!(head.status, 302);
        assert_eq!(head.field("location"), Some("http://x/"));
        assert_eq!(head.rest, b"body");
        assert_eq!(answered(b"HTTP/1.0 204 \n\n").await.unwrap().status, 204);
        assert_eq!(answered(b"HTTP/1.1 200\r\n\r\n").await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn interim_responses_are_passed_over() {
        let head = answered(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await;
        assert_eq!(head.unwrap().status, 200);
        let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4000);
        assert_eq!(cause(&endless).await, Cause::TooLarge { limit: 65_536 });
    }

    #[tokio::test]
    async fn what_is_not_http_is_malformed() {
        for answer in ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/2 200\r\n\r\n"]
        {
            assert!(matches!(cause(answer.as_bytes()).await, Cause::Malformed { .. }), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_end_in_the_middle_is_closed() {
        assert_eq!(cause(b"").await, Cause::Closed);
        assert_eq!(cause(b"HTTP/1.1 200 OK\r\nA").await, Cause::Closed);
    }

    #[tokio::test]
    async fn an_endless_head_is_too_large() {
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'a'; 100_000]].concat();
        assert_eq!(cause(&endless).await, Cause::TooLarge { limit: 65_536 });
    }

    #[test]
    fn strangers_words_are_tamed() {
        assert_eq!(told("HTTP/1.1 403 \u{1b}[31mNo\u{7}\u{202e}"), "HTTP/1.1 403 [31mNo");
        assert_eq!(told(&"x".repeat(500)).len(), 120);
    }
}
