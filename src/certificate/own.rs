//! A certificate of our own: made with its key, and made again with the same key when its time is
//! two thirds over or when it lacks a name that lasts.
//!
//! Clients trust the key, so they notice nothing. A browser asks its person again, so addresses
//! that come and go are no reason. An operator who puts a file of their own where ours stands keeps
//! it: only what has our subject, byte for byte, is made again.

use std::time::{Duration, UNIX_EPOCH};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::client::verify_server_name;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use zeroize::Zeroizing;

use super::Names;
use super::validity::{alternative_names, head, only_names};
use crate::limits::{CERTIFICATE_DAYS, CERTIFICATE_NAMES_MAX};

/// The organisation in the subject of what we make.
const MARK: &str = "p2sp-server";
/// The common name that we give what has no host's name, and the first word of all others.
const COMMON: &str = "p2sp";
/// The whole subject of what earlier versions made, for that name.
const MARK_BEFORE: (&str, &str) = ("rcgen self signed cert", "p2sp");
/// A clock that is so much behind ours takes it all the same.
const CLOCK_SLACK_SECONDS: i64 = 3_600;
/// The longest common name of X.509.
const COMMON_NAME_CHARS_MAX: usize = 64;

/// A new key, and a certificate of it: PEM, one after the other.
///
/// # Errors
/// What cannot be made.
pub fn make(names: &Names, unix: i64) -> Result<Zeroizing<String>, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    sign(&key, &all_of(names, Vec::new()), unix)
}

/// The same with the key that there is; the names that the certificate has stay in it.
///
/// # Errors
/// The key is of a kind that we do not make.
pub fn renew(
    before: &CertificateDer,
    key: &PrivateKeyDer,
    names: &Names,
    unix: i64,
) -> Result<Zeroizing<String>, String> {
    let key = KeyPair::try_from(key).map_err(|error| error.to_string())?;
    sign(&key, &all_of(names, alternative_names(before).unwrap_or_default()), unix)
}

