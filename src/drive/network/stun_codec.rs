//! What the wire says of STUN, as the probes' words have it.

use std::net::SocketAddr;

use crate::probe::{Cause, StunForm, StunReply};
use crate::wire::stun::{self, ChangeRequest, Class, HelpWanted, RequestForm, Response, TransactionId};

/// A Binding request of that form.
pub(super) fn encode_request(id: TransactionId, form: StunForm) -> Result<Vec<u8>, Cause> {
    let (form, change) = match form {
        StunForm::Tailnode => (RequestForm::Tailnode, None),
        StunForm::Plain => (RequestForm::Plain, None),
        StunForm::ChangePort => (RequestForm::Plain, Some(ChangeRequest { ip: false, port: true })),
        StunForm::ChangeAddressAndPort => (RequestForm::Plain, Some(ChangeRequest { ip: true, port: true })),
        StunForm::AskForHelp => return Ok(stun::encode_help_request(id, HelpWanted::Offer)),
        StunForm::FromHelper(cookie) => return Ok(stun::encode_help_request(id, HelpWanted::Packet(cookie))),
        StunForm::ResponsePort(port) => {
            return stun::encode_response_port_request(id, port).map_err(|error| refused(&error));
        }
    };
    stun::encode_request(id, form, change).map_err(|error| refused(&error))
}

fn refused(error: &stun::EncodeError) -> Cause {
    Cause::Os { message: error.to_string() }
}

/// What a datagram is.
pub(super) enum Heard {
    /// A Binding response.
    Response(Box<Response>),
    /// A Binding request, of which only the id matters: it may be one of ours.
    Request(TransactionId),
    /// Neither, and what is wrong with it.
    Neither(String),
}

/// Reads a datagram.
pub(super) fn decode(datagram: &[u8]) -> Heard {
    match stun::decode_response(datagram) {
        Ok(response) => Heard::Response(Box::new(response)),
        Err(error) => match stun::decode_request(datagram) {
            Ok(request) => request.id.transaction().map_or_else(|| Heard::Neither(error.to_string()), Heard::Request),
            Err(_) => Heard::Neither(error.to_string()),
        },
    }
}

/// A response as the answer to a request that left from `local`.
pub(super) fn reply_of(response: Response, from: SocketAddr, local: Option<SocketAddr>) -> StunReply {
    let (mapped, rewritten, error_code) = match &response.class {
        Class::Success => (response.endpoint(), response.rewritten(), None),
        // 0 is no code of a server's: the response had none that could be read.
        Class::Error { code, .. } => (None, None, Some(code.unwrap_or(0))),
    };
    let problems = response.problems.iter().map(ToString::to_string).collect();
    StunReply {
        from,
        local,
        mapped,
        rewritten,
        other_address: response.other_address,
        response_origin: response.response_origin,
        software: response.software,
        help: response.help,
        error_code,
        problems,
    }
}
