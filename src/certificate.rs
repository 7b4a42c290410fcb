//! What the server proves itself with: a certificate, and the key that belongs to it.
//!
//! ```text
//! tls.pem in the data directory      made at the first start, key and certificate in one file that
//!                                    appears whole or not at all
//! --tls-cert FILE --tls-key FILE     the operator's own
//! ```
//!
//! A key is made only where there is no file. One that cannot be read, or lacks a part, is a fault
//! that says so: whoever has trusted the old key must not meet a new one by accident. TLS 1.3 alone
//! is spoken, without tickets and early data: each handshake stands for itself. Nothing here knows
//! a connection.

mod validity;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use zeroize::Zeroizing;

use crate::wire::Fingerprint;

/// The file in the data directory.
const OWN_FILE: &str = "tls.pem";

/// Where the certificate and its key come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Our own, in this data directory.
    Own(PathBuf),
    /// The operator's.
    Given {
        /// The certificate and those that vouch for it.
        chain: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// A certificate with its key, fit for handshakes.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What rustls needs.
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

/// For the log; whoever starts a server reads it in their language.
impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateFault::Unreadable(path, why) => {
                write!(f, "{} cannot be read: {why}", path.display())
            }
            CertificateFault::NoCertificate(path) => {
                write!(f, "{} holds no certificate", path.display())
            }
            CertificateFault::NoKey(path) => write!(f, "{} holds no key", path.display()),
            CertificateFault::Unfit(path, why) => {
                write!(f, "{} cannot be used: {why}", path.display())
            }
            CertificateFault::Unwritable(path, why) => {
                write!(f, "{} cannot be written: {why}", path.display())
            }
        }
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

    /// Until when the certificate can be used, in unix seconds. Our own need not be there yet.
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
        Ok(read::<CertificateDer>(chain)?.first().and_then(|first| validity::not_after(first)))
    }

    /// The same, and makes our own if there is none yet.
    ///
    /// # Errors
    /// As [`Source::load`], or it cannot be written.
    pub fn load_or_make(&self) -> Result<Certificate, CertificateFault> {
        if let Source::Own(dir) = self {
            let path = dir.join(OWN_FILE);
            // Only a file that is certainly not there is made: any other trouble is `load`'s.
            if matches!(fs::symlink_metadata(&path), Err(e) if e.kind() == io::ErrorKind::NotFound)
            {
                make(&path)?;
            }
        }
        self.load()
    }
}

/// Writes a file for our own eyes, which is there with all that it holds or not at all, whenever
/// the power fails.
///
/// # Errors
/// The directory cannot be written to.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let begun = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&begun)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&begun, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
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

/// Everything of one kind in a file.
fn read<T: PemObject>(path: &Path) -> Result<Vec<T>, CertificateFault> {
    let unreadable = |why: String| CertificateFault::Unreadable(path.into(), why);
    let text = Zeroizing::new(fs::read(path).map_err(|error| unreadable(error.to_string()))?);
    let items: Result<Vec<T>, pem::Error> = T::pem_slice_iter(&text).collect();
    items.map_err(|error| unreadable(error.to_string()))
}

fn make(path: &Path) -> Result<(), CertificateFault> {
    let unwritable = |why: String| CertificateFault::Unwritable(path.into(), why);
    let made = rcgen::generate_simple_self_signed(["p2sp".to_owned(), "localhost".to_owned()])
        .map_err(|error| unwritable(error.to_string()))?;
    let text = Zeroizing::new(made.signing_key.serialize_pem() + &made.cert.pem());
    write_secret(path, text.as_bytes()).map_err(|error| unwritable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn made() -> (tempfile::TempDir, Source, Certificate) {
        let dir = tempfile::tempdir().expect("a directory");
        let source = Source::Own(dir.path().into());
        let certificate = source.load_or_make().expect("a certificate");
        (dir, source, certificate)
    }

    #[test]
    fn our_own_is_made_once_and_is_ours_alone() {
        let (dir, source, first) = made();
        let path = dir.path().join(OWN_FILE);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(source.load_or_make().expect("the same").fingerprint, first.fingerprint);
        assert_eq!(fs::read_dir(dir.path()).expect("files").count(), 1, "nothing half done stays");
    }

    #[test]
    fn a_file_that_is_broken_is_a_fault_and_never_a_new_key() {
        let (dir, source, _) = made();
        let path = dir.path().join(OWN_FILE);
        let whole = fs::read_to_string(&path).expect("text");
        let at = whole.find("-----BEGIN CERTIFICATE").expect("a certificate");
        let (key, certificate) = whole.split_at(at);
        let no_certificate = CertificateFault::NoCertificate(path.clone());
        for (text, fault) in [
            ("", no_certificate.clone()),
            (key, no_certificate),
            (certificate, CertificateFault::NoKey(path.clone())),
        ] {
            fs::write(&path, text).expect("written");
            assert_eq!(source.load_or_make().err(), Some(fault));
            assert_eq!(fs::read_to_string(&path).expect("text"), text, "it is left as it is");
        }
        fs::write(&path, &whole[..whole.len() - 40]).expect("written");
        assert!(matches!(source.load_or_make(), Err(CertificateFault::Unreadable(..))));
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a directory in its place");
        assert!(matches!(source.load_or_make(), Err(CertificateFault::Unreadable(..))));
    }

    #[test]
    fn a_key_that_belongs_to_another_certificate_is_refused() {
        let ((one, ..), (other, ..)) = (made(), made());
        let [chain, key] = [one.path().join(OWN_FILE), other.path().join(OWN_FILE)];
        let fault = Source::Given { chain, key: key.clone() }.load().expect_err("a mismatch");
        assert!(matches!(fault, CertificateFault::Unfit(path, _) if path == key));
    }

    #[test]
    fn a_certificate_that_is_renewed_with_its_key_keeps_the_fingerprint() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = rcgen::KeyPair::generate().expect("a key");
        let [first, second] = ["one.pem", "two.pem"].map(|name| {
            let chain = dir.path().join(name);
            let params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
            let certificate = params.self_signed(&key).expect("a certificate");
            fs::write(&chain, key.serialize_pem() + &certificate.pem()).expect("written");
            Source::Given { key: chain.clone(), chain }.load().expect("a certificate").fingerprint
        });
        assert_eq!(first, second);
    }
}
