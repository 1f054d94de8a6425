//! SSDP: the search request, and the answers to it (UPnP Device Architecture 1.1, section 1.3).

use std::net::{Ipv4Addr, SocketAddrV4};

use thiserror::Error;

/// The UDP port of SSDP.
pub const PORT: u16 = 1900;

/// Where a search reaches every device of the link.
pub const MULTICAST: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), PORT);

/// What to search for.
pub mod search_target {
    /// Everything. Some routers answer to nothing else.
    pub const ALL: &str = "ssdp:all";
    /// An Internet gateway device of the first version.
    pub const GATEWAY_1: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    /// One of the second version; must answer a search for the first too, and not all do.
    pub const GATEWAY_2: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
}

/// The search request for `target`. The same bytes go to the multicast group and to the router alone: routers check
/// that `HOST` is the group and that there is an `MX` even where the datagram was sent to them alone.
/// `max_wait_s` is `MX`: the seconds over which answers may be spread.
#[must_use]
pub fn encode_search(target: &str, max_wait_s: u8) -> Vec<u8> {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {MULTICAST}\r\nMAN: \"ssdp:discover\"\r\nMX: {max_wait_s}\r\nST: {target}\r\n\r\n"
    )
    .into_bytes()
}

/// An answer to a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchAnswer {
    /// What answers: the type of a device or service.
    pub target: String,
    /// Where its description is, as sent; not yet checked.
    pub location: Option<String>,
    /// `SERVER`: operating system, UPnP version and product.
    pub server: Option<String>,
}

/// Whether a search answer of this type comes from an Internet gateway device: the device itself, or a service only
/// such a device has.
#[must_use]
pub fn is_gateway_type(target: &str) -> bool {
    [":InternetGatewayDevice:", ":WANConnectionDevice:", ":WANIPConnection:", ":WANPPPConnection:"]
        .iter()
        .any(|part| target.starts_with("urn:") && target.contains(part))
}

/// Decodes an answer: a status line of HTTP with 200, headers, an empty line. Bytes that are not UTF-8 are replaced.
pub fn decode_search_answer(datagram: &[u8]) -> Result<SearchAnswer, SearchError> {
    let text = String::from_utf8_lossy(datagram);
    let mut lines =
        text.split_inclusive('\n').map(|line| line.strip_suffix('\n').map(|line| line.trim_end_matches('\r')));
    let status = lines.next().flatten().ok_or(SearchError::Unfinished)?;
    let mut words = status.split_ascii_whitespace();
    if !words.next().is_some_and(|version| version.starts_with("HTTP/1.")) {
        return Err(SearchError::NotAnAnswer);
    }
    if words.next() != Some("200") {
        return Err(SearchError::NotOk);
    }
    let (mut target, mut location, mut server) = (None, None, None);
    for line in lines {
        let line = line.ok_or(SearchError::Unfinished)?;
        if line.is_empty() {
            let target = target.ok_or(SearchError::NoTarget)?;
            return Ok(SearchAnswer { target, location, server });
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let slot = match name.trim().to_ascii_uppercase().as_str() {
            "ST" => &mut target,
            "LOCATION" => &mut location,
            "SERVER" => &mut server,
            _ => continue,
        };
        slot.get_or_insert_with(|| value.trim().to_owned());
    }
    Err(SearchError::Unfinished)
}

/// Why a datagram is no answer to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// No status line of HTTP/1.x.
    #[error("no SSDP answer")]
    NotAnAnswer,
    /// Another status than 200.
    #[error("an SSDP answer that is not 200")]
    NotOk,
    /// The empty line that ends the headers is missing.
    #[error("an SSDP answer that ends too early")]
    Unfinished,
    /// No `ST`.
    #[error("an SSDP answer without ST")]
    NoTarget,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nst:urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\
        Location:  http://192.168.1.1:5000/rootDesc.xml\r\nSERVER: Linux/6 UPnP/1.1 Router/7\r\nEXT:\r\nno colon here\r\n\r\n";

    #[test]
    fn the_search_is_what_the_architecture_says() {
        assert_eq!(
            String::from_utf8(encode_search(search_target::ALL, 1)).unwrap(),
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"
        );
    }

    #[test]
    fn answers_are_read_whatever_the_case_and_line_ends() {
        for text in [ANSWER.to_owned(), ANSWER.replace("\r\n", "\n")] {
            let answer = decode_search_answer(text.as_bytes()).unwrap();
            assert_eq!(answer.target, search_target::GATEWAY_1);
            assert_eq!(answer.location.as_deref(), Some("http://192.168.1.1:5000/rootDesc.xml"));
            assert_eq!(answer.server.as_deref(), Some("Linux/6 UPnP/1.1 Router/7"));
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        for length in 0..ANSWER.len() {
            assert!(decode_search_answer(&ANSWER.as_bytes()[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let error = |text: &str| decode_search_answer(text.as_bytes()).unwrap_err();
        assert_eq!(error("NOTIFY * HTTP/1.1\r\nNT: x\r\n\r\n"), SearchError::NotAnAnswer);
        assert_eq!(error("HTTP/1.1 404 Not Found\r\nST: x\r\n\r\n"), SearchError::NotOk);
        assert_eq!(error("HTTP/1.1 200 OK\r\n\r\n"), SearchError::NoTarget);
        assert_eq!(decode_search_answer(&encode_search("x", 1)), Err(SearchError::NotAnAnswer));
    }

    #[test]
    fn only_gateways_are_gateways() {
        for target in
            [search_target::GATEWAY_1, search_target::GATEWAY_2, "urn:schemas-upnp-org:service:WANPPPConnection:1"]
        {
            assert!(is_gateway_type(target), "{target}");
        }
        for target in [
            "upnp:rootdevice",
            "ssdp:all",
            "urn:schemas-upnp-org:device:MediaServer:1",
            "",
            "uuid::InternetGatewayDevice:1",
        ] {
            assert!(!is_gateway_type(target), "{target}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_search_answer(&datagram);
            let mut with_status = b"HTTP/1.1 200 OK\r\n".to_vec();
            with_status.extend(datagram);
            let _ = decode_search_answer(&with_status);
        }

        #[test]
        fn what_a_device_sends_is_what_is_read(target in "[a-zA-Z:0-9-]{1,40}", location in "http://[0-9.:/a-z]{1,40}") {
            let text = format!("HTTP/1.1 200 OK\r\nLOCATION: {location}\r\nST: {target}\r\n\r\n");
            prop_assert_eq!(decode_search_answer(text.as_bytes()), Ok(SearchAnswer { target, location: Some(location), server: None }));
        }
    }
}
