//! Asks the router whether it offers a port-mapping service, and for its WAN address where the service tells.
//!
//! [`ask`] never creates, renews or deletes a mapping; the one who was told to (`peer::port_map`) finds the gateway
//! device here. Whatever the router does (silence, garbage, endless answers, a description of gigabytes, redirects),
//! everything ends within its timeout and reads a bounded number of bytes. Addresses other than the gateway's are never talked to, but for the multicast group
//! of SSDP.

mod datagram;
mod http;
mod search;
mod upnp;

pub(in crate::drive) use upnp::{Device, find};

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::probe::{Cause, Failure, Outcome, PortMappingAnswer, PortMappingService, Stage};
use crate::wire::{nat_pmp, pcp, upnp as wire_upnp};

/// Which way to the router, where the routing table would choose another or cannot choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The local address to ask from (`--bind-address`, or one of `--interface`). `None`: the routing table's choice.
    /// SSDP's multicast leaves through the interface that has this address.
    pub local: Option<IpAddr>,
    /// The index of the interface. Needed for a gateway with a link-local IPv6 address, as most IPv6 routers have;
    /// 0 is none.
    pub interface: u32,
}

/// Asks `gateway` for `service`. Takes at most `timeout`, retransmissions included.
///
/// An answer that refuses is an answer: `available` false. Silence, refused ports and answers that cannot be understood
/// are failures, since they leave open what the router would do. NAT-PMP and UPnP are asked over IPv4 only, as they
/// know no other; PCP over both.
pub async fn ask(service: PortMappingService, gateway: IpAddr, way: Way, timeout: Duration) -> Outcome {
    ask_at(service, gateway, way, Doors::STANDARD, timeout).await
}

/// Where the services are.
#[derive(Clone, Copy, Debug)]
struct Doors {
    /// The port of NAT-PMP and PCP.
    mapping: u16,
    /// The port of SSDP.
    ssdp: u16,
    /// The group of SSDP; `None` in tests, which must not reach beyond loopback.
    group: Option<SocketAddrV4>,
}

impl Doors {
    const STANDARD: Self = Self { mapping: nat_pmp::PORT, ssdp: wire_upnp::PORT, group: Some(wire_upnp::MULTICAST) };
}

async fn ask_at(service: PortMappingService, gateway: IpAddr, way: Way, doors: Doors, timeout: Duration) -> Outcome {
    let started = Instant::now();
    let time = Time { started, deadline: started + timeout.min(LONGEST) };
    let gateway = gateway.to_canonical();
    match (service, gateway) {
        (PortMappingService::NatPmp, IpAddr::V4(_)) => ask_nat_pmp(gateway, way, doors, time).await,
        (PortMappingService::NatPmp, IpAddr::V6(_)) => unsupported("NAT-PMP over IPv6"),
        (PortMappingService::Pcp, _) => ask_pcp(gateway, way, doors, time).await,
        (PortMappingService::Upnp, IpAddr::V4(gateway)) => upnp::ask(gateway, way, doors, time).await,
        (PortMappingService::Upnp, IpAddr::V6(_)) => unsupported("the WAN address of UPnP over IPv6"),
    }
}

/// No router needs longer; and the sum with the clock must not overflow.
const LONGEST: Duration = Duration::from_secs(60);

/// When the question was asked, and when it must be answered.
#[derive(Clone, Copy, Debug)]
struct Time {
    started: Instant,
    deadline: Instant,
}

async fn ask_nat_pmp(gateway: IpAddr, way: Way, doors: Doors, time: Time) -> Outcome {
    let socket = match connect(gateway, doors.mapping, way).await {
        Ok(socket) => socket,
        Err(cause) => return failed(cause),
    };
    let request = nat_pmp::encode_external_address_request();
    let answer = datagram::exchange(&socket, &request, time, |bytes| {
        nat_pmp::decode_answer(bytes).map_err(|error| error.to_string())
    });
    match answer.await {
        Ok(nat_pmp::Answer::ExternalAddress { result, address, .. }) => {
            let (wan_address, problem) = usable(address.map(IpAddr::V4));
            let is_success = result == nat_pmp::ResultCode::SUCCESS;
            let detail = problem.or_else(|| (!is_success).then(|| result.to_string()));
            answered(is_success, wan_address, Some(result.0), detail)
        }
        Ok(nat_pmp::Answer::UnsupportedVersion { speaks }) => {
            let detail = if speaks == 2 {
                "speaks PCP and not NAT-PMP".to_owned()
            } else {
                format!("does not speak NAT-PMP version 0, names version {speaks}")
            };
            answered(false, None, Some(nat_pmp::ResultCode::UNSUPPORTED_VERSION.0), Some(detail))
        }
        Err(cause) => failed(cause),
    }
}

