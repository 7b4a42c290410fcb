//! p2sp's own frames: the protocol of the stdin client and of programs.
//!
//! What comes needs no decoding: the intake cuts it where the headers say.

use super::Said;
use crate::wire::frame;

/// Appends what is said as a frame.
pub fn encode(said: &mut Said, unix: i64, out: &mut Vec<u8>) {
    match said {
        // A checksum over what all readers share was computed once.
        Said::Push(push, prev) => out.extend_from_slice(push.frame(*prev)),
        _ => frame::append(out, |out| said.append_json(out, unix)),
    }
}

/// The length of the frame that `bytes` begin with.
pub fn unit_len(bytes: &[u8]) -> Option<usize> {
    frame::frame_len(bytes).ok().flatten()
}
