//! A peer's TLS: the client's side of rustls over memory, which trusts one key alone.

use std::io::Read;
use std::sync::Arc;

use p2sp::wire::Fingerprint;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// One end of a TLS connection.
#[derive(Debug)]
pub struct Secure {
    /// rustls, for tests that look closer.
    pub tls: ClientConnection,
    /// The peer has said that it sends no more.
    pub told_end: bool,
}

impl Secure {
    /// An end that trusts this key.
    pub fn trusting(fingerprint: Fingerprint) -> Secure {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Trusts(fingerprint, Arc::clone(&provider)));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from("p2sp").expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a connection");
        tls.set_buffer_limit(None);
        Secure { tls, told_end: false }
    }

    /// Seals what is to be said, and whatever else TLS wants to send. Before the handshake is done
    /// it is kept.
    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        use std::io::Write;
        self.tls.writer().write_all(plain).expect("memory");
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out).expect("memory");
        }
        out
    }

    /// Opens what came.
    ///
    /// # Errors
    /// TLS was broken.
    pub fn open(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        while !bytes.is_empty() && !self.told_end {
            self.tls.read_tls(&mut bytes).map_err(|error| error.to_string())?;
            let state = self.tls.process_new_packets().map_err(|error| error.to_string())?;
            self.told_end |= state.peer_has_closed();
            let mut chunk = vec![0; state.plaintext_bytes_to_read()];
            self.tls.reader().read_exact(&mut chunk).map_err(|error| error.to_string())?;
            plain.append(&mut chunk);
        }
        Ok(plain)
    }

    /// The word that nothing more comes.
    pub fn end(&mut self) -> Vec<u8> {
        self.tls.send_close_notify();
        self.seal(&[])
    }
}

/// Trusts one key, and lets it prove itself.
#[derive(Debug)]
struct Trusts(Fingerprint, Arc<CryptoProvider>);

impl ServerCertVerifier for Trusts {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer,
        _: &[CertificateDer],
        _: &ServerName,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        match Fingerprint::of(&key) == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("another key".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.1.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}
