//! The HTTP around DERP, against the texts of the vectors.

use natscope::wire::upgrade::{
    HeadError, MAX_HEAD, Request, ResponseHead, ResponseReader, encode_switching, meta_certificate_key,
    meta_certificate_name,
};

use crate::vectors::{VECTORS, public, text};

fn request(request: &Request<'_>) -> String {
    let text = String::from_utf8(request.encode().unwrap().to_vec()).unwrap();
    // We say who we are; all else is what a stock client says.
    let ours = format!("User-Agent: natscope/{}", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&ours));
    text.replace(&ours, "User-Agent: Go-http-client/1.1")
}

const PLAIN: Request<'_> = Request { host: "derp.example.com", port: 443, fast_start: false, ideal_node: None };

#[test]
fn a_request_is_a_stock_clients() {
    let http = &VECTORS["http"];
    assert_eq!(request(&PLAIN), text(&http["request_normal"]));
    assert_eq!(request(&Request { fast_start: true, ..PLAIN }), text(&http["request_fast_start"]));
    let ideal = request(&Request { ideal_node: Some("900a"), ..PLAIN });
    assert!(ideal.contains("\r\nConnection: Upgrade\r\nIdeal-Node: 900a\r\nUpgrade: DERP\r\n\r\n"));
}

#[test]
fn a_host_is_told_with_its_port_unless_it_is_443() {
    for (host, port, wanted) in [
        ("relay", 0, "relay"),
        ("relay", 443, "relay"),
        ("relay", 80, "relay:80"),
        ("192.0.2.1", 8443, "192.0.2.1:8443"),
        ("2001:db8::1", 443, "[2001:db8::1]"),
        ("[2001:db8::1]", 3340, "[2001:db8::1]:3340"),
    ] {
        let text = request(&Request { host, port, ..PLAIN });
        assert!(text.contains(&format!("\r\nHost: {wanted}\r\n")), "{text}");
    }
    for host in ["", "a b", "a\r\nEvil: 1", "bücher"] {
        assert!(Request { host, ..PLAIN }.encode().is_err(), "{host}");
        assert!(Request { ideal_node: Some(host), ..PLAIN }.encode().is_err(), "{host}");
    }
}

fn read(chunks: &[&[u8]]) -> Result<Option<(ResponseHead, Vec<u8>)>, HeadError> {
    let mut reader = ResponseReader::new();
    for (index, chunk) in chunks.iter().enumerate() {
        if let Some(head) = reader.feed(chunk)? {
            let rest: Vec<u8> = reader.rest().to_vec();
            return Ok(Some((head, [&rest[..], &chunks[index + 1..].concat()].concat())));
        }
    }
    Ok(None)
}

#[test]
fn the_answer_is_read_however_it_is_cut_and_what_follows_is_kept() {
    let answer = text(&VECTORS["http"]["response_101"]);
    assert_eq!(encode_switching(&public("server")), answer.as_bytes());
    let bytes = [answer.as_bytes(), b"\x01\0\0\0\x28frames"].concat();
    for cut in 0..=bytes.len() {
        let (head, rest) = read(&[&bytes[..cut], &bytes[cut..]]).unwrap().unwrap();
        assert!(head.is_switching());
        assert_eq!(head.header("derp-version"), Some("2"));
        assert_eq!(head.header("Derp-Public-Key"), Some(public("server").to_hex().as_str()));
        assert_eq!(rest, b"\x01\0\0\0\x28frames");
    }
    for length in 0..answer.len() {
        assert_eq!(read(&[&answer.as_bytes()[..length]]), Ok(None));
    }
}

#[test]
fn other_answers_are_told_apart() {
    let line = text(&VECTORS["http"]["response_426_status_line"]);
    let refusal = format!("{line}\r\nContent-Length: 5\r\n\r\nDERP requires");
    let (head, rest) = read(&[refusal.as_bytes()]).unwrap().unwrap();
    assert!(!head.is_switching());
    assert_eq!((head.status, head.reason.as_str(), &rest[..]), (426, "Upgrade Required", &b"DERP requires"[..]));
    // Without a reason, as some proxies answer.
    assert_eq!(read(&[b"HTTP/1.1 502\r\n\r\n"]).unwrap().unwrap().0.status, 502);

    let not_http = read(&[b"SSH-2.0-OpenSSH_9.9\r\n"]).unwrap_err();
    assert_eq!(not_http, HeadError::NotHttp { begins: "SSH-2.0-OpenSSH_9.9\\r\\n".into() });
    assert!(matches!(read(&[&[0x15, 3, 1, 0, 2, 2, 70]]), Err(HeadError::NotHttp { .. })));
    let endless = format!("HTTP/1.1 101 x\r\nA: {}", "a".repeat(MAX_HEAD));
    assert_eq!(read(&[endless.as_bytes()]), Err(HeadError::TooLong));
    let many = format!("HTTP/1.1 101 x\r\n{}\r\n", "A: b\r\n".repeat(101));
    assert_eq!(read(&[many.as_bytes()]), Err(HeadError::TooLong));
}

#[test]
fn a_certificates_name_is_a_relays_key() {
    let expect = &VECTORS["metacert"]["expect"];
    let name = text(&expect["common_name"]);
    assert_eq!(meta_certificate_key(name, expect["serial"].as_u64().unwrap()), Some(public("server")));
    assert_eq!(meta_certificate_name(&public("server")), name);
    assert_eq!(meta_certificate_key(&name.to_uppercase().replace("DERPKEY", "derpkey"), 255), Some(public("server")));
    let zero = format!("derpkey{}", "0".repeat(64));
    for (name, serial) in
        [(name, 0), (name, 256), (&zero, 2), (&name[..70], 2), ("derpkey", 2), ("example.com", 2), (&name[7..], 2)]
    {
        assert_eq!(meta_certificate_key(name, serial), None, "{name} {serial}");
    }
}
