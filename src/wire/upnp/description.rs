//! A device description: which services can tell the WAN address, and what the product is called.

use std::cmp::Reverse;
use std::fmt;

use super::printable;
use super::xml::{Malformed, Step, steps};

/// Routers list a handful; more than this is not looked at.
const MAX_SERVICES: usize = 16;

/// What a gateway's description says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Manufacturer and model of the root device, fit to be shown; empty when it names neither.
    pub product: String,
    /// `URLBase`, which UPnP 1.0 lets stand in place of the description's own URL; not yet checked.
    pub url_base: Option<String>,
    /// The services that can tell the WAN address: `WANIPConnection` before `WANPPPConnection`, higher versions first,
    /// otherwise in the order of the document. Empty: it describes none.
    pub services: Vec<Service>,
}

/// A service that can tell the WAN address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its type.
    pub connection: Connection,
    /// Where it is controlled, as sent: to be joined to the base URL and checked.
    pub control_url: String,
}

/// The type of a WAN connection service. Printed as the URN that SOAP wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// `WANIPConnection` of this version.
    Ip(u8),
    /// `WANPPPConnection` of this version.
    Ppp(u8),
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(version) => write!(f, "{URN}WANIPConnection:{version}"),
            Self::Ppp(version) => write!(f, "{URN}WANPPPConnection:{version}"),
        }
    }
}

const URN: &str = "urn:schemas-upnp-org:service:";

impl Connection {
    fn parse(service_type: &str) -> Option<Self> {
        let (name, version) = service_type.strip_prefix(URN)?.split_once(':')?;
        let version = version.parse().ok()?;
        match name {
            "WANIPConnection" => Some(Self::Ip(version)),
            "WANPPPConnection" => Some(Self::Ppp(version)),
            _ => None,
        }
    }

    const fn rank(self) -> (bool, Reverse<u8>) {
        match self {
            Self::Ip(version) => (false, Reverse(version)),
            Self::Ppp(version) => (true, Reverse(version)),
        }
    }
}

/// Decodes a description. Everything it does not need is passed over.
pub fn decode_description(document: &str) -> Result<Description, Malformed> {
    let mut description = Description::default();
    let (mut manufacturer, mut model) = (None, None);
    let (mut connection, mut control_url) = (None, None);
    for step in steps(document) {
        match step? {
            Step::Open("service") => (connection, control_url) = (None, None),
            Step::Close("service", _) => {
                if let (Some(connection), Some(control_url)) = (connection.take(), control_url.take())
                    && description.services.len() < MAX_SERVICES
                {
                    description.services.push(Service { connection, control_url });
                }
            }
            Step::Close("serviceType", text) => connection = Connection::parse(&text),
            Step::Close("controlURL", text) => control_url = Some(text),
            Step::Close("URLBase", text) if !text.is_empty() => description.url_base = Some(text),
            // The root device's come first.
            Step::Close("manufacturer", text) => _ = manufacturer.get_or_insert(text),
            Step::Close("modelName", text) => _ = model.get_or_insert(text),
            Step::Open(_) | Step::Close(..) => {}
        }
    }
    description.services.sort_by_key(|service| service.connection.rank());
    description.product = printable(&format!("{} {}", manufacturer.unwrap_or_default(), model.unwrap_or_default()));
    Ok(description)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service(kind: &str, control: &str) -> String {
        format!(
            "<service><serviceType>{URN}{kind}</serviceType><serviceId>x</serviceId>\
             <SCPDURL>/s.xml</SCPDURL><controlURL>{control}</controlURL></service>"
        )
    }

    fn document(services: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><URLBase>http://192.168.1.1:80/</URLBase>\
             <device><manufacturer>Ac&amp;me</manufacturer><modelName><![CDATA[Box <7>]]></modelName><deviceList><device>\
             <modelName>inner</modelName><serviceList>{services}</serviceList></device></deviceList></device></root>"
        )
    }

    #[test]
    fn services_come_in_order_of_preference() {
        let services = [
            service("WANPPPConnection:1", "/ppp"),
            service("WANIPConnection:1", "/ip1"),
            service("Layer3Forwarding:1", "/l3"),
            service("WANIPConnection:2", "/ip2"),
        ];
        let description = decode_description(&document(&services.concat())).unwrap();
        let order: Vec<_> = description.services.iter().map(|s| (s.connection, &*s.control_url)).collect();
        assert_eq!(order, [(Connection::Ip(2), "/ip2"), (Connection::Ip(1), "/ip1"), (Connection::Ppp(1), "/ppp")]);
        assert_eq!(description.product, "Ac&me Box <7>");
        assert_eq!(description.url_base.as_deref(), Some("http://192.168.1.1:80/"));
        assert_eq!(Connection::Ip(2).to_string(), "urn:schemas-upnp-org:service:WANIPConnection:2");
    }

    #[test]
    fn prefixes_do_not_matter() {
        let prefixed = document(&service("WANIPConnection:1", "/c"))
            .replace("</", "</u:")
            .replace("<s", "<u:s")
            .replace("<c", "<u:c");
        assert_eq!(decode_description(&prefixed).unwrap().services.len(), 1);
    }

    #[test]
    fn half_a_service_is_none() {
        let halves = format!(
            "<service><serviceType>{URN}WANIPConnection:1</serviceType></service><service><controlURL>/c</controlURL></service>"
        );
        assert_eq!(decode_description(&document(&halves)).unwrap().services, []);
        assert_eq!(decode_description(&document(&service("WANIPConnection:999", "/c"))).unwrap().services, []);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = document(&service("WANIPConnection:1", "/c"));
        for length in 0..whole.len() {
            assert!(decode_description(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn services_are_bounded() {
        let many = document(&service("WANIPConnection:1", "/c").repeat(1000));
        assert_eq!(decode_description(&many).unwrap().services.len(), MAX_SERVICES);
    }

    proptest! {
        #[test]
        fn any_text_decodes_or_is_refused(text in "(<service>|</service>|<serviceType>|<controlURL>|</a>|<root>|x|<!\\[CDATA\\[){0,40}") {
            let _ = decode_description(&text);
        }
    }
}
