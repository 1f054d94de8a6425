//! A port mapping on the router for the socket of direct paths: made only when asked for, kept for as long as the run
//! lasts, and taken back at its end. It is short-lived, so that one whose end nobody saw goes away by itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::probe::{Cause, Failure, Stage};
use crate::wire::port_mapping::{Mapped, decode, encode_nat_pmp, encode_pcp};
use crate::wire::{nat_pmp, pcp};

/// Seconds the mapping is asked for. RFC 6887 section 15 wants renewals from half of it on.
const LIFETIME: u32 = 120;

/// Copies of a request, and how long the last is waited for (RFC 6886 section 3.1 begins with 250 ms).
const COPIES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(1750)];
const PATIENCE: Duration = Duration::from_secs(3);

/// When a router that did not do it is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// Where the router is, and what is to be mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) gateway: Ipv4Addr,
    /// The address of this host that the router knows it by.
    pub(super) local: IpAddr,
    /// The UDP port.
    pub(super) port: u16,
    /// Names the mapping.
    pub(super) nonce: [u8; 12],
}

/// Takes the mapping back when it is dropped, however the run ends.
struct Kept(Wanted);

impl Drop for Kept {
    fn drop(&mut self) {
        // A datagram in either protocol: there is nobody left to hear an answer, and the lifetime is short.
        let Wanted { gateway, local, port, nonce } = self.0;
        let Ok(socket) = std::net::UdpSocket::bind(SocketAddr::new(local, 0)) else { return };
        for request in [encode_pcp(local, nonce, port, 0), encode_nat_pmp(port, 0)] {
            let _ = socket.send_to(&request, (gateway, nat_pmp::PORT));
        }
    }
}

/// Makes the mapping and renews it, and tells its outer endpoint whenever it is another one, or why there is none.
pub(super) async fn keep(wanted: Wanted, told: mpsc::Sender<Result<SocketAddr, Failure>>) {
    let _kept = Kept(wanted);
    let mut last = None;
    loop {
        let mapped = ask(wanted).await;
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
        if heard.refusals() >= 2 {
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
    refused: Vec<u16>,
    closed: bool,
}

impl Heard {
    fn take(&mut self, datagram: &[u8], port: u16, nonce: [u8; 12]) {
        match decode(datagram, port, nonce) {
            Ok(Mapped::Endpoint { endpoint, lifetime }) => self.endpoint = Some((endpoint, lifetime)),
            Ok(Mapped::Port { port, lifetime }) => self.port = Some((port, lifetime)),
            Ok(Mapped::Refused { code }) => self.refused.push(code),
            Err(_) => {}
        }
        if let Ok(nat_pmp::Answer::ExternalAddress { address: Some(address), .. }) = nat_pmp::decode_answer(datagram) {
            self.address = Some(address);
        }
    }

    fn mapped(&self) -> Option<(SocketAddr, u32)> {
        self.endpoint.or_else(|| {
            let ((port, lifetime), address) = self.port.zip(self.address)?;
            Some((SocketAddr::new(address.into(), port), lifetime))
        })
    }

    fn refusals(&self) -> usize {
        self.refused.len()
    }

    fn cause(&self, waited: Duration) -> Cause {
        if let Some(code) = self.refused.last() {
            return Cause::Malformed { problem: format!("the router refuses the mapping (code {code})") };
        }
        if self.closed {
            return Cause::Refused;
        }
        Cause::NoAnswer { copies: u32::try_from(COPIES.len()).unwrap_or(u32::MAX), waited }
    }
}
