use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::IpAddr;

use aya::maps::{HashMap, MapData};
use aya::programs::tc::{SchedClassifierLink, TcAttachOptions};
use aya::programs::{LinkOrder, SchedClassifier, TcAttachType};
use aya::{Ebpf, EbpfLoader};

use super::elf::{ENDPOINTS, MOST_ENDPOINTS, PROGRAM, file};
use super::endpoints::{Bound, Endpoint, Local, Place, endpoints};
use super::program::{KEY_BYTES, program};
use crate::drive::relay::metrics::StunTally;

type Key = [u8; KEY_BYTES];

/// The program on its interfaces, and where it counts. It answers for nobody before the first [`look`](Self::look), and is
/// taken off when this is dropped.
#[derive(Debug)]
pub(in crate::drive::relay) struct Kernel {
    bound: Vec<Bound>,
    interfaces: Vec<Interface>,
    loaded: Ebpf,
    answers: HashMap<MapData, Key, u64>,
    /// Endpoints it answers for, and how many answers of each are counted already.
    counted: BTreeMap<Endpoint, u64>,
    /// More endpoints than it can have; said once.
    too_many: bool,
}

#[derive(Debug)]
struct Interface {
    name: String,
    on: Option<(Place, SchedClassifierLink)>,
    /// Why it is on none, if that was said.
    why: Option<String>,
}

impl Kernel {
    /// Loads the program and puts it on these interfaces. The error says what is missing.
    pub(in crate::drive::relay) fn attach(interfaces: &[String], bound: Vec<Bound>) -> io::Result<Self> {
        // Nothing in the program depends on how this kernel lays out what it knows.
        let mut loaded = EbpfLoader::new().btf(None).load(&file(&program()?)?).map_err(|error| refused(&error))?;
        classifier(&mut loaded)?.load().map_err(|error| refused(&error))?;
        let map = loaded.take_map(ENDPOINTS).ok_or_else(|| io::Error::other("the program's map is gone"))?;
        let answers = HashMap::try_from(map).map_err(io::Error::other)?;
        let interfaces = interfaces.iter().map(|name| Interface { name: name.clone(), on: None, why: None }).collect();
        let mut kernel = Self { bound, interfaces, loaded, answers, counted: BTreeMap::new(), too_many: false };
        let known = places();
        for interface in &mut kernel.interfaces {
            interface.put(&mut kernel.loaded, &known)?;
        }
        Ok(kernel)
    }

    /// Has it answer for the addresses this host has now, on the interfaces that are there now.
    pub(super) fn look(&mut self) {
        let known = places();
        for interface in &mut self.interfaces {
            // Whoever reads it wants to know, once for each reason.
            match interface.put(&mut self.loaded, &known) {
                Ok(()) if interface.why.take().is_some() => {
                    tracing::info!(%interface.name, "STUN is in the kernel again");
                }
                Ok(()) => {}
                Err(error) => {
                    let why = error.to_string();
                    if interface.why.as_ref() != Some(&why) {
                        tracing::warn!(%error, "STUN is not in the kernel there, and answered from its sockets");
                        interface.why = Some(why);
                    }
                }
            }
        }
        let places: Vec<Place> =
            self.interfaces.iter().filter_map(|it| it.on.as_ref().map(|(place, _)| *place)).collect();
        let mut wanted = endpoints(&self.bound, &locals(), &places);
        let most = usize::try_from(MOST_ENDPOINTS).unwrap_or(usize::MAX);
        if wanted.len() > most && !self.too_many {
            self.too_many = true;
            tracing::warn!(there = wanted.len(), most, "STUN is in the kernel for some of its endpoints");
        }
        while wanted.len() > most {
            wanted.pop_last();
        }
        let gone: Vec<Endpoint> = self.counted.keys().filter(|endpoint| !wanted.contains(endpoint)).copied().collect();
        for endpoint in gone {
            // One that stays would be answered for though it may be another host's by now: tried again at the next look.
            if self.answers.remove(&key(&endpoint)).is_ok() {
                self.counted.remove(&endpoint);
            }
        }
        for endpoint in wanted {
            if !self.counted.contains_key(&endpoint) && self.answers.insert(key(&endpoint), 0, 0).is_ok() {
                self.counted.insert(endpoint, 0);
            }
        }
    }

    /// Adds what it has answered since the last time.
    pub(super) fn count(&mut self, tally: &StunTally) {
        for (endpoint, counted) in &mut self.counted {
            let Ok(answers) = self.answers.get(&key(endpoint), 0) else { continue };
            let new = answers.saturating_sub(*counted);
            *counted = answers;
            tally.success.add(new);
            tally.in_kernel.add(new);
            if endpoint.ip.is_ipv4() { &tally.ipv4 } else { &tally.ipv6 }.add(new);
        }
    }
}

