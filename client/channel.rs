//! The bytes of one connection, sealed or not.
//!
//! The thread that reads and the one that writes share it behind a lock. Neither holds the lock
//! while it waits for a socket: raw bytes are read without it and decrypted under it; bytes that
//! were encrypted under it are written without it. It knows no socket.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// What stands between the frames and the socket.
pub struct Channel {
    tls: Option<Box<ClientConnection>>,
}

impl Channel {
    /// Frames go as they are.
    pub fn plain() -> Channel {
        Channel { tls: None }
    }

    /// Frames go over TLS. What is said before the handshake is done waits for it.
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub fn secure(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Channel, String> {
        let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        tls.set_buffer_limit(None);
        Ok(Channel { tls: Some(Box::new(tls)) })
    }

    /// Whether there is a handshake that is not done.
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Whether TLS itself has something to write.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// What came, opened.
    ///
    /// # Errors
    /// It is not what it should be.
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
                // Behind the peer's end.
                break;
            }
        }
        Ok(plain)
    }

    /// What is to be written, for this to be said; `last`, if nothing follows.
    pub fn seal(&mut self, plain: Vec<u8>, last: bool) -> Vec<u8> {
        let Some(tls) = &mut self.tls else { return plain };
        let mut sealed = Vec::new();
        // Memory takes everything; a connection that has failed is seen to by the reader.
        let _ = tls.writer().write_all(&plain);
        if last {
            tls.send_close_notify();
        }
        while tls.wants_write() && tls.write_tls(&mut sealed).is_ok() {}
        sealed
    }
}
