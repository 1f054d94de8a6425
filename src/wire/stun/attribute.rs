//! Attribute types by number (IANA "STUN Attributes").

pub(super) const MAPPED_ADDRESS: u16 = 0x0001;
pub(super) const CHANGE_REQUEST: u16 = 0x0003;
/// SOURCE-ADDRESS of RFC 3489, now RESPONSE-ORIGIN.
pub(super) const SOURCE_ADDRESS: u16 = 0x0004;
/// CHANGED-ADDRESS of RFC 3489, now OTHER-ADDRESS.
pub(super) const CHANGED_ADDRESS: u16 = 0x0005;
pub(super) const USERNAME: u16 = 0x0006;
pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(super) const ERROR_CODE: u16 = 0x0009;
pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
/// REFLECTED-FROM of RFC 3489.
pub(super) const REFLECTED_FROM: u16 = 0x000b;
pub(super) const REALM: u16 = 0x0014;
pub(super) const NONCE: u16 = 0x0015;
pub(super) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
pub(super) const PASSWORD_ALGORITHM: u16 = 0x001d;
pub(super) const USERHASH: u16 = 0x001e;
pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(super) const PADDING: u16 = 0x0026;
pub(super) const RESPONSE_PORT: u16 = 0x0027;
/// XOR-MAPPED-ADDRESS under the number it had before RFC 5389; old servers send it and Tailscale's client reads it.
pub(super) const XOR_MAPPED_ADDRESS_ALTERNATIVE: u16 = 0x8020;
pub(super) const SOFTWARE: u16 = 0x8022;
pub(super) const ALTERNATE_SERVER: u16 = 0x8023;
pub(super) const FINGERPRINT: u16 = 0x8028;
pub(super) const RESPONSE_ORIGIN: u16 = 0x802b;
pub(super) const OTHER_ADDRESS: u16 = 0x802c;
/// Ours; see `help`.
pub(super) const HELP_WANTED: u16 = 0xde5a;
/// Ours; see `help`.
pub(super) const HELP_OFFER: u16 = 0xde5b;

/// Whether a receiver that does not know the attribute may not simply skip it (RFC 8489 section 14).
pub(super) const fn is_comprehension_required(kind: u16) -> bool {
    kind < 0x8000
}

/// Whether the number is one we know, though perhaps without use in this place: such an attribute is skipped, not
/// called unknown (RFC 8489 section 6.3).
pub(super) const fn is_known(kind: u16) -> bool {
    matches!(
        kind,
        MAPPED_ADDRESS
            | CHANGE_REQUEST
            | SOURCE_ADDRESS
            | CHANGED_ADDRESS
            | USERNAME
            | MESSAGE_INTEGRITY
            | ERROR_CODE
            | UNKNOWN_ATTRIBUTES
            | REFLECTED_FROM
            | REALM
            | NONCE
            | MESSAGE_INTEGRITY_SHA256
            | PASSWORD_ALGORITHM
            | USERHASH
            | XOR_MAPPED_ADDRESS
            | PADDING
            | RESPONSE_PORT
    )
}

/// The name of an attribute for a person, as the RFCs write it.
pub(super) const fn name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        MAPPED_ADDRESS => "MAPPED-ADDRESS",
        CHANGE_REQUEST => "CHANGE-REQUEST",
        SOURCE_ADDRESS => "SOURCE-ADDRESS",
        CHANGED_ADDRESS => "CHANGED-ADDRESS",
        USERNAME => "USERNAME",
        MESSAGE_INTEGRITY => "MESSAGE-INTEGRITY",
        ERROR_CODE => "ERROR-CODE",
        UNKNOWN_ATTRIBUTES => "UNKNOWN-ATTRIBUTES",
        REFLECTED_FROM => "REFLECTED-FROM",
        REALM => "REALM",
        NONCE => "NONCE",
        MESSAGE_INTEGRITY_SHA256 => "MESSAGE-INTEGRITY-SHA256",
        PASSWORD_ALGORITHM => "PASSWORD-ALGORITHM",
        USERHASH => "USERHASH",
        XOR_MAPPED_ADDRESS => "XOR-MAPPED-ADDRESS",
        PADDING => "PADDING",
        RESPONSE_PORT => "RESPONSE-PORT",
        XOR_MAPPED_ADDRESS_ALTERNATIVE => "XOR-MAPPED-ADDRESS (0x8020)",
        SOFTWARE => "SOFTWARE",
        ALTERNATE_SERVER => "ALTERNATE-SERVER",
        FINGERPRINT => "FINGERPRINT",
        RESPONSE_ORIGIN => "RESPONSE-ORIGIN",
        OTHER_ADDRESS => "OTHER-ADDRESS",
        HELP_OFFER => "HELP-OFFER",
        _ => return None,
    })
}
