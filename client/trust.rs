//! Whether the server is who it should be.
//!
//! ```text
//! --fingerprint given ── the key must be that one; it is kept
//! signed by an authority of this machine, for this name ── trusted, nothing is kept
//! met before ── the key must be the same
//! met for the first time ── trusted, and kept once the handshake has proven the key
//! ```
//!
//! Everybody can copy a certificate, so the signature of the handshake is always verified: only the
//! owner of the key can make it. The authorities are those of the system, which are read when they
//! are needed. The system updates them, and the operator of a network can add others.

use std::fmt;
use std::sync::{Arc, Mutex};

use p2sp::wire::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::lock::lock;

/// Whether a server's key is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Trusted as before, or signed by an authority.
    Trusted,
    /// Trusted from now on, if the handshake proves it.
    New(Fingerprint),
    /// Another key than the expected one.
    Refused {
        /// The expected key.
        expected: Fingerprint,
        /// The server's key.
        found: Fingerprint,
    },
    /// The server sent a certificate whose key it does not have.
    Forged,
}

/// Verifies the server at one address.
pub struct Judge {
    /// The key that the person gave: no other is accepted.
    given: Option<Fingerprint>,
    /// The key of the last connection.
    known: Mutex<Option<Fingerprint>>,
    verdict: Mutex<Option<Verdict>>,
    provider: Arc<CryptoProvider>,
}

impl Judge {
    /// A judge that expects the given or else the known key, if there is one.
    pub fn new(given: Option<Fingerprint>, known: Option<Fingerprint>) -> Judge {
        Judge {
            given,
            known: Mutex::new(known),
            verdict: Mutex::new(None),
            provider: Arc::new(ring::default_provider()),
        }
    }

    /// A configuration of TLS that verifies the server here.
    ///
    /// # Errors
    /// rustls does not know TLS 1.3.
    pub fn config(self: &Arc<Judge>) -> Result<Arc<ClientConfig>, Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        // The certificate is not verified when a TLS session is resumed.
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// The verdict of the last handshake.
    pub fn verdict(&self) -> Option<Verdict> {
        *lock(&self.verdict)
    }

    /// Expects this key from now on; the handshake has proven it.
    pub fn remember(&self, fingerprint: Fingerprint) {
        *lock(&self.known) = Some(fingerprint);
        *lock(&self.verdict) = Some(Verdict::Trusted);
    }

    /// Whether a key is expected: then only TLS is used.
    pub fn expects_a_key(&self) -> bool {
        self.given.is_some() || lock(&self.known).is_some()
    }

    /// Whether the person gave the key.
    pub fn was_told(&self) -> bool {
        self.given.is_some()
    }

    fn judge(&self, found: Fingerprint, is_signed: impl FnOnce() -> bool) -> Verdict {
        let known = *lock(&self.known);
        match (self.given, known) {
            (Some(given), _) if given != found => Verdict::Refused { expected: given, found },
            (_, Some(known)) if known == found => Verdict::Trusted,
            (Some(_), _) => Verdict::New(found),
            (None, _) if is_signed() => Verdict::Trusted,
            (None, Some(known)) => Verdict::Refused { expected: known, found },
            (None, None) => Verdict::New(found),
        }
    }

    /// Whether an authority of this machine has signed the certificate for the name.
    fn is_signed_for(
        &self,
        certificate: &CertificateDer,
        intermediates: &[CertificateDer],
        name: &ServerName,
        ocsp: &[u8],
        now: UnixTime,
    ) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::clone(&self.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build();
        verifier.is_ok_and(|verifier| {
            verifier.verify_server_cert(certificate, intermediates, name, ocsp, now).is_ok()
        })
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer,
        intermediates: &[CertificateDer],
        name: &ServerName,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let is_signed = || self.is_signed_for(certificate, intermediates, name, ocsp, now);
        let verdict = self.judge(Fingerprint::of(&key), is_signed);
        *lock(&self.verdict) = Some(verdict);
        match verdict {
            Verdict::Trusted | Verdict::New(_) => Ok(ServerCertVerified::assertion()),
            Verdict::Refused { .. } | Verdict::Forged => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = verify_tls13_signature(message, certificate, signed, algorithms);
        verified.inspect_err(|_| *lock(&self.verdict) = Some(Verdict::Forged))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("given", &self.given).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trusted_as_told_as_signed_as_known_or_the_first_time() {
        let [one, other] = [&b"one"[..], b"other"].map(Fingerprint::of);
        let refused = |expected| Verdict::Refused { expected, found: one };
        for (given, known, is_signed, verdict) in [
            (None, None, false, Verdict::New(one)),
            (None, None, true, Verdict::Trusted),
            (None, Some(one), false, Verdict::Trusted),
            (None, Some(other), false, refused(other)),
            (None, Some(other), true, Verdict::Trusted),
            (Some(one), None, false, Verdict::New(one)),
            (Some(one), Some(one), false, Verdict::Trusted),
            (Some(one), Some(other), false, Verdict::New(one)),
            (Some(other), None, true, refused(other)),
            (Some(other), Some(one), false, refused(other)),
        ] {
            let judge = Judge::new(given, known);
            assert_eq!(judge.judge(one, || is_signed), verdict, "{given:?} {known:?}");
        }
    }
}
