//! What the arguments of `natscope relay` come to together, and which of them exclude each other.

use std::net::{IpAddr, SocketAddr};

use super::listen_addr::{ListenAddr, OptionalAddr};
use super::relay::{CertMode, RelayArgs};

impl RelayArgs {
    /// Where the relay listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<ListenAddr> {
        if !self.addrs.is_empty() {
            return self.addrs.clone();
        }
        if self.dev {
            return vec![ListenAddr::At(SocketAddr::from(([127, 0, 0, 1], 3340)))];
        }
        vec![ListenAddr::Any { port: 443 }]
    }

    /// Where the certificate comes from.
    #[must_use]
    pub fn certificates(&self) -> CertMode {
        self.cert_mode.unwrap_or(if self.dev { CertMode::None } else { CertMode::SelfSigned })
    }

    /// Whether somebody says who may use it.
    #[must_use]
    pub const fn has_access_rule(&self) -> bool {
        !self.allow.is_empty() || self.verify_client_url.is_some() || self.verify_tailscaled.is_some()
    }

    /// The first address that others than this host can reach, and the flag that says it.
    fn beyond_loopback(&self) -> Option<(&'static str, ListenAddr)> {
        let some =
            |addresses: &[OptionalAddr]| addresses.iter().filter_map(|address| address.address()).collect::<Vec<_>>();
        let all = [
            ("--addr", self.addrs.clone()),
            ("--http-addr", some(&self.http_addrs)),
            ("--stun-addr", some(&self.stun_addrs)),
            ("--stun-alternate-addr", self.stun_alternate_addrs.clone()),
            ("--metrics-addr", self.metrics_addr.into_iter().collect()),
        ];
        let each = all.into_iter().flat_map(|(flag, addresses)| addresses.into_iter().map(move |it| (flag, it)));
        each.into_iter().find(|(_, address)| !address.is_loopback())
    }

    fn check_acme(&self) -> Result<(), String> {
        if self.certificates() == CertMode::Acme {
            return match self.hostname.as_deref() {
                Some(name) if name.parse::<IpAddr>().is_err() => Ok(()),
                Some(address) => Err(format!(
                    "--cert-mode acme is for a DNS name, and --hostname {address} is an address: give the name that \
                     leads there, or leave --cert-mode out for a self-signed certificate, known by its pin"
                )),
                None => Err("--cert-mode acme is for a DNS name: add --hostname relay.example.com".to_owned()),
            };
        }
        let given = [
            ("--acme-directory", self.acme_directory.is_some()),
            ("--acme-email", self.acme_email.is_some()),
            ("--acme-ca", self.acme_ca.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) if !self.dev => Err(format!("{flag} says nothing without --cert-mode acme: add it")),
            _ => Ok(()),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.check_acme()?;
        if !self.mesh_with.is_empty() && self.mesh_psk_file.is_none() {
            return Err("--mesh-with needs the key of the mesh: add --mesh-psk-file FILE".to_owned());
        }
        if !self.stun_helpers.is_empty() && self.mesh_psk_file.is_none() {
            return Err("--stun-helper needs the key both relays share: add --mesh-psk-file FILE".to_owned());
        }
        if let Some(secure) = self.stun_helpers.iter().find(|name| name.is_secure()) {
            return Err(format!("--stun-helper {secure}: relays help each other by UDP, without TLS: write HOST:PORT"));
        }
        if !self.stun_bpf.is_empty() && self.stun_addrs.contains(&OptionalAddr::Off) {
            return Err("--stun-bpf says nothing without STUN: leave out it or --stun-addr none".to_owned());
        }
        if self.dev {
            if self.certificates() != CertMode::None {
                return Err("--dev is plain HTTP: leave --cert-mode out, or --dev".to_owned());
            }
            return match self.beyond_loopback() {
                Some((flag, address)) => Err(format!(
                    "--dev is for this host alone, and {flag} {address} can be reached from others: use an address as \
                     127.0.0.1:{}, or leave --dev out",
                    address.port()
                )),
                None => Ok(()),
            };
        }
        let beyond = self.addresses().into_iter().find(|address| !address.is_loopback());
        // Whatever is in front of it can be reached from elsewhere, or why would it be there?
        let behind = self.certificates() == CertMode::None;
        let why = match beyond {
            Some(address) => format!("a relay on {address} can be reached from other hosts"),
            None if behind => "a relay behind a proxy (--cert-mode none) can be reached from other hosts".to_owned(),
            None => return Ok(()),
        };
        if self.open || self.has_access_rule() {
            return Ok(());
        }
        Err(format!(
            "{why}, and nothing says who may use it. Add one of:\n  \
             --allow KEY|FILE          the clients with these keys\n  \
             --verify-client-url URL   those a controller such as Headscale knows (its /verify)\n  \
             --verify-tailscaled       those the tailscaled of this host knows\n  \
             --open                    anyone; strangers will find it and use it"
        ))
    }
}