async fn ask_pcp(gateway: IpAddr, way: Way, doors: Doors, time: Time) -> Outcome {
    let socket = match connect(gateway, doors.mapping, way).await {
        Ok(socket) => socket,
        Err(cause) => return failed(cause),
    };
    // The server compares this with the datagram's source, so it must be what the routing table really picked.
    let client = match socket.local_addr() {
        Ok(local) => local.ip().to_canonical(),
        Err(error) => return failed(cause_of(&error)),
    };
    let request = pcp::encode_announce(client);
    let answer = datagram::exchange(&socket, &request, time, |bytes| {
        pcp::decode_answer(bytes).map_err(|error| error.to_string())
    });
    match answer.await {
        Ok(pcp::Answer::Announce { result, .. }) => {
            let is_success = result == pcp::ResultCode::SUCCESS;
            let detail = match result {
                pcp::ResultCode::SUCCESS => None,
                pcp::ResultCode::ADDRESS_MISMATCH => {
                    Some(format!("{result}: saw another source than {client}, a NAT stands in between"))
                }
                _ => Some(result.to_string()),
            };
            answered(is_success, None, Some(result.0.into()), detail)
        }
        Ok(pcp::Answer::UnsupportedVersion { speaks }) => {
            let detail = if speaks == 0 {
                "speaks NAT-PMP and not PCP".to_owned()
            } else {
                format!("does not speak PCP version 2, names version {speaks}")
            };
            answered(false, None, Some(pcp::ResultCode::UNSUPP_VERSION.0.into()), Some(detail))
        }
        Err(cause) => failed(cause),
    }
}

/// A UDP socket connected to the router, so that only its datagrams from that port are received and the network's
/// refusals are heard. Sends nothing.
async fn connect(gateway: IpAddr, port: u16, way: Way) -> Result<UdpSocket, Cause> {
    let local = way.local.unwrap_or(match gateway {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    });
    if local.is_ipv4() != gateway.is_ipv4() {
        return Err(Cause::Unsupported { what: format!("asking {gateway} from {local}") });
    }
    let socket = UdpSocket::bind(scoped(local, 0, way.interface)).await.map_err(|error| cause_of(&error))?;
    if let IpAddr::V6(v6) = gateway
        && v6.is_unicast_link_local()
        && way.interface == 0
    {
        return Err(Cause::Unsupported { what: format!("the interface towards {gateway}") });
    }
    socket.connect(scoped(gateway, port, way.interface)).await.map_err(|error| cause_of(&error))?;
    Ok(socket)
}

/// The socket address, with the interface where the address is a link-local one.
fn scoped(address: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddr::V6(SocketAddrV6::new(v6, port, 0, interface)),
        _ => SocketAddr::new(address, port),
    }
}

/// A WAN address as it may be concluded from, and what is wrong with it otherwise. Private and carrier-grade addresses
/// are usable: they are the finding.
fn usable(address: Option<IpAddr>) -> (Option<IpAddr>, Option<String>) {
    let Some(address) = address.map(|address| address.to_canonical()) else { return (None, None) };
    let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_broadcast {
        return (None, Some(format!("says its WAN address is {address}, which is none")));
    }
    (Some(address), None)
}

fn answered(available: bool, wan_address: Option<IpAddr>, result_code: Option<u16>, detail: Option<String>) -> Outcome {
    Outcome::PortMapping(PortMappingAnswer { available, wan_address, result_code, detail })
}

fn failed(cause: Cause) -> Outcome {
    Outcome::Failed(Failure::new(Stage::PortMapping, cause))
}

fn unsupported(what: &str) -> Outcome {
    failed(Cause::Unsupported { what: what.to_owned() })
}

/// What an error of the operating system means.
fn cause_of(error: &std::io::Error) -> Cause {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => Cause::Refused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Cause::Unreachable,
        ErrorKind::PermissionDenied => Cause::NotPermitted,
        ErrorKind::ConnectionReset => Cause::Reset,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Cause::Closed,
        _ => Cause::Os { message: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
