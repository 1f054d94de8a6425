//! One fault each.

use std::time::Duration;

use natscope::drive::relay::Access;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::certificates::{Identity, self_signed, signed, usual};
use crate::patient::{Seen, doctor, examined, examined_with};
use crate::servers::{
    Answer, acceptor, any_port, as_a_relay, page, plain_relay, secure_relay, serve, text, tls_before, wants, web,
};
use crate::{Setup, setup};

/// A relay in order but for its certificate.
async fn with_certificate(identity: Identity, fields: Value) -> Option<Seen> {
    let (_relay, http, stun) = plain_relay(Access::Rules(natscope::drive::relay::AccessRules::default()));
    let front = tls_before(&identity, http).await;
    let mut fields = fields;
    fields["DERPPort"] = json!(front.port());
    fields["STUNPort"] = json!(stun);
    Some(examined(&fields).await)
}

/// A web server in the relay's place.
async fn with_web(answer: fn(&str) -> Answer) -> Option<Seen> {
    let address = web(&usual(), answer).await;
    Some(examined(&json!({ "DERPPort": address.port() })).await)
}

pub(crate) const SETUPS: &[Setup] = &[
    setup("nothing listens on the TCP port", &["TCP-001"], &[], || {
        Box::pin(async {
            let (_relay, _, stun) = plain_relay(Access::Anyone);
            let free = tokio::net::TcpListener::bind(any_port()).await.unwrap().local_addr().unwrap();
            let seen = examined(&json!({ "DERPPort": free.port(), "STUNPort": stun })).await;
            // STUN right, and the relay dead: the table of latencies would be green.
            assert_eq!((seen.layer("stun"), seen.layer("derp")), ("ok", "skipped"));
            Some(seen)
        })
    }),
    setup("derper without TLS on the port of the map (plain HTTP)", &["TLS-001"], &[], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Anyone);
            Some(examined(&json!({ "DERPPort": http.port(), "STUNPort": stun })).await)
        })
    }),
    setup("a server without a certificate for the name (alert)", &["TLS-002"], &[], || {
        Box::pin(async {
            let address = serve(|mut stream: TcpStream| async move {
                let mut greeting = [0; 512];
                let _ = stream.read(&mut greeting).await;
                // Fatal, unrecognized_name (RFC 8446 section 6).
                let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 112]).await;
            })
            .await;
            Some(examined(&json!({ "DERPPort": address.port() })).await)
        })
    }),
    setup("a certificate for another name", &["TLS-003"], &[], || {
        Box::pin(with_certificate(signed(&["other.example"], -1, 90), json!({})))
    }),
    setup("a certificate for an address alone, where the map has a name", &["TLS-003"], &[], || {
        Box::pin(with_certificate(signed(&["127.0.0.1"], -1, 90), json!({})))
    }),
    setup("a self-signed certificate without a pin", &["TLS-004"], &[], || {
        Box::pin(with_certificate(self_signed(&["localhost"]), json!({})))
    }),
    setup("a certificate that is not the pinned one", &["TLS-005"], &[], || {
        Box::pin(with_certificate(
            self_signed(&["localhost"]),
            json!({ "CertName": format!("sha256-raw:{}", "ab".repeat(32)) }),
        ))
    }),
    setup("two certificates where one is pinned", &["TLS-005"], &[], || {
        Box::pin(async {
            let mut identity = self_signed(&["localhost"]);
            let pin = identity.pin();
            identity.chain.push(self_signed(&["another"]).chain[0].clone());
            with_certificate(identity, json!({ "CertName": pin })).await
        })
    }),
    setup("an expired certificate", &["TLS-006"], &[], || {
        Box::pin(with_certificate(signed(&["localhost"], -90, -1), json!({})))
    }),
    setup("a certificate three days from its end", &["TLS-006"], &[], || {
        Box::pin(with_certificate(signed(&["localhost"], -87, 3), json!({})))
    }),
    setup("a certificate of the future", &["TLS-006"], &[], || {
        Box::pin(with_certificate(signed(&["localhost"], 1, 90), json!({})))
    }),
    setup("a Date header an hour late", &["TLS-007"], &[], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Rules(natscope::drive::relay::AccessRules::default()));
            let front = late_clock(http).await;
            Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
        })
    }),
    setup("a firewall that resets handshakes with the relay's name", &["TLS-008"], &[], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Anyone);
            let behind = tls_before(&usual(), http).await;
            let front = serve(move |mut stream: TcpStream| async move {
                let mut greeting = vec![0; 4096];
                let Ok(length) = stream.peek(&mut greeting).await else { return };
                if greeting[..length].windows(9).any(|window| window == b"localhost") {
                    let _ = stream.set_zero_linger();
                    return;
                }
                let Ok(mut inner) = TcpStream::connect(behind).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
            })
            .await;
            Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
        })
    }),
    setup("a TLS handshake that stalls", &["TLS-009"], &[], || {
        Box::pin(async {
            let address = serve(|stream: TcpStream| async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                drop(stream);
            })
            .await;
            Some(examined(&json!({ "DERPPort": address.port() })).await)
        })
    }),
    setup("a server that is no DERP at all (404)", &["HTTP-001"], &[], || {
        Box::pin(with_web(|_| page("404 Not Found", "", "nothing here")))
    }),
    setup("a proxy that answers 200", &["HTTP-001"], &[], || {
        Box::pin(with_web(|_| page("200 OK", "", "<html>Welcome</html>")))
    }),
    setup("a proxy that redirects (302)", &["HTTP-001"], &[], || {
        Box::pin(with_web(|_| page("302 Found", "Location: https://login.example/\r\n", "")))
    }),
    setup("a proxy that forbids (403)", &["HTTP-001"], &[], || Box::pin(with_web(|_| page("403 Forbidden", "", "no")))),
    setup("a relay that is switched off (derper -derp=false)", &["HTTP-001"], &[], || {
        Box::pin(with_web(|_| page("404 Not Found", "", "derp server disabled\n")))
    }),
    setup("HTTP/2 alone", &["HTTP-004"], &[], || {
        Box::pin(async {
            let acceptor = acceptor(&usual(), &["h2"]);
            let address = serve(move |stream| {
                let acceptor = acceptor.clone();
                async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    // SETTINGS, GOAWAY: what servers of HTTP/2 say to a request of HTTP/1.
                    let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01").await;
                    let _ = stream.shutdown().await;
                }
            })
            .await;
            Some(examined(&json!({ "DERPPort": address.port() })).await)
        })
    }),
    setup("a CDN in front that does not pass the upgrade", &["HTTP-001", "HTTP-005"], &[], || {
        Box::pin(with_web(|_| page("403 Forbidden", "Server: cloudflare\r\nCF-RAY: 8f-FRA\r\n", "")))
    }),
    setup("a relay whose latency check is not passed on", &["HTTP-006"], &[], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Rules(natscope::drive::relay::AccessRules::default()));
            let front = without_latency_check(http).await;
            Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
        })
    }),
    setup("HTTP that is never answered", &["HTTP-007"], &[], || Box::pin(with_web(|_| Answer::Hang(Vec::new())))),
    setup("garbage after the upgrade", &["DERP-001"], &[], || {
        Box::pin(with_web(|head| {
            if wants(head, "derp") {
                return text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n{\"error\":\"no such route\"}");
            }
            as_a_relay(head)
        }))
    }),
    setup("a DERP handshake that stalls", &["DERP-001"], &[], || {
        Box::pin(with_web(|head| {
            if wants(head, "derp") {
                return Answer::Hang(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n".to_vec());
            }
            as_a_relay(head)
        }))
    }),
    setup("two relays behind one name", &["DERP-003"], &[], || {
        Box::pin(async {
            let (_one, first, stun) = plain_relay(Access::Anyone);
            let (_two, second, _) = plain_relay(Access::Anyone);
            let turn = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let balancer = serve(move |mut stream: TcpStream| {
                let turn = turn.clone();
                async move {
                    let next = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let behind = if next.is_multiple_of(2) { first } else { second };
                    let Ok(mut inner) = TcpStream::connect(behind).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
                }
            })
            .await;
            let front = tls_before(&usual(), balancer).await;
            Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
        })
    }),
    setup("UDP 3478 closed (refused)", &["STUN-001"], &[], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, _) = secure_relay(&usual(), folder.path());
            let free = UdpSocket::bind(any_port()).await.unwrap().local_addr().unwrap();
            let seen = examined(&json!({ "DERPPort": https.port(), "STUNPort": free.port() })).await;
            assert_eq!((seen.layer("stun"), seen.layer("derp")), ("failed", "ok"));
            Some(seen)
        })
    }),
    setup("UDP 3478 closed (silence)", &["STUN-001"], &[], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, _) = secure_relay(&usual(), folder.path());
            let silent = UdpSocket::bind(any_port()).await.unwrap();
            let port = silent.local_addr().unwrap().port();
            Some(examined(&json!({ "DERPPort": https.port(), "STUNPort": port })).await)
        })
    }),
    setup("STUN for Tailscale's clients alone, as derper's", &[], &["STUN-002"], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, stun) = secure_relay(&usual(), folder.path());
            let picky = picky_stun(stun).await;
            Some(examined(&json!({ "DERPPort": https.port(), "STUNPort": picky })).await)
        })
    }),
    setup("a silent connection cut after two seconds, with --long", &["DERP-007"], &[], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Anyone);
            let idle = serve(move |mut stream: TcpStream| async move {
                let Ok(mut inner) = TcpStream::connect(http).await else { return };
                let copy = tokio::io::copy_bidirectional(&mut stream, &mut inner);
                let _ = tokio::time::timeout(Duration::from_secs(2), copy).await;
            })
            .await;
            let front = tls_before(&usual(), idle).await;
            let fields = json!({ "DERPPort": front.port(), "STUNPort": stun });
            Some(examined_with(&fields, &["--long=5s"]).await)
        })
    }),
    setup("an open relay on an address others can reach", &["DERP-005"], &[], || {
        Box::pin(async {
            // Its own address on the network, where this machine has one.
            let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
            let local = socket.connect("198.51.100.1:9").ok().and_then(|()| socket.local_addr().ok());
            let Some(local) = local.filter(|local| !local.ip().is_loopback()) else {
                crate::tools::not_run("an address beside loopback");
                return None;
            };
            let relay = natscope::drive::relay::Relay::bind(natscope::drive::relay::RelayOptions {
                http_addrs: vec![std::net::SocketAddr::new(local.ip(), 0)],
                access: Access::Anyone,
                ..Default::default()
            })
            .unwrap();
            let address = relay.http_addrs()[0];
            let _relay = relay.spawn();
            Some(doctor([format!("http://{address}"), "--stun-port=0".to_owned()]).await)
        })
    }),
];

