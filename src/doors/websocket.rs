//! WebSocket (RFC 6455): each text message of a peer is the payload of a request, and each reply or
//! push is a text message.
//!
//! ```text
//! kept bytes ─┐                                       ┌─► text: the payload of a request
//!             ├─► open: header, mask, fragments ──────┼─► ping: a pong, at once
//! new bytes  ─┘                                       └─► close: its code is sent back
//! reply or push ── encode ──► header (2, 4 or 10 bytes), payload
//! ```
//!
//! Headers, opcodes and codes are tungstenite's. Its reader is not used: it allocates as much
//! memory as a header claims (P20), keeps a buffer for an idle connection, and logs messages (P27).
//! Here an idle connection has no memory but the struct.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::codec::{Codec, Decoded, Ending, Incoming};
use super::said::Said;
use crate::limits::{
    FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, WEBSOCKET_CONTROL_BYTES_MAX,
    WEBSOCKET_HEADER_BYTES,
};
use crate::wire::Code;

/// The first bytes of the answer that makes a connection a WebSocket; no frame of ours begins with
/// them.
const ANSWER: &[u8] = b"HTTP/";

/// The state of a peer that speaks WebSocket.
#[derive(Debug, Default)]
pub struct WebSocket {
    /// A frame that is not whole yet; or several, if the tick has no space for them.
    received: Box<[u8]>,
    /// The fragments of a message so far.
    message: Vec<u8>,
    /// There are fragments; they may be empty.
    in_message: bool,
    /// Whole frames are kept: the tick had no space for them.
    waits: bool,
    /// The close frame was encoded.
    ended: bool,
    /// How the peer broke the rules, after all messages that were decoded.
    fault: Option<Fault>,
    /// The fault was answered, and so were the messages before it.
    fault_told: bool,
    /// The code with which the peer has closed.
    peers_code: Option<CloseCode>,
}

/// How a peer broke the rules: the code of the answer, which is that of such a fault in a frame,
/// and the code of the close frame.
type Fault = (Code, CloseCode);

const PROTOCOL: Fault = (Code::BadMagic, CloseCode::Protocol);
const BINARY: Fault = (Code::BadPayload, CloseCode::Unsupported);
const TOO_LONG: Fault = (Code::FrameTooLong, CloseCode::Size);
const NOT_TEXT: Fault = (Code::BadPayload, CloseCode::Invalid);

impl Codec for WebSocket {
    fn name(&self) -> &'static str {
        "websocket"
    }

    /// Each text message is the payload of a request.
    fn decode(&mut self, incoming: Incoming, take: &mut dyn FnMut(&[u8])) -> Decoded {
        let mut decoded = Decoded::default();
        let Incoming { bytes, room, .. } = incoming;
        match self.open(bytes, room, &mut decoded.answers.0, take) {
            Ok(has_closed) => decoded.has_ended = has_closed,
            Err((code, _)) => decoded.fault = Some(code),
        }
        decoded
    }

    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        append_text(out, |out| said.append_json(out, unix));
    }

    fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        unit_len
    }

    fn move_kept(&mut self, out: &mut Vec<u8>) {
        self.waits = false;
        out.extend_from_slice(&std::mem::take(&mut self.received));
    }

    fn waits(&self) -> bool {
        self.waits || self.fault.is_some()
    }

    fn is_within(&self) -> bool {
        !self.waits() && (self.in_message || !self.received.is_empty())
    }

    fn note_fault_told(&mut self) {
        self.fault_told = true;
    }

    fn owes_end(&self) -> bool {
        !self.ended
    }

    fn end(&mut self, why: Ending, out: &mut Vec<u8>) {
        self.ended = true;
        let code = match (self.fault.filter(|_| self.fault_told), why) {
            (Some((_, code)), _) => code,
            (None, Ending::Normal) => self.peers_code.unwrap_or(CloseCode::Normal),
            (None, Ending::Away) => CloseCode::Away,
            (None, Ending::Policy) => CloseCode::Policy,
        };
        append_frame(out, Control::Close, &u16::from(code).to_be_bytes());
    }
}

