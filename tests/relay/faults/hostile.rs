//! Clients that mean no good, and those that fail: everything that can be done to a connection, by dice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use natscope::model::NodePublic;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::dice::Dice;
use super::door::{Client, Door, UPGRADE};
use crate::peer::key;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Leaves anywhere in the login, or before.
    Kill,
    /// Logs in, sends and is gone without a goodbye, or with half of one.
    Leave,
    /// Never reads, and has much sent to itself.
    Stall,
    /// Sends what is no TLS, no HTTP, no greeting, no frame.
    Garbage,
    /// Many handshakes at once, none of them finished.
    Flood,
    /// A byte now and then.
    Drip,
    /// Several connections of one key, each speaking.
    Twins,
}

const DEEDS: [Deed; 7] = [Deed::Kill, Deed::Leave, Deed::Stall, Deed::Garbage, Deed::Flood, Deed::Drip, Deed::Twins];

/// Nothing that one of them does takes longer.
const LONGEST: Duration = Duration::from_secs(6);

pub(crate) struct Crowd {
    workers: JoinSet<()>,
    stop: watch::Sender<bool>,
    begun: Arc<[AtomicU64; DEEDS.len()]>,
}

impl Crowd {
    /// So many at a time, who know these keys.
    pub(crate) fn start(count: u64, doors: &[Door], known: &[NodePublic], seed: u64) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut crowd = Self { workers: JoinSet::new(), stop, begun: Arc::default() };
        for number in 0..count {
            let (mut stopped, done) = (stopped.clone(), Arc::clone(&crowd.begun));
            let mut one = Hostile {
                door: doors[usize::try_from(number).unwrap() % doors.len()].clone(),
                known: known.to_vec(),
                dice: Dice::new(seed, number),
            };
            crowd.workers.spawn(async move {
                loop {
                    // Each begins with another one, so that all are done in a short run too.
                    let deed = usize::try_from(number + one.dice.below(2) * one.dice.next() % 7).unwrap() % DEEDS.len();
                    tokio::select! {
                        () = one.commit(DEEDS[deed], &done[deed]) => {}
                        _ = stopped.wait_for(|stopped| *stopped) => return,
                    }
                }
            });
        }
        crowd
    }

    /// Drops all their connections, and says how often each thing was done.
    pub(crate) async fn stop(mut self) -> String {
        self.stop.send_replace(true);
        while let Some(ended) = self.workers.join_next().await {
            ended.unwrap();
        }
        let counts = DEEDS.iter().zip(self.begun.iter()).map(|(deed, count)| (deed, count.load(Ordering::Relaxed)));
        let counts: Vec<_> = counts.collect();
        assert!(counts.iter().all(|(_, count)| *count > 0), "not all was tried: {counts:?}");
        format!("{counts:?}")
    }
}

struct Hostile {
    door: Door,
    known: Vec<NodePublic>,
    dice: Dice,
}

impl Hostile {
    /// What is done in an instant is done often.
    async fn commit(&mut self, deed: Deed, done: &AtomicU64) {
        let times = if matches!(deed, Deed::Kill | Deed::Leave | Deed::Garbage) { 10 } else { 1 };
        for _ in 0..times {
            done.fetch_add(1, Ordering::Relaxed);
            // What becomes of it is nobody's concern.
            let _ = timeout(LONGEST, self.once(deed)).await;
        }
    }

    async fn once(&mut self, deed: Deed) -> Option<()> {
        match deed {
            Deed::Kill => self.kill().await,
            Deed::Leave => self.leave().await,
            Deed::Stall => self.stall().await,
            Deed::Garbage => self.garbage().await,
            Deed::Flood => self.flood().await,
            Deed::Drip => self.drip().await,
            Deed::Twins => self.twins().await,
        }
    }

    /// A connection that ends with a reset, or not.
    async fn tcp(&mut self) -> Option<TcpStream> {
        let tcp = TcpStream::connect(self.door.at).await.ok()?;
        if self.dice.below(2) == 0 {
            tcp.set_zero_linger().ok()?;
        }
        Some(tcp)
    }

    async fn client(&mut self) -> Option<Client> {
        let tcp = self.tcp().await?;
        self.door.login(tcp, &key().0).await
    }

    /// A few packets to those who did nothing, and to nobody.
    fn bother(&mut self, client: &mut Client) {
        for _ in 0..self.dice.below(8) {
            let to = if self.dice.below(3) == 0 { key().1 } else { self.dice.pick(&self.known) };
            let length = self.dice.length(900);
            client.queue(to, &self.dice.bytes(length));
        }
    }

    async fn kill(&mut self) -> Option<()> {
        let tcp = self.tcp().await?;
        let patience = Duration::from_micros(self.dice.below(8000));
        // Wherever it stands then.
        let _ = timeout(patience, self.door.login(tcp, &key().0)).await;
        Some(())
    }

