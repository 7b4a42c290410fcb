//! The fields of a certificate that rustls does not tell: issuer, subject, names, validity.
//!
//! ```text
//! Certificate ─► TBSCertificate ─► [version] serial algorithm issuer validity subject …
//!                                                                    └ notBefore notAfter
//! ```
//!
//! The bytes between these fields are skipped. Rustls checks the certificate as a whole.

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The first fields of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Who signed it, as DER.
    pub issuer: &'a [u8],
    /// From when it is valid, in unix seconds.
    pub not_before: i64,
    /// Until when it is valid, in unix seconds.
    pub not_after: i64,
    /// Whose it is, as DER.
    pub subject: &'a [u8],
    /// The bytes after the subject: the key and the extensions.
    rest: &'a [u8],
}

/// The kind of an attribute of a subject (its object identifier), and its text.
pub type Attribute<'a> = (&'a [u8], &'a str);

/// The kind of the name of an organisation.
pub const ORGANISATION: &[u8] = &[0x55, 4, 10];
/// The kind of a common name.
pub const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// The head of a certificate; `None` if the bytes are no certificate.
pub fn head(der: &[u8]) -> Option<Head<'_>> {
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(der)?;
    let (_, fields, _) = element(certificate)?;
    let (tag, _, rest) = element(fields)?;
    // Without a version the first field was the serial number already.
    let rest = if tag == VERSION { element(rest)?.2 } else { rest };
    let (_, _, rest) = element(rest)?;
    let (_, issuer, rest) = element(rest)?;
    let (_, validity, rest) = element(rest)?;
    let (_, subject, rest) = element(rest)?;
    let (before_tag, before, validity) = element(validity)?;
    let (after_tag, after, _) = element(validity)?;
    let (not_before, not_after) = (unix_of(before_tag, before)?, unix_of(after_tag, after)?);
    Some(Head { issuer, not_before, not_after, subject, rest })
}

/// The attributes of a subject, if each is alone in its set and UTF-8, as in our own.
pub fn only_names(mut subject: &[u8]) -> Option<Vec<Attribute<'_>>> {
    const UTF8: u8 = 0x0c;
    let mut found = Vec::new();
    while !subject.is_empty() {
        let (_, set, next) = element(subject)?;
        let (_, attribute, another) = element(set)?;
        let (_, kind, value) = element(attribute)?;
        let (tag, text, more) = element(value)?;
        if tag != UTF8 || !another.is_empty() || !more.is_empty() {
            return None;
        }
        found.push((kind, std::str::from_utf8(text).ok()?));
        subject = next;
    }
    Some(found)
}

/// The host names and addresses that a certificate is for; `None` if it does not say.
pub fn alternative_names(der: &[u8]) -> Option<Vec<String>> {
    const EXTENSIONS: u8 = 0xa3;
    const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 29, 17];
    const OCTETS: u8 = 0x04;
    const DNS_NAME: u8 = 0x82;
    const ADDRESS: u8 = 0x87;
    let find = |mut bytes, wanted: &dyn Fn(u8, &[u8]) -> bool| loop {
        let (tag, content, next) = element(bytes)?;
        if wanted(tag, content) {
            return Some(content);
        }
        bytes = next;
    };
    let (_, extensions, _) = element(find(head(der)?.rest, &|tag, _| tag == EXTENSIONS)?)?;
    let is_it = |_, one: &[u8]| element(one).is_some_and(|(_, id, _)| id == ALTERNATIVE_NAMES);
    let (_, names, _) = element(find(find(extensions, &is_it)?, &|tag, _| tag == OCTETS)?)?;
    let mut found = Vec::new();
    let mut rest = names;
    while let Some((tag, name, next)) = element(rest) {
        let ip = || match name.len() {
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(name).ok()?)),
            _ => Some(IpAddr::from(<[u8; 16]>::try_from(name).ok()?)),
        };
        found.extend(match tag {
            DNS_NAME => std::str::from_utf8(name).ok().map(str::to_owned),
            ADDRESS => ip().map(|ip| ip.to_string()),
            _ => None,
        });
        rest = next;
    }
    Some(found)
}

/// The first element of DER: its tag, its content, and the bytes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A time of DER: `YYMMDDhhmmssZ`, or with all four digits of the year.
fn unix_of(tag: u8, text: &[u8]) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    let century = match (tag, text.first()?) {
        (UTC_TIME, b'0'..=b'4') => "20",
        (UTC_TIME, _) => "19",
        _ => "",
    };
    let text = std::str::from_utf8(text).ok()?;
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", format!("{century}{text}")).ok()?;
    Some(Offset::UTC.to_timestamp(time).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() {
        let key = rcgen::KeyPair::generate().expect("a key");
        for (year, month, day, unix) in [
            (1970, 1, 1, 0),
            (2000, 2, 29, 951_782_400),
            (2027, 1, 1, 1_798_761_600),
            (2049, 12, 31, 2_524_521_600),
            (2100, 3, 1, 4_107_542_400),
        ] {
            let mut params = rcgen::CertificateParams::new(["x".to_owned()]).expect("a name");
            params.not_after = rcgen::date_time_ymd(year, month, day);
            let certificate = params.self_signed(&key).expect("a certificate");
            let head = head(certificate.der()).expect("a head");
            assert_eq!((head.not_before, head.not_after), (157_766_400, unix), "{year}");
            assert_eq!(head.issuer, head.subject);
            for cut in 0..60 {
                assert_eq!(super::head(&certificate.der()[..cut]), None, "{cut}");
            }
        }
    }
}
