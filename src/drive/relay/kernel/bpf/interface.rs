//! The program on an interface.

use std::collections::BTreeSet;
use std::error::Error;
use std::io;

use aya::Ebpf;
use aya::programs::tc::{SchedClassifierLink, TcAttachOptions};
use aya::programs::{LinkOrder, SchedClassifier, TcAttachType};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;

use super::elf::PROGRAM;
use super::endpoints::{Endpoint, Place};

/// An interface that was asked for.
#[derive(Debug)]
pub(super) struct Interface {
    name: String,
    on: Option<(Place, SchedClassifierLink)>,
    /// Why it is on none, if that was said.
    why: Option<String>,
    /// That nothing is answered there was said.
    idle: bool,
}

impl Interface {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), on: None, why: None, idle: false }
    }

    pub(super) fn place(&self) -> Option<Place> {
        self.on.as_ref().map(|(place, _)| *place)
    }

    /// Sees to it that the program is there, if it can be. Whoever reads the log wants to know, once for each reason.
    pub(super) fn look(&mut self, loaded: &mut Ebpf, known: &[(String, Option<Place>)]) {
        match self.put(loaded, known) {
            Ok(()) if self.why.take().is_some() => tracing::info!(interface = self.name, "STUN is in the kernel again"),
            Ok(()) => {}
            Err(error) => {
                let why = error.to_string();
                if self.why.as_ref() != Some(&why) {
                    tracing::warn!(%error, "STUN is not in the kernel there, and answered from its sockets");
                    self.why = Some(why);
                }
            }
        }
    }

    /// Says when nothing of what is answered comes in there.
    pub(super) fn note_use(&mut self, endpoints: &BTreeSet<Endpoint>) {
        let Some(place) = self.place() else { return };
        let idle = !endpoints.iter().any(|endpoint| endpoint.interface == place.interface);
        if idle && !self.idle {
            tracing::warn!(interface = self.name, "STUN listens on no address that requests come to there");
        }
        self.idle = idle;
    }

    /// Puts the program on it, if it is not there: an interface that went and came back is another one.
    pub(super) fn put(&mut self, loaded: &mut Ebpf, known: &[(String, Option<Place>)]) -> io::Result<()> {
        let unfit = |what: &str| Err(io::Error::other(format!("STUN in the kernel on {}: {what}", self.name)));
        // It may have other names, which are in no list.
        let number = if_nametoindex(self.name.as_str()).ok();
        let named = |(name, place): &&(String, Option<Place>)| {
            *name == self.name || place.is_some_and(|place| Some(place.interface) == number)
        };
        let place = match known.iter().find(named) {
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
        let program = classifier(loaded)?;
        let again = self.on.is_some();
        if let Some((on, link)) = self.on.take().filter(|(on, _)| *on == place) {
            // Changes nothing, and fails where an interface of the same number is not the same, or somebody took it off.
            if let Ok(link) = program.attach_to_link(link).and_then(|id| program.take_link(id)) {
                self.on = Some((on, link));
                return Ok(());
            }
        }
        let options = TcAttachOptions::TcxOrder(LinkOrder::default());
        let attached = program.attach_with_options(&self.name, TcAttachType::Ingress, options);
        let link = attached.and_then(|id| program.take_link(id)).map_err(|error| refused(Some(&self.name), &error))?;
        self.on = Some((place, link));
        if again {
            tracing::info!(interface = self.name, "STUN is in the kernel again");
        }
        Ok(())
    }
}

pub(super) fn classifier(loaded: &mut Ebpf) -> io::Result<&mut SchedClassifier> {
    let program = loaded.program_mut(PROGRAM).ok_or_else(|| io::Error::other("the program is gone"))?;
    program.try_into().map_err(io::Error::other)
}

/// The interfaces of this host, and those that frames of Ethernet come in on: others have no address of six bytes.
pub(super) fn places() -> io::Result<Vec<(String, Option<Place>)>> {
    let place = |interface: &getifs::Interface| {
        let loopback = interface.flags().contains(getifs::Flags::LOOPBACK);
        let ethernet = interface.mac_addr().is_some() && !interface.flags().contains(getifs::Flags::POINTOPOINT);
        (loopback || ethernet).then_some(Place { interface: interface.index(), loopback })
    };
    let all = insist(getifs::interfaces)?;
    Ok(all.iter().map(|interface| (interface.name().to_string(), place(interface))).collect())
}

/// A list of what there is, which the system does not finish when that changes meanwhile.
pub(super) fn insist<T>(list: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let mut left = 10;
    loop {
        match list() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted && left > 0 => left -= 1,
            outcome => return outcome,
        }
    }
}

/// What the system said.
pub(super) fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Why there is no program, or none on that interface.
pub(super) fn refused(interface: Option<&str>, error: &(dyn Error + 'static)) -> io::Error {
    let said = error.to_string();
    let why = match cause(error).and_then(io::Error::raw_os_error).map(Errno::from_raw) {
        Some(Errno::EPERM) => {
            "it needs root, or CAP_BPF and CAP_NET_ADMIN (for systemd, both in AmbientCapabilities= and in \
             CapabilityBoundingSet=), and a seccomp filter that lets bpf through"
                .to_owned()
        }
        Some(Errno::EINVAL) if interface.is_some() => {
            "this kernel has no tcx, which came with Linux 6.6 and is there where CONFIG_NET_XGRESS is set".to_owned()
        }
        // A program that the kernel does not take is our mistake: the end of what it says tells where.
        _ => {
            let end: Vec<&str> = said.lines().filter(|line| !line.is_empty()).rev().take(5).collect();
            let cause = cause(error).map(|cause| format!("{cause}: ")).unwrap_or_default();
            format!("{cause}{}", end.into_iter().rev().collect::<Vec<_>>().join(" | "))
        }
    };
    io::Error::other(match interface {
        Some(interface) => format!("STUN in the kernel on {interface}: {why}"),
        None => format!("STUN in the kernel: {why}"),
    })
}
