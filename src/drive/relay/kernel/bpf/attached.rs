use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use aya::maps::{HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use nix::net::if_::if_nametoindex;
use socket2::SockRef;

use super::elf::{ENDPOINTS, MOST_ENDPOINTS, file};
use super::endpoints::{Bound, Endpoint, Local, Place, endpoints};
use super::interface::{Interface, classifier, places, refused};
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
    /// What is wrong, as it was said last.
    said: Option<String>,
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
        let mut kernel = Self { bound, interfaces, loaded, answers, counted: BTreeMap::new(), said: None };
        let known = places()?;
        for interface in &mut kernel.interfaces {
            interface.put(&mut kernel.loaded, &known)?;
        }
        Ok(kernel)
    }

    /// Has it answer for the addresses this host has now, on the interfaces that are there now. What is wrong is said once.
    pub(in crate::drive::relay) fn look(&mut self) {
        let wrong = self.try_to_look().err().map(|error| error.to_string());
        if let Some(error) = wrong.as_ref().filter(|_| wrong != self.said) {
            tracing::warn!(%error, "STUN is in the kernel for the addresses it knew before");
        }
        self.said = wrong;
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
        let (there, most) = (wanted.len(), usize::try_from(MOST_ENDPOINTS).unwrap_or(usize::MAX));
        while wanted.len() > most {
            wanted.pop_last();
        }
        let gone: Vec<Endpoint> = self.counted.keys().filter(|endpoint| !wanted.contains(endpoint)).copied().collect();
        for endpoint in gone {
            self.answers.remove(&key(&endpoint)).map_err(io::Error::other)?;
            self.counted.remove(&endpoint);
        }
        for endpoint in wanted {
            if !self.counted.contains_key(&endpoint) {
                self.answers.insert(key(&endpoint), 0, 0).map_err(io::Error::other)?;
                self.counted.insert(endpoint, 0);
            }
        }
        if there > most {
            return Err(io::Error::other(format!(
                "there are {there} endpoints, and {most} at the most are answered for"
            )));
        }
        Ok(())
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

fn locals() -> io::Result<Vec<Local>> {
    Ok(getifs::interface_addrs()?.iter().map(|found| Local { interface: found.index(), ip: found.addr() }).collect())
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
