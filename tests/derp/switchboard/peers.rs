//! Who gets a packet, and who is told of whom.

use std::time::Duration;

use bytes::Bytes;
use natscope::derp::{Closed, Drained, DropReason, Limits, Outlet, Routed};
use natscope::wire::derp::{Frame, GoneReason, PresenceFlags};

use super::{Two, disco_packet, drain, gone, key, member, payloads, two};

#[test]
fn a_packet_arrives_with_its_senders_key() {
    let Two { board, now, mut a, a_out, b: _b, b_out } = two(Limits::default());
    assert_eq!(a.route(now, &key(2), Bytes::from("hello")), Routed::Delivered);
    assert_eq!(a.route(now, &key(2), Bytes::new()), Routed::Delivered);
    assert_eq!(a.route(now, &key(1), Bytes::from("to oneself")), Routed::Delivered);
    let from_a = |payload: &'static str| Frame::RecvPacket { source: key(1), payload: Bytes::from(payload) };
    assert_eq!(drain(&b_out, now), [from_a("hello"), from_a("")]);
    assert_eq!(drain(&a_out, now), [from_a("to oneself")]);
    let counters = board.counters();
    assert_eq!((counters.packets_received, counters.bytes_received), (3, 15));
    assert_eq!((counters.packets_sent, counters.bytes_sent), (3, 15));
    assert_eq!((counters.packets_received_disco, counters.packets_received_other), (0, 3));
}

#[test]
fn a_disco_packet_to_nobody_is_told_once_a_second_after_three() {
    let Two { board, now, mut a, a_out, b: _b, .. } = two(Limits::default());
    let unknown = Routed::Dropped(DropReason::UnknownDestination);
    for _ in 0..10 {
        assert_eq!(a.route(now, &key(9), Bytes::from("no disco")), unknown);
    }
    assert_eq!(drain(&a_out, now), []);
    for _ in 0..10 {
        assert_eq!(a.route(now, &key(9), disco_packet(0)), unknown);
    }
    assert_eq!(drain(&a_out, now), [(); 3].map(|()| gone(9, GoneReason::NOT_HERE)));
    let later = now + Duration::from_millis(1100);
    for number in 10..15 {
        a.route(later, &key(number), disco_packet(0));
    }
    assert_eq!(drain(&a_out, later), [gone(10, GoneReason::NOT_HERE)]);
    let counters = board.counters();
    assert_eq!(counters.peer_gone_not_here_frames, 4);
    assert_eq!(counters.dropped_for(DropReason::UnknownDestination), 25);
}

#[test]
fn who_heard_from_a_peer_learns_that_it_is_gone_each_time() {
    let Two { board, now, mut a, a_out, mut b, b_out } = two(Limits::default());
    let (_c, c_out) = board.join(now, member(3));
    let (a_twin, a_twin_out) = board.join(now, member(1));
    for _ in 0..3 {
        b.route(now, &key(1), Bytes::from("to the twin"));
    }
    // It sends to c, and c hears nothing of b, nor b of its own end.
    a.route(now, &key(3), Bytes::from("x"));
    a.route(now, &key(2), Bytes::from("x"));
    for out in [&a_out, &a_twin_out, &b_out, &c_out] {
        drain(out, now);
    }
    drop(b);
    assert_eq!(drain(&a_twin_out, now), [gone(2, GoneReason::DISCONNECTED)]);
    for out in [&a_out, &c_out] {
        assert_eq!(drain(out, now), []);
    }
    // It comes back, and goes again.
    let (mut b, _b_out) = board.join(now, member(2));
    b.route(now, &key(1), Bytes::from("x"));
    drain(&a_out, now);
    drop(b);
    assert_eq!(drain(&a_out, now), [gone(2, GoneReason::DISCONNECTED)]);
    assert_eq!(board.counters().peer_gone_disconnected_frames, 2);
    // One of several connections leaves: nobody is gone.
    drop(a);
    assert_eq!(drain(&c_out, now), []);
    drop(a_twin);
    assert_eq!(drain(&c_out, now), [gone(1, GoneReason::DISCONNECTED)]);
}

#[test]
fn the_newest_or_last_to_speak_of_several_is_the_active_one() {
    let Two { board, now, mut a, b, b_out, .. } = two(Limits::default());
    let mut send = |to: &Outlet| {
        a.route(now, &key(2), Bytes::from("x"));
        !payloads(to, now).is_empty()
    };
    assert!(send(&b_out));
    let (second, second_out) = board.join(now, member(2));
    assert!(send(&second_out), "the newest");
    let (third, third_out) = board.join(now, member(2));
    assert!(send(&third_out));
    b.spoke();
    assert!(send(&b_out), "the last to speak, if only a ping");
    second.spoke();
    assert!(send(&second_out));
    let census = board.census();
    assert_eq!((census.connections, census.clients_local), (4, 2));
    assert_eq!((census.dup_client_keys, census.dup_client_conns), (1, 3));
    drop(second);
    assert!(send(&b_out), "the most recent of those left");
    drop(b);
    assert!(send(&third_out));
    drop(third);
    assert_eq!(a.route(now, &key(2), Bytes::from("x")), Routed::Dropped(DropReason::UnknownDestination));
    assert_eq!(board.counters().total_dup_client_conns, 2);
    assert_eq!(board.counters().dropped_for(DropReason::DupClient), 0);
}

