//! Bytes to be sent, frame after frame.
//!
//! ```text
//! 0        boundary    sent                      bytes.len()
//! ├─ gone ─┼─ gone ────┼──────── to be sent ─────┤
//!          └ the frame being written begins here    invariant: boundary ≤ sent ≤ bytes.len(),
//!                                                   empty ⇒ no allocation
//! ```
//!
//! The boundary is kept so that everything behind the frame being written can be dropped at a
//! takeover: the peer must never see half a frame. It is only brought up to date when somebody
//! asks, by hopping over the lengths in the headers.

use crate::wire::frame;

/// Above this many bytes already sent, the buffer moves the rest to its front.
const COMPACT_BYTES: usize = 64 * 1024;

/// A connection's outgoing bytes.
#[derive(Debug, Default)]
pub struct SendBuffer {
    bytes: Vec<u8>,
    sent: usize,
    boundary: usize,
    /// Bytes ever consumed, to know when a given byte was.
    consumed_total: u64,
}

impl SendBuffer {
    /// Where frames are appended. Only whole frames.
    pub fn tail(&mut self) -> &mut Vec<u8> {
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
    pub fn consume(&mut self, count: usize) {
        self.sent += count;
        self.consumed_total += count as u64;
        if self.is_empty() {
            // An idle connection owns no buffer.
            self.bytes = Vec::new();
            (self.sent, self.boundary) = (0, 0);
        } else if self.sent >= COMPACT_BYTES {
            self.find_boundary();
            self.bytes.drain(..self.boundary);
            self.sent -= self.boundary;
            self.boundary = 0;
        }
        self.invariants();
    }

    /// Bytes ever consumed.
    pub fn consumed_total(&self) -> u64 {
        self.consumed_total
    }

    /// What [`SendBuffer::consumed_total`] will be when all that is in the buffer now is gone.
    pub fn end_total(&self) -> u64 {
        self.consumed_total + self.len() as u64
    }

    /// Drops everything behind the frame that is being written. Returns the number of bytes.
    pub fn drop_unbegun(&mut self) -> usize {
        let before = self.bytes.len();
        self.find_boundary();
        let end = if self.boundary == self.sent {
            self.sent
        } else {
            self.boundary + self.frame_at(self.boundary)
        };
        self.bytes.truncate(end);
        if self.is_empty() {
            self.bytes = Vec::new();
            (self.sent, self.boundary) = (0, 0);
        }
        self.invariants();
        before - end
    }

    /// Moves the boundary to the beginning of the frame that is being written.
    fn find_boundary(&mut self) {
        while self.boundary < self.sent {
            let next = self.boundary + self.frame_at(self.boundary);
            if next > self.sent {
                break;
            }
            self.boundary = next;
        }
    }

    /// The length of the frame that begins at `start`. Only whole frames are ever appended, so
    /// it can be read; were it not, the rest counts as one frame.
    fn frame_at(&self, start: usize) -> usize {
        let rest = &self.bytes[start..];
        frame::frame_len(rest).ok().flatten().unwrap_or(rest.len()).min(rest.len())
    }

    fn invariants(&self) {
        debug_assert!(self.boundary <= self.sent && self.sent <= self.bytes.len());
        debug_assert!(!self.is_empty() || self.bytes.capacity() == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer_of(frames: &[&[u8]]) -> SendBuffer {
        let mut send = SendBuffer::default();
        for payload in frames {
            frame::append(send.tail(), |out| out.extend_from_slice(payload));
        }
        send
    }

    #[test]
    fn p17_what_is_dropped_ends_at_a_frames_end() {
        for taken in 0..=42 {
            let mut send = buffer_of(&[b"ab", b"cd", b"ef"]);
            send.consume(taken);
            send.drop_unbegun();
            let frame_end = taken.div_ceil(14) * 14;
            assert_eq!(send.len(), frame_end - taken, "after {taken}");
            assert_eq!(send.end_total(), frame_end as u64);
        }
    }

    #[test]
    fn p20_an_empty_buffer_owns_nothing_and_a_long_one_is_compacted() {
        let big = vec![b'x'; 50_000];
        let mut send = buffer_of(&[&big, &big, &big]);
        send.consume(70_000);
        assert!(send.bytes.len() < 110_000);
        assert_eq!(send.consumed_total(), 70_000);
        send.consume(send.len());
        assert_eq!(send.bytes.capacity(), 0);
        assert_eq!(send.consumed_total(), send.end_total());
    }
}
