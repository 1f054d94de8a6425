//! One `DERPNode`.

use std::net::IpAddr;
use std::str::FromStr;

use super::error::MapError;
use super::fields::{Fields, Path, Reader};
use super::tree::{Span, shorten};
use super::warning::WarningDetail;
use crate::model::{CertName, Node, Pin, RegionId};

pub(super) const NODE_KEYS: &[&str] = &[
    "Name",
    "RegionID",
    "HostName",
    "CertName",
    "IPv4",
    "IPv6",
    "STUNPort",
    "STUNOnly",
    "DERPPort",
    "InsecureForTests",
    "STUNTestIP",
    "CanPort80",
];

/// What begins a `CertName` that is a hash and no name.
pub(super) const SHA256_RAW: &str = "sha256-raw:";

impl<'a> Reader<'a> {
    pub(super) fn node(
        &mut self,
        path: &Path<'_>,
        region: RegionId,
        span: Span,
        fields: &Fields<'_, 'a>,
    ) -> Result<Node, MapError> {
        let own_region = self.integer(path, fields, "RegionID")?;
        if own_region.map(|(id, _)| u64::try_from(id)) != Some(Ok(region.0)) {
            let span = own_region.map_or(span, |(_, member)| member.value.span);
            let detail = WarningDetail::NodeRegionIdDiffers { region, found: own_region.map(|(id, _)| id) };
            self.warn(path, span, detail);
        }
        let mut node = Node::new(self.text(path, fields, "Name")?, region, self.text(path, fields, "HostName")?);
        node.cert_name = cert_name(self.text(path, fields, "CertName")?);
        node.ipv4 = self.pin(path, fields, "IPv4")?;
        node.ipv6 = self.pin(path, fields, "IPv6")?;
        node.stun_only = self.flag(path, fields, "STUNOnly")?.unwrap_or_default();
        node.insecure_for_tests = self.flag(path, fields, "InsecureForTests")?.unwrap_or_default();
        node.can_port_80 = self.flag(path, fields, "CanPort80")?.unwrap_or_default();
        self.ports(path, fields, &mut node)?;
        self.stun_test_ip(path, fields, &mut node)?;
        if node.host_name.is_empty() {
            self.dial_address_instead(path, span, &mut node);
        }
        Ok(node)
    }

    fn ports(&mut self, path: &Path<'_>, fields: &Fields<'_, 'a>, node: &mut Node) -> Result<(), MapError> {
        if let Some((found, member)) = self.integer(path, fields, "STUNPort")?.filter(|&(port, _)| port != 0) {
            node.stun_port = u16::try_from(found).ok();
            if node.stun_port.is_none() && found != -1 {
                let path = path.key(&member.key.text);
                self.warn(&path, member.value.span, WarningDetail::StunPortOutOfRange { found });
            }
        }
        if let Some((found, member)) = self.integer(path, fields, "DERPPort")?.filter(|&(port, _)| port != 0) {
            if let Ok(port) = u16::try_from(found) {
                node.derp_port = port;
            } else {
                node.stun_only = true;
                let path = path.key(&member.key.text);
                self.warn(&path, member.value.span, WarningDetail::DerpPortOutOfRange { found });
            }
        }
        Ok(())
    }

    /// `IPv4` or `IPv6`: empty asks DNS, an address is used, other text turns the family off. Text that looks like
    /// an address is warned of: a slip of the finger turns the family off as silently as `none` does.
    fn pin<A: FromStr>(
        &mut self,
        path: &Path<'_>,
        fields: &Fields<'_, 'a>,
        name: &'static str,
    ) -> Result<Pin<A>, MapError> {
        let text = self.text(path, fields, name)?;
        if text.is_empty() {
            return Ok(Pin::Resolve);
        }
        if let Ok(address) = text.parse() {
            return Ok(Pin::Address(address));
        }
        if text.contains(|c: char| c.is_ascii_digit() || c == '.' || c == ':') {
            self.warn_not_an_address(path, fields, name, &text);
        }
        Ok(Pin::Disabled)
    }

    /// An override that is no address: Tailscale's client then sends the node no STUN at all.
    fn stun_test_ip(&mut self, path: &Path<'_>, fields: &Fields<'_, 'a>, node: &mut Node) -> Result<(), MapError> {
        let text = self.text(path, fields, "STUNTestIP")?;
        if text.is_empty() {
            return Ok(());
        }
        node.stun_test_ip = text.parse().ok();
        if node.stun_test_ip.is_none() {
            node.stun_port = None;
            self.warn_not_an_address(path, fields, "STUNTestIP", &text);
        }
        Ok(())
    }

    fn warn_not_an_address(&mut self, path: &Path<'_>, fields: &Fields<'_, 'a>, name: &'static str, text: &str) {
        if let Some(member) = fields.last(name) {
            let detail = WarningDetail::NotAnAddress { found: shorten(text) };
            self.warn(&path.key(&member.key.text), member.value.span, detail);
        }
    }

    fn dial_address_instead(&mut self, path: &Path<'_>, span: Span, node: &mut Node) {
        let dialled = match (node.ipv4, node.ipv6) {
            (Pin::Address(v4), _) => Some(IpAddr::V4(v4)),
            (_, Pin::Address(v6)) => Some(IpAddr::V6(v6)),
            _ => None,
        };
        if let Some(address) = dialled {
            node.host_name = address.to_string();
        }
        self.warn(path, span, WarningDetail::NoHostName { dialled });
    }
}

fn cert_name(text: String) -> CertName {
    match text.strip_prefix(SHA256_RAW) {
        Some(hash) => CertName::Sha256Raw(hash.to_owned()),
        None if text.is_empty() => CertName::HostName,
        None => CertName::Name(text),
    }
}