impl Interface {
    /// Puts the program on it, if it is not there: an interface that went and came back is another one.
    fn put(&mut self, loaded: &mut Ebpf, known: &[(String, Option<Place>)]) -> io::Result<()> {
        let unfit = |what: &str| Err(io::Error::other(format!("STUN in the kernel on {}: {what}", self.name)));
        let place = match known.iter().find(|(name, _)| *name == self.name) {
            Some((_, Some(place))) => *place,
            Some((_, None)) => {
                self.on = None;
                return unfit("it is no Ethernet, and the program reads Ethernet's frames");
            }
            None => {
                self.on = None;
                return unfit("this host has no interface of that name: `ip link` lists those it has");
            }
        };
        if self.on.as_ref().is_some_and(|(on, _)| *on == place) {
            return Ok(());
        }
        self.on = None;
        let program = classifier(loaded)?;
        let options = TcAttachOptions::TcxOrder(LinkOrder::default());
        let attached = program.attach_with_options(&self.name, TcAttachType::Ingress, options);
        let link = attached.and_then(|id| program.take_link(id));
        let link = link.map_err(|error| match cause(&error) {
            Some(error) if error.kind() == io::ErrorKind::InvalidInput => {
                io::Error::other(format!("STUN in the kernel on {}: needs Linux 6.6 or later", self.name))
            }
            _ => refused(&error),
        })?;
        self.on = Some((place, link));
        Ok(())
    }
}

fn classifier(loaded: &mut Ebpf) -> io::Result<&mut SchedClassifier> {
    let program = loaded.program_mut(PROGRAM).ok_or_else(|| io::Error::other("the program is gone"))?;
    program.try_into().map_err(io::Error::other)
}

/// The interfaces of this host, and those that frames of Ethernet come in on: others have no address of six bytes.
fn places() -> Vec<(String, Option<Place>)> {
    let place = |interface: &getifs::Interface| {
        let loopback = interface.flags().contains(getifs::Flags::LOOPBACK);
        let ethernet = interface.mac_addr().is_some() && !interface.flags().contains(getifs::Flags::POINTOPOINT);
        (loopback || ethernet).then_some(Place { interface: interface.index(), loopback })
    };
    let all = getifs::interfaces().unwrap_or_default();
    all.iter().map(|interface| (interface.name().to_string(), place(interface))).collect()
}

fn locals() -> Vec<Local> {
    let all = getifs::interface_addrs().unwrap_or_default();
    all.iter().map(|found| Local { interface: found.index(), ip: found.addr() }).collect()
}

/// As the program makes it.
fn key(endpoint: &Endpoint) -> Key {
    let mut key = Vec::with_capacity(KEY_BYTES);
    key.extend(endpoint.interface.to_le_bytes());
    key.extend(endpoint.port.to_be_bytes());
    match endpoint.ip {
        IpAddr::V4(ip) => {
            key.extend(4_u16.to_le_bytes());
            key.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            key.extend(6_u16.to_le_bytes());
            key.extend(ip.octets());
        }
    }
    key.resize(KEY_BYTES, 0);
    key.try_into().unwrap_or([0; KEY_BYTES])
}

/// What the system said.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn refused(error: &(dyn Error + 'static)) -> io::Error {
    let why = match cause(error) {
        Some(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            "it needs root, or CAP_BPF and CAP_NET_ADMIN (for systemd: AmbientCapabilities=)".to_owned()
        }
        // A program that the kernel does not take is our mistake: the end of what it says tells where.
        Some(cause) => {
            let said = error.to_string();
            let end: Vec<&str> = said.lines().filter(|line| !line.is_empty()).rev().take(5).collect();
            format!("{cause} ({})", end.into_iter().rev().collect::<Vec<_>>().join(" | "))
        }
        None => error.to_string(),
    };
    io::Error::other(format!("STUN in the kernel: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_the_program_looks_for() {
        let endpoint = |ip: &str| Endpoint { interface: 0x0102, ip: ip.parse().unwrap(), port: 3478 };
        let v4 = [2, 1, 0, 0, 0x0d, 0x96, 4, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let v6 = [2, 1, 0, 0, 0x0d, 0x96, 6, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!([key(&endpoint("192.0.2.1")), key(&endpoint("2001:db8::1"))], [v4, v6]);
    }
}
