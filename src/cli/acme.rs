//! Arguments about the authority that gives certificates, and how they are checked.

/// Let's Encrypt's, as [`RelayArgs::acme_directory`](super::RelayArgs::acme_directory) has it when nothing is said.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// RFC 8555 section 6.1: HTTPS, always.
pub(super) fn directory(text: &str) -> Result<String, String> {
    let place = text.strip_prefix("https://").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
    match place {
        Some(place) if !place.contains('@') && text.chars().all(|it| it.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err("write a URL with https, as https://acme-staging-v02.api.letsencrypt.org/directory".to_owned()),
    }
}

pub(super) fn email(text: &str) -> Result<String, String> {
    let (user, host) = text.rsplit_once('@').unwrap_or_default();
    // What stands in a mailto URL as it is (RFC 8555 section 7.3: one address, and no header fields).
    let harmless = |it: char| it.is_ascii_alphanumeric() || "!$'*+-./=^_`{|}~".contains(it);
    if !user.is_empty() && host.contains('.') && user.chars().chain(host.chars()).all(harmless) {
        return Ok(text.to_owned());
    }
    Err("write an email address, as admin@example.com".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_asked_over_https() {
        for right in [LETS_ENCRYPT, "https://ca.internal:9000/acme/acme/directory", "https://127.0.0.1:14000/dir"] {
            assert!(directory(right).is_ok(), "{right}");
        }
        for wrong in
            ["letsencrypt", "http://ca.example/dir", "https://", "https:///x", "https://u:p@ca.example/", "https://a b"]
        {
            assert!(directory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_email_address_is_one_and_no_more() {
        for right in ["admin@example.com", "a.b+relay@mail.example.org"] {
            assert!(email(right).is_ok(), "{right}");
        }
        for wrong in
            ["", "admin", "@example.com", "admin@", "admin@localhost", "mailto:a@b.c", "a@b.c,d@e.f", "a@b.c?cc=d@e.f"]
        {
            assert!(email(wrong).is_err(), "{wrong}");
        }
    }
}
