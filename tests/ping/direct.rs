use crate::program::{Running, free_address, listen, paths, ping, relay};

#[test]
fn a_direct_path_is_found_and_taken() {
    let at = free_address();
    let _relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at} --direct"));
    let (report, code) = ping(&format!("{key} --via http://{at} --direct -c 8 -i 100ms"));
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["ping"]["direct"]["value"], true);
    let paths = paths(&report);
    assert!(paths.first() == Some(&"relay") && paths.last() == Some(&"direct"), "{paths:?}");
    let last = report["ping"]["pongs"].as_array().unwrap().last().unwrap();
    assert!(last["endpoint"].as_str().is_some_and(|endpoint| endpoint.contains(':')), "{last}");
    assert!(report["ping"]["direct_after_ms"].as_f64().is_some());
}

#[test]
fn the_first_direct_pong_is_the_last_if_asked_for() {
    let at = free_address();
    let _relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at} --direct"));
    let (report, code) = ping(&format!("{key} --via http://{at} --until-direct -c 50 -i 100ms"));
    assert_eq!(code, Some(0), "{report:#}");
    let paths = paths(&report);
    assert_eq!(paths.iter().filter(|path| **path == "direct").count(), 1, "{paths:?}");
}

#[test]
fn a_peer_that_offers_none_is_said_not_to() {
    let at = free_address();
    let _relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at}"));
    let (report, code) = ping(&format!("{key} --via http://{at} --direct -c 3 -i 50ms"));
    assert_eq!((code, &report["ping"]["direct"]["value"]), (Some(1), &false.into()), "{report:#}");
    let why = report["ping"]["direct"]["why"].as_str().unwrap();
    assert!(why.contains("--direct"), "{why}");
    assert_eq!(paths(&report), ["relay"; 3]);
}

/// What goes directly needs no relay any more.
#[test]
fn a_direct_path_outlives_the_relay() {
    let at = free_address();
    let relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at} --direct"));
    let pinging = Running::start(&format!("ping {key} --via http://{at} --direct -c 1000 -i 50ms"));
    pinging.line("via direct(");
    drop(relay);
    for _ in 0..20 {
        pinging.line("via direct(");
    }
    pinging.signal("INT");
    assert_eq!(pinging.end().1, Some(130));
}
