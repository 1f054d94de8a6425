//! The switchboard: from what a client said to what another is told, without sockets.
//!
//!     cargo bench --bench switchboard

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a benchmark that cannot run is to fail")]
#![allow(missing_docs, reason = "criterion's macros make functions")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use natscope::derp::{Inlet, Limits, Member, Outlet, Switchboard, Tray};
use natscope::model::NodePublic;
use natscope::wire::derp::{Decoder, Frame, Packets, Phase, PresenceFlags, Side};

/// What a batch to write has, at the most.
const BATCH: usize = 64 << 10;

/// Packets that come together.
const TOGETHER: usize = 30;

/// A tray that everything is taken off at once.
struct Sink;

impl Tray for Sink {
    fn frame(&mut self, frame: Frame) {
        black_box(frame);
    }

    fn packets(&mut self, packets: Packets) {
        black_box(packets);
    }
}

fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number; 32])
}

fn join(board: &Arc<Switchboard>, number: u8) -> (Inlet, Arc<Outlet>) {
    let member = Member { key: key(number), endpoint: None, flags: PresenceFlags::REGULAR };
    board.join(Instant::now(), member)
}

/// Packets for somebody, as a read brings them.
fn together(from: u8, to: u8, size: usize) -> Packets {
    let mut sent = BytesMut::new();
    for _ in 0..TOGETHER {
        let packet = Frame::SendPacket { destination: key(to), payload: Bytes::from(vec![7; size]) };
        packet.encode_whole(&mut sent).unwrap();
    }
    let mut decoder = Decoder::new(Side::FromClient, Phase::Established, sent);
    decoder.packets(&key(from)).map(|(_, packets)| packets).unwrap()
}

fn through(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("switchboard");
    let now = Instant::now();
    for size in [64, 1200] {
        let board = Switchboard::new(Limits::default());
        let (mut inlet, _own) = join(&board, 1);
        let (_other, outlet) = join(&board, 2);
        let payload = Bytes::from(vec![7; size]);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one packet of {size} B"), |bencher| {
            bencher.iter(|| {
                inlet.route(now, &key(2), payload.clone());
                outlet.drain(now, BATCH, &mut Sink)
            });
        });
        group.throughput(Throughput::Elements(TOGETHER as u64));
        group.bench_function(format!("{TOGETHER} packets of {size} B together"), |bencher| {
            bencher.iter_batched(
                || together(1, 2, size),
                |packets| {
                    inlet.route_packets(now, &key(2), packets);
                    outlet.drain(now, BATCH, &mut Sink)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// Many senders to one reader: each packet is looked up among those who have something waiting.
fn crowd(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crowd");
    let now = Instant::now();
    for senders in [2_u8, 20, 200] {
        let board = Switchboard::new(Limits::default());
        let (_reader, outlet) = join(&board, 255);
        let mut crowd: Vec<_> = (0..senders).map(|number| join(&board, number)).collect();
        let payload = Bytes::from(vec![7; 1200]);
        group.throughput(Throughput::Elements(senders.into()));
        group.bench_function(format!("a packet of each of {senders}"), |bencher| {
            bencher.iter(|| {
                for (inlet, _) in &mut crowd {
                    inlet.route(now, &key(255), payload.clone());
                }
                while outlet.drain(now, BATCH, &mut Sink).frames > 0 {}
            });
        });
    }
    group.finish();
}

criterion_group!(switchboard, through, crowd);
criterion_main!(switchboard);
