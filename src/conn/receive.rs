//! Bytes that were received and not served yet: an unfinished frame, or frames of a connection
//! that rests.
//!
//! ```text
//! intake   ┌ frame ┬ frame ┬ fra│          served from the tick's own buffer
//! after it                 └ fra┘ ──keep──► bytes          invariant: empty ⇒ no allocation
//! next     ┌ fra│me ┬ …    ◄──give──
//! ```
//!
//! The buffer grows by bytes received, never by a length that a header claims. It holds at most
//! what one connection may hand to one tick.

use crate::limits::INTAKE_BYTES_PER_CONN;

/// What a connection received and was not served yet.
#[derive(Default)]
pub struct ReceiveBuffer {
    bytes: Box<[u8]>,
}

impl ReceiveBuffer {
    /// Keeps what a tick did not serve.
    pub fn keep(&mut self, rest: &[u8]) {
        self.bytes = rest.into();
        self.invariants();
    }

    /// Hands the bytes to a tick. The buffer is empty then.
    pub fn give(&mut self) -> Box<[u8]> {
        std::mem::take(&mut self.bytes)
    }

    /// What is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Drops what is kept.
    pub fn clear(&mut self) {
        self.bytes = Box::default();
    }

    fn invariants(&self) {
        debug_assert!(self.bytes.len() <= INTAKE_BYTES_PER_CONN);
    }
}
