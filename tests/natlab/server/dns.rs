//! A DNS server over UDP: A and AAAA of the names it was given, NXDOMAIN for all others.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::scenario::Dns;

pub async fn serve(at: SocketAddr, mode: Dns, names: BTreeMap<String, Vec<IpAddr>>) {
    let socket = Arc::new(UdpSocket::bind(at).await.expect("the DNS port"));
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        loop {
            let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
            if mode == Dns::Silent {
                continue;
            }
            let Some(reply) = answer(&buffer[..length], mode, &names) else { continue };
            let socket = socket.clone();
            tokio::spawn(async move {
                if mode == Dns::Slow {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                let _ = socket.send_to(&reply, client).await;
            });
        }
    });
}

fn answer(query: &[u8], mode: Dns, names: &BTreeMap<String, Vec<IpAddr>>) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut rest = query.get(12..)?;
    loop {
        let (&length, tail) = rest.split_first()?;
        if length == 0 {
            rest = tail;
            break;
        }
        labels.push(String::from_utf8_lossy(tail.get(..usize::from(length))?).to_lowercase());
        rest = tail.get(usize::from(length)..)?;
    }
    let question = &query[12..query.len() - rest.len() + 4];
    let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
    let known = names.get(&labels.join(".")).filter(|_| mode != Dns::Nxdomain);
    let addresses: Vec<_> =
        known.into_iter().flatten().filter(|ip| kind == if ip.is_ipv4() { 1 } else { 28 }).collect();
    let mut reply = query[..2].to_vec();
    // Response, recursion desired and available; 3 is NXDOMAIN.
    reply.extend([0x81, if known.is_some() { 0x80 } else { 0x83 }, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    reply.extend(question);
    for ip in addresses {
        let bytes = match ip {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60, 0, bytes.len() as u8]);
        reply.extend(bytes);
    }
    Some(reply)
}
