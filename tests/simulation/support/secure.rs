//! A peer's TLS over memory, which trusts one key alone.

use std::io::Read;

use p2sp::wire::Fingerprint;
use rustls::ClientConnection;

use super::tls_client::tls_client;

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
    pub fn trusting(key: Fingerprint) -> Secure {
        let mut tls = tls_client(Some(key));
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
