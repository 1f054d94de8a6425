//! A port mapping on the router for the socket of direct paths: made only when asked for, kept for as long as the run
//! lasts, and taken back at its end. It is short-lived, so that one whose end nobody saw goes away by itself; unless the
//! router knows no other than mappings for ever, as some do that only speak UPnP.

pub(in crate::drive) mod upnp;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::drive::port_mapping::{self, Way};
use crate::probe::{Cause, Failure, Stage};
use crate::wire::port_mapping::{Mapped, Protocol, decode, encode_nat_pmp, encode_pcp};
use crate::wire::{nat_pmp, pcp};

/// Seconds the mapping is asked for. RFC 6887 section 15 wants renewals from half of it on.
const LIFETIME: u32 = 120;

/// Copies of a request, and how long the last is waited for (RFC 6886 section 3.1 begins with 250 ms).
const COPIES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(1750)];
const PATIENCE: Duration = Duration::from_secs(3);

/// When a router that did not do it is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// How long UPnP stands back for PCP and NAT-PMP, whose mappings go away by themselves.
const HEAD_START: Duration = Duration::from_secs(1);

/// How long the router's gateway device is searched for. Answers may be spread over a second, and datagrams get lost.
const SEARCH: Duration = Duration::from_secs(3);

/// Where the router is, and what is to be mapped.
#[derive(Clone, Copy, Debug)]
pub(in crate::drive) struct Wanted {
    pub(in crate::drive) gateway: Ipv4Addr,
    /// The address of this host that the router knows it by.
    pub(in crate::drive) local: IpAddr,
    /// The UDP port.
    pub(in crate::drive) port: u16,
    /// Names the mapping.
    pub(in crate::drive) nonce: [u8; 12],
}

/// A mapping that is being made, and is kept until this is dropped.
pub(super) struct Mapping {
    keeper: AbortHandle,
    kept: Shared,
}

/// What is to be taken back. It is not the keeper's alone: a task that is called off ends when it pleases.
type Shared = Arc<Mutex<Option<Kept>>>;

fn lock(kept: &Shared) -> MutexGuard<'_, Option<Kept>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mapping {
    /// Makes it and renews it, and tells its outer endpoint whenever it is another one, or why there is none.
    pub(super) fn keep(wanted: Wanted, told: mpsc::Sender<Result<SocketAddr, Failure>>) -> Self {
        let kept = Arc::new(Mutex::new(Some(Kept { wanted, by_upnp: None })));
        let keeper = tokio::spawn(keep(wanted, Arc::clone(&kept), told)).abort_handle();
        Self { keeper, kept }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.keeper.abort();
        let kept = lock(&self.kept).take();
        drop(kept);
    }
}

/// Takes the mapping back when it is dropped, however the run ends.
struct Kept {
    wanted: Wanted,
    by_upnp: Option<upnp::ByUpnp>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // A datagram in either protocol: there is nobody left to hear an answer, and the lifetime is short.
        let Wanted { gateway, local, port, nonce } = self.wanted;
        let Ok(socket) = std::net::UdpSocket::bind(SocketAddr::new(local, 0)) else { return };
        for request in [encode_pcp(local, nonce, port, 0), encode_nat_pmp(port, 0)] {
            let _ = socket.send_to(&request, (gateway, nat_pmp::PORT));
        }
    }
}

