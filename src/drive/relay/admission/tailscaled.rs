//! The tailscaled of this host, asked over its local API which nodes it knows.

use std::path::Path;

use super::Refusal;
use crate::model::NodePublic;

#[cfg(unix)]
pub(super) async fn verify(socket: &Path, key: NodePublic) -> Result<(), Refusal> {
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(5);

    let by = || format!("the tailscaled at {}", socket.display());
    let because = match tokio::time::timeout(PATIENCE, ask(socket, key)).await {
        Ok(Ok(200)) => return Ok(()),
        Ok(Ok(404)) => return Err(Refusal::Denied { by: by() }),
        Ok(Ok(status)) => format!("it answered {status}"),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer in {} s", PATIENCE.as_secs()),
    };
    Err(Refusal::NotVerified { by: by(), because })
}

/// The status of its answer.
#[cfg(unix)]
async fn ask(socket: &Path, key: NodePublic) -> std::io::Result<u16> {
    use std::io;

    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper::Request;
    use hyper_util::rt::TokioIo;

    let stream = tokio::net::UnixStream::connect(socket).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::builder()
        .uri(format!("/localapi/v0/whois?addr=nodekey%3A{}", key.to_hex()))
        .header("Host", "local-tailscaled.sock")
        // What the version of Tailscale this is made after sends.
        .header("Tailscale-Cap", "145")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    // The body is not needed: the connection ends with the head of the answer.
    let answer = sender.send_request(request).await;
    answer.map(|answer| answer.status().as_u16()).map_err(io::Error::other)
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "elsewhere it waits for the answer")]
pub(super) async fn verify(socket: &Path, _key: NodePublic) -> Result<(), Refusal> {
    let by = format!("the tailscaled at {}", socket.display());
    Err(Refusal::NotVerified { by, because: "sockets of this kind are not supported on this system".to_owned() })
}
