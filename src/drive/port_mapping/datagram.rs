//! One question over a connected UDP socket: sent again until answered, refused or out of time.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Time, cause_of};
use crate::probe::Cause;
use crate::wire::pcp;

/// The pause after the first copy. It doubles from copy to copy: 0, 100, 300, 700, 1500 ms. RFC 6886 section 3.1 begins
/// with 250 ms, which a router a millisecond away does not need; sending sooner costs a lost datagram less time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Keeps an error of receiving that does not go away from spinning.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

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
    let mut first_cause = None;
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
                Err(problem) => _ = first_cause.get_or_insert(Cause::Malformed { problem }),
            },
            Ok(Err(error)) => match cause_of(&error) {
                // Windows' name for an ICMP port unreachable.
                Cause::Reset => return Err(Cause::Refused),
                // As Windows' complaint of a datagram longer than the buffer, which anybody may send.
                cause @ Cause::Os { .. } => {
                    first_cause.get_or_insert(cause);
                    sleep_until(time.deadline.min(Instant::now() + ERROR_PAUSE)).await;
                }
                cause => return Err(cause),
            },
            Err(_elapsed) => {}
        }
    }
    Err(first_cause.unwrap_or_else(|| Cause::NoAnswer { copies, waited: time.started.elapsed() }))
}
