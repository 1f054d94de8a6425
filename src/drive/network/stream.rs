//! STUN over TCP (RFC 8489 section 6.2.2): one request on a connection of its own.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::causes::{Deadline, failure_of};
use super::sockets::Binding;
use super::stun::random_id;
use super::stun_codec::{self, Heard};
use crate::model::unmap;
use crate::probe::{Cause, Failure, Stage, StunForm, StunReply};

/// Bytes of a STUN header.
const HEADER: usize = 20;
/// The longest answer read: longer than any server's, and no burden.
const ANSWER_MAX: usize = 4096;

/// Connects, asks, and hangs up.
pub(super) async fn ask(binding: &Binding, server: SocketAddr, deadline: Deadline) -> Result<StunReply, Failure> {
    let broken = |cause| Failure::new(Stage::Stun, cause);
    let malformed = |problem: &str| broken(Cause::Malformed { problem: problem.to_owned() });
    let id = random_id().map_err(|error| broken(Cause::Os { message: error.to_string() }))?;
    let request = stun_codec::encode_request(id, StunForm::Plain).map_err(broken)?;
    let mut stream = deadline.within(Stage::Connect, binding.connect(server)).await?;
    let local = stream.local_addr().ok().map(unmap);
    let answer = deadline.within(Stage::Stun, converse(&mut stream, &request)).await?;
    match stun_codec::decode(&answer) {
        Heard::Response(response) if response.transaction == id => Ok(stun_codec::reply_of(*response, server, local)),
        Heard::Response(_) => Err(malformed("a transaction that is not ours")),
        Heard::Request(_) => Err(malformed("a request, not a response")),
        Heard::Neither(problem) => Err(malformed(&problem)),
    }
}

/// Sends a message and reads one: it says itself how long it is.
async fn converse(stream: &mut TcpStream, request: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| failure_of(Stage::Stun, &error);
    stream.write_all(request).await.map_err(failed)?;
    let mut answer = vec![0; HEADER];
    stream.read_exact(&mut answer).await.map_err(failed)?;
    let length = match answer.get(2..4) {
        Some([high, low]) => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    if HEADER + length > ANSWER_MAX {
        let problem = format!("an answer of {length} bytes");
        return Err(Failure::new(Stage::Stun, Cause::Malformed { problem }));
    }
    answer.resize(HEADER + length, 0);
    stream.read_exact(answer.get_mut(HEADER..).unwrap_or_default()).await.map_err(failed)?;
    Ok(answer)
}