impl WebSocket {
    /// Opens the frames in `bytes` and keeps the rest. `take` gets each whole message, as many as
    /// become frames in `room` bytes; pongs are appended to `pongs`. True: the peer has closed.
    ///
    /// # Errors
    /// The peer broke the rules; the messages before were taken. The error is returned again until
    /// the connection closes, because those messages may have to be served first.
    fn open(
        &mut self,
        bytes: &mut [u8],
        room: usize,
        pongs: &mut Vec<u8>,
        take: impl FnMut(&[u8]),
    ) -> Result<bool, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut used = 0;
        let opened = self.open_frames(bytes, &mut used, room, pongs, take);
        match opened {
            Ok(false) => self.received = bytes[used..].into(),
            Ok(true) => {}
            Err(fault) => self.fault = Some(fault),
        }
        opened
    }

    fn open_frames(
        &mut self,
        bytes: &mut [u8],
        used: &mut usize,
        mut room: usize,
        pongs: &mut Vec<u8>,
        mut take: impl FnMut(&[u8]),
    ) -> Result<bool, Fault> {
        while let Some(frame) = self.frame_at(&bytes[*used..])? {
            let whole = self.message.len() + frame.payload_bytes + FRAME_HEADER_BYTES;
            if frame.ends_message && whole > room {
                self.waits = true;
                break;
            }
            let start = *used + frame.header_bytes;
            *used = start + frame.payload_bytes;
            let payload = &mut bytes[start..*used];
            unmask(payload, frame.mask);
            match frame.opcode {
                OpCode::Control(Control::Ping) => append_frame(pongs, Control::Pong, payload),
                OpCode::Control(Control::Close) => return self.peer_closed(payload),
                OpCode::Control(_) => {}
                OpCode::Data(_) if frame.ends_message => {
                    room -= whole;
                    self.end_message(payload, &mut take)?;
                }
                OpCode::Data(_) => {
                    self.message.extend_from_slice(payload);
                    self.in_message = true;
                }
            }
        }
        Ok(false)
    }

    /// The frame that the bytes begin with, if it is whole. What can be judged by its header is
    /// judged before the rest of it comes.
    fn frame_at(&self, bytes: &[u8]) -> Result<Option<Header>, Fault> {
        let mut cursor = Cursor::new(bytes);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| PROTOCOL)?;
        let Some((header, payload_bytes)) = parsed else { return Ok(None) };
        let header_bytes = cursor.position() as usize;
        let payload_bytes = usize::try_from(payload_bytes).unwrap_or(usize::MAX);
        let reserved = header.rsv1 || header.rsv2 || header.rsv3;
        let Some(mask) = header.mask.filter(|_| !reserved) else {
            return Err(PROTOCOL);
        };
        match header.opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                return Err(PROTOCOL);
            }
            OpCode::Control(_)
                if !header.is_final || payload_bytes > WEBSOCKET_CONTROL_BYTES_MAX =>
            {
                return Err(PROTOCOL);
            }
            OpCode::Control(_) => {}
            OpCode::Data(data) => {
                if (data == Data::Continue) != self.in_message {
                    return Err(PROTOCOL);
                }
                if data == Data::Binary {
                    return Err(BINARY);
                }
                if payload_bytes > FRAME_PAYLOAD_BYTES_MAX - self.message.len() {
                    return Err(TOO_LONG);
                }
            }
        }
        let is_whole = payload_bytes <= bytes.len() - header_bytes;
        let opcode = header.opcode;
        let ends_message = header.is_final && matches!(opcode, OpCode::Data(_));
        let frame = Header { opcode, mask, header_bytes, payload_bytes, ends_message };
        Ok(is_whole.then_some(frame))
    }

    fn end_message(&mut self, payload: &[u8], take: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        let begun = std::mem::take(&mut self.message);
        let joined;
        let whole = match std::mem::take(&mut self.in_message) {
            false => payload,
            true => {
                joined = [&begun, payload].concat();
                &joined
            }
        };
        std::str::from_utf8(whole).map_err(|_| NOT_TEXT)?;
        take(whole);
        Ok(())
    }

    /// The peer closes, and is answered with its own code.
    fn peer_closed(&mut self, payload: &[u8]) -> Result<bool, Fault> {
        let code = match payload {
            [] => CloseCode::Normal,
            [high, low, why @ ..] if std::str::from_utf8(why).is_ok() => {
                CloseCode::from(u16::from_be_bytes([*high, *low]))
            }
            _ => return Err(PROTOCOL),
        };
        if !code.is_allowed() {
            return Err(PROTOCOL);
        }
        self.peers_code = Some(code);
        Ok(true)
    }
}

/// The header of a frame that came whole.
struct Header {
    opcode: OpCode,
    mask: [u8; 4],
    header_bytes: usize,
    payload_bytes: usize,
    ends_message: bool,
}

/// Appends a text message; `write` appends its payload.
pub fn append_text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    // The length is known after the payload was written. Nearly all headers have this length.
    out.extend_from_slice(&[0; WEBSOCKET_HEADER_BYTES]);
    write(out);
    let payload_bytes = out.len() - start - WEBSOCKET_HEADER_BYTES;
    let (header, header_bytes) = header(OpCode::Data(Data::Text), payload_bytes);
    match header_bytes {
        WEBSOCKET_HEADER_BYTES => out[start..start + WEBSOCKET_HEADER_BYTES]
            .copy_from_slice(&header[..WEBSOCKET_HEADER_BYTES]),
        _ => {
            drop(out.splice(
                start..start + WEBSOCKET_HEADER_BYTES,
                header[..header_bytes].iter().copied(),
            ))
        }
    }
}

/// The length of the frame that `bytes` begin with, or of the HTTP answer before the first frame.
fn unit_len(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(ANSWER) {
        return bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
    }
    let mut cursor = Cursor::new(bytes);
    let (_, payload_bytes) = FrameHeader::parse(&mut cursor).ok()??;
    Some(cursor.position() as usize + payload_bytes as usize)
}

fn append_frame(out: &mut Vec<u8>, opcode: Control, payload: &[u8]) {
    let (header, header_bytes) = header(OpCode::Control(opcode), payload.len());
    out.extend_from_slice(&header[..header_bytes]);
    out.extend_from_slice(payload);
}

/// The header of a frame of ours, which has no mask: at most ten bytes.
fn header(opcode: OpCode, payload_bytes: usize) -> ([u8; 10], usize) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let mut room = [0; 10];
    let formatted = header.format(payload_bytes as u64, &mut room.as_mut_slice());
    debug_assert!(formatted.is_ok(), "there is room for the longest");
    (room, header.len(payload_bytes as u64))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests;
