//! Many who say nothing and some who are busy, for long: what the relay loses, and whether its memory grows.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::target::{Target, packet};

/// A turn of a pair: so many packets of a tunnel's download, and one of a ping, which is answered.
const DOWNLOAD: usize = 9;
const SIZE: usize = 1200;
const PING: usize = 148;

/// Between two turns of a pair: with 200 pairs, about 11,000 packets a second.
const PAUSE: Duration = Duration::from_millis(200);

/// A relay says once a minute that it is there: what idle clients cost is measured for as long, or a tenth of the time.
const IDLE: Duration = Duration::from_secs(65);

/// Before what it has then is looked at.
const GIVEN_BACK: Duration = Duration::from_secs(15);

/// Lines of the report.
const LINES: u32 = 10;

/// A turn that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// The kind of frame that brings a packet.
const RECV_PACKET: u8 = 5;

#[derive(Default)]
struct Book {
    /// Microseconds of each turn.
    took: Vec<f64>,
    turns: u64,
    lost: u64,
}

pub(crate) async fn soak(idle: usize, pairs: usize, time: Duration) {
    let files = (idle + 2 * pairs + 200) as u64;
    assert!(rlimit::increase_nofile_limit(files).unwrap_or_default() >= files, "raise ulimit -n to {files}");
    LocalSet::new().run_until(run(idle, pairs, time)).await;
}

async fn run(idle: usize, pairs: usize, time: Duration) {
    let target = Target::tls(None);
    let relay = &target.process;
    drop(target.end(0).await);
    sleep(Duration::from_secs(2)).await;
    let (start, sockets) = (relay.memory(), socket_memory());
    let mut held = Vec::new();
    let (began, used) = (Instant::now(), relay.cpu());
    for _ in 0..idle {
        let mut end = target.end(0).await;
        held.push(tokio::task::spawn_local(async move {
            let mut buffer = [0; 256];
            while end.stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        }));
    }
    let login = (relay.cpu() - used) * 1e6 / idle as f64;
    println!(
        "{idle} clients logged in over TLS within {:.0} s, {login:.0} µs of CPU each",
        began.elapsed().as_secs_f64()
    );
    sleep(Duration::from_secs(3)).await;
    let each = (relay.memory() - start) / idle as f64;
    println!(
        "memory {start:.0} KiB at the start, {:.0} with all of them: {each:.1} KiB each; the kernel's for both ends' \
         sockets, {:.2} KiB each",
        relay.memory(),
        (socket_memory() - sockets) / idle as f64
    );
    let (used, quiet) = (relay.cpu(), IDLE.min(time / 10));
    sleep(quiet).await;
    let cost = (relay.cpu() - used) * 1e6 / quiet.as_secs_f64() / idle as f64;
    println!("idle for {} s: {cost:.2} µs of CPU a second for each", quiet.as_secs());
    let book = Rc::<RefCell<Book>>::default();
    let mut busy = Vec::new();
    for _ in 0..pairs {
        busy.extend(pair(&target, &book).await);
    }
    println!(
        "\n| s | memory KiB | turns | lost | CPU of a core | p50 ms | p99 ms | max ms | dropped by the relay | clients |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut all = Vec::new();
    for line in 1..=LINES {
        let (used, since, turns) = (relay.cpu(), Instant::now(), book.borrow().turns);
        sleep(time / LINES).await;
        let mut took = std::mem::take(&mut book.borrow_mut().took);
        took.sort_by(f64::total_cmp);
        let quantile =
            |part: f64| took.get(((took.len() as f64 * part) as usize).min(took.len() - 1)).copied().unwrap();
        println!(
            "| {:.0} | {:.0} | {} | {} | {:.3} | {:.2} | {:.2} | {:.2} | {} | {} |",
            (time / LINES * line).as_secs_f64(),
            relay.memory(),
            book.borrow().turns - turns,
            book.borrow().lost,
            (relay.cpu() - used) / since.elapsed().as_secs_f64(),
            quantile(0.5) / 1e3,
            quantile(0.99) / 1e3,
            quantile(1.0) / 1e3,
            relay.counted("derp_packets_dropped{"),
            relay.counted("derp_current_connections "),
        );
        all.append(&mut took);
    }
    all.sort_by(f64::total_cmp);
    println!(
        "\n{} turns of {} packets: p50 {:.2} ms, p99 {:.2} ms; {} turns lost; received {}, sent {}, dropped {} by the \
         relay's counters",
        all.len(),
        DOWNLOAD + 2,
        all[all.len() / 2] / 1e3,
        all[all.len() * 99 / 100] / 1e3,
        book.borrow().lost,
        relay.counted("derp_packets_received "),
        relay.counted("derp_packets_sent "),
        relay.counted("derp_packets_dropped{"),
    );
    let gone = held.iter().filter(|task| task.is_finished()).count();
    for task in held.into_iter().chain(busy) {
        task.abort();
    }
    sleep(GIVEN_BACK).await;
    println!(
        "{gone} of the idle were closed; memory {:.0} KiB {} s after all have left, clients {}",
        relay.memory(),
        GIVEN_BACK.as_secs(),
        relay.counted("derp_current_connections ")
    );
}

/// Both ends of a busy pair.
async fn pair(target: &Target, book: &Rc<RefCell<Book>>) -> [tokio::task::JoinHandle<()>; 2] {
    let (mut near, mut far) = target.pair().await;
    let mut turn = packet(&far.key, SIZE).repeat(DOWNLOAD);
    turn.extend(packet(&far.key, PING));
    let answer = packet(&near.key, PING);
    let answers = tokio::task::spawn_local(async move {
        loop {
            for _ in 0..=DOWNLOAD {
                if !hears(&mut far.stream).await {
                    return;
                }
            }
            if far.stream.write_all(&answer).await.is_err() || far.stream.flush().await.is_err() {
                return;
            }
        }
    });
    let book = Rc::clone(book);
    let asks = tokio::task::spawn_local(async move {
        loop {
            let began = Instant::now();
            let turned = async {
                near.stream.write_all(&turn).await.is_ok()
                    && near.stream.flush().await.is_ok()
                    && hears(&mut near.stream).await
            };
            let turned = timeout(PATIENCE, turned).await.unwrap_or(false);
            {
                let mut book = book.borrow_mut();
                book.turns += 1;
                if !turned {
                    book.lost += 1;
                    return;
                }
                book.took.push(began.elapsed().as_secs_f64() * 1e6);
            }
            sleep(PAUSE).await;
        }
    });
    [answers, asks]
}

/// Reads until a packet has come; false if the connection ends.
async fn hears(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let (mut head, mut body) = ([0; 5], Vec::new());
    loop {
        if stream.read_exact(&mut head).await.is_err() {
            return false;
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        body.resize(length as usize, 0);
        if stream.read_exact(&mut body).await.is_err() {
            return false;
        }
        if head[0] == RECV_PACKET {
            return true;
        }
    }
}

/// KiB that the kernel holds for what waits in all TCP sockets of this host. NaN where there is no /proc.
fn socket_memory() -> f64 {
    let Ok(text) = std::fs::read_to_string("/proc/net/sockstat") else { return f64::NAN };
    let pages =
        text.lines().find_map(|line| line.strip_prefix("TCP: ")?.split("mem ").nth(1)?.trim().parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * 4.0
}
