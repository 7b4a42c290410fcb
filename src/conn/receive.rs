//! Bytes that came and were not served yet: an unfinished frame, or frames of a connection that
//! is paused.
//!
//! ```text
//! intake   ┌ frame ┬ frame ┬ fra│          served from the tick's own buffer
//! after it                 └ fra┘ ──keep──► bytes          invariant: empty ⇒ no allocation
//! next     ┌ fra│me ┬ …    ◄──give──
//! ```
//!
//! The buffer grows by bytes received, never by bytes claimed, and holds at most what one
//! connection may hand to one tick.

use crate::limits::INTAKE_BYTES_PER_CONN;

/// A connection's leftover bytes.
#[derive(Default)]
pub struct ReceiveBuffer {
    bytes: Box<[u8]>,
}

impl ReceiveBuffer {
    /// Takes over what a tick did not serve.
    pub fn keep(&mut self, rest: &[u8]) {
        self.bytes = rest.into();
        self.invariants();
    }

    /// Hands the bytes back to a tick; the buffer is empty then.
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
