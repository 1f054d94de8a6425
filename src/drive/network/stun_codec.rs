//! Stand-in for `wire::stun` until it is merged: the two calls the driver makes of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::unmap;
use crate::probe::{StunForm, StunReply};

pub(super) type TransactionId = [u8; 12];

pub(super) struct Response {
    pub(super) id: TransactionId,
    pub(super) answer: StunReply,
}

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();

pub(super) fn encode_request(id: TransactionId, form: StunForm) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0];
    bytes.extend(COOKIE);
    bytes.extend(id);
    if form == StunForm::Tailnode {
        bytes.splice(2..4, [0, 20]);
        bytes.extend([0x80, 0x22, 0, 8]);
        bytes.extend(b"tailnode");
        let crc = crc32fast::hash(&bytes) ^ 0x5354_554e;
        bytes.extend([0x80, 0x28, 0, 4]);
        bytes.extend(crc.to_be_bytes());
    }
    bytes
}

pub(super) fn decode_response(datagram: &[u8]) -> Result<Response, String> {
    let (header, mut rest) = datagram.split_at_checked(20).ok_or("shorter than a STUN header")?;
    let [t0, t1, l0, l1, c0, c1, c2, c3, ..] = *header else { return Err("shorter than a STUN header".into()) };
    let id = header.last_chunk::<12>().copied().ok_or("shorter than a STUN header")?;
    if [c0, c1, c2, c3] != COOKIE {
        return Err("no STUN: the magic cookie is missing".into());
    }
    if [t0, t1] != [1, 1] {
        return Err("STUN, but no Binding success response".into());
    }
    if usize::from(u16::from_be_bytes([l0, l1])) != rest.len() {
        return Err("its length field disagrees with its length".into());
    }
    let mut mapped = None;
    while let [a0, a1, n0, n1, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*n0, *n1]));
        let value = tail.get(..length).ok_or("an attribute is cut short")?;
        match [*a0, *a1] {
            [0, 0x20] => mapped = Some(xor(value, &id).ok_or("XOR-MAPPED-ADDRESS is malformed")?),
            _ => {}
        }
        rest = tail.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    let placeholder = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let answer = StunReply {
        from: placeholder,
        local: None,
        mapped: Some(unmap(mapped.ok_or("no mapped address")?)),
        rewritten: None,
        other_address: None,
        response_origin: None,
        software: None,
        error_code: None,
        problems: Vec::new(),
    };
    Ok(Response { id, answer })
}

fn xor(value: &[u8], id: &TransactionId) -> Option<SocketAddr> {
    let [_, family, p0, p1, address @ ..] = value else { return None };
    let port = u16::from_be_bytes([*p0, *p1]) ^ 0x2112;
    let key: Vec<u8> = COOKIE.iter().chain(id).copied().collect();
    let plain: Vec<u8> = address.iter().zip(&key).map(|(a, k)| a ^ k).collect();
    let ip = match family {
        1 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(plain).ok()?)),
        2 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(plain).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