#[test]
fn what_waits_for_one_who_leaves_is_dropped_and_counted() {
    let Two { board, now, mut a, b, b_out, .. } = two(Limits::default());
    for _ in 0..5 {
        a.route(now, &key(2), vec![0; 100].into());
    }
    assert_eq!(board.close_peer(&key(2)), 1);
    assert_eq!(a.route(now, &key(2), vec![0; 100].into()), Routed::Dropped(DropReason::GoneDisconnected));
    assert_eq!(b_out.drain(now, 1000, &mut Vec::new()), Drained { frames: 0, closed: Some(Closed::ByMesh) });
    drop(b);
    assert_eq!(b_out.closed(), Some(Closed::ByMesh));
    assert_eq!(board.counters().dropped_for(DropReason::GoneDisconnected), 6);
    assert_eq!(board.close_peer(&key(2)), 0);
    assert!(!board.is_here(&key(2)));
}

#[test]
fn a_watcher_is_told_who_is_here_and_who_comes_and_goes() {
    let Two { board, now, mut a, a_out, b, .. } = two(Limits::default());
    let present = |number| Frame::PeerPresent { peer: key(number), endpoint: None, flags: PresenceFlags::REGULAR };
    let sorted = |mut frames: Vec<Frame>| {
        frames.sort_by_key(|frame| format!("{frame:?}"));
        frames
    };
    a.watch();
    assert_eq!(sorted(drain(&a_out, now)), [present(1), present(2)]);
    let (c, _c_out) = board.join(now, member(3));
    let (c_twin, _c_twin_out) = board.join(now, member(3));
    assert_eq!(drain(&a_out, now), [present(3), present(3)], "of every connection");
    drop(c);
    assert_eq!(drain(&a_out, now), [], "and of none that leaves another behind");
    drop(c_twin);
    drop(b);
    assert_eq!(drain(&a_out, now), [gone(3, GoneReason::DISCONNECTED), gone(2, GoneReason::DISCONNECTED)]);
    a.watch();
    assert_eq!(drain(&a_out, now), [present(1)]);
    assert_eq!(board.census().watchers, 1);
    drop(a);
    assert_eq!(board.census().watchers, 0);
}

#[test]
fn notices_nobody_reads_are_left_out_except_for_watchers() {
    let limits = Limits { notices: 2, ..Limits::default() };
    let Two { board, now, mut a, a_out, b: _b, .. } = two(limits);
    for number in 20..30 {
        let (mut other, _out) = board.join(now, member(number));
        other.route(now, &key(1), Bytes::new());
    }
    let frames = drain(&a_out, now);
    assert_eq!(frames.iter().filter(|frame| matches!(frame, Frame::PeerGone { .. })).count(), 2);
    a.watch();
    for number in 20..30 {
        let _ = board.join(now, member(number));
    }
    assert_eq!(drain(&a_out, now).len(), 2 + 20);
}

#[test]
fn the_mesh_is_one_hop_and_what_is_here_comes_first() {
    let Two { board, now, mut a, a_out, mut b, .. } = two(Limits::default());
    let (mut near, near_out) = board.link(now, key(101));
    let (mut far, far_out) = board.link(now, key(102));
    for number in [2, 7] {
        far.present(key(number));
        near.present(key(number));
    }
    assert_eq!(a.route(now, &key(2), Bytes::from("x")), Routed::Delivered, "local wins");
    assert_eq!(a.route(now, &key(7), Bytes::from("x")), Routed::Forwarded);
    let forwarded = Frame::ForwardPacket { source: key(1), destination: key(7), payload: Bytes::from("x") };
    assert_eq!(drain(&near_out, now), std::slice::from_ref(&forwarded));
    drop(near);
    assert_eq!(a.route(now, &key(7), Bytes::from("x")), Routed::Forwarded);
    assert_eq!(drain(&far_out, now), [forwarded]);
    // What comes from the mesh is never sent back into it.
    let routed = b.forward(now, &key(9), &key(7), disco_packet(0));
    assert_eq!(routed, Routed::Dropped(DropReason::UnknownDestinationOnForward));
    // A peer behind a link is gone when the last link says so, to those here who heard from it.
    assert_eq!(b.forward(now, &key(7), &key(1), Bytes::from("y")), Routed::Delivered);
    drain(&a_out, now);
    far.gone(key(7));
    far.gone(key(7));
    assert_eq!(drain(&a_out, now), [gone(7, GoneReason::DISCONNECTED)]);
    assert_eq!(a.route(now, &key(7), Bytes::from("x")), Routed::Dropped(DropReason::UnknownDestination));
    // A peer that stays reachable through the mesh is not gone.
    b.route(now, &key(1), Bytes::from("z"));
    drain(&a_out, now);
    drop(b);
    assert_eq!(drain(&a_out, now), []);
    assert_eq!(a.route(now, &key(2), Bytes::from("x")), Routed::Forwarded);
    drop(far);
    assert_eq!(drain(&a_out, now), [gone(2, GoneReason::DISCONNECTED)]);
    let counters = board.counters();
    assert_eq!((counters.packets_forwarded_in, counters.packets_forwarded_out), (2, 3));
    assert_eq!((counters.multiforwarder_created, counters.multiforwarder_deleted), (2, 2));
}

