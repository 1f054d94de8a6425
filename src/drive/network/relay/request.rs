//! One HTTP request, and the beginning of its answer.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use tokio::io::AsyncReadExt as _;

use super::super::http::{Head, USER_AGENT, exchange, told, told_up_to};
use super::super::https::{Stream, authority};
use super::Asking;
use crate::drive::wall_clock;
use crate::probe::{Cause, DerpAnswer, Failure, HttpReply, HttpRequest, RelayAnswer, Stage};
use crate::wire::derp::{Decoder, Frame, Phase, Side};
use crate::wire::websocket::first_message;

/// Headers that are told of.
const HEADERS: [&str; 20] = [
    "server",
    "via",
    "location",
    "upgrade",
    "connection",
    "content-type",
    "date",
    "cf-ray",
    "derp-version",
    "derp-public-key",
    "sec-websocket-protocol",
    "sec-websocket-accept",
    "x-tailscale-response",
    "alt-svc",
    "x-powered-by",
    "x-cache",
    "x-served-by",
    "x-amz-cf-id",
    "www-authenticate",
    "access-control-allow-origin",
];

/// Bytes of a body that are read, and characters that are told of.
const BODY: usize = 1024;
const BODY_TOLD: usize = 200;

/// How long a body is waited for: the head is the answer.
const BODY_PATIENCE: Duration = Duration::from_millis(300);

impl Asking<'_> {
    /// The request of that kind.
    pub(super) async fn request(&self, request: HttpRequest, answer: &mut RelayAnswer) -> Result<(), Failure> {
        let challenge = format!("ns_{}", hex(&random::<16>()?));
        let mut stream = self.usual(answer).await?;
        let (path, more) = match request {
            HttpRequest::DerpPlain => ("/derp", "Connection: close\r\n".to_owned()),
            HttpRequest::DerpWebSocket => ("/derp", to_websocket()?),
            HttpRequest::LatencyCheck => ("/derp/latency-check", "Connection: close\r\n".to_owned()),
            HttpRequest::BootstrapDns => ("/bootstrap-dns", "Connection: close\r\n".to_owned()),
            HttpRequest::Generate204 => {
                ("/generate_204", format!("X-Tailscale-Challenge: {challenge}\r\nConnection: close\r\n"))
            }
            HttpRequest::Home => ("/", "Connection: close\r\n".to_owned()),
        };
        let text = self.head(path, &more)?;
        let begun = self.clock.now();
        let head = self.deadline.within(Stage::Http, exchange(&mut stream, &text, Stage::Http)).await?;
        let took = self.since(begun);
        let is_socket = request == HttpRequest::DerpWebSocket && head.status == 101;
        let mut reply = reply_of(&head, took);
        reply.challenge_echoed = head.field("X-Tailscale-Response") == Some(format!("response {challenge}").as_str());
        if !is_socket {
            reply.body = self.body(&mut stream, head.rest).await;
            answer.http = Some(reply);
            return Ok(());
        }
        answer.http = Some(reply);
        let first = self.deadline.within(Stage::Derp, message(&mut stream, head.rest)).await?;
        let mut decoder = Decoder::new(Side::FromServer, Phase::Handshake, bytes::BytesMut::from(&first[..]));
        match decoder.decode() {
            Ok(Some(Frame::ServerKey(key))) => {
                let key_after = Some(self.since(begun));
                answer.derp = Some(DerpAnswer { server_keys: vec![key.to_hex()], key_after, ..DerpAnswer::default() });
                Ok(())
            }
            Ok(_) => Err(malformed("the first message of the WebSocket is not a relay's key")),
            Err(violation) => Err(malformed(&violation.to_string())),
        }
    }

    /// The request that asks for a WebSocket.
    pub(super) fn websocket_request(&self) -> Result<String, Failure> {
        self.head("/derp", &to_websocket()?)
    }

    fn head(&self, path: &str, more: &str) -> Result<String, Failure> {
        let host = self.host()?;
        Ok(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n{more}\r\n"))
    }

    /// As the `Host` header has it. A name that would break the request apart is refused.
    fn host(&self) -> Result<String, Failure> {
        let target = &self.question.target;
        let name = target.host_name.as_str();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::new(Stage::Http, Cause::Unsupported { what: format!("{name:?} as a host name") }));
        }
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let usual = if self.question.tls { 443 } else { 80 };
        Ok(authority(bare, Some(target.port).filter(|port| *port != usual)))
    }

    /// The first characters of a body, if they come soon.
    pub(super) async fn body(&self, stream: &mut Box<dyn Stream>, mut begun: Vec<u8>) -> String {
        let reading = async {
            while begun.len() < BODY {
                match stream.read_buf(&mut begun).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        };
        // Neither its end nor its being there is what was asked for.
        let _ = tokio::time::timeout(BODY_PATIENCE, reading).await;
        begun.truncate(BODY);
        let text = String::from_utf8_lossy(&begun);
        told_up_to(&text.replace(['\r', '\n', '\t'], " "), BODY_TOLD)
    }
}

/// The headers that ask for a WebSocket (RFC 6455 section 4.1) with DERP in it.
fn to_websocket() -> Result<String, Failure> {
    let key = super::session::base64(&random::<16>()?);
    Ok(format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: derp\r\n"
    ))
}

/// What an answer's head says.
pub(super) fn reply_of(head: &Head, took: Duration) -> HttpReply {
    let headers = HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), told(head.field(name)?))));
    HttpReply {
        took,
        status: head.status,
        headers: headers.collect(),
        body: String::new(),
        challenge_echoed: false,
        date_ahead_s: head.field("Date").and_then(ahead),
    }
}

/// Seconds that an HTTP date is ahead of this host's clock.
fn ahead(date: &str) -> Option<i64> {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    Some(seconds(httpdate::parse_http_date(date).ok()?)? - seconds(wall_clock::now())?)
}

/// The first message of a WebSocket.
async fn message(stream: &mut Box<dyn Stream>, mut read: Vec<u8>) -> Result<Vec<u8>, Failure> {
    loop {
        if let Some(message) = first_message(&read).map_err(|error| malformed(&error.to_string()))? {
            return Ok(message.to_vec());
        }
        match stream.read_buf(&mut read).await {
            Ok(0) => return Err(Failure::new(Stage::Derp, Cause::Closed)),
            Ok(_) => {}
            Err(error) => return Err(super::super::causes::failure_of(Stage::Derp, &error)),
        }
    }
}

pub(super) fn malformed(problem: &str) -> Failure {
    Failure::new(Stage::Derp, Cause::Malformed { problem: told(problem) })
}

pub(super) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Failure> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Stage::Connect, Cause::Os { message: error.to_string() }))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
