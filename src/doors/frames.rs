//! p2sp's own frames: the protocol of the stdin client and of programs.
//!
//! The bytes that come need no decoding: the intake cuts them where the headers say.

use super::codec::{Codec, Decoded, Incoming};
use super::said::Said;
use crate::wire::frame;

/// Frames have no state.
pub struct Frames;

impl Codec for Frames {
    fn name(&self) -> &'static str {
        "frames"
    }

    fn decode(&mut self, _: Incoming, _: &mut dyn FnMut(&[u8])) -> Decoded {
        Decoded::default()
    }

    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        match said {
            // The checksum of the bytes that all readers share was computed once.
            Said::Push(push, prev) => out.extend_from_slice(push.frame(*prev)),
            _ => frame::append(out, |out| said.append_json(out, unix)),
        }
    }

    fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        |bytes| frame::frame_len(bytes).ok().flatten()
    }

    fn needs_decoding(&self) -> bool {
        false
    }
}
