//! Against coturn: on loopback, and on a made-up internet.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use crate::program::{PATIENCE, ended, natscope, relays, server, words};
use crate::tools::program::{NATSCOPE, bare, installed};
use crate::tools::{free_ports, not_run, start_coturn};

#[test]
fn coturn_tells_how_loopback_filters() {
    let ports = free_ports("127.0.139.1");
    let Some(_coturn) = start_coturn(&["127.0.139.1", "127.0.139.2"], ports) else { return };
    let (servers, _runtime, _relays) = relays(&[140, 141]);
    let coturn: SocketAddr = format!("127.0.139.1:{}", ports[0]).parse().unwrap();
    // coturn binds its sockets about a second before it reads from them.
    let begun = Instant::now();
    loop {
        let report = natscope(&format!("nat --json {coturn} {}", words(&servers))).report();
        let nat = &report["nat"]["ipv4"];
        if server(nat, coturn)["trusted"] == true {
            assert_eq!(server(nat, coturn)["rfc5780"], true, "{nat:#}");
            assert_eq!(nat["mapping"]["value"], "direct");
            assert_eq!(nat["filtering"]["value"], "endpoint-independent", "{nat:#}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "coturn does not answer: {nat:#}");
    }
    // Alone it cannot tell the mapping, and still tells the filtering.
    let run = natscope(&format!("nat --json {coturn}"));
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!((run.code, &nat["difficulty"]["value"]), (3, &Value::Null));
    assert_eq!(nat["filtering"]["value"], "endpoint-independent");
}

/// Two STUN servers of different networks on a made-up internet, and this host with an address on it.
const INTERNET: &str = r#"
    set -e
    ip link set lo up
    ip link add wan type veth peer name far
    ip address add 198.51.100.77/24 dev wan
    ip link set wan up
    ip link set far up
    ip route add default dev wan
    for address in 203.0.113.1 203.0.113.2 192.0.2.1; do ip address add "$address/32" dev lo; done
    coturn() {
        name=$1; shift
        turnserver -n --stun-only -z --no-tls --no-dtls --no-tcp --no-cli -l stdout -p 3478 \
            --pidfile "$DIRECTORY/$name.pid" --userdb "$DIRECTORY/$name.db" "$@" >"$DIRECTORY/$name.log" 2>&1 &
        running="$running $!"
    }
    coturn two --alt-listening-port 3479 -L 203.0.113.1 -L 203.0.113.2
    coturn one -L 192.0.2.1
    # coturn binds its sockets about a second before it reads from them.
    for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 1
        code=0
        "$NATSCOPE" nat 203.0.113.1 192.0.2.1 --bind-address 198.51.100.77 $ARGUMENTS >"$DIRECTORY/told" || code=$?
        [ $code -ne 0 ] || break
    done
    cat "$DIRECTORY/told"
    kill $running
    exit $code
"#;

#[test]
fn a_public_address_is_told_by_exit_code_and_headline() {
    let inside = |arguments: &str| {
        let directory = tempfile::tempdir().unwrap();
        let mut shell = bare("unshare");
        shell.args(["--user", "--map-root-user", "--net", "sh", "-c", INTERNET]);
        shell.env("NATSCOPE", NATSCOPE).env("DIRECTORY", directory.path());
        ended(shell.env("ARGUMENTS", arguments))
    };
    for program in ["unshare", "ip", "turnserver"] {
        if !installed(program) {
            return not_run(program);
        }
    }
    let run = inside("--json");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!((&nat["difficulty"]["value"], &nat["mapping"]["value"]), (&"none".into(), &"direct".into()), "{nat:#}");
    assert_eq!(
        (&nat["filtering"]["value"], &nat["type"]["value"]),
        (&"endpoint-independent".into(), &"open-internet".into())
    );
    let run = inside("--lang en");
    assert!(run.stdout.starts_with(" No NAT (open internet): "), "{}{}", run.stdout, run.stderr);
}