async fn keep(wanted: Wanted, kept: Shared, told: mpsc::Sender<Result<SocketAddr, Failure>>) {
    let mut last = None;
    loop {
        let mapped = map(wanted, &kept).await;
        let pause = match &mapped {
            Ok((_, lifetime)) => Duration::from_secs(u64::from((*lifetime).clamp(20, LIFETIME) / 2)),
            Err(_) => AGAIN,
        };
        let news = mapped.map(|(endpoint, _)| endpoint).map_err(|cause| Failure::new(Stage::PortMapping, cause));
        if last.as_ref() != Some(&news) {
            last = Some(news.clone());
            if told.send(news).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Makes or renews the mapping, by UPnP where there is no other way.
async fn map(wanted: Wanted, kept: &Shared) -> Result<(SocketAddr, u32), Cause> {
    let made = lock(kept).as_ref().and_then(|kept| kept.by_upnp.as_ref().map(upnp::ByUpnp::lease));
    if let Some(lease) = made {
        if let Ok(endpoint) = lease.renew().await {
            return Ok((endpoint, LIFETIME));
        }
        // The router may have begun anew, or become another.
        let given_up = lock(kept).as_mut().and_then(|kept| kept.by_upnp.take());
        drop(given_up);
    }
    let way = Way { local: Some(wanted.local), ..Way::default() };
    let search =
        async { tokio::join!(port_mapping::find(wanted.gateway, way, SEARCH), tokio::time::sleep(HEAD_START)).0 };
    let asked = ask(wanted);
    tokio::pin!(search, asked);
    let (device, refusal) = tokio::select! {
        biased;
        mapped = &mut asked => match mapped {
            Ok(mapped) => return Ok(mapped),
            Err(refusal) => (search.await, Some(refusal)),
        },
        device = &mut search => (device, None),
    };
    match (device, refusal) {
        (Ok(device), _) => {
            let (made, endpoint) = upnp::make(device, wanted).await?;
            // Where the run has ended meanwhile, it is dropped here.
            if let Some(kept) = lock(kept).as_mut() {
                kept.by_upnp = Some(made);
            }
            Ok((endpoint, LIFETIME))
        }
        (Err(_), Some(refusal)) => Err(refusal),
        (Err(_), None) => asked.await,
    }
}

/// Asks in both protocols at once; routers that know one of them say so about the other.
async fn ask(wanted: Wanted) -> Result<(SocketAddr, u32), Cause> {
    let Wanted { gateway, local, port, nonce } = wanted;
    let failed = |error: std::io::Error| Cause::Os { message: error.to_string() };
    let socket = UdpSocket::bind(SocketAddr::new(local, 0)).await.map_err(failed)?;
    socket.connect((gateway, nat_pmp::PORT)).await.map_err(failed)?;
    let requests = [
        encode_pcp(local, nonce, port, LIFETIME),
        encode_nat_pmp(port, LIFETIME),
        nat_pmp::encode_external_address_request().to_vec(),
    ];
    let begun = Instant::now();
    let mut heard = Heard::default();
    let mut copies = COPIES.iter().peekable();
    let mut buffer = [0; pcp::MAX_MESSAGE];
    loop {
        if copies.next_if(|after| begun.elapsed() >= **after).is_some() {
            for request in &requests {
                // Refused by the last copy: the next one may be heard.
                let _ = socket.send(request).await;
            }
            continue;
        }
        let until = copies.peek().map_or(begun + PATIENCE, |after| begun + **after);
        match timeout_at(until, socket.recv(&mut buffer)).await {
            Ok(Ok(length)) => {
                heard.take(buffer.get(..length).unwrap_or_default(), port, nonce);
                if let Some(mapped) = heard.mapped() {
                    return Ok(mapped);
                }
            }
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                heard.closed = true;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) if copies.peek().is_none() => return Err(heard.cause(begun.elapsed())),
            Err(_) => {}
        }
        if heard.is_refused() {
            return Err(heard.cause(begun.elapsed()));
        }
    }
}

/// What a router has said so far.
#[derive(Default)]
struct Heard {
    endpoint: Option<(SocketAddr, u32)>,
    port: Option<(u16, u32)>,
    address: Option<Ipv4Addr>,
    /// By NAT-PMP and by PCP, with the code.
    refused: [Option<u16>; 2],
    closed: bool,
}

impl Heard {
    fn take(&mut self, datagram: &[u8], port: u16, nonce: [u8; 12]) {
        let [by_nat_pmp, by_pcp] = &mut self.refused;
        match decode(datagram, port, nonce) {
            // No endpoint, whatever the router means by it.
            Ok(Mapped::Endpoint { endpoint, .. }) if endpoint.port() == 0 || endpoint.ip().is_unspecified() => {
                *by_pcp = Some(0);
            }
            Ok(Mapped::Port { port: 0, .. }) => *by_nat_pmp = Some(0),
            Ok(Mapped::Endpoint { endpoint, lifetime }) => self.endpoint = Some((endpoint, lifetime)),
            Ok(Mapped::Port { port, lifetime }) => self.port = Some((port, lifetime)),
            Ok(Mapped::Refused { protocol: Protocol::NatPmp, code }) => *by_nat_pmp = Some(code),
            Ok(Mapped::Refused { protocol: Protocol::Pcp, code }) => *by_pcp = Some(code),
            Err(_) => {}
        }
        if let Ok(nat_pmp::Answer::ExternalAddress { result, address, .. }) = nat_pmp::decode_answer(datagram) {
            match address.filter(|address| !address.is_unspecified()) {
                Some(address) => self.address = Some(address),
                // A port without its address is of no use to anybody.
                None => self.refused[0] = Some(result.0),
            }
        }
    }

    fn mapped(&self) -> Option<(SocketAddr, u32)> {
        self.endpoint.or_else(|| {
            let ((port, lifetime), address) = self.port.zip(self.address)?;
            Some((SocketAddr::new(address.into(), port), lifetime))
        })
    }

    /// Whether neither protocol gives a mapping; routers that know one of them refuse the other at once.
    fn is_refused(&self) -> bool {
        self.refused.iter().all(Option::is_some)
    }

    fn cause(&self, waited: Duration) -> Cause {
        let [by_nat_pmp, by_pcp] = self.refused;
        if let Some(code) = by_pcp.or(by_nat_pmp) {
            return Cause::Malformed { problem: format!("the router refuses the mapping (code {code})") };
        }
        if self.closed {
            return Cause::Refused;
        }
        Cause::NoAnswer { copies: u32::try_from(COPIES.len()).unwrap_or(u32::MAX), waited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 12] = [7; 12];

    /// PCP's answer that port 1 is 0x0203 outside.
    fn pcp() -> Vec<u8> {
        let mut answer = encode_pcp(Ipv4Addr::new(192, 0, 2, 1).into(), NONCE, 1, 120);
        (answer[1], answer[42], answer[43]) = (129, 2, 3);
        answer[56..].copy_from_slice(&[203, 0, 113, 9]);
        answer
    }

    fn heard(datagrams: &[&[u8]]) -> Heard {
        let mut heard = Heard::default();
        for datagram in datagrams {
            heard.take(datagram, 1, NONCE);
        }
        heard
    }

    #[test]
    fn a_router_of_pcp_alone_refuses_nat_pmp_twice_and_is_waited_for() {
        let (map, address) = ([2, 129, 0, 1, 0, 0, 0, 0], [2, 128, 0, 1, 0, 0, 0, 0]);
        assert!(!heard(&[&map, &address]).is_refused());
        let mapped = heard(&[&map, &address, &pcp()]).mapped();
        assert_eq!(mapped, Some(("203.0.113.9:515".parse().unwrap(), 120)));
    }

    #[test]
    fn copies_of_one_refusal_are_one() {
        let refusal = [0, 129, 0, 1, 0, 0, 0, 0];
        assert!(!heard(&[&refusal, &refusal, &refusal]).is_refused());
        let nat_pmp_too = [0, 129, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert!(heard(&[&refusal, &nat_pmp_too]).is_refused());
    }

    #[test]
    fn what_is_no_endpoint_is_no_mapping() {
        let mut answer = pcp();
        answer[56..].copy_from_slice(&[0; 4]);
        assert_eq!(heard(&[&answer]).mapped(), None);
        let mut answer = pcp();
        answer[42..44].copy_from_slice(&[0; 2]);
        assert_eq!(heard(&[&answer]).mapped(), None);
        // NAT-PMP: the port, and an address that is none.
        let port = [0, 129, 0, 0, 0, 0, 0, 9, 0, 1, 2, 3, 0, 0, 0, 120];
        let address = [0, 128, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0];
        assert_eq!(heard(&[&port, &address]).mapped(), None);
    }
}
