//! What waits for a connection: in which order, how much, how long, and whose memory it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use natscope::derp::{Drained, DropReason, Limits, Routed, Switchboard};
use natscope::wire::derp::Frame;
use natscope::wire::disco;

use super::{Two, disco_packet, drain, key, member, payloads, two};
use crate::start;

/// A burst that a queue of 32 packets would lose nearly all of.
#[test]
fn a_burst_arrives_whole() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let sent: Vec<Bytes> = (0..=255_u8).map(|byte| Bytes::from(vec![byte; 1200])).collect();
    for packet in &sent {
        assert_eq!(a.route(now, &key(2), packet.clone()), Routed::Delivered);
    }
    assert_eq!(payloads(&b_out, now), sent);
    assert!(board.counters().dropped.iter().all(|dropped| dropped.packets == 0));
}

#[test]
fn a_queue_that_is_full_loses_its_oldest() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    for number in 0..1000_u16 {
        let packet = [&number.to_be_bytes()[..], &[0; 1998]].concat();
        assert_eq!(a.route(now, &key(2), packet.into()), Routed::Delivered);
    }
    assert!(b_out.held() <= 1 << 20);
    let got = payloads(&b_out, now);
    let numbers: Vec<u16> = got.iter().map(|packet| u16::from_be_bytes([packet[0], packet[1]])).collect();
    let kept = (1_u64 << 20) / 2128;
    let first = u16::try_from(1000 - kept).unwrap();
    assert_eq!(numbers, (first..1000).collect::<Vec<_>>());
    let counters = board.counters();
    assert_eq!(counters.dropped_for(DropReason::QueueHead), 1000 - kept);
    assert_eq!(counters.packets_sent, kept);

    let Two { now, mut a, b: _b, b_out, .. } = two(Limits { queue_bytes: 1000, ..Limits::default() });
    assert_eq!(a.route(now, &key(2), vec![1; 100].into()), Routed::Delivered);
    assert_eq!(a.route(now, &key(2), vec![2; 1000].into()), Routed::Dropped(DropReason::QueueTail));
    assert_eq!(payloads(&b_out, now), [vec![1; 100]], "nothing is dropped for what cannot fit");
}

#[test]
fn what_is_too_old_is_not_worth_delivering() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let at = |millis| now + Duration::from_millis(millis);
    for (millis, packet) in [(0, "first"), (500, "second"), (1500, "third")] {
        a.route(at(millis), &key(2), Bytes::from(packet));
    }
    assert_eq!(payloads(&b_out, at(2001)), ["second", "third"]);
    a.route(at(3000), &key(2), Bytes::from("fourth"));
    a.route(at(5001), &key(2), Bytes::from("fifth"));
    assert_eq!(board.counters().dropped_for(DropReason::QueueHead), 2, "the next packet finds the stale one");
    assert_eq!(payloads(&b_out, at(5001)), ["fifth"]);
}

#[test]
fn disco_goes_first_and_starves_nobody() {
    let Two { now, mut a, b: _b, b_out, .. } = two(Limits::default());
    for number in 0..20 {
        a.route(now, &key(2), Bytes::from(vec![number; 1000]));
        a.route(now, &key(2), disco_packet(number));
    }
    let is_disco = |frame: &Frame| matches!(frame, Frame::RecvPacket { payload, .. } if disco::looks_like(payload));
    let mut batch = Vec::new();
    b_out.drain(now, 4 * (62 + 128), &mut batch);
    assert!(batch[..2].iter().all(is_disco));
    assert!(!is_disco(batch.last().unwrap()), "half of a batch is the others'");
    let rest = drain(&b_out, now);
    assert!(rest[..20 - 2].iter().all(is_disco) && !rest[18..].iter().any(is_disco));
}

#[test]
fn disco_has_its_part_and_no_more() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits { disco_bytes: 1900, ..Limits::default() });
    for number in 0..30 {
        a.route(now, &key(2), disco_packet(number));
    }
    a.route(now, &key(2), Bytes::from("data"));
    let got = payloads(&b_out, now);
    assert_eq!(got.len(), 11);
    assert_eq!(got[..10], (20..30).map(disco_packet).collect::<Vec<_>>());
    assert_eq!(board.counters().dropped_for(DropReason::QueueHead), 20);
}

