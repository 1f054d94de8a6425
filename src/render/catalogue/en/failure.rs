use super::count;
use crate::probe::{Cause, CertificateFault, Failure, Stage};
use crate::render::number::span;

/// `STUN: no answer to 3 packets in 1.2 s`.
pub(super) fn failure(failure: &Failure) -> String {
    format!("{}: {}", stage(failure.stage), cause(&failure.cause))
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Dns => "DNS",
        Stage::Connect => "connect",
        Stage::Tls => "TLS",
        Stage::Http => "HTTP",
        Stage::Derp => "DERP",
        Stage::Stun => "STUN",
        Stage::Icmp => "ICMP",
        Stage::PortMapping => "router",
    }
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::TimedOut { after } => format!("timed out after {}", span(*after)),
        Cause::NoAnswer { copies, waited } => {
            format!("no answer to {} in {}", count(*copies, "packet", "packets"), span(*waited))
        }
        Cause::Refused => "refused: nothing listens there, or a firewall rejects".to_owned(),
        Cause::Unreachable => "no way to the address (unreachable)".to_owned(),
        Cause::NotPermitted => "not permitted by this host or the network".to_owned(),
        Cause::Reset => "the connection was reset midway".to_owned(),
        Cause::Closed => "the connection was closed midway".to_owned(),
        Cause::NoSuchName => "the name does not exist".to_owned(),
        Cause::NoAddress => "the name has no address of a usable family".to_owned(),
        Cause::Resolver { said } => format!("the resolver answered {said}"),
        Cause::NoResolver => "no resolver is configured".to_owned(),
        Cause::Certificate { fault } => certificate(fault),
        Cause::NotTls => "that port does not speak TLS".to_owned(),
        Cause::NotAdmitted => "the relay does not admit this key".to_owned(),
        Cause::TlsAlert { alert } => format!("the handshake ended with {alert}"),
        Cause::Status { code } => format!("status {code}"),
        Cause::Proxy { said } => format!("the proxy would not connect: {said}"),
        Cause::Malformed { problem } => format!("not what the protocol allows: {problem}"),
        Cause::TooLarge { limit } => format!("the answer is larger than {limit} bytes"),
        Cause::StunError { code } => format!("error response {code}"),
        Cause::Unsupported { what } => format!("not supported here: {what}"),
        Cause::Os { message } => message.clone(),
    }
}

fn certificate(fault: &CertificateFault) -> String {
    match fault {
        CertificateFault::UnknownIssuer => "the certificate's issuer is not trusted here".to_owned(),
        CertificateFault::Expired => "the certificate has expired".to_owned(),
        CertificateFault::NotYetValid => "the certificate is not valid yet".to_owned(),
        CertificateFault::NameMismatch { expected } => format!("the certificate is not for {expected}"),
        CertificateFault::PinMismatch { expected, presented } => {
            format!("the certificate's hash is {presented}, the map pins {expected}")
        }
        CertificateFault::NotAlone { count } => {
            format!("{count} certificates were presented where a pin allows exactly one")
        }
        CertificateFault::Other { said } => format!("the certificate was not accepted: {said}"),
    }
}
