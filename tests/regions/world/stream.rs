//! TCP that takes its time: each direction holds what it carries for half a round trip.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::dice::Dice;

/// A lost SYN is sent again after a second (RFC 6298 section 2), then after two …
const SYN_TIMEOUT: Duration = Duration::from_secs(1);
/// … and a lost segment after a round trip and the least variance Linux assumes.
const LEAST_VARIANCE: Duration = Duration::from_millis(200);

/// The way to a relay.
#[derive(Clone, Copy)]
pub struct Line {
    /// Where the relay really is; `None`: nothing that is sent arrives.
    pub behind: Option<SocketAddr>,
    pub round_trip: Duration,
    /// Each way, in percent.
    pub loss_percent: f64,
}

/// Carries every connection until the runtime ends.
pub async fn carry(listener: TcpListener, line: Line, mut dice: Dice) {
    let mut swallowed = VecDeque::new();
    while let Ok((near, _)) = listener.accept().await {
        let Some(behind) = line.behind else {
            swallowed.push_back(near);
            continue;
        };
        let open = Instant::now() + line.round_trip + line.syn_delay(&mut dice);
        let seed = |dice: &mut Dice| Dice::new((dice.unit() * 1e15) as u64);
        let (forth, back) = (seed(&mut dice), seed(&mut dice));
        tokio::spawn(async move {
            let Ok(far) = TcpStream::connect(behind).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(pump(near_in, far_out, line, open, forth));
            tokio::spawn(pump(far_in, near_out, line, open, back));
        });
    }
}

/// One direction. Nothing leaves before the connection is `open`, nor overtakes what left before.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: Line, open: Instant, mut dice: Dice) {
    let (sender, mut queue) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = queue.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 16 * 1024];
    let mut last = open;
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let due = Instant::now().max(open) + line.round_trip / 2 + line.segment_delay(&mut dice);
        last = last.max(due);
        if sender.send((last, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

impl Line {
    fn syn_delay(&self, dice: &mut Dice) -> Duration {
        let mut delay = Duration::ZERO;
        let mut timeout = SYN_TIMEOUT;
        while dice.percent(self.loss_percent) || dice.percent(self.loss_percent) {
            delay += timeout;
            timeout *= 2;
        }
        delay
    }

    fn segment_delay(&self, dice: &mut Dice) -> Duration {
        let mut delay = Duration::ZERO;
        let mut timeout = self.round_trip + LEAST_VARIANCE;
        while dice.percent(self.loss_percent) {
            delay += timeout;
            timeout *= 2;
        }
        delay
    }
}
