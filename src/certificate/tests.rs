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
fn a_key_that_belongs_to_another_certificate_is_refused() {
    let ((one, ..), (other, ..)) = (made(), made());
    let [chain, key] = [one.path().join(OWN_FILE), other.path().join(OWN_FILE)];
    let fault = Source::Given { chain, key: key.clone() }.load().expect_err("a mismatch");
    assert!(matches!(fault, CertificateFault::Unfit(path, _) if path == key));
}
