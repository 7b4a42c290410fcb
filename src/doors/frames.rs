//! p2sp's own frames: the protocol of the stdin client and of programs.
//!
//! The bytes that come need no decoding: the intake cuts them where the headers say.

use super::codec::Codec;
use super::said::Said;
use crate::wire::frame;

/// Frames have no state.
pub struct Frames;

/// The first bytes have not told the protocol. The server stays silent meanwhile: a browser opens
/// connections in advance and would take a greeting for the answer to its first request. What must
/// be told all the same is told in frames.
pub struct Unknown;

impl Codec for Frames {
    fn name(&self) -> &'static str {
        "frames"
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

impl Codec for Unknown {
    fn name(&self) -> &'static str {
        "unknown"
    }

    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        Frames.encode(said, unix, out);
    }

    fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        Frames.unit_len()
    }

    fn is_known(&self) -> bool {
        false
    }

    fn has_requests(&self) -> bool {
        false
    }

    fn needs_decoding(&self) -> bool {
        false
    }
}
