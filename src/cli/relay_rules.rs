//! What the arguments of `natscope relay` come to together, and which of them exclude each other.

use std::net::SocketAddr;

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

    pub(super) fn check(&self) -> Result<(), String> {
        if self.certificates() == CertMode::Acme {
            return Err("--cert-mode acme is not built yet: have a program such as certbot or lego keep HOSTNAME.crt \
                        and HOSTNAME.key in --cert-dir, and use --cert-mode manual, which reads them again when they \
                        change"
                .to_owned());
        }
        if !self.mesh_with.is_empty() && self.mesh_psk_file.is_none() {
            return Err("--mesh-with needs the key of the mesh: add --mesh-psk-file FILE".to_owned());
        }
        if !self.stun_helpers.is_empty() && self.mesh_psk_file.is_none() {
            return Err("--stun-helper needs the key both relays share: add --mesh-psk-file FILE".to_owned());
        }
        if let Some(secure) = self.stun_helpers.iter().find(|name| name.is_secure()) {
            return Err(format!("--stun-helper {secure}: relays help each other by UDP, without TLS: write HOST:PORT"));
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
