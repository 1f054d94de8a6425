//! Clients that mean well, in pairs, each counting what the other sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use natscope::derp::ClientEvent;
use natscope::model::NodePublic;
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::dice::Dice;
use super::door::{Client, Door};

/// All that was sent arrives in this time after the last was sent, or is lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// One way of a pair.
#[derive(Default)]
struct Way {
    sent: AtomicU64,
    complete: AtomicBool,
}

/// Pairs at work.
pub(crate) struct Pairs {
    ends: JoinSet<Result<(Client, u64), String>>,
    stop: watch::Sender<bool>,
    keys: Vec<NodePublic>,
}

impl Pairs {
    /// So many of them, one end here and the other there. They know of each other when this returns.
    pub(crate) async fn start(count: u64, here: &Door, there: &Door, seed: u64) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut pairs = Self { ends: JoinSet::new(), stop, keys: Vec::new() };
        for number in 0..count {
            let (mut one, mut two) = (here.fresh().await, there.fresh().await);
            meet(&mut one, &mut two).await;
            meet(&mut two, &mut one).await;
            pairs.keys.extend([one.key, two.key]);
            let ways = [(); 2].map(|()| Arc::<Way>::default());
            let keys = [one.key, two.key];
            for (index, peer) in [one, two].into_iter().enumerate() {
                let [out, into] = [index, 1 - index]
                    .map(|way| Line { seed: seed ^ (number * 2 + way as u64 + 1), way: Arc::clone(&ways[way]) });
                let end = End { peer, partner: keys[1 - index], out, into, expected: 0, stopped: stopped.clone() };
                pairs.ends.spawn(end.live());
            }
        }
        pairs
    }

    /// Their keys, which everybody may know.
    pub(crate) fn keys(&self) -> &[NodePublic] {
        &self.keys
    }

    /// Stops sending, waits for what is on its way, and says how many packets arrived, all of them.
    pub(crate) async fn stop(mut self) -> (Vec<Client>, u64) {
        self.stop.send_replace(true);
        let (mut clients, mut arrived, mut wrong) = (Vec::new(), 0, Vec::new());
        while let Some(ended) = self.ends.join_next().await {
            match ended.unwrap() {
                Ok((client, packets)) => {
                    clients.push(client);
                    arrived += packets;
                }
                Err(what) => wrong.push(what),
            }
        }
        assert!(wrong.is_empty(), "{} of the honest were harmed: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
        (clients, arrived)
    }
}

/// Sends until one arrives: relays of a mesh may have to hear of a client first.
async fn meet(sender: &mut Client, receiver: &mut Client) {
    for _ in 0..200 {
        sender.send(receiver.key, b"hello").await;
        if let Ok(packet) = timeout(Duration::from_millis(100), receiver.packet()).await {
            assert_eq!(packet.expect("a connection").0, sender.key);
            break;
        }
    }
}

/// What one end sends and the other expects.
struct Line {
    seed: u64,
    way: Arc<Way>,
}

impl Line {
    /// The packet with this number: its number, and bytes that only it has.
    fn packet(&self, number: u64) -> Vec<u8> {
        let mut dice = Dice::new(self.seed, number);
        let length = dice.length(1200);
        let mut packet = number.to_be_bytes().to_vec();
        packet.extend(dice.bytes(length));
        packet
    }
}

struct End {
    peer: Client,
    partner: NodePublic,
    out: Line,
    into: Line,
    /// The number of the next packet.
    expected: u64,
    stopped: watch::Receiver<bool>,
}

impl End {
    async fn live(mut self) -> Result<(Client, u64), String> {
        let mut dice = Dice::new(self.out.seed, u64::MAX);
        let mut due = Instant::now();
        let mut ending = None;
        loop {
            self.hear()?;
            let now = Instant::now();
            if *self.stopped.borrow() {
                let since = *ending.get_or_insert(now);
                self.out.way.complete.store(true, Ordering::Release);
                let complete = self.into.way.complete.load(Ordering::Acquire);
                let sent = self.into.way.sent.load(Ordering::Acquire);
                if complete && self.expected == sent {
                    return Ok((self.peer, self.expected));
                }
                if now > since + PATIENCE {
                    return Err(format!("{} of {sent} packets arrived", self.expected));
                }
                due = now + Duration::from_millis(50);
            } else if now >= due {
                for _ in 0..=dice.below(6) {
                    let number = self.out.way.sent.fetch_add(1, Ordering::AcqRel);
                    let packet = self.out.packet(number);
                    self.peer.queue(self.partner, &packet);
                }
                due = now + Duration::from_millis(50 + dice.below(150));
            }
            if timeout(PATIENCE, self.peer.write()).await.is_err() {
                return Err("the relay takes nothing".to_owned());
            }
            tokio::select! {
                // A reset is an end as well.
                read = self.peer.stream.read_buf(self.peer.session.room()) => self.peer.session.handle_read(read.unwrap_or(0)),
                () = sleep_until(due) => {}
            }
        }
    }

    fn hear(&mut self) -> Result<(), String> {
        while let Some(event) = self.peer.session.poll_event(Instant::now().into_std()) {
            match event {
                ClientEvent::Packet { source, payload } if source == self.partner && &payload[..] != b"hello" => {
                    if payload != self.into.packet(self.expected) {
                        let number = payload.first_chunk().map(|number| u64::from_be_bytes(*number));
                        return Err(format!(
                            "packet {} was due, and {number:?} came, or it was changed",
                            self.expected
                        ));
                    }
                    self.expected += 1;
                }
                ClientEvent::PeerGone { peer, .. } if peer == self.partner => {
                    return Err("the partner is said to be gone".to_owned());
                }
                ClientEvent::Closed(reason) => {
                    return Err(format!("closed after {} packets: {reason:?}", self.expected));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
