//! The send buffer: bytes to be sent, unit after unit. A unit is a frame or a line.
//!
//! ```text
//! 0         sent                      bytes.len()
//! ├─ gone ──┼──────── to be sent ─────┤    invariant: a unit begins at 0, sent ≤ bytes.len(),
//!                                                     nothing to be sent ⇒ no memory
//! ```
//!
//! When another connection takes over a session, everything after the unit that is being written
//! is dropped: that unit stays whole (P17). To find where it begins, units are measured from the
//! front, with the function of the peer's protocol ([`UnitLen`]).

use super::spare::SpareBuffers;
use crate::limits::SEND_COMPACT_BYTES;

/// Measures the unit that the bytes begin with; `None` if it cannot.
pub type UnitLen = fn(&[u8]) -> Option<usize>;

/// A connection's outgoing bytes.
#[derive(Default)]
pub struct SendBuffer {
    bytes: Vec<u8>,
    sent: usize,
}

impl SendBuffer {
    /// Where whole units are appended. An empty buffer gets its memory from `spare`.
    pub(super) fn tail(&mut self, spare: &mut SpareBuffers) -> &mut Vec<u8> {
        if self.is_empty() {
            self.bytes = spare.lend();
        }
        &mut self.bytes
    }

    /// What is to be sent.
    pub fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Bytes to be sent.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether there is nothing to be sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kernel took `count` bytes.
    pub fn consume(&mut self, count: usize, unit_len: UnitLen, spare: &mut SpareBuffers) {
        self.sent += count;
        if self.is_empty() {
            self.release(spare);
        } else if self.sent >= SEND_COMPACT_BYTES {
            let begun = self.begun(self.sent, unit_len);
            self.bytes.drain(..begun);
            self.sent -= begun;
        }
        self.check_invariants();
    }

    /// Drops everything after the unit that is being written. The first `covered` bytes to be
    /// sent are in a sealed record, and count as written.
    pub fn drop_unbegun(&mut self, covered: usize, unit_len: UnitLen, spare: &mut SpareBuffers) {
        let gone = self.sent + covered;
        let begun = self.begun(gone, unit_len);
        let end = if begun == gone { gone } else { begun + self.unit_at(begun, unit_len) };
        self.bytes.truncate(end);
        if self.is_empty() {
            self.release(spare);
        }
        self.check_invariants();
    }

    /// Gives the memory away: an idle connection owns none.
    fn release(&mut self, spare: &mut SpareBuffers) {
        spare.keep(std::mem::take(&mut self.bytes));
        self.sent = 0;
    }

    /// Where the unit begins that is being written, if all bytes before `gone` are written.
    fn begun(&self, gone: usize, unit_len: UnitLen) -> usize {
        let mut begun = 0;
        while begun < gone {
            let next = begun + self.unit_at(begun, unit_len);
            if next > gone {
                break;
            }
            begun = next;
        }
        begun
    }

    /// The length of the unit that begins at `start`. Only whole units are appended, so it can be
    /// measured. If it could not, the rest would count as one unit.
    fn unit_at(&self, start: usize, unit_len: UnitLen) -> usize {
        let rest = &self.bytes[start..];
        unit_len(rest).unwrap_or(rest.len()).min(rest.len())
    }

    fn check_invariants(&self) {
        debug_assert!(self.sent <= self.bytes.len());
        debug_assert!(!self.is_empty() || self.bytes.capacity() == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::Codec;
    use crate::doors::frames::Frames;
    use crate::doors::lines::Lines;
    use crate::doors::websocket::{self, WebSocket};
    use crate::locale::Lang;
    use crate::wire::frame;

    /// Each protocol: how it is measured, and the bytes that it puts around a payload.
    fn forms() -> [(UnitLen, usize); 3] {
        let (frames, lines) = (Frames.unit_len(), Lines::new(Lang::En).unit_len());
        [(frames, 12), (WebSocket::default().unit_len(), 2), (lines, 1)]
    }

    fn buffer_of(framing_bytes: usize, payloads: &[&[u8]]) -> SendBuffer {
        let mut send = SendBuffer::default();
        for payload in payloads {
            let out = send.tail(&mut SpareBuffers::default());
            let write = |out: &mut Vec<u8>| out.extend_from_slice(payload);
            match framing_bytes {
                12 => frame::append(out, write),
                2 => websocket::append_text(out, write),
                _ => out.extend([payload, &b"\n"[..]].concat()),
            }
        }
        send
    }

    #[test]
    fn p17_what_is_dropped_ends_at_a_frames_end() {
        for (unit_len, framing) in forms() {
            let (frame, all) = (framing + 2, 3 * (framing + 2));
            for taken in 0..=all {
                for covered in 0..=all - taken {
                    let mut send = buffer_of(framing, &[b"ab", b"cd", b"ef"]);
                    send.consume(taken, unit_len, &mut SpareBuffers::default());
                    send.drop_unbegun(covered, unit_len, &mut SpareBuffers::default());
                    let frame_end = (taken + covered).div_ceil(frame) * frame;
                    assert_eq!(send.len(), frame_end - taken, "after {taken}, {covered} sealed");
                }
            }
        }
    }

    #[test]
    fn p20_an_empty_buffer_owns_nothing_and_a_long_one_is_compacted() {
        let big = vec![b'x'; 50_000];
        for (unit_len, framing) in forms() {
            let mut send = buffer_of(framing, &[&big, &big, &big]);
            let mut spare = SpareBuffers::default();
            send.consume(70_000, unit_len, &mut spare);
            assert!(send.bytes.len() < 110_000);
            send.consume(send.len(), unit_len, &mut spare);
            assert_eq!(send.bytes.capacity(), 0);
        }
    }
}
