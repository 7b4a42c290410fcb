//! TLS: records are opened on the way in and sealed on the way out, one at a time.
//!
//! ```text
//! kernel ─► begun record ─┐                              ┌─► intake: frames
//!                         ├─► rustls (no buffer of its own)
//! kernel ◄─ one record  ◄─┘                              └─◄ send buffer: plaintext
//! ```
//!
//! The next record is sealed when the kernel has all of the one before. Until then the plaintext of
//! a record stays in the send buffer: what counts as sent (P13), and what may still be dropped when
//! a session is taken over (P17), is counted in plaintext.
//!
//! rustls is driven through its interface without buffers, because the other one keeps 4 KiB a
//! connection: an idle connection owns no buffer here either. Two rules of that interface must be
//! kept. rustls must be shown the rest of the bytes again that it has looked at; and after an
//! error it may be asked for its alert and for nothing else.
//!
//! It knows no frame and no socket.

use std::fmt;

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

use super::spare::SpareBuffers;
use crate::certificate::Certificate;
use crate::limits::{
    HANDSHAKE_BYTES_MAX, RECORD_BYTES_MAX, RECORD_PLAIN_BYTES_MAX, RECORD_SEAL_BYTES,
};

/// Where rustls lets the next record be sealed.
type WriteTraffic<'c> = rustls::unbuffered::WriteTraffic<'c, ServerConnectionData>;

/// The TLS state of one connection.
pub struct Tls {
    machine: UnbufferedServerConnection,
    /// What was received and is not a whole record yet, or was not looked at yet.
    received: Vec<u8>,
    /// `received` was not looked at, because the tick had computed all handshakes that it may.
    waits: bool,
    /// Bytes used up so far. It is looked at until the handshake is done.
    used_bytes: usize,
    /// A record for the kernel, which has the first `sent` bytes of it.
    sealed: Vec<u8>,
    sent: usize,
    /// How many bytes at the front of the send buffer are in `sealed`.
    covered: usize,
    /// Nothing more is sealed: the peer was told that the stream ends, or broke the protocol.
    ended: bool,
}

/// What the opened records held beside plaintext.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The expensive part of the handshake was computed.
    pub shook_hands: bool,
    /// The peer says that it sends no more.
    pub finished: bool,
}

/// The peer broke TLS, or rustls cannot go on.
#[derive(Debug)]
pub struct TlsFault(pub String);

impl From<rustls::Error> for TlsFault {
    fn from(error: rustls::Error) -> TlsFault {
        TlsFault(error.to_string())
    }
}

impl Tls {
    /// The server's side of TLS on a connection whose handshake begins.
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub fn new(certificate: &Certificate) -> Result<Tls, TlsFault> {
        Ok(Tls {
            machine: UnbufferedServerConnection::new(certificate.config.clone())?,
            received: Vec::new(),
            waits: false,
            used_bytes: 0,
            sealed: Vec::new(),
            sent: 0,
            covered: 0,
            ended: false,
        })
    }