#[test]
fn a_client_that_moves_between_relays_is_followed() {
    let Two { board, now, mut a, .. } = two(Limits::default());
    let (mut east, east_out) = board.link(now, key(101));
    let (mut west, west_out) = board.link(now, key(102));
    let mut from_east = board.join(now, member(101)).0;
    let mut from_west = board.join(now, member(102)).0;
    let mut reached = |step: &str| {
        assert_eq!(a.route(now, &key(7), Bytes::from("x")), Routed::Forwarded, "{step}");
        (drain(&east_out, now).len(), drain(&west_out, now).len())
    };
    let (to_east, to_west) = ((1, 0), (0, 1));
    east.present(key(7));
    assert_eq!(reached("it is in the east alone"), to_east);
    west.present(key(7));
    assert_eq!(reached("it came to the west last"), to_west);
    // Its connection in the east still lives, and it is there that it speaks.
    assert_eq!(from_east.forward(now, &key(7), &key(1), Bytes::from("y")), Routed::Delivered);
    assert_eq!(reached("it spoke in the east"), to_east);
    assert_eq!(from_west.forward(now, &key(7), &key(1), Bytes::from("y")), Routed::Delivered);
    assert_eq!(reached("it spoke in the west"), to_west);
    east.present(key(7));
    assert_eq!(reached("another connection in the east"), to_east);
    east.gone(key(7));
    assert_eq!(reached("it left the east"), to_west);
    east.gone(key(7));
    assert_eq!(board.counters().packet_forwarder_delete_other_value, 1);
    assert_eq!((east.keys(), west.keys()), (0, 1));
}

#[test]
fn between_relays_there_is_room_for_what_many_clients_say() {
    let limits = Limits { queue_bytes: 10_000, ..Limits::default() };
    let Two { board, now, mut a, .. } = two(limits);
    let (mut link, out) = board.link(now, key(101));
    link.present(key(7));
    for _ in 0..100 {
        a.route(now, &key(7), Bytes::from(vec![0; 1000]));
    }
    assert_eq!(drain(&out, now).len(), 100);
}

#[test]
fn homes_are_counted_and_so_are_moves_of_the_settled() {
    let Two { board, now, mut a, mut b, .. } = two(Limits::default());
    a.note_preferred(now, true);
    b.note_preferred(now + Duration::from_secs(6), true);
    b.note_preferred(now + Duration::from_secs(7), true);
    assert_eq!(board.census().home_connections, 2);
    a.note_preferred(now + Duration::from_secs(8), false);
    let counters = board.counters();
    assert_eq!((counters.home_moves_in, counters.home_moves_out), (1, 1));
    assert_eq!(board.census().home_connections, 1);
}

#[test]
fn the_busiest_come_first() {
    let Two { board, now, mut a, a_out, b: _b, b_out } = two(Limits::default());
    let later = now + Duration::from_secs(3);
    let (c, _c_out) = board.join(later, member(3));
    for _ in 0..3 {
        a.route(now, &key(2), Bytes::from(vec![0; 100]));
    }
    a.note_preferred(now, true);
    a.watch();
    drain(&b_out, now);
    a.route(now, &key(2), Bytes::from(vec![0; 7]));
    let all = board.busiest(10);
    assert_eq!(all.iter().map(|present| present.member.key).collect::<Vec<_>>(), [key(1), key(2), key(3)]);
    let numbers = |number: usize| {
        let present = all[number];
        (present.packets_received, present.bytes_received, present.packets_sent, present.bytes_sent)
    };
    assert_eq!((numbers(0), numbers(1), numbers(2)), ((4, 307, 0, 0), (0, 0, 3, 300), (0, 0, 0, 0)));
    assert_eq!((all[0].home, all[0].watching, all[1].home, all[1].watching), (true, true, false, false));
    assert_eq!((all[0].since, all[2].since), (now, later));
    assert!(all[1].held >= 7 && all[2].held == 0);
    assert_eq!(board.busiest(2), all[..2]);
    drop((c, a_out));
    assert_eq!(board.busiest(10).len(), 2);
}
