//! What a certificate says and the TLS library does not tell: names and validity.
//!
//! Reads just enough DER to walk there. It verifies nothing.

use std::net::IpAddr;

/// Facts of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's common name, the last one when there are several; empty when there is none.
    pub common_name: String,
    /// The serial number, where it fits; a derper's meta-certificate has the protocol's version there.
    pub serial: Option<u64>,
    /// Seconds since 1970 before which it is not valid.
    pub not_before: i64,
    /// Seconds since 1970 after which it is no longer valid.
    pub not_after: i64,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT Version`
const VERSION: u8 = 0xa0;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// 2.5.29.17
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// `[3] EXPLICIT Extensions`
const EXTENSIONS: u8 = 0xa3;
const BOOLEAN: u8 = 0x01;
/// `[2] IA5String` and `[7] OCTET STRING` of a general name.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

impl Certificate {
    /// Reads a certificate (RFC 5280 section 4.1).
    #[must_use]
    pub fn decode(der: &[u8]) -> Option<Self> {
        let mut outer = Elements(der);
        let mut certificate = Elements(outer.expect(SEQUENCE)?);
        let mut fields = Elements(certificate.expect(SEQUENCE)?);
        let (tag, mut serial) = fields.next()?;
        if tag == VERSION {
            serial = fields.next()?.1;
        }
        fields.expect(SEQUENCE)?; // signature algorithm
        fields.expect(SEQUENCE)?; // issuer
        let mut validity = Elements(fields.expect(SEQUENCE)?);
        let not_before = time(validity.next()?)?;
        let not_after = time(validity.next()?)?;
        let common_name = common_name(fields.expect(SEQUENCE)?)?;
        Some(Self { common_name, serial: number(serial), not_before, not_after })
    }
}

/// Whom a certificate is for, and by whom it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The issuer's common name, else its organization; empty when there is neither.
    pub issuer: String,
    /// Whether the subject is the same name as the issuer.
    pub self_issued: bool,
    /// DNS names (RFC 5280 section 4.2.1.6).
    pub dns: Vec<String>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
}

impl Names {
    /// Reads the names of a certificate.
    #[must_use]
    pub fn decode(der: &[u8]) -> Option<Self> {
        let mut outer = Elements(der);
        let mut certificate = Elements(outer.expect(SEQUENCE)?);
        let mut fields = Elements(certificate.expect(SEQUENCE)?);
        if fields.next()?.0 == VERSION {
            fields.next()?; // serial number
        }
        fields.expect(SEQUENCE)?; // signature algorithm
        let issuer = fields.expect(SEQUENCE)?;
        fields.expect(SEQUENCE)?; // validity
        let subject = fields.expect(SEQUENCE)?;
        fields.expect(SEQUENCE)?; // public key
        let mut names = Self {
            issuer: [COMMON_NAME, ORGANIZATION]
                .into_iter()
                .filter_map(|kind| attribute(issuer, kind))
                .find(|name| !name.is_empty())
                .unwrap_or_default(),
            self_issued: issuer == subject,
            ..Self::default()
        };
        while let Some((tag, content)) = fields.next() {
            if tag == EXTENSIONS {
                names.read_extensions(content);
            }
        }
        Some(names)
    }

    fn read_extensions(&mut self, extensions: &[u8]) -> Option<()> {
        let mut list = Elements(Elements(extensions).expect(SEQUENCE)?);
        while let Some((_, extension)) = list.next() {
            let mut parts = Elements(extension);
            if parts.expect(OID)? != ALTERNATIVE_NAMES {
                continue;
            }
            let mut value = parts.next()?;
            if value.0 == BOOLEAN {
                value = parts.next()?;
            }
            let mut names = Elements(Elements(value.1).expect(SEQUENCE)?);
            while let Some((tag, name)) = names.next() {
                match (tag, name.len()) {
                    (DNS_NAME, _) => self.dns.push(String::from_utf8_lossy(name).into_owned()),
                    (IP_ADDRESS, 4) => self.addresses.push(IpAddr::from(<[u8; 4]>::try_from(name).ok()?)),
                    (IP_ADDRESS, 16) => self.addresses.push(IpAddr::from(<[u8; 16]>::try_from(name).ok()?)),
                    _ => {}
                }
            }
        }
        Some(())
    }
}

/// A number that is not negative and has at most 64 bits.
fn number(bytes: &[u8]) -> Option<u64> {
    let sign = bytes.first().copied().filter(|byte| byte & 0x80 == 0)?;
    let bytes = if sign == 0 { bytes.get(1..)? } else { bytes };
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn common_name(subject: &[u8]) -> Option<String> {
    attribute(subject, COMMON_NAME)
}

/// An attribute of a name, the last one where there are several; empty where there is none.
fn attribute(name: &[u8], kind: &[u8]) -> Option<String> {
    let mut found = String::new();
    let mut names = Elements(name);
    while let Some((tag, set)) = names.next() {
        let mut pairs = Elements(set);
        while let Some((_, pair)) = pairs.next() {
            let mut pair = Elements(pair);
            if pair.expect(OID)? == kind {
                found = String::from_utf8_lossy(pair.next()?.1).into_owned();
            }
        }
        if tag != SET {
            return None;
        }
    }
    names.0.is_empty().then_some(found)
}

/// `YYMMDDHHMMSSZ` (UTC time) or `YYYYMMDDHHMMSSZ` (generalized time), the only forms RFC 5280 section 4.1.2.5 allows.
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME if text.len() == 12 => {
            let year: i64 = text.get(..2)?.parse().ok()?;
            (if year < 50 { year + 2000 } else { year + 1900 }, text.get(2..)?)
        }
        GENERALIZED_TIME if text.len() == 14 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar. Counts years from March, so that the leap day is the last one.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

/// DER elements one after the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, short], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = if short < 0x80 {
            (usize::from(short), rest)
        } else {
            let (long, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            // Four bytes of length are more than any certificate has.
            if long.is_empty() || long.len() > 4 {
                return None;
            }
            (long.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content, if it has that tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn made() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["relay.example".into()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, "derpkeyabc");
        params.serial_number = Some(2.into());
        params.not_before = rcgen::date_time_ymd(1999, 12, 31);
        params.not_after = rcgen::date_time_ymd(2096, 2, 29);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn name_and_validity_are_read() {
        let expected = Certificate {
            common_name: "derpkeyabc".into(),
            serial: Some(2),
            not_before: 946_598_400,
            not_after: 3_981_312_000,
        };
        assert_eq!(Certificate::decode(&made()), Some(expected));
    }

    #[test]
    fn truncated_and_mutilated_certificates_are_no_panic() {
        let der = made();
        for length in 0..der.len() {
            assert_eq!(Certificate::decode(&der[..length]), None, "{length}");
        }
        for position in 0..der.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = der.clone();
                broken[position] = value;
                let _ = Certificate::decode(&broken);
            }
        }
    }

    #[test]
    fn serial_numbers_are_read_as_far_as_they_fit() {
        for (bytes, read) in [
            (&[][..], None),
            (&[0], Some(0)),
            (&[2], Some(2)),
            (&[0, 0xff], Some(255)),
            (&[0x80], None),
            (&[0, 1, 2, 3, 4, 5, 6, 7, 8], Some(0x0102_0304_0506_0708)),
            (&[1, 1, 2, 3, 4, 5, 6, 7, 8], None),
        ] {
            assert_eq!(number(bytes), read, "{bytes:?}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time((UTC_TIME, b"700101000000Z")), Some(0));
        assert_eq!(time((UTC_TIME, b"491231235959Z")), Some(2_524_607_999));
        assert_eq!(time((UTC_TIME, b"500101000000Z")), Some(-631_152_000));
        assert_eq!(time((GENERALIZED_TIME, b"20000301000000Z")), Some(951_868_800));
        for bad in ["701301000000Z", "7001010000Z", "700101000000+0100", "7001010000000Z", "70010100 000Z", ""] {
            assert_eq!(time((UTC_TIME, bad.as_bytes())), None, "{bad}");
        }
    }
}
