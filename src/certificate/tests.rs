//! What `certificate.rs` must do.

use super::*;
use std::os::unix::fs::PermissionsExt;

const NOW: i64 = 1_800_000_000;

fn made() -> (tempfile::TempDir, Source, Certificate) {
    let dir = tempfile::tempdir().expect("a directory");
    let source = Source::Own(dir.path().into());
    let certificate = source.load_or_make(&Names::default(), NOW).expect("a certificate");
    (dir, source, certificate)
}

#[test]
fn our_own_is_made_once_and_is_ours_alone() {
    let (dir, source, first) = made();
    let path = dir.path().join(OWN_FILE);
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        source.load_or_make(&Names::default(), NOW).expect("the same").fingerprint,
        first.fingerprint
    );
    assert_eq!(fs::read_dir(dir.path()).expect("files").count(), 1, "nothing half done stays");
}

#[test]
fn what_is_renewed_is_kept_beside_it_for_us_alone() {
    let (dir, source, _) = made();
    let path = dir.path().join(OWN_FILE);
    let first = fs::read(&path).expect("a file");
    let later = NOW + 300 * 86_400;
    source.load_or_make(&Names::default(), later).expect("renewed");
    assert_ne!(fs::read(&path).expect("a file"), first);
    let before = dir.path().join("tls.pem.before");
    assert_eq!(fs::read(&before).expect("a file"), first);
    assert_eq!(fs::metadata(&before).expect("a file").permissions().mode() & 0o777, 0o600);
    source.load_or_make(&Names::default(), later).expect("the same");
    assert_eq!(fs::read(&before).expect("a file"), first);
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
        assert_eq!(source.load_or_make(&Names::default(), NOW).err(), Some(fault));
        assert_eq!(fs::read_to_string(&path).expect("text"), text, "it is left as it is");
    }
    fs::write(&path, &whole[..whole.len() - 40]).expect("written");
    assert!(matches!(
        source.load_or_make(&Names::default(), NOW),
        Err(CertificateFault::Unreadable(..))
    ));
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a directory in its place");
    assert!(matches!(
        source.load_or_make(&Names::default(), NOW),
        Err(CertificateFault::Unreadable(..))
    ));
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
