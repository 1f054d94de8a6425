//! `natscope nat --socks5`: the built binary through a SOCKS5 proxy of the test's own, and through Dante, to coturn and
//! embedded relays. Loopback only.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::{PATIENCE, Run, natscope, relays, words};
use crate::tools::start;

/// What the proxy of the test does.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Relays for this user and password, and lets in answers of those that were sent to and of nobody else.
    Wants(&'static str, &'static str),
    /// Answers UDP ASSOCIATE with this code.
    Refuses(u8),
    /// Is no SOCKS proxy.
    Talks,
}

struct Proxy {
    address: SocketAddr,
    associations: Arc<AtomicUsize>,
    /// Where its datagrams left from.
    outside: Arc<Mutex<HashSet<SocketAddr>>>,
}

fn proxy(ordinal: u8, behaviour: Behaviour) -> Proxy {
    let host = Ipv4Addr::new(127, 0, ordinal, 1);
    let listener = TcpListener::bind((host, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (associations, outside) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let (counted, sent_from) = (Arc::clone(&associations), Arc::clone(&outside));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (counted, sent_from) = (Arc::clone(&counted), Arc::clone(&sent_from));
            std::thread::spawn(move || serve(stream, host, behaviour, &counted, &sent_from));
        }
    });
    Proxy { address, associations, outside }
}

/// One connection to its end. `None`: the other side broke off.
fn serve(
    mut stream: TcpStream,
    host: Ipv4Addr,
    behaviour: Behaviour,
    associations: &AtomicUsize,
    outside: &Mutex<HashSet<SocketAddr>>,
) -> Option<()> {
    let [version, methods] = read(&mut stream, 2)?[..] else { return None };
    assert_eq!(version, 5);
    let methods = read(&mut stream, methods.into())?;
    if matches!(behaviour, Behaviour::Talks) {
        return stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").ok();
    }
    let method = if matches!(behaviour, Behaviour::Wants(..)) { 2 } else { 0 };
    if !methods.contains(&method) {
        return stream.write_all(&[5, 0xff]).ok();
    }
    stream.write_all(&[5, method]).ok()?;
    if let Behaviour::Wants(user, password) = behaviour {
        let [1, length] = read(&mut stream, 2)?[..] else { return None };
        let given_user = read(&mut stream, length.into())?;
        let length = read(&mut stream, 1)?[0];
        let given_password = read(&mut stream, length.into())?;
        let right = given_user == user.as_bytes() && given_password == password.as_bytes();
        stream.write_all(&[1, u8::from(!right)]).ok()?;
        if !right {
            return None;
        }
    }
    // UDP ASSOCIATE from an IPv4 address.
    let request = read(&mut stream, 10)?;
    assert_eq!(request[..4], [5, 3, 0, 1]);
    if let Behaviour::Refuses(code) = behaviour {
        return stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).ok();
    }
    associations.fetch_add(1, Ordering::Relaxed);
    let inner = UdpSocket::bind((host, 0)).unwrap();
    let outer = UdpSocket::bind((host, 0)).unwrap();
    outside.lock().unwrap().insert(outer.local_addr().unwrap());
    // "Here", on that port.
    let mut reply = vec![5, 0, 0, 1, 0, 0, 0, 0];
    reply.extend(inner.local_addr().unwrap().port().to_be_bytes());
    stream.write_all(&reply).ok()?;
    let known = Arc::new(Mutex::new((None, HashSet::new())));
    let (back, inside, remembered) = (outer.try_clone().unwrap(), inner.try_clone().unwrap(), Arc::clone(&known));
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = back.recv_from(&mut buffer) {
            let (client, sent_to) = &*remembered.lock().unwrap();
            if let (Some(client), true, IpAddr::V4(v4)) = (client, sent_to.contains(&from), from.ip()) {
                let mut message = vec![0, 0, 0, 1];
                message.extend(v4.octets());
                message.extend(from.port().to_be_bytes());
                message.extend(&buffer[..length]);
                let _ = inside.send_to(&message, *client);
            }
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = inner.recv_from(&mut buffer) {
            let [0, 0, 0, 1, a, b, c, d, high, low, ref datagram @ ..] = buffer[..length] else { continue };
            let to = SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low])));
            let mut known = known.lock().unwrap();
            known.0 = Some(client);
            known.1.insert(to);
            let _ = outer.send_to(datagram, to);
        }
    });
    // The association stands as long as the connection does.
    while read(&mut stream, 1).is_some() {}
    Some(())
}

