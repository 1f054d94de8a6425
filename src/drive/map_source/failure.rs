//! What reqwest says, as the failures the rest of the program knows.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use thiserror::Error;

use super::LoadOptions;
use crate::probe::{Cause, CertificateFault, Failure, Stage};

#[derive(Debug, Error)]
#[error("redirected more than five times")]
pub(super) struct TooManyRedirects;

#[derive(Debug, Error)]
#[error("redirected from https to http")]
pub(super) struct UnsafeRedirect;

pub(super) fn classify(error: &reqwest::Error, options: &LoadOptions) -> Failure {
    if error.is_timeout() {
        return if error.is_connect() {
            Failure::new(Stage::Connect, Cause::TimedOut { after: options.connect_timeout })
        } else {
            Failure::new(Stage::Http, Cause::TimedOut { after: options.timeout })
        };
    }
    if error.is_builder() {
        let what = format!("this URL: {}", innermost(error));
        return Failure::new(Stage::Http, Cause::Unsupported { what });
    }
    if error.is_redirect() {
        return Failure::new(Stage::Http, Cause::Malformed { problem: innermost(error) });
    }
    if let Some(tls) = sources(error).find_map(|source| source.downcast_ref::<rustls::Error>()) {
        return Failure::new(Stage::Tls, of_tls(tls));
    }
    // hyper-util's connector has no type for it, only these words.
    if sources(error).any(|source| source.to_string().starts_with("dns error")) {
        return Failure::new(Stage::Dns, Cause::Resolver { said: innermost(error) });
    }
    let stage = if error.is_connect() { Stage::Connect } else { Stage::Http };
    // The innermost one knows the most: the outer ones may only wrap it.
    let io = sources(error).filter_map(|source| source.downcast_ref::<io::Error>()).last();
    if let Some(io) = io {
        return Failure::new(stage, of_io(io));
    }
    if error.is_connect() && sources(error).any(|source| source.to_string().contains("tunnel")) {
        return Failure::new(stage, Cause::Proxy { said: innermost(error) });
    }
    // The body ended early, or is no HTTP.
    Failure::new(stage, Cause::Malformed { problem: innermost(error) })
}

fn of_io(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            Cause::Unreachable
        }
        io::ErrorKind::PermissionDenied => Cause::NotPermitted,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Cause::Reset,
        io::ErrorKind::UnexpectedEof => Cause::Closed,
        _ => Cause::Os { message: error.to_string() },
    }
}

fn of_tls(error: &rustls::Error) -> Cause {
    use rustls::CertificateError as Bad;
    use rustls::Error as Tls;
    let fault = match error {
        Tls::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => CertificateFault::UnknownIssuer,
            Bad::Expired | Bad::ExpiredContext { .. } => CertificateFault::Expired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => CertificateFault::NotYetValid,
            Bad::NotValidForNameContext { expected, .. } => {
                CertificateFault::NameMismatch { expected: expected.to_str().into_owned() }
            }
            other => CertificateFault::Other { said: other.to_string() },
        },
        Tls::InvalidMessage(_) => return Cause::NotTls,
        other => return Cause::TlsAlert { alert: other.to_string() },
    };
    Cause::Certificate { fault }
}

/// An error and what it wraps. An `io::Error` does not call the error inside of it its source, but that one's source.
fn sources<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
        Some(error)
    })
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    sources(error).last().map(ToString::to_string).unwrap_or_default()
}

/// A failed fetch in words, for the one error that is printed without a report around it.
pub(super) struct Said<'f>(pub(super) &'f Failure);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::TimedOut { after } if self.0.stage == Stage::Connect => {
                write!(f, "no connection within {}", humantime::format_duration(*after))
            }
            Cause::TimedOut { after } => write!(f, "not done within {}", humantime::format_duration(*after)),
            Cause::Refused => f.write_str("the connection was refused"),
            Cause::Unreachable => f.write_str("the network has no way to it"),
            Cause::NotPermitted => f.write_str("this host does not allow the connection"),
            Cause::Reset | Cause::Closed => f.write_str("the connection was closed in the middle"),
            Cause::Resolver { said } => write!(f, "its name could not be resolved ({said})"),
            Cause::Certificate { fault } => match fault {
                CertificateFault::UnknownIssuer => f.write_str("nobody this host trusts has signed its certificate"),
                CertificateFault::Expired => f.write_str("its certificate has expired; is the clock right?"),
                CertificateFault::NotYetValid => f.write_str("its certificate is not valid yet; is the clock right?"),
                CertificateFault::NameMismatch { expected } => write!(f, "its certificate is not for {expected}"),
                CertificateFault::Other { said } => write!(f, "its certificate is bad ({said})"),
                other => write!(f, "its certificate is bad ({other:?})"),
            },
            Cause::NotTls => f.write_str("it does not speak TLS on that port; is it http rather than https?"),
            Cause::NotAdmitted => f.write_str("it does not admit this host's key"),
            Cause::TlsAlert { alert } => write!(f, "the TLS handshake failed ({alert})"),
            Cause::Status { code } => write!(f, "the server answered with status {code}"),
            Cause::Proxy { said } => write!(f, "the proxy would not connect ({said})"),
            Cause::Malformed { problem } => write!(f, "the answer is not what it should be ({problem})"),
            Cause::TooLarge { limit } => write!(f, "it is longer than {limit} bytes"),
            Cause::Unsupported { what } => write!(f, "unsupported: {what}"),
            Cause::Os { message } => f.write_str(message),
            other => write!(f, "{other:?}"),
        }
    }
}
