//! Frames of Ethernet, made and read by a library that is not ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, NetHeaders, PacketHeaders,
    TransportHeader, UdpHeader,
};
use natscope::wire::stun::{ChangeRequest, RequestForm, TransactionId, encode_request};

/// The card of the relay's host, and the other one on the cable.
pub(crate) const HOST: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const PEER: [u8; 6] = [2, 0, 0, 0, 0, 7];

pub(crate) const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const PEER_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
pub(crate) const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(crate) const PEER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);

/// Where it is asked from.
pub(crate) const PORT: u16 = 50_007;

/// A request in a frame, which a test changes at will before it is sent.
pub(crate) struct Frame {
    pub(crate) ethernet: Ethernet2Header,
    pub(crate) ip: Ip,
    pub(crate) udp: UdpHeader,
    pub(crate) payload: Vec<u8>,
    pub(crate) vlan: Option<u16>,
    /// After the packet's end.
    pub(crate) trailer: Vec<u8>,
    /// Instead of the right one.
    pub(crate) ip_checksum: Option<u16>,
    pub(crate) udp_checksum: Option<u16>,
}

pub(crate) enum Ip {
    V4(Ipv4Header),
    V6(Ipv6Header),
}

/// A Binding request with this number.
pub(crate) fn request(form: RequestForm, change: Option<ChangeRequest>, number: u8) -> Vec<u8> {
    encode_request(TransactionId([number; 12]), form, change).unwrap()
}

impl Frame {
    pub(crate) fn v4(port: u16, payload: Vec<u8>) -> Self {
        let mut ip = Ipv4Header::new(0, 57, IpNumber::UDP, PEER_V4.octets(), HOST_V4.octets()).unwrap();
        ip.identification = 0x1234;
        Self::new(EtherType::IPV4, Ip::V4(ip), port, payload)
    }

    pub(crate) fn v6(port: u16, payload: Vec<u8>) -> Self {
        let ip = Ipv6Header {
            traffic_class: 0x20,
            flow_label: Ipv6FlowLabel::try_new(0x1_2345).unwrap(),
            payload_length: 0,
            next_header: IpNumber::UDP,
            hop_limit: 57,
            source: PEER_V6.octets(),
            destination: HOST_V6.octets(),
        };
        Self::new(EtherType::IPV6, Ip::V6(ip), port, payload)
    }

    fn new(ether_type: EtherType, ip: Ip, port: u16, payload: Vec<u8>) -> Self {
        Self {
            ethernet: Ethernet2Header { source: PEER, destination: HOST, ether_type },
            ip,
            udp: UdpHeader { source_port: PORT, destination_port: port, length: 0, checksum: 0 },
            payload,
            vlan: None,
            trailer: Vec::new(),
            ip_checksum: None,
            udp_checksum: None,
        }
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn change_v4(mut self, change: impl FnOnce(&mut Ipv4Header)) -> Self {
        if let Ip::V4(ip) = &mut self.ip {
            change(ip);
        }
        self
    }

    pub(crate) fn change_v6(mut self, change: impl FnOnce(&mut Ipv6Header)) -> Self {
        if let Ip::V6(ip) = &mut self.ip {
            change(ip);
        }
        self
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let length = u16::try_from(8 + self.payload.len()).unwrap();
        if self.udp.length == 0 {
            self.udp.length = length;
        }
        let mut bytes = self.ethernet.to_bytes().to_vec();
        if let Some(vlan) = self.vlan {
            let [high, low] = vlan.to_be_bytes();
            bytes.splice(12..12, [0x81, 0, high, low]);
        }
        match &mut self.ip {
            Ip::V4(ip) => {
                ip.set_payload_len(usize::from(length)).unwrap();
                ip.header_checksum = self.ip_checksum.unwrap_or_else(|| ip.calc_header_checksum());
                self.udp.checksum = self.udp.calc_checksum_ipv4(ip, &self.payload).unwrap();
                bytes.extend(ip.to_bytes());
            }
            Ip::V6(ip) => {
                ip.payload_length = length;
                self.udp.checksum = self.udp.calc_checksum_ipv6(ip, &self.payload).unwrap();
                bytes.extend(ip.to_bytes());
            }
        }
        self.udp.checksum = self.udp_checksum.unwrap_or(self.udp.checksum);
        bytes.extend(self.udp.to_bytes());
        bytes.extend(self.payload);
        bytes.extend(self.trailer);
        bytes
    }
}

/// An answer that is whole: its lengths fit, and its checksums are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) from: ([u8; 6], IpAddr, u16),
    pub(crate) to: ([u8; 6], IpAddr, u16),
    pub(crate) hops: u8,
    pub(crate) stun: Vec<u8>,
}

impl Answer {
    /// `None` for whatever else a host sends.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let packet = PacketHeaders::from_ethernet_slice(frame).ok()?;
        let Some(TransportHeader::Udp(udp)) = packet.transport else { return None };
        let stun = packet.payload.slice();
        if stun.get(4..8) != Some(&[0x21, 0x12, 0xa4, 0x42]) {
            return None;
        }
        assert_eq!(usize::from(udp.length), 8 + stun.len());
        let Some(etherparse::LinkHeader::Ethernet2(ethernet)) = packet.link else { panic!("{frame:02x?}") };
        let (from, to, hops, checksum) = match packet.net? {
            NetHeaders::Ipv4(ip, _) => {
                assert_eq!(ip.header_checksum, ip.calc_header_checksum(), "{frame:02x?}");
                assert_eq!(frame.len(), 14 + usize::from(ip.total_len));
                let checksum = udp.calc_checksum_ipv4(&ip, stun).unwrap();
                (IpAddr::from(ip.source), IpAddr::from(ip.destination), ip.time_to_live, checksum)
            }
            NetHeaders::Ipv6(ip, _) => {
                assert_eq!(frame.len(), 14 + 40 + usize::from(ip.payload_length));
                let checksum = udp.calc_checksum_ipv6(&ip, stun).unwrap();
                (IpAddr::from(ip.source), IpAddr::from(ip.destination), ip.hop_limit, checksum)
            }
            NetHeaders::Arp(_) => return None,
        };
        assert_eq!(udp.checksum, checksum, "{frame:02x?}");
        Some(Self {
            from: (ethernet.source, from, udp.source_port),
            to: (ethernet.destination, to, udp.destination_port),
            hops,
            stun: stun.to_vec(),
        })
    }

    /// The number of the request it is for.
    pub(crate) fn number(&self) -> u8 {
        self.stun[8]
    }
}
