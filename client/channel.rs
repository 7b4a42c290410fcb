//! The bytes of one connection, encrypted or not.
//!
//! The reading and the writing thread share it under a lock. Neither holds the lock while it waits
//! for a socket: raw bytes are read without the lock and decrypted with it; bytes are encrypted
//! with the lock and written without it. A channel knows no socket.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// Encrypts and decrypts frames, or passes them on in plaintext.
pub struct Channel {
    tls: Option<Box<ClientConnection>>,
}

impl Channel {
    /// A channel in plaintext.
    pub fn plain() -> Channel {
        Channel { tls: None }
    }

    /// A channel over TLS. Frames before the end of the handshake wait for it.
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub fn secure(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Channel, String> {
        let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        tls.set_buffer_limit(None);
        Ok(Channel { tls: Some(Box::new(tls)) })
    }

    /// Whether a handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Whether TLS itself has something to write.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Decrypts bytes that came.
    ///
    /// # Errors
    /// They break TLS.
    pub fn open(&mut self, mut raw: &[u8]) -> Result<Vec<u8>, String> {
        let Some(tls) = &mut self.tls else { return Ok(raw.to_vec()) };
        let mut plain = Vec::new();
        while !raw.is_empty() {
            let taken = tls.read_tls(&mut raw).map_err(|error| error.to_string())?;
            let state = tls.process_new_packets().map_err(|error| error.to_string())?;
            let at = plain.len();
            plain.resize(at + state.plaintext_bytes_to_read(), 0);
            tls.reader().read_exact(&mut plain[at..]).map_err(|error| error.to_string())?;
            if taken == 0 {
                // After the end that the peer announced.
                break;
            }
        }
        Ok(plain)
    }

    /// Encrypts frames and returns the bytes to write; `last` if no frames follow.
    pub fn seal(&mut self, plain: Vec<u8>, last: bool) -> Vec<u8> {
        let Some(tls) = &mut self.tls else { return plain };
        let mut sealed = Vec::new();
        // A write to memory does not fail. If the connection has failed, the reader ends it.
        let _ = tls.writer().write_all(&plain);
        if last {
            tls.send_close_notify();
        }
        while tls.wants_write() && tls.write_tls(&mut sealed).is_ok() {}
        sealed
    }
}