/// Passes everything on, but `Date` headers of an hour ago.
async fn late_clock(behind: std::net::SocketAddr) -> std::net::SocketAddr {
    rewriting(behind, |head| {
        let lines = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        let late = httpdate::fmt_http_date(natscope::drive::wall_clock::now() - Duration::from_secs(3600));
        let (first, rest) =
            lines.collect::<Vec<_>>().split_first().map(|(a, b)| ((*a).to_owned(), b.join("\r\n"))).unwrap();
        format!("{first}\r\nDate: {late}\r\n{rest}")
    })
    .await
}

/// Passes everything on but the latency check, which is not found.
async fn without_latency_check(behind: std::net::SocketAddr) -> std::net::SocketAddr {
    let acceptor = acceptor(&usual(), &[]);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut outer) = acceptor.accept(stream).await else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = outer.read_u8().await else { return };
                head.push(byte);
            }
            if head.starts_with(b"GET /derp/latency-check") {
                let _ = outer.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
                return;
            }
            let Ok(mut inner) = TcpStream::connect(behind).await else { return };
            let _ = inner.write_all(&head).await;
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        }
    })
    .await
}

/// TLS in front, and the head of each answer changed.
async fn rewriting(behind: std::net::SocketAddr, change: fn(&str) -> String) -> std::net::SocketAddr {
    let acceptor = acceptor(&usual(), &[]);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(outer) = acceptor.accept(stream).await else { return };
            let Ok(inner) = TcpStream::connect(behind).await else { return };
            let (mut from_client, mut to_client) = tokio::io::split(outer);
            let (mut from_server, mut to_server) = tokio::io::split(inner);
            let up = async { tokio::io::copy(&mut from_client, &mut to_server).await };
            let down = async {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(from_server.read_u8().await?);
                }
                to_client.write_all(change(&String::from_utf8_lossy(&head)).as_bytes()).await?;
                to_client.flush().await?;
                tokio::io::copy(&mut from_server, &mut to_client).await
            };
            // Either end of it is the end of both.
            tokio::select! {
                _ = up => {}
                _ = down => {}
            }
            let _ = to_client.shutdown().await;
        }
    })
    .await
}

/// A STUN server that drops whatever is not of Tailscale's form.
async fn picky_stun(behind: u16) -> u16 {
    let front = UdpSocket::bind(any_port()).await.unwrap();
    let port = front.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = front.recv_from(&mut packet).await {
            if !packet[..length].windows(8).any(|window| window == b"tailnode") {
                continue;
            }
            let Ok(back) = UdpSocket::bind(any_port()).await else { continue };
            let _ = back.send_to(&packet[..length], ("127.0.0.1", behind)).await;
            let mut answer = [0; 1500];
            if let Ok((length, _)) = back.recv_from(&mut answer).await {
                let _ = front.send_to(&answer[..length], from).await;
            }
        }
    });
    port
}
