//! One question over a connected UDP socket: sent again until answered, refused or out of time.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{Time, cause_of};
use crate::probe::Cause;
use crate::wire::pcp;

/// The pause after the first copy. It doubles from copy to copy: 0, 100, 300, 700, 1500 ms. RFC 6886 section 3.1 begins
/// with 250 ms, which a router a millisecond away does not need; sending sooner costs a lost datagram less time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Sends `request` until `decode` accepts a datagram. Those it refuses do not end the wait: they may be strays. When
/// nothing better comes, the first refusal is the cause.
pub(super) async fn exchange<T>(
    socket: &UdpSocket,
    request: &[u8],
    time: Time,
    decode: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<T, Cause> {
    // One byte more than any message, so that a longer one is seen to be too long.
    let mut buffer = [0; pcp::MAX_MESSAGE + 1];
    let mut first_problem = None;
    let mut copies = 0;
    let mut pause = FIRST_PAUSE;
    let mut next_copy = time.started;
    while Instant::now() < time.deadline {
        if Instant::now() >= next_copy {
            socket.send(request).await.map_err(|error| cause_of(&error))?;
            copies += 1;
            next_copy = Instant::now() + pause;
            pause = pause.saturating_mul(2);
        }
        match timeout_at(next_copy.min(time.deadline), socket.recv(&mut buffer)).await {
            Ok(Ok(length)) => match decode(buffer.get(..length).unwrap_or_default()) {
                Ok(answer) => return Ok(answer),
                Err(problem) => _ = first_problem.get_or_insert(problem),
            },
            Ok(Err(error)) => return Err(cause_of(&error)),
            Err(_elapsed) => {}
        }
    }
    Err(match first_problem {
        Some(problem) => Cause::Malformed { problem },
        None => Cause::NoAnswer { copies, waited: time.started.elapsed() },
    })
}