    async fn leave(&mut self) -> Option<()> {
        let mut client = self.client().await?;
        self.bother(&mut client);
        client.write().await;
        match self.dice.below(3) {
            0 => {}
            1 => {
                client.stream.shutdown().await.ok()?;
                let mut rest = vec![0; 4096];
                while timeout(Duration::from_millis(500), client.stream.read(&mut rest)).await.ok()?.ok()? > 0 {}
            }
            _ => {
                // In the middle of a frame.
                let length = 5 + self.dice.length(40);
                client.stream.write_all(&[&[4, 0, 0, 2, 0][..], &self.dice.bytes(length)].concat()).await.ok()?;
                client.stream.flush().await.ok()?;
            }
        }
        Some(())
    }

    async fn stall(&mut self) -> Option<()> {
        let stalled = self.client().await?;
        let mut sender = self.client().await?;
        let packet = vec![0x5a; 30_000];
        for _ in 0..self.dice.below(200) {
            sender.queue(stalled.key, &packet);
            self.bother(&mut sender);
            timeout(Duration::from_secs(1), sender.write()).await.ok()?;
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(self.dice.below(2500))).await;
        Some(())
    }

    async fn garbage(&mut self) -> Option<()> {
        let length = self.dice.length(3000);
        let junk = self.dice.bytes(length);
        let mut tcp = self.tcp().await?;
        match self.dice.below(5) {
            // Before TLS, sometimes looking like it.
            0 => {
                let head: &[u8] = if self.dice.below(2) == 0 { &[0x16, 3, 1] } else { &[] };
                tcp.write_all(&[head, &junk].concat()).await.ok()?;
                let mut rest = [0; 512];
                while timeout(Duration::from_millis(300), tcp.read(&mut rest)).await.ok()?.ok()? > 0 {}
            }
            // In place of a request, or in the middle of one.
            1 => {
                let mut stream = self.door.over(tcp).await?;
                let cut = self.dice.length(UPGRADE.len() as u64);
                stream.write_all(&[&UPGRADE[..cut], &junk].concat()).await.ok()?;
                stream.flush().await.ok()?;
                let mut rest = [0; 512];
                while timeout(Duration::from_millis(300), stream.read(&mut rest)).await.ok()?.ok()? > 0 {}
            }
            // In place of a greeting.
            2 => {
                let mut stream = self.door.over(tcp).await?;
                stream.write_all(&[UPGRADE, &[2, 0, 0, 0, 96], &junk].concat()).await.ok()?;
                stream.flush().await.ok()?;
                let mut rest = [0; 512];
                while timeout(Duration::from_millis(300), stream.read(&mut rest)).await.ok()?.ok()? > 0 {}
            }
            // In place of frames, of any kind and length, the length sometimes true.
            _ => {
                let mut client = self.door.login(tcp, &key().0).await?;
                self.bother(&mut client);
                client.write().await;
                for _ in 0..self.dice.below(20) {
                    let kind = u8::try_from(self.dice.below(0x18)).unwrap();
                    let length = self.dice.length(200);
                    let body = self.dice.bytes(length);
                    let told = match self.dice.below(4) {
                        0 => u32::try_from(self.dice.next() >> 32).unwrap(),
                        1 => u32::try_from(self.dice.below(1 << 17)).unwrap(),
                        _ => u32::try_from(body.len()).unwrap(),
                    };
                    let frame = [&[kind][..], &told.to_be_bytes(), &body].concat();
                    client.stream.write_all(&frame).await.ok()?;
                    client.stream.flush().await.ok()?;
                }
                sleep(Duration::from_millis(self.dice.below(300))).await;
            }
        }
        Some(())
    }

    async fn flood(&mut self) -> Option<()> {
        let mut held = Vec::new();
        for _ in 0..30 {
            let mut tcp = self.tcp().await?;
            // The beginning of a ClientHello, or of a request.
            let begun: &[u8] = if self.door.has_tls() { &[0x16, 3, 1, 2, 0, 1, 0, 1] } else { &UPGRADE[..30] };
            tcp.write_all(begun).await.ok()?;
            held.push(tcp);
        }
        sleep(Duration::from_millis(self.dice.below(500))).await;
        Some(())
    }

    async fn drip(&mut self) -> Option<()> {
        let tcp = self.tcp().await?;
        let mut stream = self.door.over(tcp).await?;
        for byte in UPGRADE {
            stream.write_all(&[*byte]).await.ok()?;
            stream.flush().await.ok()?;
            sleep(Duration::from_millis(50)).await;
        }
        Some(())
    }

    async fn twins(&mut self) -> Option<()> {
        let (private, public) = key();
        let mut twins = Vec::new();
        for _ in 0..4 {
            let tcp = self.tcp().await?;
            twins.push(self.door.login(tcp, &private).await?);
        }
        for _ in 0..self.dice.below(40) {
            let at = self.dice.length(twins.len() as u64);
            let mut twin = twins.swap_remove(at);
            self.bother(&mut twin);
            twin.queue(public, b"to one of us");
            twin.write().await;
            if self.dice.below(4) > 0 {
                twins.push(twin);
            }
            if twins.is_empty() {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        Some(())
    }
}
