//! TLS: a client that trusts every server, and a certificate for servers that make none.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use crate::Outcome;

/// The names of the files that [`write_certificate`] makes.
pub const CERTIFICATE: &str = "certificate.pem";
/// The file of the key that belongs to it.
pub const KEY: &str = "key.pem";

/// Writes a certificate for `localhost`, signed by itself, and its key into a folder.
///
/// # Errors
/// It cannot be made or written.
pub fn write_certificate(folder: &Path) -> Outcome<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(folder.join(CERTIFICATE), made.cert.pem())?;
    Ok(fs::write(folder.join(KEY), made.signing_key.serialize_pem())?)
}

/// What all connections of a crowd have in common.
///
/// # Errors
/// The library has no version of TLS.
pub fn client() -> Outcome<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let trust = Arc::new(Trust(provider.clone()));
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config?.dangerous().with_custom_certificate_verifier(trust);
    Ok(Arc::new(config.with_no_client_auth()))
}

/// The beginning of a connection.
///
/// # Errors
/// The library refuses.
pub fn connection(client: &Arc<ClientConfig>) -> Outcome<Box<ClientConnection>> {
    let name = ServerName::try_from("localhost")?;
    let mut connection = ClientConnection::new(client.clone(), name)?;
    // What is to be said waits there until the handshake is done.
    connection.set_buffer_limit(None);
    Ok(Box::new(connection))
}

/// Believes every certificate: the servers are the bench's own.
#[derive(Debug)]
struct Trust(Arc<CryptoProvider>);

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        _: &CertificateDer,
        _: &[CertificateDer],
        _: &ServerName,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