#[test]
fn all_queues_share_one_memory_fairly() {
    let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
    let board = Switchboard::new(limits);
    let now = start();
    let (mut sender, _sender_out) = board.join(now, member(0));
    let stalled: Vec<_> = (1..=10).map(|number| board.join(now, member(number))).collect();
    // Ten that never read, and packets for them without end.
    for round in 0..500 {
        for number in 1..=10 {
            sender.route(now, &key(number), vec![0; 1000].into());
        }
        assert!(board.census().bytes_held <= 1 << 20, "round {round}");
    }
    let shares: Vec<usize> = stalled.iter().map(|(_, outlet)| outlet.held()).collect();
    let fair = (1 << 20) / 11;
    assert!(shares.iter().all(|share| share.abs_diff(fair) < 3 * 1128), "{shares:?}");
    // Who comes later still has room, for as many packets as each of them.
    let (_late, late_out) = board.join(now, member(11));
    let delivered = (0..40).filter(|_| sender.route(now, &key(11), vec![0; 1000].into()) == Routed::Delivered).count();
    assert_eq!(delivered, 40);
    assert!(payloads(&late_out, now).len() > 35);
    drop(stalled);
    drain(&late_out, now);
    assert_eq!(board.census().bytes_held, 0, "all is given back");
}

/// One who sends as fast as he can, and one who pings, to the same slow reader: every ping is in the batch after it came,
/// behind no more than one turn of the other's, and none is lost, whatever the other loses.
#[test]
fn a_heavy_sender_does_not_starve_a_ping() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let (mut pinger, _pinger_out) = board.join(now, member(3));
    let mut behind = 0;
    for number in 0..200_u8 {
        for _ in 0..1000 {
            a.route(now, &key(2), vec![0; 1200].into());
        }
        pinger.route(now, &key(2), vec![number; 100].into());
        let mut batch = Vec::new();
        b_out.drain(now, 16 << 10, &mut batch);
        let ping = |frame: &Frame| is_from(frame, 3);
        let at = batch.iter().position(ping).unwrap_or_else(|| panic!("ping {number} is not in the next batch"));
        assert!(matches!(&batch[at], Frame::RecvPacket { payload, .. } if payload[0] == number), "{number}");
        assert_eq!(batch.iter().filter(|frame| ping(frame)).count(), 1);
        behind = behind.max(at);
    }
    assert!(behind <= (8 << 10) / 1328 + 1, "behind {behind} packets");
    assert!(board.counters().dropped_for(DropReason::QueueHead) > 190_000, "the other's");
}

/// A sender that was alone for long has had nothing that it would owe to one who comes.
#[test]
fn who_was_alone_takes_turns_with_who_comes() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let (mut other, _other_out) = board.join(now, member(3));
    for _ in 0..500 {
        for _ in 0..100 {
            a.route(now, &key(2), vec![0; 1200].into());
        }
        b_out.drain(now, 100 << 10, &mut Vec::new());
    }
    for _ in 0..100 {
        other.route(now, &key(2), vec![0; 1200].into());
    }
    let mut batch = Vec::new();
    b_out.drain(now, 64 << 10, &mut batch);
    let of = |number| batch.iter().filter(|frame| is_from(frame, number)).count();
    assert!(of(1).abs_diff(of(3)) <= 7 && of(1) + of(3) == batch.len(), "{} and {}", of(1), of(3));
}

/// More senders than are told apart: each one's packets come in order all the same, and nothing is lost.
#[test]
fn a_crowd_of_senders_is_kept_in_order() {
    let Two { board, now, b: _b, b_out, .. } = two(Limits { queue_bytes: 4 << 20, ..Limits::default() });
    let mut crowd: Vec<_> = (3..=252).map(|number| board.join(now, member(number))).collect();
    let mut got = vec![Vec::new(); 256];
    let mut batch = Vec::new();
    for round in 0..40_u8 {
        for (inlet, _) in &mut crowd {
            inlet.route(now, &key(2), vec![round; 64].into());
        }
        b_out.drain(now, 40_000, &mut batch);
    }
    batch.extend(drain(&b_out, now));
    for frame in batch {
        let Frame::RecvPacket { source, payload } = frame else { panic!("{frame:?}") };
        got[usize::from(source.as_bytes()[0])].push(payload[0]);
    }
    for (number, rounds) in got.iter().enumerate().skip(3).take(250) {
        assert_eq!(*rounds, (0..40).collect::<Vec<_>>(), "{number}");
    }
}

fn is_from(frame: &Frame, number: u8) -> bool {
    matches!(frame, Frame::RecvPacket { source, .. } if *source == key(number))
}

/// What was handed out is still in memory until the next batch is asked for.
#[test]
fn a_batch_counts_until_the_next() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    for _ in 0..10 {
        a.route(now, &key(2), vec![0; 872].into());
    }
    let mut batch = Vec::new();
    assert_eq!(b_out.drain(now, 3500, &mut batch), Drained { frames: 4, closed: None });
    assert_eq!(board.census().bytes_held, 10_000);
    b_out.drain(now, 1, &mut batch);
    assert_eq!((batch.len(), board.census().bytes_held), (5, 6000));
}

