//! Errors of TLS as [`Cause`]s.

use rustls::{AlertDescription, Error, InvalidMessage};

use super::verifier::fault_of;
use crate::probe::{Cause, CertificateFault};

/// What an error of a TLS connection means. `expected` is the name the certificate had to be for.
pub(in crate::drive::network) fn cause_of_tls(error: &Error, expected: &str) -> Cause {
    match error {
        Error::InvalidCertificate(error) => Cause::Certificate { fault: fault_of(error, expected) },
        Error::NoCertificatesPresented => {
            Cause::Certificate { fault: CertificateFault::Other { said: "no certificate was presented".into() } }
        }
        Error::AlertReceived(alert) => Cause::TlsAlert { alert: alert_name(*alert) },
        // What plain HTTP, SSH and the like look like to one who expects TLS records.
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => Cause::NotTls,
        Error::InvalidMessage(problem) => Cause::Malformed { problem: format!("TLS message: {problem:?}") },
        other => Cause::TlsAlert { alert: other.to_string() },
    }
}

/// The name RFC 8446 section 6 gives an alert: `HandshakeFailure` is `handshake_failure`.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for character in format!("{alert:?}").chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    // Abbreviations are words of the RFC, and its spelling is American.
    name.replace("_c_a", "_ca").replace("_p_s_k", "_psk").replace("unrecognised", "unrecognized")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_rfc() {
        assert_eq!(alert_name(AlertDescription::HandshakeFailure), "handshake_failure");
        assert_eq!(alert_name(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(alert_name(AlertDescription::UnrecognisedName), "unrecognized_name");
        assert_eq!(alert_name(AlertDescription::InternalError), "internal_error");
    }
}
