//! Somebody who has a server's certificate, which is shown to everyone, and not its key.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

use super::TIMEOUT;

/// The copied certificate, with another key.
pub struct Impostor(Arc<ServerConfig>);

#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Impostor {
    /// In the place of the server with this data.
    pub fn with_certificate_of(data: &Path) -> Impostor {
        let copied = fs::read(data.join("tls.pem")).expect("a certificate");
        let copied = CertificateDer::from_pem_slice(&copied).expect("a certificate");
        Impostor::showing(copied, &KeyPair::generate().expect("a key"))
    }

    /// With a certificate and the key that belongs to it.
    pub fn with_its_own() -> Impostor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
        let certificate = params.self_signed(&key).expect("a certificate");
        Impostor::showing(certificate.der().clone(), &key)
    }

    fn showing(certificate: CertificateDer<'static>, key: &KeyPair) -> Impostor {
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let key = ring::sign::any_supported_type(&key).expect("a key");
        let shown = Shows(Arc::new(CertifiedKey::new(vec![certificate], key)));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        Impostor(Arc::new(config))
    }

    /// Serves one client; returns what it was told.
    pub fn serve(&self, listener: &TcpListener) -> Vec<u8> {
        self.serve_and_answer(listener, b"").0
    }

    /// Serves one client, and answers the first thing that it says; returns what it was told, and
    /// whether the client closed in good order.
    pub fn serve_and_answer(&self, listener: &TcpListener, answer: &[u8]) -> (Vec<u8>, bool) {
        let mut tls = ServerConnection::new(Arc::clone(&self.0)).expect("a connection");
        let (mut stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let (mut heard, mut closed) = (Vec::new(), false);
        loop {
            while tls.wants_write() {
                tls.write_tls(&mut stream).expect("written");
            }
            match tls.read_tls(&mut stream) {
                Ok(count) if count > 0 => {}
                _ => return (heard, closed),
            }
            match tls.process_new_packets() {
                Ok(state) => closed = state.peer_has_closed(),
                Err(_) => return (heard, closed),
            }
            let silent = heard.is_empty();
            // There may be nothing to read.
            let _ = tls.reader().read_to_end(&mut heard);
            if silent && !heard.is_empty() {
                tls.writer().write_all(answer).expect("memory");
            }
        }
    }
}
