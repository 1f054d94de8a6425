//! The mapping by UPnP, for routers that know neither PCP nor NAT-PMP.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{LIFETIME, Wanted};
use crate::drive::port_mapping::Device;
use crate::probe::Cause;
use crate::wire::upnp::mapping::{MappingAnswer, UdpMapping, encode_add, encode_delete, fault};
use crate::wire::upnp::{Service, printable};

/// How long making a mapping may take, every attempt together.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long taking it back may hold up the end of the run. The router is next door.
const FAREWELL: Duration = Duration::from_secs(1);

/// A mapping that a router has made by UPnP. It is taken back when this is dropped.
pub(in crate::drive) struct ByUpnp(Lease);

/// The mapping, for who renews it.
#[derive(Clone)]
pub(in crate::drive) struct Lease {
    device: Device,
    service: Service,
    mapping: UdpMapping,
}

/// Makes the mapping through the first of the device's services that will, and asks for its address outside.
pub(in crate::drive) async fn make(device: Device, wanted: Wanted) -> Result<(ByUpnp, SocketAddr), Cause> {
    let deadline = Instant::now() + PATIENCE;
    let mut refusal = None;
    for service in device.services() {
        let mapping = match add(&device, service, wanted, deadline).await {
            Ok(mapping) => mapping,
            Err(problem) => {
                refusal.get_or_insert(problem);
                continue;
            }
        };
        // From here on it is taken back whatever happens.
        let made = ByUpnp(Lease { device: device.clone(), service: service.clone(), mapping });
        match made.0.endpoint(deadline).await {
            Ok(endpoint) => return Ok((made, endpoint)),
            Err(problem) => _ = refusal.get_or_insert(problem),
        }
    }
    let problem = refusal.unwrap_or_else(|| "the router has no service that maps ports".to_owned());
    Err(Cause::Malformed { problem: format!("UPnP: {problem}") })
}

/// One mapping, of another port outside where this one is taken, and for ever where the router knows no other.
async fn add(device: &Device, service: &Service, wanted: Wanted, deadline: Instant) -> Result<UdpMapping, String> {
    let mut mapping = UdpMapping { outside: wanted.port, client: device.local(), inside: wanted.port, lease: LIFETIME };
    let mut others = others(wanted.nonce);
    loop {
        match device.change(service, encode_add(service.connection, &mapping), deadline).await? {
            MappingAnswer::Done => return Ok(mapping),
            MappingAnswer::Fault { code: Some(fault::ONLY_PERMANENT), .. } if mapping.lease > 0 => mapping.lease = 0,
            MappingAnswer::Fault { code: Some(code), description } => {
                let is_taken = matches!(code, fault::CONFLICT | fault::CONFLICT_ELSEWHERE);
                match others.next().filter(|_| is_taken) {
                    Some(other) => mapping.outside = other,
                    None => return Err(format!("refuses the mapping: error {code} ({description})")),
                }
            }
            MappingAnswer::Fault { code: None, description } => {
                return Err(format!("refuses the mapping: {}", printable(&description)));
            }
            MappingAnswer::Other => return Err("answers the wish for a mapping with something else".to_owned()),
        }
    }
}

/// Other ports to try: three of the dynamic range (RFC 6335 section 6), by chance.
fn others(nonce: [u8; 12]) -> impl Iterator<Item = u16> {
    let (pairs, _) = nonce.as_chunks::<2>();
    let pairs = [pairs.first(), pairs.get(1), pairs.get(2)];
    pairs.into_iter().flatten().map(|pair| u16::from_be_bytes(*pair) | 0xc000).collect::<Vec<_>>().into_iter()
}

impl ByUpnp {
    pub(in crate::drive) fn lease(&self) -> Lease {
        self.0.clone()
    }
}

impl Lease {
    /// Renews it, and asks for its endpoint again: the address outside may be another.
    pub(in crate::drive) async fn renew(&self) -> Result<SocketAddr, String> {
        let deadline = Instant::now() + PATIENCE;
        let call = encode_add(self.service.connection, &self.mapping);
        match self.device.change(&self.service, call, deadline).await? {
            MappingAnswer::Done => self.endpoint(deadline).await,
            answer => Err(format!("{answer:?}")),
        }
    }

    async fn endpoint(&self, deadline: Instant) -> Result<SocketAddr, String> {
        let address = self.device.wan_address(&self.service, deadline).await?;
        Ok(SocketAddr::new(address, self.mapping.outside))
    }
}

impl Drop for ByUpnp {
    /// Waits for the router, since the process may end right after: a mapping for ever would stay.
    fn drop(&mut self) {
        let Lease { device, service, mapping } = &self.0;
        let call = encode_delete(service.connection, mapping.outside);
        std::thread::scope(|scope| {
            // A thread of its own: this may be one that runs tasks, and those cannot wait for another.
            let _ = std::thread::Builder::new().spawn_scoped(scope, move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let Ok(runtime) = runtime else { return };
                let _ = runtime.block_on(async {
                    let deadline = Instant::now() + FAREWELL;
                    timeout(FAREWELL, device.change(service, call, deadline)).await
                });
            });
        });
    }
}
