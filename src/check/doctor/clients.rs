//! What programs that use relays do with a certificate, and with the entry of the map it is checked by.
//!
//! Tailscale's client: derp-side verification as its `derphttp` has it (a chain to the system's roots or a pin of the whole
//! certificate; no name at all where the host is an address). `tailscale-rs` reads no pin, and always wants the name.

use super::Patient;
use crate::probe::{CertificateFault, TlsAnswer};
use crate::report::{Client, ClientReason, ClientView};

/// The views of the clients there are.
pub(super) fn views(patient: &Patient, tls: &TlsAnswer) -> Vec<ClientView> {
    vec![tailscale(patient, tls), tailscale_rs(patient, tls)]
}

/// What they do where no TLS is spoken.
pub(super) fn without_tls() -> Vec<ClientView> {
    let view = |client| ClientView { client, accepts: false, because: ClientReason::NoTls };
    vec![view(Client::Tailscale), view(Client::TailscaleRs)]
}

/// Whether Tailscale's client takes it though the name is another: it does not look at names where it dials an address.
pub(super) fn overlooks_name(patient: &Patient, tls: &TlsAnswer) -> bool {
    patient.node.host_address().is_some()
        && patient.pin().is_none()
        && matches!(tls.by_map, Some(CertificateFault::NameMismatch { .. }))
}

fn tailscale(patient: &Patient, tls: &TlsAnswer) -> ClientView {
    let view = |accepts, because| ClientView { client: Client::Tailscale, accepts, because };
    let pinned = patient.pin().is_some();
    match &tls.by_map {
        None if pinned => view(true, ClientReason::Pin),
        None if patient.node.insecure_for_tests && tls.by_roots.is_some() => view(true, ClientReason::Insecure),
        None => view(true, ClientReason::Chain),
        Some(_) if overlooks_name(patient, tls) => view(true, ClientReason::ChainOnly),
        Some(_) => view(false, ClientReason::Refused),
    }
}

fn tailscale_rs(patient: &Patient, tls: &TlsAnswer) -> ClientView {
    let view = |accepts, because| ClientView { client: Client::TailscaleRs, accepts, because };
    match &tls.by_roots {
        None => view(true, ClientReason::Chain),
        Some(_) if patient.pin().is_some() => view(false, ClientReason::NoPins),
        Some(_) if patient.node.insecure_for_tests => view(true, ClientReason::Insecure),
        Some(_) => view(false, ClientReason::Refused),
    }
}
