//! What `own.rs` must do.

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