fn read(stream: &mut TcpStream, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[test]
fn every_local_port_is_an_association_and_the_nat_is_the_proxys() {
    let (servers, _runtime, _relays) = relays(&[161, 162, 163]);
    let proxy = proxy(164, Behaviour::Wants("me", "s3:cr@t"));
    let directory = tempfile::tempdir().unwrap();
    let saved = directory.path().join("saved.json");
    let save = saved.display();
    let servers = words(&servers);
    let run = natscope(&format!("nat --json --save {save} --socks5 me:s3%3Acr%40t@{} {servers}", proxy.address));
    let report = run.report();
    let Run { code, stdout, stderr } = run;
    let nat = &report["nat"]["ipv4"];
    // Servers on loopback say nothing of the way to the internet; of the mapping they do.
    assert_eq!(code, 3, "{stderr}");
    assert_eq!(nat["proxy"], proxy.address.to_string(), "and not with its password");
    assert!(!stdout.contains("s3") && !stderr.contains("s3"));
    assert!(!std::fs::read_to_string(&saved).unwrap().contains("s3"));
    let again = natscope(&format!("nat --json --replay {save}"));
    assert_eq!((again.code, &again.report()["nat"]), (code, &report["nat"]), "the proxy's, not this host's");
    assert_eq!(nat["mapping"]["value"], "endpoint-independent", "{nat:#}");
    assert_eq!(nat["filtering"]["value"], "address-and-port-dependent", "{nat:#}");
    let outside = proxy.outside.lock().unwrap();
    let mapped: Vec<SocketAddr> =
        nat["mapped"].as_array().unwrap().iter().map(|endpoint| endpoint.as_str().unwrap().parse().unwrap()).collect();
    assert!(mapped.len() >= 3 && mapped.iter().all(|endpoint| outside.contains(endpoint)), "{mapped:?} {outside:?}");
    assert!(proxy.associations.load(Ordering::Relaxed) >= mapped.len());
}

#[test]
fn a_proxy_that_does_not_relay_is_told_with_its_words() {
    let refused = TcpListener::bind("127.0.165.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (format!("{}", proxy(166, Behaviour::Refuses(7)).address), "command not supported"),
        (format!("{}", proxy(167, Behaviour::Refuses(2)).address), "not allowed by its rules"),
        (format!("{}", proxy(168, Behaviour::Talks).address), "does not speak SOCKS5"),
        (format!("{}", proxy(169, Behaviour::Wants("a", "b")).address), "wants a user and a password"),
        (format!("x:y@{}", proxy(170, Behaviour::Wants("a", "b")).address), "user or password refused"),
        (format!("{refused}"), "connection refused"),
    ];
    for (address, wanted) in cases {
        let Run { code, stdout, stderr } = natscope(&format!("nat --json --socks5 {address} 127.0.171.1:3478"));
        assert_eq!((code, stdout.as_str()), (2, ""), "{address}: {stderr}");
        assert!(stderr.contains(wanted) && stderr.contains("UDP ASSOCIATE"), "{address}: {stderr}");
    }
    let Run { code, stderr, .. } = natscope("nat --json --socks5 http://127.0.0.1:1 127.0.171.1:3478");
    assert!(code == 64 && stderr.contains("socks5://"), "{stderr}");
    let Run { code, stderr, .. } = natscope("nat --json --transport tcp --socks5 127.0.0.1:1 127.0.171.1:3478");
    assert!(code == 64 && stderr.contains("--socks5 cannot be used over TCP"), "{stderr}");
}

#[test]
fn dante_relays_for_us() {
    let (servers, _runtime, _relays) = relays(&[172, 173, 174]);
    let directory = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let configuration = directory.path().join("danted.conf");
    let text = format!(
        "logoutput: {}\ninternal: lo port = {port}\nexternal: lo\nsocksmethod: none\nclientmethod: none\n\
         client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
         socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 command: bind connect udpassociate }}\n\
         socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 command: bindreply udpreply }}\n",
        directory.path().join("log").display()
    );
    std::fs::write(&configuration, text).unwrap();
    let mut danted = Command::new("danted");
    danted.arg("-f").arg(&configuration).arg("-p").arg(directory.path().join("pid"));
    let Some(_danted) = start(&mut danted) else { return };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "danted does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let report = natscope(&format!("nat --json --socks5 127.0.0.1:{port} {}", words(&servers))).report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!(nat["mapping"]["value"], "endpoint-independent", "{nat:#}");
    assert_eq!(nat["servers"].as_array().unwrap().iter().filter(|server| server["trusted"] == true).count(), 3);
}
