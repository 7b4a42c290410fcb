//! Spare memory: the memory of empty send buffers is kept for the next ones.
//!
//! An idle connection owns no buffer, so every tick would ask the system for memory for all that it
//! sends, and give it back, page by page: that costs more than writing the bytes. Instead, an empty
//! send buffer leaves its memory here, up to a bound. Memory that was not needed for a while goes
//! back to the system.
//!
//! ```text
//! send buffer ──all sent──► keep ┌───────────┐
//!             ◄──lend────────────┤ last used │   ↕ used since the last trim
//!                                │ …         │   ↓ idle: the next trim drops these
//!                                └───────────┘
//! ```

use std::time::Duration;

use crate::id::Moment;
use crate::limits::{SPARE_BUFFER_BYTES_MAX, SPARE_BYTES_MAX, SPARE_TRIM_MICROS};

/// Empty buffers with memory.
#[derive(Default)]
pub struct SpareBuffers {
    /// The last used one is the last.
    buffers: Vec<Vec<u8>>,
    /// The memory of all of them.
    bytes: usize,
    /// How many of the first were not lent since the last trim.
    idle: usize,
    /// When the last trim was.
    trimmed: Moment,
}

impl SpareBuffers {
    /// An empty buffer, with memory if some is kept.
    pub fn lend(&mut self) -> Vec<u8> {
        let buffer = self.buffers.pop().unwrap_or_default();
        self.bytes -= buffer.capacity();
        self.idle = self.idle.min(self.buffers.len());
        buffer
    }

    /// Keeps a buffer's memory, unless enough is kept already.
    pub fn keep(&mut self, mut buffer: Vec<u8>) {
        let bytes = buffer.capacity();
        let fits = self.bytes + bytes <= SPARE_BYTES_MAX;
        if bytes > 0 && bytes <= SPARE_BUFFER_BYTES_MAX && fits {
            buffer.clear();
            self.bytes += bytes;
            self.buffers.push(buffer);
        }
    }

    /// When memory that was not needed is to be given back to the system.
    pub fn trim_due(&self) -> Option<Moment> {
        let period = Duration::from_micros(SPARE_TRIM_MICROS);
        (!self.buffers.is_empty()).then(|| self.trimmed.after(period))
    }

    /// Gives back what was not needed since the last trim.
    pub fn trim(&mut self, now: Moment) {
        self.trimmed = now;
        self.bytes -=
            self.buffers.drain(..self.idle).map(|buffer| buffer.capacity()).sum::<usize>();
        self.buffers.shrink_to(2 * self.buffers.len());
        self.idle = self.buffers.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p20_what_is_kept_is_bounded_and_goes_when_it_is_not_needed() {
        let mut spare = SpareBuffers::default();
        spare.keep(Vec::with_capacity(SPARE_BUFFER_BYTES_MAX + 1));
        assert_eq!(spare.trim_due(), None, "too large");
        for _ in 0..=SPARE_BYTES_MAX / SPARE_BUFFER_BYTES_MAX {
            spare.keep(Vec::with_capacity(SPARE_BUFFER_BYTES_MAX));
        }
        assert_eq!(spare.bytes, SPARE_BYTES_MAX);
        spare.trim(Moment(1));
        let lent = spare.lend();
        assert_eq!(lent.capacity(), SPARE_BUFFER_BYTES_MAX);
        spare.keep(lent);
        spare.trim(Moment(1));
        assert_eq!(spare.bytes, SPARE_BUFFER_BYTES_MAX, "one was needed");
        spare.trim(Moment(1));
        assert_eq!((spare.trim_due(), spare.bytes), (None, 0));
    }
}
