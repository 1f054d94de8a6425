//! The codecs a relay uses for every packet and every STUN request.
//!
//!     cargo bench --bench codecs

#![allow(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a benchmark that cannot run is to fail")]
#![allow(missing_docs, reason = "criterion's macros make functions")]

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use natscope::model::NodePublic;
use natscope::wire::derp::{Decoder, Frame, Phase, Side};
use natscope::wire::stun::{self, AnswerFacts, RequestForm, TransactionId};

/// What a busy client's read brings.
const READ: usize = 64 << 10;

fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number; 32])
}

/// As many packets of this size as a read brings, and how many.
fn sent(size: usize) -> (BytesMut, u64) {
    let (mut bytes, mut count) = (BytesMut::new(), 0);
    while bytes.is_empty() || bytes.len() + size < READ {
        let packet = Frame::SendPacket { destination: key(2), payload: Bytes::from(vec![7; size]) };
        packet.encode_whole(&mut bytes).unwrap();
        count += 1;
    }
    (bytes, count)
}

fn derp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("derp");
    for size in [64, 1200, 8192] {
        let (bytes, count) = sent(size);
        let decoder = || Decoder::new(Side::FromClient, Phase::Established, bytes.clone());
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("decode {size} B one by one"), |bencher| {
            bencher.iter_batched_ref(
                decoder,
                |decoder| while black_box(decoder.decode().unwrap()).is_some() {},
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("decode {size} B together"), |bencher| {
            bencher.iter_batched_ref(
                decoder,
                |decoder| while black_box(decoder.packets(&key(1))).is_some() {},
                BatchSize::SmallInput,
            );
        });
        group.throughput(Throughput::Elements(1));
        let frame = Frame::RecvPacket { source: key(1), payload: Bytes::from(vec![7; size]) };
        group.bench_function(format!("encode {size} B, payload where it lies"), |bencher| {
            let mut head = BytesMut::with_capacity(READ);
            bencher.iter(|| {
                head.clear();
                black_box(frame.encode(&mut head).unwrap());
            });
        });
    }
    group.finish();
}

fn stun(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stun");
    let mapped = "198.51.100.7:50000".parse().unwrap();
    for (name, form) in [("plain", RequestForm::Plain), ("as Tailscale sends it", RequestForm::Tailnode)] {
        let datagram = stun::encode_request(TransactionId([7; 12]), form, None).unwrap();
        let facts = AnswerFacts { mapped, origin: None, other: None, software: "natscope" };
        group.bench_function(format!("answer a request, {name}"), |bencher| {
            bencher.iter(|| {
                let request = stun::decode_request(black_box(&datagram)).unwrap();
                black_box(stun::encode_success(&request, &facts))
            });
        });
    }
    group.finish();
}

criterion_group!(codecs, derp, stun);
criterion_main!(codecs);