    /// Whether the handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.machine.is_handshaking()
    }

    /// Whether rustls has used up any of the peer's bytes.
    pub fn has_begun(&self) -> bool {
        self.used_bytes > 0
    }

    // --- in ---

    /// Hands over the kept bytes. The bytes that came go after them.
    pub fn take_received(&mut self) -> Vec<u8> {
        self.waits = false;
        std::mem::take(&mut self.received)
    }

    /// Keeps bytes for a later tick, because this one has computed all handshakes that it may.
    pub fn wait_with(&mut self, bytes: &[u8]) {
        self.received = bytes.into();
        self.waits = true;
    }

    /// Whether bytes are kept that were not looked at.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Whether a record was begun and is not whole.
    pub fn is_within_record(&self) -> bool {
        !self.received.is_empty()
    }

    /// Opens the whole records in `bytes` and keeps the rest. `take` gets the plaintext.
    ///
    /// # Errors
    /// The peer broke the protocol. An alert that says how is on its way.
    pub fn open(
        &mut self,
        bytes: &mut [u8],
        spare: &mut SpareBuffers,
        take: impl FnMut(&[u8]),
    ) -> Result<Opened, TlsFault> {
        let mut used = 0;
        let mut opened = self.drive(bytes, &mut used, spare, take, |_, _, _| Ok(()));
        let endless = self.is_handshaking() && self.used_bytes + bytes.len() > HANDSHAKE_BYTES_MAX;
        // rustls has us keep all records of a handshake message that spans several.
        if endless || bytes.len() - used > RECORD_BYTES_MAX {
            opened = Err(TlsFault("it shakes hands without an end".into()));
        }
        if opened.is_err() {
            self.alert(spare);
            self.ended = true;
        } else {
            self.used_bytes = self.used_bytes.saturating_add(used);
            self.received = bytes[used..].into();
        }
        opened
    }

    // --- out ---

    /// What the kernel is to be given next.
    pub fn unsent(&self) -> &[u8] {
        &self.sealed[self.sent..]
    }

    /// How many bytes at the front of the send buffer are sealed, and cannot be dropped any more.
    pub fn covered(&self) -> usize {
        self.covered
    }

    /// Whether nothing more will be sealed.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Seals the first bytes of `plain` in a record, if the kernel has all of the one before.
    ///
    /// # Errors
    /// The keys are used up, which takes 2^64 records.
    pub fn seal(&mut self, plain: &[u8], spare: &mut SpareBuffers) -> Result<(), TlsFault> {
        let plain = &plain[..plain.len().min(RECORD_PLAIN_BYTES_MAX)];
        if self.ended || plain.is_empty() || !self.unsent().is_empty() {
            return Ok(());
        }
        self.write(spare, plain.len() + RECORD_SEAL_BYTES, |traffic, room| {
            traffic.encrypt(plain, room).map_err(NotWritten::from)
        })?;
        self.covered = plain.len();
        Ok(())
    }

    /// Tells the peer that the stream ends here, and was not cut off.
    ///
    /// # Errors
    /// As [`Tls::seal`].
    pub fn end(&mut self, spare: &mut SpareBuffers) -> Result<(), TlsFault> {
        let spoken = !std::mem::replace(&mut self.ended, true) && !self.is_handshaking();
        if !spoken {
            return Ok(());
        }
        self.write(spare, RECORD_SEAL_BYTES + 2, |traffic, room| {
            traffic.queue_close_notify(room).map_err(NotWritten::from)
        })
    }

    /// The kernel took `count` bytes. Returns how many bytes of plaintext left with them: those of
    /// the record if the kernel has all of it now, else none.
    pub fn was_sent(&mut self, count: usize, spare: &mut SpareBuffers) -> usize {
        self.sent += count;
        if !self.unsent().is_empty() {
            return 0;
        }
        spare.keep(std::mem::take(&mut self.sealed));
        self.sent = 0;
        std::mem::take(&mut self.covered)
    }

    fn write(
        &mut self,
        spare: &mut SpareBuffers,
        bytes: usize,
        mut seal: impl FnMut(&mut WriteTraffic, &mut [u8]) -> Result<usize, NotWritten>,
    ) -> Result<(), TlsFault> {
        let then = |traffic: &mut WriteTraffic, sealed: &mut Vec<u8>, spare: &mut SpareBuffers| {
            put(sealed, spare, bytes, |room| seal(traffic, room))
        };
        let mut received = std::mem::take(&mut self.received);
        let mut used = 0;
        let driven = self.drive(&mut received, &mut used, spare, |_| {}, then);
        received.drain(..used);
        self.received = received;
        driven.map(drop)
    }

    /// Shows rustls these bytes, does what it asks for, and counts the bytes that it used up.
    /// `take` gets the plaintext; `then` is called once rustls is able to seal.
    fn drive(
        &mut self,
        bytes: &mut [u8],
        used: &mut usize,
        spare: &mut SpareBuffers,
        mut take: impl FnMut(&[u8]),
        then: impl FnOnce(&mut WriteTraffic, &mut Vec<u8>, &mut SpareBuffers) -> Written,
    ) -> Result<Opened, TlsFault> {
        let mut opened = Opened::default();
        loop {
            let handshaking = self.machine.is_handshaking();
            let UnbufferedStatus { discard, state } =
                self.machine.process_tls_records(&mut bytes[*used..]);
            *used += discard;
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        *used += record.discard;
                        take(record.payload);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    opened.shook_hands |= handshaking;
                    put(&mut self.sealed, spare, 0, |room| {
                        data.encode(room).map_err(NotWritten::from)
                    })?;
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => opened.finished = true,
                ConnectionState::WriteTraffic(mut traffic) => {
                    then(&mut traffic, &mut self.sealed, spare)?;
                    return Ok(opened);
                }
                // Early data is not offered, so none is accepted.
                _ => return Ok(opened),
            }
        }
    }

    /// Puts the alert that rustls has for the peer into `sealed`, and asks for nothing more.
    fn alert(&mut self, spare: &mut SpareBuffers) {
        while self.machine.wants_write() {
            let UnbufferedStatus { state, .. } = self.machine.process_tls_records(&mut []);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else { return };
            let encode = |room: &mut [u8]| data.encode(room).map_err(NotWritten::from);
            if put(&mut self.sealed, spare, 0, encode).is_err() {
                return;
            }
        }
    }
}

/// Whether something was written.
type Written = Result<(), TlsFault>;

/// Why rustls did not write.
enum NotWritten {
    /// It needs so many bytes.
    Needed(usize),
    Failed(TlsFault),
}

/// rustls has two types of errors with the same content.
macro_rules! not_written_from {
    ($($error:ident),+) => {$(
        impl From<$error> for NotWritten {
            fn from(error: $error) -> NotWritten {
                match error {
                    $error::InsufficientSize(size) => NotWritten::Needed(size.required_size),
                    other => NotWritten::Failed(TlsFault(other.to_string())),
                }
            }
        }
    )+};
}

not_written_from!(EncodeError, EncryptError);

/// Appends what `write` writes. `bytes` is how many it probably needs.
fn put(
    out: &mut Vec<u8>,
    spare: &mut SpareBuffers,
    mut bytes: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, NotWritten>,
) -> Result<(), TlsFault> {
    if out.is_empty() {
        *out = spare.lend();
    }
    let end = out.len();
    loop {
        out.resize(end + bytes, 0);
        match write(&mut out[end..]) {
            Ok(count) => {
                out.truncate(end + count);
                return Ok(());
            }
            Err(NotWritten::Needed(more)) if more > bytes => bytes = more,
            Err(why) => {
                out.truncate(end);
                return Err(match why {
                    NotWritten::Failed(fault) => fault,
                    NotWritten::Needed(_) => TlsFault("no room is enough".into()),
                });
            }
        }
    }
}

/// Keys and plaintext stay out of logs (P27).
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("handshaking", &self.is_handshaking()).finish_non_exhaustive()
    }
}
