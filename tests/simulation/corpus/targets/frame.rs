//! The frame decoder: split anywhere, the frames and the fault behind them are the same.
//!
//! ```text
//! first byte: how many pieces there are, and whether the rest is to be framed
//! so many bytes: how long the pieces are, in turn, and how many frames a tick serves of them
//! the rest: what the peer sends
//! ```
//!
//! The oracle is a decoder of its own, written from PROTOCOL.md, that has all bytes at once.

use std::cell::RefCell;

use p2sp::event_loop::app::Share;
use p2sp::id::ConnId;
use p2sp::limits::{FRAMES_PER_CONN, READ_BYTES_PER_CONN};
use p2sp::server::intake::{Intake, fault_code};
use p2sp::wire::{Code, frame};

const CONN: ConnId = ConnId { slot: 3, generation: 5 };

thread_local! {
    /// Its memory is asked for once; each use begins with an empty one.
    static INTAKE: RefCell<Intake> = RefCell::new(Intake::new());
}

/// What a stream of bytes holds: payloads in order, and perhaps the fault that ends them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    payloads: Vec<Vec<u8>>,
    fault: Option<Code>,
}

/// Sends the bytes in pieces, and compares with the same bytes at once.
pub fn run(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let (pieces, rest) = rest.split_at(usize::from(first & 0x0F).min(rest.len()));
    let stream = if first & 0x80 == 0 { rest.to_vec() } else { framed(rest) };
    let expected = expected(&stream);
    INTAKE.with_borrow_mut(|intake| {
        assert_eq!(in_pieces(intake, &stream, &[]), expected);
        assert_eq!(in_pieces(intake, &stream, pieces), expected);
    });
}

/// Frames of the bytes, so that not every input needs a header to be drawn.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut rest = bytes;
    while let Some((&length, behind)) = rest.split_first() {
        let (payload, behind) = behind.split_at(usize::from(length).min(behind.len()));
        frame::append(&mut stream, |out| out.extend_from_slice(payload));
        rest = behind;
    }
    stream
}

/// The decoder of the specification.
fn expected(mut stream: &[u8]) -> Content {
    const MAGIC: [u8; 4] = [0xAB, 0xCD, 0xEF, 0x88];
    let mut content = Content::default();
    loop {
        if stream.iter().zip(MAGIC).any(|(byte, magic)| *byte != magic) {
            content.fault = Some(Code::BadMagic);
        }
        let word = |at: usize| Some(u32::from_le_bytes(stream.get(at..at + 4)?.try_into().ok()?));
        let (None, Some(checksum), Some(length)) = (content.fault, word(4), word(8)) else {
            return content;
        };
        if length > 65_536 {
            content.fault = Some(Code::FrameTooLong);
            return content;
        }
        let Some(payload) = stream.get(12..12 + length as usize) else { return content };
        if checksum != 0 && checksum != crc32(payload) {
            content.fault = Some(Code::BadChecksum);
            return content;
        }
        content.payloads.push(payload.to_vec());
        stream = &stream[12 + length as usize..];
    }
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    !crc
}

/// As the loop reads: tick after tick, what was not served is kept.
fn in_pieces(intake: &mut Intake, mut stream: &[u8], pieces: &[u8]) -> Content {
    let mut pieces = pieces.iter().cycle();
    let mut content = Content::default();
    let mut kept = Vec::new();
    loop {
        intake.clear();
        intake.begin(CONN, Share::Full, &kept, 0, READ_BYTES_PER_CONN - kept.len());
        let piece = pieces.next().copied().map(usize::from);
        let room = intake.room();
        let count = piece.map_or(usize::MAX, |piece| piece + 1).min(stream.len()).min(room.len());
        room[..count].copy_from_slice(&stream[..count]);
        stream = &stream[count..];
        intake.received(count);
        let listed = intake.list();
        assert!(listed <= FRAMES_PER_CONN + 1);
        // A user who is over their rate is served less than is listed.
        let served = piece.map_or(listed, |piece| listed.min(1 + piece % 7));
        let portion = &intake.portions[0];
        for index in 0..served {
            let frame = intake.frame(portion, index);
            match frame.and_then(|frame| frame::payload(frame).map_err(fault_code)) {
                Ok(payload) => content.payloads.push(payload.to_vec()),
                Err(fault) => {
                    content.fault = Some(fault);
                    return content;
                }
            }
        }
        intake.portions[0].served = served;
        kept = intake.rest(&intake.portions[0]).to_vec();
        assert!(kept.len() <= READ_BYTES_PER_CONN);
        if stream.is_empty() && listed == 0 {
            return content;
        }
    }
}
