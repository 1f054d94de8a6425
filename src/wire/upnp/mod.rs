//! UPnP Internet Gateway Device, as much of it as tells whether a router is one and what its WAN address is: SSDP
//! search, device description, `GetExternalIPAddress`.
//!
//! Bytes ⇄ values only. What changes a router is in [`mapping`] alone, for those who were told to; nothing built on the
//! rest can create a mapping. The XML is read by a scanner that knows elements, text, CDATA, comments
//! and entities, and never expands anything: a description is read in one pass, in time and memory linear in its size.

mod description;
pub mod mapping;
mod soap;
mod ssdp;
mod url;
mod xml;

pub use description::{Connection, Description, Service, decode_description};
pub use soap::{ExternalAddress, decode_external_address, encode_external_address_request, external_address_action};
pub use ssdp::decode_search_answer;
pub use ssdp::{MULTICAST, PORT, SearchAnswer, SearchError, encode_search, is_gateway_type, search_target};
pub use url::{HttpUrl, UrlError};
pub use xml::Malformed;

/// Text of a router's as a person may be shown it: no control characters (they would reach a terminal), one line, at
/// most 80 characters.
#[must_use]
pub fn printable(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(80)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_router_cannot_write_to_the_terminal() {
        assert_eq!(printable("\u{1b}[31mRouter\r\n of\tdoom\u{7}"), "[31mRouter of doom");
        assert_eq!(printable(&"x".repeat(1000)).len(), 80);
    }
}
