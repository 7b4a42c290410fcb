//! Whether the server is who it should be.
//!
//! ```text
//! --fingerprint given ── the key must be that one; it is kept
//! vouched for by an authority of this machine, for this name ── trusted, nothing is kept
//! met before ── the key must be the same
//! met for the first time ── trusted, and kept once the handshake has proven the key
//! ```
//!
//! A certificate can be copied by anyone, so the handshake's signature is always verified: only the
//! owner of the key can make it. The authorities are those of the system, read when they are
//! needed: the system keeps them up to date, and the operator of a network can add others.

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

/// What was made of a server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Trusted as before, or vouched for.
    Trusted,
    /// Trusted from now on, if the handshake proves it.
    New(Fingerprint),
    /// Not the key that it should be.
    Refused {
        /// What it should be.
        expected: Fingerprint,
        /// What it is.
        found: Fingerprint,
    },
    /// It showed a certificate whose key it does not have.
    Forged,
}

/// Judges the servers at one address.
pub struct Judge {
    /// The only key that is acceptable, because a person said so.
    given: Option<Fingerprint>,
    /// The key of the last time.
    known: Mutex<Option<Fingerprint>>,
    verdict: Mutex<Option<Verdict>>,
    provider: Arc<CryptoProvider>,
}

impl Judge {
    /// A judge who was told, or remembers, which key to expect.
    pub fn new(given: Option<Fingerprint>, known: Option<Fingerprint>) -> Judge {
        Judge {
            given,
            known: Mutex::new(known),
            verdict: Mutex::new(None),
            provider: Arc::new(ring::default_provider()),
        }
    }

    /// The way to speak TLS with who is judged.
    ///
    /// # Errors
    /// rustls does not know TLS 1.3.
    pub fn config(self: &Arc<Judge>) -> Result<Arc<ClientConfig>, Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        // A session that is resumed would not be judged.
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// What was made of the last server.
    pub fn verdict(&self) -> Option<Verdict> {
        *lock(&self.verdict)
    }

    /// The key has been proven, and is the one to expect.
    pub fn remember(&self, fingerprint: Fingerprint) {
        *lock(&self.known) = Some(fingerprint);
        *lock(&self.verdict) = Some(Verdict::Trusted);
    }

    /// Whether there is a key that the server should have: then it is spoken to in TLS alone.
    pub fn expects_a_key(&self) -> bool {
        self.given.is_some() || lock(&self.known).is_some()
    }

    /// Whether a person said which key to expect.
    pub fn was_told(&self) -> bool {
        self.given.is_some()
    }

    fn judge(&self, found: Fingerprint, vouched_for: impl FnOnce() -> bool) -> Verdict {
        let known = *lock(&self.known);
        match (self.given, known) {
            (Some(given), _) if given != found => Verdict::Refused { expected: given, found },
            (_, Some(known)) if known == found => Verdict::Trusted,
            (Some(_), _) => Verdict::New(found),
            (None, _) if vouched_for() => Verdict::Trusted,
            (None, Some(known)) => Verdict::Refused { expected: known, found },
            (None, None) => Verdict::New(found),
        }
    }

    /// Whether an authority of this machine vouches for the certificate and the name.
    fn is_vouched_for(
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
        let vouched_for = || self.is_vouched_for(certificate, intermediates, name, ocsp, now);
        let verdict = self.judge(Fingerprint::of(&key), vouched_for);
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
    fn a_key_is_trusted_as_told_as_vouched_for_as_known_or_the_first_time() {
        let [one, other] = [&b"one"[..], b"other"].map(Fingerprint::of);
        let refused = |expected| Verdict::Refused { expected, found: one };
        for (given, known, vouched_for, verdict) in [
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
            assert_eq!(judge.judge(one, || vouched_for), verdict, "{given:?} {known:?}");
        }
    }
}
