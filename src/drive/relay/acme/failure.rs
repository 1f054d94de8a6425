//! Why there is no certificate, as a value: whose fault, and the authority's own words.

use std::fmt;
use std::io;

use instant_acme::{Error, Problem};

use crate::model::harmless_value;

/// Longest text of an authority that is repeated, in characters.
const LONGEST: usize = 500;

/// Whose fault it is, as far as one can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::drive::relay) enum Kind {
    /// The authority was not reached, did not answer as one, or says that it is the one at fault.
    Network,
    /// It did not find the proof where it looked.
    Validation,
    /// It refused for another reason.
    Refused,
    /// This host's own: files, mostly.
    Local,
}

impl Kind {
    pub(in crate::drive::relay) const ALL: [Self; 4] = [Self::Network, Self::Validation, Self::Refused, Self::Local];

    pub(in crate::drive::relay) const fn label(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Validation => "validation",
            Self::Refused => "refused",
            Self::Local => "local",
        }
    }
}

/// An attempt that came to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// What was being done.
    pub(super) stage: &'static str,
    pub(super) cause: String,
    /// The authority does not know the account (any more).
    pub(super) account_is_gone: bool,
}

impl Failure {
    pub(super) fn local(stage: &'static str, error: &io::Error) -> Self {
        Self { kind: Kind::Local, stage, cause: error.to_string(), account_is_gone: false }
    }

    pub(super) fn validation(stage: &'static str, cause: String) -> Self {
        Self { kind: Kind::Validation, stage, cause, account_is_gone: false }
    }

    pub(super) fn network(stage: &'static str, cause: String) -> Self {
        Self { kind: Kind::Network, stage, cause, account_is_gone: false }
    }

    pub(super) fn refused(stage: &'static str, cause: String) -> Self {
        Self { kind: Kind::Refused, stage, cause, account_is_gone: false }
    }

    /// What a request came to.
    pub(super) fn of(stage: &'static str, error: &Error) -> Self {
        match error {
            Error::Api(problem) if is_of_the_moment(problem) => Self::network(stage, told(problem)),
            Error::Api(problem) => {
                let gone = kind_of(problem) == "accountDoesNotExist";
                Self { account_is_gone: gone, ..Self::refused(stage, told(problem)) }
            }
            Error::Crypto | Error::KeyRejected => Self {
                kind: Kind::Local,
                stage,
                cause: format!("the account's key cannot be used: {error}"),
                account_is_gone: false,
            },
            Error::Json(error) => Self::network(stage, format!("its answer is not as ACME has it: {error}")),
            Error::Str(_) | Error::Unsupported(_) => Self::refused(stage, error.to_string()),
            other => Self::network(stage, bounded(&innermost(other))),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.cause)
    }
}

/// The last part of the problem's type, which is a URN.
fn kind_of(problem: &Problem) -> &str {
    problem.r#type.as_deref().unwrap_or_default().rsplit(':').next().unwrap_or_default()
}

/// Whether the authority means itself, and nothing that was asked (RFC 8555 sections 6.5 and 6.7).
fn is_of_the_moment(problem: &Problem) -> bool {
    matches!(kind_of(problem), "badNonce" | "serverInternal")
}

/// Whether it is about what the authority found where the name leads (RFC 8555 section 6.7).
pub(super) fn is_of_validation(problem: &Problem) -> bool {
    matches!(kind_of(problem), "caa" | "connection" | "dns" | "incorrectResponse" | "tls" | "unauthorized")
}

/// Type and detail of a problem (RFC 7807), and of what is within it, in the authority's words.
pub(super) fn told(problem: &Problem) -> String {
    let one = |kind: Option<&str>, detail: Option<&str>| match (kind, detail) {
        (Some(kind), Some(detail)) => format!("{kind}: {detail}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "it did not say why".to_owned(),
    };
    let mut text = one(problem.r#type.as_deref(), problem.detail.as_deref());
    for part in problem.subproblems.iter().take(3) {
        text.push_str("; ");
        text.push_str(&one(part.r#type.as_deref(), part.detail.as_deref()));
    }
    bounded(&text)
}

/// On one line, without what a terminal would obey, and not too long.
fn bounded(text: &str) -> String {
    let mut cut: String = text.chars().take(LONGEST).map(|it| if it.is_control() { ' ' } else { it }).collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.push('…');
    }
    harmless_value(&cut, false)
}

/// What happened, beneath the words of the libraries around it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> Problem {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_authority_is_quoted() {
        let failure = Failure::of(
            "a new order",
            &Error::Api(problem(
                r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many\ncertificates","status":429}"#,
            )),
        );
        assert_eq!(failure.kind, Kind::Refused);
        let text = failure.to_string();
        assert!(text.starts_with("a new order: urn:ietf:params:acme:error:rateLimited: too many"), "{text}");
        assert!(!text.contains('\n') && !failure.account_is_gone, "{text}");
        let gone = problem(r#"{"type":"urn:ietf:params:acme:error:accountDoesNotExist"}"#);
        assert!(Failure::of("a new order", &Error::Api(gone)).account_is_gone);
        assert_eq!(told(&problem("{}")), "it did not say why");
    }

    #[test]
    fn who_is_at_fault_decides_how_soon_it_is_tried_again() {
        for (kind, wanted) in [
            ("badNonce", Kind::Network),
            ("serverInternal", Kind::Network),
            ("rateLimited", Kind::Refused),
            ("rejectedIdentifier", Kind::Refused),
        ] {
            let problem = problem(&format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}"}}"#));
            assert!(!is_of_validation(&problem));
            assert_eq!(Failure::of("a new order", &Error::Api(problem)).kind, wanted, "{kind}");
        }
        assert_eq!(Failure::of("signing", &Error::Timeout(None)).kind, Kind::Network);
        assert!(is_of_validation(&problem(r#"{"type":"urn:ietf:params:acme:error:caa"}"#)));
    }

    #[test]
    fn its_words_are_bounded() {
        let long = format!(r#"{{"detail":"{}"}}"#, "x".repeat(100_000));
        assert!(told(&problem(&long)).chars().count() < 2 * LONGEST);
    }
}
