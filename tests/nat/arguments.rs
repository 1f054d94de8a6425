//! What it is asked and by which words, what it reads and writes, and how people are told.

use crate::program::{natscope, relays, server, words};

#[test]
fn flags_words_and_uris_name_servers_alike_and_a_map_adds_its_own() {
    let (servers, _runtime, _relays) = relays(&[125, 126, 127]);
    let directory = tempfile::tempdir().unwrap();
    let map = directory.path().join("map.json");
    let region = serde_json::json!({
        "RegionID": 1, "RegionCode": "own", "RegionName": "Own",
        "Nodes": [{
            "Name": "own1", "RegionID": 1, "HostName": servers[2].ip().to_string(), "STUNPort": servers[2].port(),
            "STUNOnly": true,
        }],
    });
    std::fs::write(&map, serde_json::json!({ "Regions": { "1": region } }).to_string()).unwrap();
    let run = natscope(&format!(
        "nat --json stun:{} --stun-server {} --stun-server {} --derp-map {}",
        servers[0],
        servers[1],
        servers[0],
        map.display()
    ));
    let report = run.report();
    for (named, name) in servers.iter().zip([&*servers[0].to_string(), &*servers[1].to_string(), "own1"]) {
        assert_eq!(server(&report["nat"]["ipv4"], *named)["server"], name);
    }
    assert_eq!(report["nat"]["ipv4"]["mapping"]["value"], "direct");
}

#[test]
fn bad_arguments_are_64_and_say_what_would_be_right() {
    for (arguments, wanted) in [
        ("stuns:127.0.0.1 127.0.0.2", "for all of them write --transport tls"),
        ("--transport udp stuns:127.0.0.1", "--transport says UDP"),
        ("--transport tcp --lifetime 127.0.0.1", "--lifetime cannot be used over TCP"),
        ("--transport tls --rfc3489 127.0.0.1", "--rfc3489 cannot be used over TLS"),
        ("--transport tcp --derp-map embedded 127.0.0.1", "--derp-map cannot be used over TCP"),
        ("--transport dtls 127.0.0.1", "possible values: udp, tcp, tls"),
        ("--socks5 u@127.0.0.1 127.0.0.1", "USER:PASSWORD@"),
        ("127.0.0.1:0", "from 1 to 65535"),
        ("stun://127.0.0.1", "without slashes"),
        ("--stun-server a..b", "1 to 63 characters"),
        ("-4 [::1]:3478", "is not IPv4"),
        ("--format tailscale-json 127.0.0.1", "only `natscope netcheck` can write it"),
        ("--replay there-is-none.json", "there-is-none.json"),
        ("--derp-map there-is-none.json", "there-is-none.json"),
    ] {
        let run = natscope(&format!("nat {arguments}"));
        assert_eq!((run.code, run.stdout.as_str()), (64, ""), "{arguments}: {}", run.stderr);
        let heard = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(heard.contains(wanted), "{arguments}: {heard}");
    }
}

#[test]
fn what_was_saved_concludes_again_for_either_command() {
    let (servers, _runtime, _relays) = relays(&[133, 134, 135]);
    let directory = tempfile::tempdir().unwrap();
    let saved = directory.path().join("saved.json");
    let first = natscope(&format!("nat --json --save {} {}", saved.display(), words(&servers)));
    let again = natscope(&format!("nat --json --replay {}", saved.display()));
    assert_eq!((first.code, again.code), (3, 3));
    for key in ["nat", "findings", "started_at", "command"] {
        assert_eq!(first.report()[key], again.report()[key], "{key}");
    }
    let netcheck = natscope(&format!("netcheck --json --replay {}", saved.display()));
    assert_eq!(netcheck.report()["netcheck"]["udp"]["value"], true);
    assert_eq!(netcheck.report()["nat"], first.report()["nat"]);
    let redacted = natscope(&format!("nat --json --redact -v --replay {}", saved.display()));
    assert_eq!(redacted.report()["nat"]["ipv4"]["mapping"]["value"], "direct");
}

#[test]
fn people_read_a_sentence_and_on_request_about_each_server() {
    let (servers, _runtime, _relays) = relays(&[136, 137, 138]);
    let list = words(&servers);
    let text = natscope(&format!("nat {list} --lang en")).stdout;
    assert!(text.starts_with(" NAT undetermined: the servers asked are not on the internet"), "{text}");
    assert!(text.contains("direct (3 servers saw our own local endpoint)"), "{text}");
    assert!(text.contains(" used") && !text.contains("RFC 5780  Note"), "{text}");
    let text = natscope(&format!("nat --servers {list} --lang en")).stdout;
    assert!(text.contains("RFC 5780  Note") && !text.contains(" used"), "{text}");
    for server in &servers {
        assert!(text.contains(&server.to_string()), "{text}");
    }
    let text = natscope(&format!("nat --servers {list} --lang zh-CN")).stdout;
    assert!(text.starts_with(" 未能确定 NAT 类型：") && text.contains("说明"), "{text}");
    let text = natscope(&format!("nat {list} --format markdown")).stdout;
    assert!(text.starts_with("## NAT undetermined: "), "{text}");
}
