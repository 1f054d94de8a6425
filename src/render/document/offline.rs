//! Whether a report is that of a host without a network: what "nothing answered" may be said of.

use crate::probe::Cause;
use crate::report::{Netcheck, Verdict, Why};

/// Whether nobody at all gave a sign of life. A refusal is one, whoever it comes from.
pub(super) fn looks_offline(netcheck: &Netcheck) -> bool {
    if netcheck.udp.is_true() || !matches!(netcheck.udp.why(), Some(Why::Offline | Why::NothingAnswered)) {
        return false;
    }
    let router = &netcheck.port_mapping;
    let told = [&netcheck.icmp, &netcheck.captive_portal, &router.upnp, &router.nat_pmp, &router.pcp];
    let failures = netcheck
        .regions
        .iter()
        .flat_map(|region| region.failure.iter().chain(region.nodes.iter().filter_map(|node| node.failure.as_ref())));
    !told.into_iter().any(Verdict::is_true)
        && netcheck.regions.iter().all(|region| region.latency.is_none())
        && failures.into_iter().all(|failure| is_silence(&failure.cause))
}

/// Whether a failure is what a host without a network would see, too.
const fn is_silence(cause: &Cause) -> bool {
    match cause {
        Cause::TimedOut { .. }
        | Cause::NoAnswer { .. }
        | Cause::Unreachable
        | Cause::NotPermitted
        | Cause::NoSuchName
        | Cause::NoAddress
        | Cause::Resolver { .. }
        | Cause::NoResolver
        | Cause::Unsupported { .. }
        | Cause::Os { .. } => true,
        Cause::Refused
        | Cause::Reset
        | Cause::Closed
        | Cause::Certificate { .. }
        | Cause::NotTls
        | Cause::NotAdmitted
        | Cause::TlsAlert { .. }
        | Cause::Status { .. }
        | Cause::Proxy { .. }
        | Cause::Malformed { .. }
        | Cause::TooLarge { .. }
        | Cause::StunError { .. } => false,
    }
}
