//! UPnP: find the router's gateway device, read its description, ask for its WAN address.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::time::Instant;

use super::search::{Announcement, Search, on_router};
use super::{Doors, Time, Way, answered, cause_of, connect, failed, http, usable};
use crate::probe::{Cause, Outcome, PortMappingAnswer};
use crate::wire::upnp::mapping::{Call, MappingAnswer, decode_mapping_answer};
use crate::wire::upnp::{
    Description, ExternalAddress, HttpUrl, Malformed, Service, decode_description, decode_external_address,
    encode_external_address_request, external_address_action,
};

/// After a device that did not tell its WAN address, how long another of the same router's is waited for.
const SETTLE: Duration = Duration::from_millis(200);

/// Answers may be spread over the second of `MX`. Sooner than this, what has not been announced may still be.
const SPREAD: Duration = Duration::from_millis(1200);

/// Services of one device that are asked for the WAN address.
const MAX_CALLS: usize = 4;

/// What one device said.
struct Findings {
    answer: PortMappingAnswer,
    /// What is worth telling, in order.
    notes: Vec<String>,
}

pub(super) async fn ask(gateway: Ipv4Addr, way: Way, doors: Doors, time: Time) -> Outcome {
    let local = match local_address(gateway, way, doors).await {
        Ok(local) => local,
        Err(cause) => return failed(cause),
    };
    let mut search = match Search::open(gateway, local, doors) {
        Ok(search) => search,
        Err(error) => return failed(cause_of(&error)),
    };
    let mut best: Option<Findings> = None;
    let mut until = time.deadline;
    while let Some(announcement) = search.next(until).await {
        let findings = examine(announcement, gateway, local, time.deadline).await;
        let is_complete = findings.answer.wan_address.is_some();
        if is_complete || best.as_ref().is_none_or(|best| !best.answer.available && findings.answer.available) {
            best = Some(findings);
        }
        if is_complete {
            break;
        }
        let is_there = best.as_ref().is_some_and(|best| best.answer.available);
        until = time.deadline.min(Instant::now() + if is_there { SETTLE } else { SPREAD });
    }
    conclude(best, &search, gateway, time)
}

/// The address this host is known by to the router: what the multicast must leave from.
async fn local_address(gateway: Ipv4Addr, way: Way, doors: Doors) -> Result<Ipv4Addr, Cause> {
    let socket = connect(IpAddr::V4(gateway), doors.ssdp, way).await?;
    match socket.local_addr().map_err(|error| cause_of(&error))?.ip() {
        IpAddr::V4(local) => Ok(local),
        IpAddr::V6(local) => Err(Cause::Unsupported { what: format!("asking {gateway} from {local}") }),
    }
}

fn conclude(best: Option<Findings>, search: &Search, gateway: Ipv4Addr, time: Time) -> Outcome {
    let strangers = search.strangers.iter().map(|stranger| format!("{stranger} answers as a gateway device too"));
    if let Some(Findings { mut answer, mut notes }) = best {
        notes.extend(strangers);
        notes.retain(|note| !note.is_empty());
        answer.detail = (!notes.is_empty()).then(|| notes.join("; "));
        return Outcome::PortMapping(answer);
    }
    if search.heard_other_device && time.started.elapsed() >= SPREAD {
        return answered(false, None, None, Some("answers SSDP and is no Internet gateway device".to_owned()));
    }
    if let Some(stranger) = search.strangers.first() {
        // Another router, or another address of this one: it says nothing of the gateway, not even "no".
        let problem = format!("a gateway device answered from {stranger}, not from {gateway}");
        return failed(Cause::Malformed { problem });
    }
    if let Some(problem) = &search.problem {
        return failed(Cause::Malformed { problem: problem.clone() });
    }
    match &search.send_error {
        Some(error) if search.copies == 0 => failed(cause_of(error)),
        _ => failed(Cause::NoAnswer { copies: search.copies, waited: time.started.elapsed() }),
    }
}

/// Reads a device's description and asks its services in turn. It has announced itself, so it is there whatever
/// comes now; only a description without a connection service takes that back.
async fn examine(announcement: Announcement, gateway: Ipv4Addr, local: Ipv4Addr, deadline: Instant) -> Findings {
    let answer = PortMappingAnswer { available: true, wan_address: None, result_code: None, detail: None };
    let mut findings = Findings { answer, notes: vec![announcement.server] };
    let (url, description) = match describe(announcement.location, local, deadline).await {
        Ok(described) => described,
        Err(problem) => {
            findings.notes.push(format!("description: {problem}"));
            return findings;
        }
    };
    findings.notes.insert(0, description.product.clone());
    if description.services.is_empty() {
        findings.answer.available = false;
        findings.notes.push("describes neither WANIPConnection nor WANPPPConnection".to_owned());
        return findings;
    }
    let base = base_of(&description, url, gateway);
    for service in description.services.iter().take(MAX_CALLS) {
        let problem = match call(service, &base, gateway, local, deadline).await {
            Ok(ExternalAddress::Address(address)) => {
                let (wan_address, problem) = usable(Some(address));
                findings.answer.wan_address = wan_address;
                findings.answer.result_code = Some(0);
                match problem {
                    None => return findings,
                    Some(problem) => problem,
                }
            }
            Ok(ExternalAddress::NotAnAddress(text)) => format!("says its WAN address is \"{text}\""),
            Ok(ExternalAddress::Fault { code, description }) => {
                findings.answer.result_code = findings.answer.result_code.or(code);
                match code {
                    Some(code) => format!("UPnP error {code} ({description})"),
                    None => "SOAP fault".to_owned(),
                }
            }
            Ok(ExternalAddress::Other) => "tells no WAN address".to_owned(),
            Err(problem) => problem,
        };
        findings.notes.push(problem);
    }
    findings
}

