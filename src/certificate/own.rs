//! Our own certificate: made with its key, and renewed with the same key when two thirds of its
//! time are over or when it lacks a lasting name.
//!
//! Clients trust the key, so they notice nothing. A browser asks its user again, so an address that
//! comes and goes is no reason for a renewal. If an operator replaces our file, it is never
//! renewed: only a certificate with exactly our subject is.

use std::time::{Duration, UNIX_EPOCH};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::client::verify_server_name;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use zeroize::Zeroizing;

use super::validity::{COMMON_NAME, ORGANISATION, alternative_names, head, only_names};
use crate::limits::{
    CERTIFICATE_DAYS, CERTIFICATE_NAMES_MAX, CERTIFICATE_SLACK_SECONDS, COMMON_NAME_CHARS_MAX,
};

/// The names in our own certificate.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The host's name, and the addresses that the operator chose: a certificate that lacks one is
    /// renewed.
    pub lasting: Vec<String>,
    /// Addresses that come and go: added when a certificate is made for another reason.
    pub passing: Vec<String>,
}

/// The organisation in the subject of our certificates.
const MARK: &str = "p2sp-server";
/// The common name without a host's name, and the first word of a common name with one.
const COMMON: &str = "p2sp";
/// The common name of earlier versions' certificates, which had no other attribute, and the name
/// that they were for.
const MARK_BEFORE: (&str, &str) = ("rcgen self signed cert", "p2sp");

/// A new key and its certificate, as PEM.
///
/// # Errors
/// One of them cannot be made.
pub fn make(names: &Names, unix: i64) -> Result<Zeroizing<String>, String> {
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    sign(&key, &all_of(names, Vec::new()), unix)
}

/// The same key and a new certificate, which keeps the names of the old one.
///
/// # Errors
/// The key is of another kind than ours.
pub fn renew(
    before: &CertificateDer,
    key: &PrivateKeyDer,
    names: &Names,
    unix: i64,
) -> Result<Zeroizing<String>, String> {
    let key = KeyPair::try_from(key).map_err(|error| error.to_string())?;
    sign(&key, &all_of(names, alternative_names(before).unwrap_or_default()), unix)
}

/// Each name once: the lasting ones, then as many others as are allowed.
fn all_of(names: &Names, before: Vec<String>) -> Vec<String> {
    let mut all = names.lasting.clone();
    for name in names.passing.iter().cloned().chain(before) {
        if all.len() < CERTIFICATE_NAMES_MAX && !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Whether the certificate is ours and due to be renewed: for its age, or because it lacks one of
/// these names.
pub fn is_due(der: &CertificateDer, lasting: &[String], unix: i64) -> bool {
    const DAY: i64 = 86_400;
    let (Some(head), Ok(parsed)) = (head(der), ParsedCertificate::try_from(der)) else {
        return false;
    };
    let is_for = |name: &str| match ServerName::try_from(name) {
        Ok(name) => verify_server_name(&parsed, &name).is_ok(),
        // No certificate can have it.
        Err(_) => true,
    };
    // Our subjects have these attributes, in this order, and no others.
    let is_ours = match only_names(head.subject).as_deref() {
        Some([(ORGANISATION, MARK), (COMMON_NAME, common)]) => {
            let host = common.strip_prefix(COMMON);
            host.is_some_and(|host| host.is_empty() || host.starts_with(' '))
        }
        Some([(COMMON_NAME, common)]) => *common == MARK_BEFORE.0 && is_for(MARK_BEFORE.1),
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
    // A serial number is positive, and browsers refuse the same one twice from one issuer.
    serial[0] = serial[0] & 0x7f | 1;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, MARK);
    let common = if is_fit { common } else { COMMON.to_owned() };
    params.distinguished_name.push(DnType::CommonName, common);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let at = |unix: i64| UNIX_EPOCH + Duration::from_secs(unix.max(0).unsigned_abs());
    let begins = unix - CERTIFICATE_SLACK_SECONDS;
    params.not_before = at(begins).into();
    params.not_after = at(begins + CERTIFICATE_DAYS * 86_400).into();
    let certificate = params.self_signed(key).map_err(|error| error.to_string())?;
    let pem = Zeroizing::new(key.serialize_pem());
    Ok(Zeroizing::new(format!("{}{}", *pem, certificate.pem())))
}

#[cfg(test)]
mod tests;
