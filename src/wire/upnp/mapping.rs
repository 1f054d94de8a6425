//! `AddPortMapping` and `DeletePortMapping` of a WAN connection service, for UDP.
//!
//! Apart from `soap`, which only asks: what is here changes a router, and is for those who were told to.

use std::net::Ipv4Addr;

use super::soap::envelope;
use super::xml::{Malformed, Step, steps};
use super::{Connection, printable};

/// A mapping of a UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpMapping {
    /// The port outside.
    pub outside: u16,
    /// The host inside. Many routers accept no other than the one that asks.
    pub client: Ipv4Addr,
    /// Its port.
    pub inside: u16,
    /// Seconds it is kept; 0 is for ever.
    pub lease: u32,
}

/// A call of an action: the name for the `SOAPAction` header, quotes included, and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The header's value.
    pub action: String,
    /// The body.
    pub body: String,
}

/// The call that makes a mapping, or renews it.
#[must_use]
pub fn encode_add(connection: Connection, mapping: &UdpMapping) -> Call {
    let UdpMapping { outside, client, inside, lease } = mapping;
    // In the order of the service's description: some routers read by place.
    let arguments = format!(
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{outside}</NewExternalPort><NewProtocol>UDP</NewProtocol>\
         <NewInternalPort>{inside}</NewInternalPort><NewInternalClient>{client}</NewInternalClient>\
         <NewEnabled>1</NewEnabled><NewPortMappingDescription>natscope</NewPortMappingDescription>\
         <NewLeaseDuration>{lease}</NewLeaseDuration>"
    );
    call(connection, "AddPortMapping", &arguments)
}

/// The call that takes a mapping back.
#[must_use]
pub fn encode_delete(connection: Connection, outside: u16) -> Call {
    let arguments = format!(
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{outside}</NewExternalPort><NewProtocol>UDP</NewProtocol>"
    );
    call(connection, "DeletePortMapping", &arguments)
}

fn call(connection: Connection, action: &str, arguments: &str) -> Call {
    Call { action: format!("\"{connection}#{action}\""), body: envelope(connection, action, arguments) }
}

/// What a router answers to either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingAnswer {
    /// It has been done.
    Done,
    /// A fault.
    Fault {
        /// UPnP's errorCode.
        code: Option<u16>,
        /// Its description, fit to be shown.
        description: String,
    },
    /// Neither.
    Other,
}

/// Codes of faults that another call may get around (WANIPConnection:1 section 2.4.16, WANIPConnection:2 2.5.16).
pub mod fault {
    /// `ConflictInMappingEntry`: the port outside belongs to another host.
    pub const CONFLICT: u16 = 718;
    /// `OnlyPermanentLeasesSupported`: a lease has to be 0.
    pub const ONLY_PERMANENT: u16 = 725;
    /// `ConflictWithOtherMechanisms`: the port outside was given away by another protocol.
    pub const CONFLICT_ELSEWHERE: u16 = 729;
}

/// Decodes the body of the response, of success and fault alike.
pub fn decode_mapping_answer(document: &str) -> Result<MappingAnswer, Malformed> {
    let (mut is_done, mut is_fault, mut code, mut description) = (false, false, None, None);
    for step in steps(document) {
        match step? {
            Step::Open("AddPortMappingResponse" | "DeletePortMappingResponse") => is_done = true,
            Step::Open("Fault") => is_fault = true,
            Step::Close("errorCode", text) => code = code.or_else(|| text.parse().ok()),
            Step::Close("errorDescription", text) => _ = description.get_or_insert(text),
            Step::Open(_) | Step::Close(..) => {}
        }
    }
    Ok(if is_fault {
        MappingAnswer::Fault { code, description: printable(&description.unwrap_or_default()) }
    } else if is_done {
        MappingAnswer::Done
    } else {
        MappingAnswer::Other
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAPPING: UdpMapping =
        UdpMapping { outside: 4000, client: Ipv4Addr::new(192, 0, 2, 7), inside: 4001, lease: 120 };

    fn arguments(body: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for step in steps(body) {
            if let Step::Close(name, text) = step.unwrap()
                && name.starts_with("New")
            {
                found.push((name.to_owned(), text));
            }
        }
        found
    }

    #[test]
    fn calls_carry_the_arguments_of_the_service_in_its_order() {
        let add = encode_add(Connection::Ip(1), &MAPPING);
        assert_eq!(add.action, "\"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"");
        assert!(add.body.contains("<u:AddPortMapping xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\">"));
        let expected = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", "4000"),
            ("NewProtocol", "UDP"),
            ("NewInternalPort", "4001"),
            ("NewInternalClient", "192.0.2.7"),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", "natscope"),
            ("NewLeaseDuration", "120"),
        ];
        assert_eq!(arguments(&add.body), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let delete = encode_delete(Connection::Ppp(1), 4000);
        assert_eq!(delete.action, "\"urn:schemas-upnp-org:service:WANPPPConnection:1#DeletePortMapping\"");
        let expected = &expected[..3];
        assert!(arguments(&delete.body).iter().map(|(name, text)| (&**name, &**text)).eq(expected.iter().copied()));
    }

    #[test]
    fn answers_are_told_apart() {
        let in_envelope = |body: &str| format!("<s:Envelope xmlns:s=\"x\"><s:Body>{body}</s:Body></s:Envelope>");
        let decode = |body: &str| decode_mapping_answer(&in_envelope(body)).unwrap();
        assert_eq!(decode("<u:AddPortMappingResponse xmlns:u=\"y\"/>"), MappingAnswer::Done);
        assert_eq!(
            decode("<u:DeletePortMappingResponse xmlns:u=\"y\"></u:DeletePortMappingResponse>"),
            MappingAnswer::Done
        );
        assert_eq!(decode(""), MappingAnswer::Other);
        // Neither is our own call, sent back.
        assert_eq!(decode("<u:AddPortMapping/>"), MappingAnswer::Other);
        let fault = "<s:Fault><detail><UPnPError><errorCode>718</errorCode><errorDescription>Conflict\u{7}</errorDescription>\
                     </UPnPError></detail></s:Fault>";
        assert_eq!(
            decode(fault),
            MappingAnswer::Fault { code: Some(fault::CONFLICT), description: "Conflict".to_owned() }
        );
        let whole = in_envelope(fault);
        for length in 0..whole.len() {
            assert!(whole.get(..length).is_none_or(|cut| decode_mapping_answer(cut).is_err()), "{length}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_an_answer_or_refused(text in ".{0,100}") {
            let _ = decode_mapping_answer(&text);
        }
    }
}
