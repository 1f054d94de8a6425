use std::convert::Infallible;
use std::io;
use std::net::UdpSocket;

use crate::drive::relay::metrics::StunTally;

/// There is no such thing here.
#[derive(Debug)]
pub(in crate::drive::relay) struct Kernel(Infallible);

impl Kernel {
    pub(in crate::drive::relay) fn attach<'a>(
        _: &[String],
        _: impl Iterator<Item = &'a UdpSocket>,
    ) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "STUN in the kernel needs Linux, on a usual processor"))
    }

    pub(in crate::drive::relay) fn look(&mut self) {
        match self.0 {}
    }

    pub(in crate::drive::relay) fn count(&mut self, _: &StunTally) {
        match self.0 {}
    }
}
