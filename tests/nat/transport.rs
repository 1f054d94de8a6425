//! `natscope nat --transport tcp|tls`: the built binary against coturn's TCP and TLS listeners on loopback, and against
//! servers that break off at each stage.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{PATIENCE, ended};
use crate::tools::program::{NATSCOPE, bare};
use crate::tools::{Running, free_ports, start};

/// The exit code and the report.
#[track_caller]
fn natscope(arguments: &str, roots: Option<&Path>) -> (i32, Value) {
    let mut command = bare(NATSCOPE);
    command.args(["nat", "--json"]).args(arguments.split_whitespace());
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    }
    let run = ended(&mut command);
    (run.code, run.report())
}

/// coturn on 127.0.`n`.1 for each, over TCP, and over TLS with a certificate for those addresses. `None`: not installed.
fn coturn(ordinals: &[u8], [tcp, tls]: [u16; 2]) -> Option<(Vec<Running>, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let names: Vec<String> = ordinals.iter().map(|ordinal| format!("127.0.{ordinal}.1")).collect();
    let made = rcgen::generate_simple_self_signed(names.clone()).unwrap();
    std::fs::write(file("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut running = Vec::new();
    for name in &names {
        let path = |kind: &str| file(&format!("{name}.{kind}")).display().to_string();
        running.push(start(
            Command::new("turnserver")
                .args(["-n", "--stun-only", "-z", "--no-dtls", "--no-udp", "--no-cli", "-l", "stdout", "-L", name])
                .args(["-p", &tcp.to_string(), "--tls-listening-port", &tls.to_string()])
                .args(["--cert", &file("cert.pem").display().to_string()])
                .args(["--pkey", &file("key.pem").display().to_string()])
                .args(["--pidfile", &path("pid"), "--userdb", &path("db")])
                .stdout(Stdio::null()),
        )?);
    }
    for name in &names {
        let begun = Instant::now();
        while TcpStream::connect((name.as_str(), tls)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "coturn does not listen at {name}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Some((running, directory))
}

fn causes(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(finding, "title"), text(finding, "observed"))).collect()
}

#[test]
fn coturn_is_asked_over_tcp_and_over_tls() {
    let ports = free_ports("127.0.151.1");
    let Some((_coturn, directory)) = coturn(&[151, 152, 153], ports) else { return };
    let roots = directory.path().join("cert.pem");
    for (transport, port) in [("tcp", ports[0]), ("tls", ports[1])] {
        let servers: Vec<String> = [151, 152, 153].map(|ordinal| format!("127.0.{ordinal}.1:{port}")).into();
        let (code, report) = natscope(&format!("--transport {transport} {}", servers.join(" ")), Some(&roots));
        let nat = &report["nat"]["ipv4"];
        assert_eq!((&nat["transport"], &nat["mapping"]["value"]), (&transport.into(), &"direct".into()), "{report:#}");
        assert_eq!(nat["mapping"]["confidence"], "high");
        assert_eq!((&nat["port_preservation"]["value"], &nat["filtering"]["value"]), (&true.into(), &Value::Null));
        assert!(nat["filtering"]["why"].as_str().unwrap().contains("over TCP"), "{nat:#}");
        assert_eq!(nat["local"].as_array().unwrap().len(), 3, "three local ports, each to all servers: {nat:#}");
        assert_eq!(nat["servers"].as_array().unwrap().len(), 3);
        let saved = directory.path().join("saved.json");
        let save = format!("--transport {transport} --save {} {}", saved.display(), servers.join(" "));
        let (_, first) = natscope(&save, Some(&roots));
        let (again, replayed) = natscope(&format!("--replay {}", saved.display()), None);
        assert_eq!((again, &replayed["nat"], &replayed["findings"]), (code, &first["nat"], &first["findings"]));
        let (_, redacted) = natscope(&format!("--redact -v --replay {}", saved.display()), None);
        std::fs::write(&saved, redacted.to_string()).unwrap();
        let (again, from_redacted) = natscope(&format!("--replay {}", saved.display()), None);
        assert_eq!((again, &from_redacted["nat"]), (code, &redacted["nat"]));
        // Servers on loopback say nothing of the way to the internet.
        assert_eq!((code, report["findings"].as_array().unwrap().len()), (3, 0), "{report:#}");
    }
    let uri = format!("stuns:127.0.151.1:{0} stuns:127.0.152.1:{0}", ports[1]);
    let (_, report) = natscope(&uri, Some(&roots));
    assert_eq!(report["nat"]["ipv4"]["transport"], "tls", "the names say it");
    // Nobody here trusts it.
    let (code, report) = natscope(&uri, None);
    assert_eq!(code, 2, "{report:#}");
    assert!(causes(&report).iter().all(|(_, observed)| observed.contains("TLS")), "{report:#}");
    // A certificate is for the names in it.
    let other = format!("stuns:localhost:{}", ports[1]);
    let (_, report) = natscope(&format!("-4 {other} {uri}"), Some(&roots));
    assert_eq!(causes(&report).len(), 1, "{report:#}");
}

#[test]
fn each_failure_tells_its_stage() {
    let serve = |ordinal: u8, behaviour: fn(TcpStream)| {
        let listener = TcpListener::bind(format!("127.0.{ordinal}.1:0")).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(behaviour));
        address
    };
    let closing = serve(154, |mut stream| drop(stream.read(&mut [0; 100])));
    let talking = serve(155, |mut stream| {
        drop(stream.read(&mut [0; 100]));
        drop(stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\nand more of it"));
    });
    let endless = serve(156, |mut stream| {
        drop(stream.read(&mut [0; 100]));
        let mut header = [0; 20];
        header[..4].copy_from_slice(&[1, 1, 0xff, 0xfc]);
        drop(stream.write_all(&header));
    });
    let refusing = TcpListener::bind("127.0.157.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.158.1:0").unwrap();
    let silent_at = silent.local_addr().unwrap();
    let servers = format!("{closing} {talking} {endless} {refusing} {silent_at}");
    let (code, report) = natscope(&format!("--transport tcp --timeout 1500ms {servers}"), None);
    assert_eq!(code, 2);
    let told = causes(&report);
    assert_eq!(told.len(), 5, "{told:#?}");
    for (server, stage, cause) in [
        (closing, "STUN", "closed"),
        (talking, "STUN", "not what the protocol allows"),
        (endless, "STUN", "larger than"),
        (refusing, "connect", "refused"),
        (silent_at, "STUN", "timed out"),
    ] {
        let (_, observed) = told.iter().find(|(title, _)| title.contains(&server.to_string())).unwrap();
        assert!(observed.contains(stage) && observed.contains(cause), "{server}: {observed}");
    }
    let (code, report) = natscope(&format!("--transport tls --timeout 1500ms {talking} {refusing}"), None);
    assert_eq!(code, 2);
    let told = causes(&report);
    assert!(told.iter().any(|(_, observed)| observed.contains("TLS: that port does not speak TLS")), "{told:#?}");
}