/// Packets that lie in a large buffer, one each, must not keep a hundred such buffers.
#[test]
fn a_waiting_packet_does_not_keep_its_senders_buffers() {
    let Two { now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let buffers: Vec<Bytes> = (0..100).map(|_| Bytes::from(vec![7; 64 << 10])).collect();
    let ranges: Vec<_> = buffers.iter().map(|buffer| buffer.as_ptr_range()).collect();
    for buffer in &buffers {
        a.route(now, &key(2), buffer.slice(1000..1064));
        a.route(now, &key(2), buffer.slice(1101..1165));
        // Not next to it: as good as another buffer.
        a.route(now, &key(2), buffer.slice(60_000..60_064));
    }
    let got = payloads(&b_out, now);
    assert_eq!(got.len(), 300);
    let kept = ranges.iter().filter(|range| got.iter().any(|packet| range.contains(&packet.as_ptr()))).count();
    assert_eq!(kept, 8, "16 places, two of each buffer");

    // A whole buffer of packets for one peer is worth keeping, and is not copied.
    for packet in 0..50 {
        a.route(now, &key(2), buffers[0].slice(packet * 1237 + 37..(packet + 1) * 1237));
    }
    let got = payloads(&b_out, now);
    assert!(got.iter().all(|packet| ranges[0].contains(&packet.as_ptr())));
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waiting_task_is_woken_once() {
    let Two { board, now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let woken = || woken.0.load(Ordering::SeqCst);
    assert_eq!(b_out.poll_ready(&mut context), Poll::Pending);
    assert_eq!(b_out.poll_ready(&mut context), Poll::Pending);
    for _ in 0..3 {
        a.route(now, &key(2), Bytes::from("x"));
    }
    assert_eq!(woken(), 1);
    assert_eq!(b_out.poll_ready(&mut context), Poll::Ready(()));
    drain(&b_out, now);
    assert_eq!(b_out.poll_ready(&mut context), Poll::Pending);
    board.close_peer(&key(2));
    assert_eq!(woken(), 2);
    assert_eq!(b_out.poll_ready(&mut context), Poll::Ready(()));
}

#[test]
fn a_reader_that_takes_nothing_is_given_up() {
    let Two { now, mut a, b: _b, b_out, .. } = two(Limits::default());
    let at = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(b_out.cut_at(), None);
    for _ in 0..3 {
        a.route(now, &key(2), Bytes::from("x"));
    }
    assert_eq!(b_out.cut_at(), None, "what waits for its task is not the reader's fault");
    let mut batch = Vec::new();
    b_out.drain(now, 200, &mut batch);
    assert_eq!(b_out.cut_at(), Some(at(5)));
    b_out.progress(at(4));
    assert_eq!(b_out.cut_at(), Some(at(9)));
    b_out.progress(at(29));
    assert_eq!(b_out.cut_at(), Some(at(30)), "a byte now and then is not enough");
    b_out.drain(at(29), 200, &mut batch);
    assert_eq!(b_out.cut_at(), None, "it has caught up: what was left was too old");
}

/// Many tasks at once: nothing is lost that fits, order is kept, and all memory is given back.
#[test]
fn many_threads_lose_nothing() {
    const PACKETS: u32 = 2000;
    let board = Switchboard::new(Limits::default());
    let now = start();
    let pairs: Vec<_> =
        (0..4).map(|pair| (board.join(now, member(pair)), board.join(now, member(100 + pair)))).collect();
    std::thread::scope(|scope| {
        for (pair, ((inlet, _out), (reader, outlet))) in (0..).zip(pairs) {
            let to = key(100 + pair);
            let mut inlet = inlet;
            let outlet_of_sender = Arc::clone(&outlet);
            scope.spawn(move || {
                for number in 0..PACKETS {
                    // A sender as fast as its reader: within its bounds nothing may be lost.
                    while outlet_of_sender.held() > 500_000 {
                        std::thread::yield_now();
                    }
                    assert_eq!(inlet.route(now, &to, number.to_be_bytes().to_vec().into()), Routed::Delivered);
                }
            });
            let board = Arc::clone(&board);
            scope.spawn(move || {
                let mut next = 0;
                while next < PACKETS {
                    // Others come and go meanwhile.
                    drop(board.join(now, member(200 + pair)));
                    let mut batch = Vec::new();
                    outlet.drain(now, 10_000, &mut batch);
                    for frame in batch {
                        let Frame::RecvPacket { source, payload } = frame else { continue };
                        assert_eq!(source, key(pair));
                        assert_eq!(payload[..], next.to_be_bytes());
                        next += 1;
                    }
                    std::thread::yield_now();
                }
                drop(reader);
            });
        }
    });
    assert_eq!(board.counters().packets_sent, 4 * u64::from(PACKETS));
    assert_eq!(board.census().bytes_held, 0);
    assert_eq!(board.census().connections, 0);
}
