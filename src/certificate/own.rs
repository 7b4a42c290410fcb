//! A certificate of our own: made with its key, and made again with the same key when its time is
//! two thirds over or when it lacks a name.
//!
//! Clients trust the key, so they notice nothing. An operator who puts a file of their own where
//! ours stands keeps it: only what bears our mark is made again.

use std::time::{Duration, UNIX_EPOCH};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::client::verify_server_name;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use zeroize::Zeroizing;

use super::validity::head;
use crate::limits::CERTIFICATE_DAYS;

/// Stands in the subject of what we make.
const MARK: &str = "p2sp-server";
/// Stood in the subject of what earlier versions made, for that name.
const MARK_BEFORE: (&str, &str) = ("rcgen self signed cert", "p2sp");
/// A clock that is so much behind ours takes it all the same.
const CLOCK_SLACK_SECONDS: i64 = 3_600;
/// The longest common name of X.509.
const COMMON_NAME_CHARS_MAX: usize = 64;

/// A new key, and a certificate of it: PEM, one after the other.
///
/// # Errors
/// What cannot be made.
pub fn make(names: &[String], unix: i64) -> Result<Zeroizing<String>, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    sign(&key, names, unix)
}

/// The same with the key that there is.
///
/// # Errors
/// The key is of a kind that we do not make.
pub fn renew(
    key: &PrivateKeyDer,
    names: &[String],
    unix: i64,
) -> Result<Zeroizing<String>, String> {
    sign(&KeyPair::try_from(key).map_err(|error| error.to_string())?, names, unix)
}

/// Whether the certificate is ours and should be made again.
pub fn is_due(der: &CertificateDer, names: &[String], unix: i64) -> bool {
    const DAY: i64 = 86_400;
    let (Some(head), Ok(parsed)) = (head(der), ParsedCertificate::try_from(der)) else {
        return false;
    };
    let says = |mark: &str| head.subject.windows(mark.len()).any(|part| part == mark.as_bytes());
    let is_for = |name: &str| match ServerName::try_from(name) {
        Ok(name) => verify_server_name(&parsed, &name).is_ok(),
        // It cannot stand in one.
        Err(_) => true,
    };
    let is_ours = says(MARK) || (says(MARK_BEFORE.0) && is_for(MARK_BEFORE.1));
    if !is_ours || head.issuer != head.subject {
        return false;
    }
    let span = head.not_after - head.not_before;
    let is_old = unix >= head.not_before + span / 3 * 2;
    let is_unfit = span > (CERTIFICATE_DAYS + 1) * DAY || unix < head.not_before;
    is_old || is_unfit || !names.iter().all(|name| is_for(name))
}

fn sign(key: &KeyPair, names: &[String], unix: i64) -> Result<Zeroizing<String>, String> {
    let names = names.iter().filter(|name| ServerName::try_from(name.as_str()).is_ok());
    let names: Vec<String> = names.cloned().collect();
    // The host's own name comes first, if it has one.
    let host = names.iter().find(|name| name.parse::<std::net::IpAddr>().is_err());
    let common = host.map(|host| format!("p2sp {host}")).unwrap_or_default();
    let is_fit = !common.is_empty() && common.len() <= COMMON_NAME_CHARS_MAX;
    let mut params = CertificateParams::new(names).map_err(|error| error.to_string())?;
    let mut serial = [0; 16];
    let filled = default_provider().secure_random.fill(&mut serial);
    filled.map_err(|_| "no random numbers".to_owned())?;
    // Browsers refuse two certificates of one issuer with one number; and it is positive.
    serial[0] = serial[0] & 0x7f | 1;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, MARK);
    let common = if is_fit { common } else { "p2sp".to_owned() };
    params.distinguished_name.push(DnType::CommonName, common);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let at = |unix: i64| UNIX_EPOCH + Duration::from_secs(unix.max(0).unsigned_abs());
    let begins = unix - CLOCK_SLACK_SECONDS;
    params.not_before = at(begins).into();
    params.not_after = at(begins + CERTIFICATE_DAYS * 86_400).into();
    let certificate = params.self_signed(key).map_err(|error| error.to_string())?;
    let pem = Zeroizing::new(key.serialize_pem());
    Ok(Zeroizing::new(format!("{}{}", *pem, certificate.pem())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Fingerprint;
    use rustls::pki_types::pem::PemObject;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn parts(pem: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        (certificate, PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key"))
    }

    #[test]
    fn it_lasts_397_days_and_is_due_at_two_thirds_or_for_another_name() {
        let wanted = names(&["chat.local", "localhost", "127.0.0.1", "::1", "192.168.7.5"]);
        let (der, key) = parts(&make(&wanted, NOW).expect("made"));
        let said = head(&der).expect("a head");
        assert_eq!((said.not_after - said.not_before) / DAY, 397);
        for (days, due) in [(0, false), (264, false), (265, true), (500, true), (-2, true)] {
            assert_eq!(is_due(&der, &wanted, NOW + days * DAY), due, "{days}");
        }
        assert!(!is_due(&der, &wanted[1..], NOW), "a name more is no reason");
        for more in ["10.0.0.1", "fd00::1", "other.local"] {
            assert!(is_due(&der, &[&wanted[..], &names(&[more])].concat(), NOW), "{more}");
        }
        assert!(!is_due(&der, &names(&["no name at all"]), NOW));

        let renewed = renew(&key, &wanted, NOW + 300 * DAY).expect("renewed");
        let (second, _) = parts(&renewed);
        assert!(!is_due(&second, &wanted, NOW + 300 * DAY));
        let print = |der: &CertificateDer| {
            let parsed = ParsedCertificate::try_from(der).expect("a certificate");
            Fingerprint::of(&parsed.subject_public_key_info())
        };
        assert_eq!(print(&der), print(&second), "the key is the same");
        assert_ne!(der, second);
    }

    #[test]
    fn what_an_earlier_version_made_is_due_and_what_an_operator_made_never_is() {
        let key = KeyPair::generate().expect("a key");
        let made =
            |params: CertificateParams| params.self_signed(&key).expect("made").der().clone();
        let before = CertificateParams::new(names(&["p2sp", "localhost"])).expect("names");
        assert!(is_due(&made(before), &[], NOW));
        let theirs = CertificateParams::new(names(&["chat.example.org"])).expect("names");
        assert!(!is_due(&made(theirs), &names(&["localhost"]), NOW));
        let mut ended = CertificateParams::new(names(&["chat.example.org"])).expect("names");
        ended.distinguished_name.push(DnType::CommonName, "our chat");
        ended.not_after = rcgen::date_time_ymd(2020, 1, 1);
        assert!(!is_due(&made(ended), &names(&["localhost"]), NOW));
    }
}
