//! A mesh of three, one of which is killed again and again.

use std::path::Path;
use std::time::Duration;

use natscope::model::NodePrivate;
use tokio::time::{Instant, sleep, timeout};

use super::door::{Client, Door};
use super::honest::Pairs;
use super::hostile::Crowd;
use super::{memory, metrics_of, seed, span, stops, watch};
use crate::mesh::{free, until};
use crate::peer::key;
use crate::program::Program;

const PAIRS: u64 = 50;
const HOSTILE: u64 = 14;

/// What a mesh may take to heal; once in a while three times that, on a machine that has other things to do.
const HEALED: Duration = Duration::from_secs(5);
const GENEROUS: Duration = Duration::from_secs(15);

fn node(directory: &Path, number: usize, all: &[std::net::SocketAddr]) -> Program {
    let name = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let with: Vec<String> = all.iter().map(|at| format!("http://{at}")).collect();
    Program::start(&[
        "--cert-mode",
        "none",
        "--open",
        "--addr",
        &all[number].to_string(),
        "--stun-addr",
        "none",
        "--metrics-addr",
        "127.0.0.1:0",
        "--key",
        &name(&format!("{number}.key")),
        "--mesh-psk-file",
        &name("mesh.key"),
        "--mesh-with",
        &with.join(","),
    ])
}

/// A client of the node that dies, which comes back as clients do: at once, and again until it is let in.
async fn rejoin(door: &Door, private: &NodePrivate) -> Client {
    loop {
        if let Ok(Some(client)) = timeout(HEALED, door.try_join(private)).await {
            return client;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Sends both ways until both have heard.
async fn through(one: &mut Client, two: &mut Client, mark: u32) {
    let mark = mark.to_be_bytes();
    for turn in 0..2 {
        let (sender, receiver) = if turn == 0 { (&mut *one, &mut *two) } else { (&mut *two, &mut *one) };
        loop {
            sender.send(receiver.key, &mark).await;
            let heard = async { while receiver.packet().await.expect("a connection").1 != mark[..] {} };
            if timeout(Duration::from_millis(50), heard).await.is_ok() {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_outlives_the_deaths_of_a_node() {
    let (seed, time) = (seed("mesh"), span());
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mesh.key"), "5e".repeat(32)).unwrap();
    let all = free::<3>().await;
    let doors = all.map(Door::plain);
    let [first, second, mut mortal] = [0, 1, 2].map(|number| node(directory.path(), number, &all));
    let metrics = [&first, &second].map(metrics_of);
    for at in metrics {
        until(at, "natscope_mesh_nodes_joined", 2).await;
    }
    let pairs = Pairs::start(PAIRS, &doors[0], &doors[1], seed).await;
    let mut friend = doors[0].fresh().await;
    let before = memory(&first);
    let watched = watch(metrics[0], time);
    let crowd = Crowd::start(HOSTILE, &doors[..2], pairs.keys(), seed);
    let (private, _) = key();
    let mut client = rejoin(&doors[2], &private).await;
    through(&mut client, &mut friend, 0).await;
    let (began, mut deaths) = (Instant::now(), 0);
    let (mut noticed, mut healed) = (Vec::new(), Vec::new());
    while began.elapsed() < time || deaths == 0 {
        mortal.signal("KILL");
        let killed = Instant::now();
        drop(mortal);
        for at in metrics {
            until(at, "natscope_mesh_nodes_joined", 1).await;
        }
        noticed.push(killed.elapsed());
        deaths += 1;
        // Shorter than, and as long as, the pauses between the others' attempts.
        sleep(Duration::from_millis(u64::from(deaths % 4) * 500)).await;
        mortal = node(directory.path(), 2, &all);
        let back = Instant::now();
        client = rejoin(&doors[2], &private).await;
        through(&mut client, &mut friend, deaths).await;
        for at in metrics {
            until(at, "natscope_mesh_nodes_joined", 2).await;
        }
        healed.push(back.elapsed());
    }
    watched.await.unwrap();
    let deeds = crowd.stop().await;
    let (mut clients, arrived) = pairs.stop().await;
    clients.extend([friend, client]);
    for times in [&mut noticed, &mut healed] {
        times.sort();
    }
    let middle = |times: &[Duration]| (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "mesh: {arrived} packets between the two others, none lost; {deaths} deaths, noticed after {:?}, healed after \
         {:?} (median, longest); memory {before} KiB before, {} KiB after; {deeds}",
        middle(&noticed),
        middle(&healed),
        memory(&first)
    );
    assert!(arrived > PAIRS * time.as_secs(), "{arrived} packets are too few to tell");
    for times in [noticed, healed] {
        let (median, longest) = middle(&times);
        assert!(median < HEALED && longest < GENEROUS, "{times:?}");
    }
    drop(mortal);
    stops(first, clients).await;
    stops(second, Vec::new()).await;
}
