//! The server's TLS certificate, and the key that belongs to it.
//!
//! ```text
//! tls.pem in the data directory      made at the first start, key and certificate in one file that
//!                                    appears whole or not at all
//! --tls-cert FILE --tls-key FILE     the operator's own
//! ```
//!
//! A key is made only where there is no file. A file that cannot be read, or lacks a part, is a
//! fault: clients that trust the old key must not meet a new one by accident. Our own certificate
//! is renewed in time, with the same key (`certificate/own.rs`). Only TLS 1.3 is offered, without
//! tickets and early data, so that every handshake is a full one. Nothing here knows a connection.

mod own;
mod validity;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use zeroize::Zeroizing;

use crate::files::{FileFault, Part};
use crate::limits::CERTIFICATE_LOOK_SECONDS;
use crate::wire::Fingerprint;
pub use own::Names;

/// The file in the data directory.
const OWN_FILE: &str = "tls.pem";

/// How often our own certificate is checked for renewal.
pub const LOOK_EVERY: Duration = Duration::from_secs(CERTIFICATE_LOOK_SECONDS);

/// Where the certificate and its key come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Our own, in this data directory.
    Own(PathBuf),
    /// The operator's.
    Given {
        /// The certificate and its chain.
        chain: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// A certificate with its key, ready for handshakes.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The configuration for rustls.
    pub config: Arc<ServerConfig>,
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// A file cannot be read.
    Unreadable(PathBuf, String),
    /// A file holds no certificate.
    NoCertificate(PathBuf),
    /// A file holds no key.
    NoKey(PathBuf),
    /// The two do not belong together, or are of a kind that cannot be used.
    Unfit(PathBuf, String),
    /// Our own could not be written.
    Unwritable(PathBuf, String),
}

/// For the log; at a start the operator reads it in their language.
impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, what) = match self {
            CertificateFault::Unreadable(path, why) => (path, format!("cannot be read: {why}")),
            CertificateFault::NoCertificate(path) => (path, "holds no certificate".to_owned()),
            CertificateFault::NoKey(path) => (path, "holds no key".to_owned()),
            CertificateFault::Unfit(path, why) => (path, format!("cannot be used: {why}")),
            CertificateFault::Unwritable(path, why) => (path, format!("cannot be written: {why}")),
        };
        write!(f, "{} {what}", path.display())
    }
}

impl Source {
    /// Reads the certificate.
    ///
    /// # Errors
    /// It is missing, or cannot be used.
    pub fn load(&self) -> Result<Certificate, CertificateFault> {
        match self {
            Source::Own(dir) => load(&dir.join(OWN_FILE), &dir.join(OWN_FILE)),
            Source::Given { chain, key } => load(chain, key),
        }
    }

    /// Until when the certificate is valid, in unix seconds; `None` if our own is not made yet.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn valid_until(&self) -> Result<Option<i64>, CertificateFault> {
        let chain = match self {
            Source::Own(dir) if !dir.join(OWN_FILE).exists() => return Ok(None),
            Source::Own(dir) => &dir.join(OWN_FILE),
            Source::Given { chain, .. } => chain,
        };
        self.load()?;
        Ok(read::<CertificateDer>(chain)?
            .first()
            .and_then(|first| Some(validity::head(first)?.not_after)))
    }

    /// Reads the certificate. Our own is made for these names if there is none, and renewed with
    /// its key if it is due at `unix` (in seconds): the old file is kept beside it. If the renewal
    /// fails, the old certificate is used.
    ///
    /// # Errors
    /// As [`Source::load`], or it cannot be written.
    pub fn load_or_make(&self, names: &Names, unix: i64) -> Result<Certificate, CertificateFault> {
        let Source::Own(dir) = self else { return self.load() };
        let path = dir.join(OWN_FILE);
        let unwritable = |why: String| CertificateFault::Unwritable(path.clone(), why);
        match fs::symlink_metadata(&path) {
            // Made only if the file certainly does not exist: `load` reports any other fault.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = own::make(names, unix).map_err(unwritable)?;
                write_secret(&path, made.as_bytes()).map_err(|e| unwritable(e.to_string()))?;
            }
            // A link is an operator's, and its target is not ours to renew.
            Ok(meta) if meta.is_file() => {
                let loaded = self.load()?;
                match renew(&path, names, unix) {
                    Ok(true) => log::info!("{} was renewed, with the same key", path.display()),
                    Ok(false) => return Ok(loaded),
                    Err(why) => {
                        log::warn!("{} should be renewed and is not: {why}", path.display());
                        return Ok(loaded);
                    }
                }
            }
            _ => {}
        }
        self.load()
    }

    /// Whether our own certificate is due to be renewed at `unix` (in seconds), for its age or for
    /// a lasting name that it lacks.
    pub fn is_due(&self, lasting: &[String], unix: i64) -> bool {
        let Source::Own(dir) = self else { return false };
        let found = read::<CertificateDer>(&dir.join(OWN_FILE)).unwrap_or_default();
        matches!(found.as_slice(), [only] if own::is_due(only, lasting, unix))
    }
}

/// Renews our own certificate if it is due; returns whether it was.
fn renew(path: &Path, names: &Names, unix: i64) -> Result<bool, String> {
    let fault = |fault: CertificateFault| fault.to_string();
    let found = read::<CertificateDer>(path).map_err(fault)?;
    let [only] = found.as_slice() else { return Ok(false) };
    if !own::is_due(only, &names.lasting, unix) {
        return Ok(false);
    }
    let key = read::<PrivateKeyDer>(path).map_err(fault)?.into_iter().next().ok_or("no key")?;
    let renewed = own::renew(only, &key, names, unix)?;
    // If it was an operator's after all, nothing is lost.
    let before = Zeroizing::new(fs::read(path).map_err(|error| error.to_string())?);
    let kept = write_secret(&path.with_added_extension("before"), &before);
    kept.map_err(|error| error.to_string())?;
    write_secret(path, renewed.as_bytes()).map_err(|error| error.to_string())?;
    Ok(true)
}

/// Writes a file that only we can read. After a power cut it is complete or does not exist.
///
/// # Errors
/// The directory cannot be written to.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), FileFault> {
    let mut part = Part::begin(path)?;
    let written = part.file().write_all(bytes);
    written.map_err(|error| FileFault::System(path.to_owned(), error.to_string()))?;
    part.replace()
}

fn load(chain: &Path, key: &Path) -> Result<Certificate, CertificateFault> {
    let unfit = |error: rustls::Error| CertificateFault::Unfit(key.into(), error.to_string());
    let certificates = read::<CertificateDer>(chain)?;
    let Some(first) = certificates.first() else {
        return Err(CertificateFault::NoCertificate(chain.into()));
    };
    let parsed = ParsedCertificate::try_from(first)
        .map_err(|error| CertificateFault::Unfit(chain.into(), error.to_string()))?;
    let fingerprint = Fingerprint::of(&parsed.subject_public_key_info());
    let Some(private) = read::<PrivateKeyDer>(key)?.into_iter().next() else {
        return Err(CertificateFault::NoKey(key.into()));
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(unfit)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Certificate { config: Arc::new(config), fingerprint })
}

/// All items of one kind in a PEM file.
fn read<T: PemObject>(path: &Path) -> Result<Vec<T>, CertificateFault> {
    let unreadable = |why: String| CertificateFault::Unreadable(path.into(), why);
    let text = Zeroizing::new(fs::read(path).map_err(|error| unreadable(error.to_string()))?);
    let items: Result<Vec<T>, pem::Error> = T::pem_slice_iter(&text).collect();
    items.map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests;