/// Each name once: those that last, then as many others as there is room for.
fn all_of(names: &Names, before: Vec<String>) -> Vec<String> {
    let mut all = names.lasting.clone();
    for name in names.passing.iter().cloned().chain(before) {
        if all.len() < CERTIFICATE_NAMES_MAX && !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Whether the certificate is ours and should be made again: for its age, or because it lacks one
/// of these names.
pub fn is_due(der: &CertificateDer, lasting: &[String], unix: i64) -> bool {
    const DAY: i64 = 86_400;
    let (Some(head), Ok(parsed)) = (head(der), ParsedCertificate::try_from(der)) else {
        return false;
    };
    let is_for = |name: &str| match ServerName::try_from(name) {
        Ok(name) => verify_server_name(&parsed, &name).is_ok(),
        // It cannot stand in one.
        Err(_) => true,
    };
    // What we make has these attributes, in this order, and nothing else.
    let is_ours = match only_names(head.subject).as_deref() {
        Some([organisation, common]) => {
            let common = common.common_name();
            let is_common = |text: &str| {
                text.strip_prefix(COMMON)
                    .is_some_and(|host| host.is_empty() || host.starts_with(' '))
            };
            organisation.organisation() == Some(MARK) && common.is_some_and(is_common)
        }
        Some([only]) => only.common_name() == Some(MARK_BEFORE.0) && is_for(MARK_BEFORE.1),
        _ => false,
    };
    if !is_ours || head.issuer != head.subject {
        return false;
    }
    let span = head.not_after - head.not_before;
    let is_old = unix >= head.not_before + span / 3 * 2;
    let is_unfit = span > (CERTIFICATE_DAYS + 1) * DAY || unix < head.not_before;
    is_old || is_unfit || !lasting.iter().all(|name| is_for(name))
}

fn sign(key: &KeyPair, names: &[String], unix: i64) -> Result<Zeroizing<String>, String> {
    let names = names.iter().filter(|name| ServerName::try_from(name.as_str()).is_ok());
    let names: Vec<String> = names.cloned().collect();
    // The host's own name comes first, if it has one.
    let host = names.iter().find(|name| name.parse::<std::net::IpAddr>().is_err());
    let common = host.map(|host| format!("{COMMON} {host}")).unwrap_or_default();
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
    let common = if is_fit { common } else { COMMON.to_owned() };
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

    fn lasting(names: &[String]) -> Names {
        Names { lasting: names.to_vec(), passing: Vec::new() }
    }

    fn parts(pem: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        (certificate, PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key"))
    }

    #[test]
    fn it_lasts_397_days_and_is_due_at_two_thirds_or_for_another_name() {
        let wanted = names(&["chat.local", "localhost", "127.0.0.1", "::1", "192.168.7.5"]);
        let (der, key) = parts(&make(&lasting(&wanted), NOW).expect("made"));
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

        let renewed = renew(&der, &key, &lasting(&wanted), NOW + 300 * DAY).expect("renewed");
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
    fn addresses_that_come_and_go_are_in_it_and_stay_and_are_no_reason() {
        let mut now = lasting(&names(&["chat.local", "127.0.0.1"]));
        now.passing = names(&["fd00::1", "172.17.0.1", "127.0.0.1"]);
        let (der, key) = parts(&make(&now, NOW).expect("made"));
        let every = names(&["chat.local", "127.0.0.1", "fd00::1", "172.17.0.1"]);
        assert_eq!(alternative_names(&der), Some(every.clone()));
        now.passing = names(&["fd00::2"]);
        assert!(!is_due(&der, &now.lasting, NOW));
        let (renewed, _) = parts(&renew(&der, &key, &now, NOW).expect("renewed"));
        assert!(!is_due(&renewed, &[&every[..], &now.passing].concat(), NOW), "all stay in it");
        // However many there have been, they do not fill it.
        now.passing = (0..1_000).map(|at| format!("10.0.{}.{}", at / 250, at % 250)).collect();
        let (full, _) = parts(&renew(&renewed, &key, &now, NOW).expect("renewed"));
        assert_eq!(alternative_names(&full).map(|all| all.len()), Some(CERTIFICATE_NAMES_MAX));
        assert!(!is_due(&full, &now.lasting, NOW));
    }

    #[test]
    fn a_subject_that_only_holds_our_words_is_an_operators() {
        use DnType::{CommonName, OrganizationName, OrganizationalUnitName};
        let key = KeyPair::generate().expect("a key");
        for (subject, ours) in [
            (&[(OrganizationName, "p2sp-server"), (CommonName, "p2sp chat.local")][..], true),
            (&[(OrganizationName, "p2sp-server"), (CommonName, "p2sp")], true),
            (&[(OrganizationName, "p2sp-server"), (CommonName, "chat.example.org")], false),
            (&[(OrganizationName, "p2sp-server"), (CommonName, "p2spchat")], false),
            (&[(OrganizationName, "our p2sp-server"), (CommonName, "p2sp")], false),
            (&[(OrganizationalUnitName, "p2sp-server"), (CommonName, "p2sp")], false),
            (&[(CommonName, "p2sp-server.example.org")], false),
            (&[(CommonName, "p2sp-server")], false),
            (&[(OrganizationName, "p2sp-server")], false),
            (&[(CommonName, "p2sp"), (OrganizationName, "p2sp-server")], false),
            (
                &[
                    (OrganizationName, "p2sp-server"),
                    (CommonName, "p2sp"),
                    (OrganizationalUnitName, "it"),
                ],
                false,
            ),
            (&[(CommonName, "rcgen self signed cert")], true),
            (&[(CommonName, "a rcgen self signed cert")], false),
        ] {
            let mut params = CertificateParams::new(names(&["p2sp"])).expect("names");
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (attribute, text) in subject {
                params.distinguished_name.push(attribute.clone(), *text);
            }
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
            let made = params.self_signed(&key).expect("made").der().clone();
            assert_eq!(is_due(&made, &[], NOW), ours, "{subject:?}");
        }
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
