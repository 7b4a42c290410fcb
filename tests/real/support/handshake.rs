//! A handshake over TLS with a server, whatever key it has.

use std::net::{SocketAddr, TcpStream};

use p2sp::wire::Fingerprint;
use rustls::ClientConnection;
use rustls::server::ParsedCertificate;

use super::TIMEOUT;
use crate::tls_client::tls_client;

/// Shakes hands; returns the connection and the key that the server has shown and proven.
pub fn handshake(stream: &mut TcpStream) -> (ClientConnection, Fingerprint) {
    stream.set_read_timeout(Some(TIMEOUT)).expect("a socket");
    let mut tls = tls_client(None);
    while tls.is_handshaking() {
        tls.complete_io(stream).expect("a handshake");
    }
    let shown = tls.peer_certificates().and_then(<[_]>::first).expect("a certificate");
    let shown = ParsedCertificate::try_from(shown).expect("a certificate");
    let key = Fingerprint::of(&shown.subject_public_key_info());
    (tls, key)
}

/// The key of the server at this address.
pub fn key_of(address: SocketAddr) -> Fingerprint {
    handshake(&mut TcpStream::connect(address).expect("a server")).1
}