async fn describe(
    location: Result<HttpUrl, String>,
    local: Ipv4Addr,
    deadline: Instant,
) -> Result<(HttpUrl, Description), String> {
    let url = location?;
    let response = http::fetch(&url, local, deadline).await?;
    if response.status != 200 {
        return Err(format!("HTTP status {}", response.status));
    }
    let description = decode_description(&response.body).map_err(|error| error.to_string())?;
    Ok((url, description))
}

/// `URLBase` where it leads to the router; some carry the address of another interface, or of the factory's.
fn base_of(description: &Description, url: HttpUrl, gateway: Ipv4Addr) -> HttpUrl {
    match &description.url_base {
        Some(base) => on_router(HttpUrl::parse(base), gateway).unwrap_or(url),
        None => url,
    }
}

async fn call(
    service: &Service,
    base: &HttpUrl,
    gateway: Ipv4Addr,
    local: Ipv4Addr,
    deadline: Instant,
) -> Result<ExternalAddress, String> {
    let action = external_address_action(service.connection);
    let body = encode_external_address_request(service.connection);
    perform(service, base, gateway, local, (&action, body), decode_external_address, deadline).await
}

/// Calls an action of a service's, and reads what it answers, a fault included.
async fn perform<A>(
    service: &Service,
    base: &HttpUrl,
    gateway: Ipv4Addr,
    local: Ipv4Addr,
    (action, body): (&str, String),
    decode: fn(&str) -> Result<A, Malformed>,
    deadline: Instant,
) -> Result<A, String> {
    let url = on_router(base.join(&service.control_url), gateway).map_err(|problem| format!("control: {problem}"))?;
    let response =
        http::call(&url, action, body, local, deadline).await.map_err(|problem| format!("control: {problem}"))?;
    // A fault comes with status 500. Whatever else is no success, its body is not the service's.
    match (response.status, decode(&response.body)) {
        (200 | 500, Ok(answer)) => Ok(answer),
        (200, Err(error)) => Err(format!("control: {error}")),
        (status, _) => Err(format!("control: HTTP status {status}")),
    }
}

/// A gateway device and its connection services, for whom they are to be asked for more than an address.
#[derive(Clone, Debug)]
pub(in crate::drive) struct Device {
    gateway: Ipv4Addr,
    local: Ipv4Addr,
    base: HttpUrl,
    services: Vec<Service>,
}

/// Searches the router's gateway device. Nothing is asked of its services.
pub(in crate::drive) async fn find(gateway: Ipv4Addr, way: Way, timeout: Duration) -> Result<Device, Cause> {
    find_at(gateway, way, Doors::STANDARD, timeout).await
}

pub(super) async fn find_at(gateway: Ipv4Addr, way: Way, doors: Doors, timeout: Duration) -> Result<Device, Cause> {
    let started = Instant::now();
    let deadline = started + timeout;
    let local = local_address(gateway, way, doors).await?;
    let mut search = Search::open(gateway, local, doors).map_err(|error| cause_of(&error))?;
    let mut problem = None;
    while let Some(announcement) = search.next(deadline).await {
        match describe(announcement.location, local, deadline).await {
            Ok((url, description)) if !description.services.is_empty() => {
                let base = base_of(&description, url, gateway);
                let services = description.services.into_iter().take(MAX_CALLS).collect();
                return Ok(Device { gateway, local, base, services });
            }
            Ok(_) => problem = Some("describes neither WANIPConnection nor WANPPPConnection".to_owned()),
            Err(other) => problem = Some(other),
        }
    }
    Err(match problem.or(search.problem) {
        Some(problem) => Cause::Malformed { problem },
        None => Cause::NoAnswer { copies: search.copies, waited: started.elapsed() },
    })
}

impl Device {
    /// The address by which the router knows this host.
    pub(in crate::drive) fn local(&self) -> Ipv4Addr {
        self.local
    }

    /// Its services, the likeliest first.
    pub(in crate::drive) fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter()
    }

    /// The WAN address as a service tells it; `Err` says what it says instead.
    pub(in crate::drive) async fn wan_address(&self, service: &Service, deadline: Instant) -> Result<IpAddr, String> {
        match call(service, &self.base, self.gateway, self.local, deadline).await? {
            ExternalAddress::Address(address) => match usable(Some(address)) {
                (Some(address), _) => Ok(address),
                (None, problem) => Err(problem.unwrap_or_default()),
            },
            ExternalAddress::NotAnAddress(text) => Err(format!("says its WAN address is \"{text}\"")),
            ExternalAddress::Fault { code: Some(code), description } => {
                Err(format!("UPnP error {code} ({description})"))
            }
            ExternalAddress::Fault { code: None, .. } => Err("SOAP fault".to_owned()),
            ExternalAddress::Other => Err("tells no WAN address".to_owned()),
        }
    }

    /// Makes or takes back a mapping.
    pub(in crate::drive) async fn change(
        &self,
        service: &Service,
        Call { action, body }: Call,
        deadline: Instant,
    ) -> Result<MappingAnswer, String> {
        let Self { gateway, local, base, .. } = self;
        perform(service, base, *gateway, *local, (&action, body), decode_mapping_answer, deadline).await
    }
}
