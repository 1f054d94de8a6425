use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use aya::maps::{HashMap, MapData, MapError};
use aya::{Ebpf, EbpfLoader};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use socket2::SockRef;

use super::elf::{ENDPOINTS, MOST_ENDPOINTS, file};
use super::endpoints::{Bound, Endpoint, Local, Place, endpoints};
use super::interface::{Interface, cause, classifier, insist, places, refused};
use super::program::{KEY_BYTES, program};
use crate::drive::relay::metrics::StunTally;

type Key = [u8; KEY_BYTES];

/// What fails once may be well a second later.
const SAID_AFTER: u32 = 3;

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
    /// How often in turn it was not to be seen what there is.
    blind: u32,
    /// There are more endpoints than it can have.
    too_many: bool,
}

impl Kernel {
    /// Loads the program and puts it on these interfaces. The error says what is missing.
    pub(in crate::drive::relay) fn attach<'a>(
        interfaces: &[String],
        sockets: impl Iterator<Item = &'a UdpSocket>,
    ) -> io::Result<Self> {
        let bound = sockets.map(bound).collect::<io::Result<_>>()?;
        // Nothing in the program depends on how this kernel lays out what it knows.
        let mut loaded =
            EbpfLoader::new().btf(None).load(&file(&program()?)?).map_err(|error| refused(None, &error))?;
        classifier(&mut loaded)?.load().map_err(|error| refused(None, &error))?;
        let map = loaded.take_map(ENDPOINTS).ok_or_else(|| io::Error::other("the program's map is gone"))?;
        let answers = HashMap::try_from(map).map_err(io::Error::other)?;
        // One of them named twice is on once.
        let names: BTreeSet<&String> = interfaces.iter().collect();
        let interfaces = names.into_iter().map(|name| Interface::new(name)).collect();
        let mut kernel =
            Self { bound, interfaces, loaded, answers, counted: BTreeMap::new(), blind: 0, too_many: false };
        let known = places()?;
        for interface in &mut kernel.interfaces {
            interface.put(&mut kernel.loaded, &known)?;
        }
        Ok(kernel)
    }

    /// Has it answer for the addresses this host has now, on the interfaces that are there now.
    pub(in crate::drive::relay) fn look(&mut self) {
        match self.try_to_look() {
            Ok(()) if self.blind >= SAID_AFTER => {
                tracing::info!("STUN in the kernel knows this host's addresses again");
            }
            Ok(()) => {}
            Err(error) => {
                self.blind = self.blind.saturating_add(1);
                if self.blind == SAID_AFTER {
                    tracing::warn!(%error, "STUN is in the kernel for the addresses it knew before");
                }
                return;
            }
        }
        self.blind = 0;
    }

    /// Where it cannot be seen what there is, nothing is changed.
    fn try_to_look(&mut self) -> io::Result<()> {
        let (known, locals) = (places()?, locals()?);
        for interface in &mut self.interfaces {
            interface.look(&mut self.loaded, &known);
        }
        let places: Vec<Place> = self.interfaces.iter().filter_map(Interface::place).collect();
        let mut wanted = endpoints(&self.bound, &locals, &places);
        for interface in &mut self.interfaces {
            interface.note_use(&wanted);
        }
        let most = usize::try_from(MOST_ENDPOINTS).unwrap_or(usize::MAX);
        let too_many = wanted.len() > most;
        if too_many && !self.too_many {
            tracing::warn!(there = wanted.len(), most, "STUN is in the kernel for some of its endpoints");
        }
        self.too_many = too_many;
        while wanted.len() > most {
            wanted.pop_last();
        }
        // Each of them, and then what went wrong with the first.
        let mut outcome = Ok(());
        let gone: Vec<Endpoint> = self.counted.keys().filter(|endpoint| !wanted.contains(endpoint)).copied().collect();
        for endpoint in gone {
            match self.answers.remove(&key(&endpoint)) {
                // It would be answered for though it may be another host's by now.
                Err(error) if !is_gone(&error) => outcome = outcome.and(Err(io::Error::other(error))),
                _ => drop(self.counted.remove(&endpoint)),
            }
        }
        for endpoint in wanted {
            if !self.counted.contains_key(&endpoint) {
                match self.answers.insert(key(&endpoint), 0, 0) {
                    Ok(()) => drop(self.counted.insert(endpoint, 0)),
                    Err(error) => outcome = outcome.and(Err(io::Error::other(error))),
                }
            }
        }
        outcome
    }

    /// Adds what it has answered since the last time.
    pub(in crate::drive::relay) fn count(&mut self, tally: &StunTally) {
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

/// What that socket takes.
fn bound(socket: &UdpSocket) -> io::Result<Bound> {
    let (address, options) = (socket.local_addr()?, SockRef::from(socket));
    let device = match options.device()? {
        // One that came from outside may be bound to an interface.
        Some(name) => Some(if_nametoindex(&*name).map_err(io::Error::from)?),
        None => None,
    };
    let scope = match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
        _ => None,
    };
    Ok(Bound { address, dual_stack: address.is_ipv6() && !options.only_v6()?, only: device.or(scope) })
}

/// That it was not there, which is as good.
fn is_gone(error: &MapError) -> bool {
    cause(error).and_then(io::Error::raw_os_error).map(Errno::from_raw) == Some(Errno::ENOENT)
}

fn locals() -> io::Result<Vec<Local>> {
    Ok(insist(getifs::interface_addrs)?
        .iter()
        .map(|found| Local { interface: found.index(), ip: found.addr() })
        .collect())
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
