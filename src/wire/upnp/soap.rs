//! `GetExternalIPAddress` of a WAN connection service, over SOAP 1.1; the only action encoded here. The envelope is every
//! action's.

use std::net::IpAddr;

use super::xml::{Malformed, Step, steps};
use super::{Connection, printable};

const ACTION: &str = "GetExternalIPAddress";

/// The `SOAPAction` header, quotes included.
#[must_use]
pub fn external_address_action(connection: Connection) -> String {
    format!("\"{connection}#{ACTION}\"")
}

/// The body of the request.
#[must_use]
pub fn encode_external_address_request(connection: Connection) -> String {
    envelope(connection, ACTION, "")
}

/// A call of an action with its arguments, which are elements.
pub(super) fn envelope(connection: Connection, action: &str, arguments: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
         <u:{action} xmlns:u=\"{connection}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"
    )
}

/// What a service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalAddress {
    /// An address, whatever it is good for: routers without a connection say `0.0.0.0`.
    Address(IpAddr),
    /// Success with something that is no address, most often nothing; fit to be shown.
    NotAnAddress(String),
    /// A fault.
    Fault {
        /// UPnP's errorCode, as 501 (action failed).
        code: Option<u16>,
        /// Its description, fit to be shown.
        description: String,
    },
    /// Neither the answer nor a fault.
    Other,
}

/// Decodes the body of the response, of success and fault alike.
pub fn decode_external_address(document: &str) -> Result<ExternalAddress, Malformed> {
    let (mut address, mut is_fault, mut code, mut description) = (None, false, None, None);
    for step in steps(document) {
        match step? {
            Step::Open("Fault") => is_fault = true,
            Step::Close("NewExternalIPAddress", text) => _ = address.get_or_insert(text),
            Step::Close("errorCode", text) => code = code.or_else(|| text.parse().ok()),
            Step::Close("errorDescription", text) => _ = description.get_or_insert(text),
            Step::Open(_) | Step::Close(..) => {}
        }
    }
    Ok(if is_fault {
        ExternalAddress::Fault { code, description: printable(&description.unwrap_or_default()) }
    } else if let Some(text) = address {
        text.parse().map_or_else(|_| ExternalAddress::NotAnAddress(printable(&text)), ExternalAddress::Address)
    } else {
        ExternalAddress::Other
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(body: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    fn success(address: &str) -> String {
        envelope(&format!(
            "<u:GetExternalIPAddressResponse xmlns:u=\"x\"><NewExternalIPAddress>{address}</NewExternalIPAddress>\
             </u:GetExternalIPAddressResponse>"
        ))
    }

    #[test]
    fn the_request_names_the_service_and_is_xml() {
        assert_eq!(
            external_address_action(Connection::Ip(1)),
            "\"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\""
        );
        let body = encode_external_address_request(Connection::Ppp(1));
        assert!(body.contains("<u:GetExternalIPAddress xmlns:u=\"urn:schemas-upnp-org:service:WANPPPConnection:1\">"));
        assert_eq!(decode_external_address(&body), Ok(ExternalAddress::Other));
    }

    #[test]
    fn addresses_and_what_is_none() {
        let decode = |text: &str| decode_external_address(&success(text)).unwrap();
        assert_eq!(decode(" 11.0.113.10\n"), ExternalAddress::Address("11.0.113.10".parse().unwrap()));
        assert_eq!(decode("0.0.0.0"), ExternalAddress::Address("0.0.0.0".parse().unwrap()));
        assert_eq!(decode("<![CDATA[11.0.113.10]]>"), ExternalAddress::Address("11.0.113.10".parse().unwrap()));
        assert_eq!(decode(""), ExternalAddress::NotAnAddress(String::new()));
        assert_eq!(decode("(null)"), ExternalAddress::NotAnAddress("(null)".to_owned()));
    }

    #[test]
    fn faults_keep_their_code() {
        let fault = envelope(
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError \
             xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>501</errorCode><errorDescription>Action Failed</errorDescription>\
             </UPnPError></detail></s:Fault>",
        );
        let expected = ExternalAddress::Fault { code: Some(501), description: "Action Failed".to_owned() };
        assert_eq!(decode_external_address(&fault), Ok(expected));
        let bare = ExternalAddress::Fault { code: None, description: String::new() };
        assert_eq!(decode_external_address(&envelope("<s:Fault/>")), Ok(bare));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = success("11.0.113.10");
        for length in 0..whole.len() {
            assert!(decode_external_address(&whole[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_text_decodes_or_is_refused(text in ".{0,100}") {
            let _ = decode_external_address(&text);
            let _ = decode_external_address(&success(&text));
        }

        #[test]
        fn what_a_router_sends_is_what_is_read(address: std::net::Ipv4Addr) {
            prop_assert_eq!(decode_external_address(&success(&address.to_string())), Ok(ExternalAddress::Address(address.into())));
        }
    }
}
