//! WebSocket (RFC 6455): each text message of a peer is the payload of a request, and what is said
//! to it is a text message.
//!
//! ```text
//! kept bytes  ─┐                                        ┌─► text: the payload of a request
//!              ├─► open: header, mask, fragments ───────┼─► ping: a pong, at once
//! what came  ──┘                                        └─► close: its echo ends ours
//! what is said ── encode ──► header (2, 4 or 10) payload
//! ```
//!
//! tungstenite gives headers, opcodes and codes. Its own reader is not used: it allocates as much
//! memory as a header claims (P20), keeps a buffer for an idle connection, and writes messages to
//! the log (P27). An idle connection owns nothing here beside this struct.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::codec::{Codec, Decoded, Ending, Incoming};
use super::said::Said;
use crate::limits::{FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX};
use crate::wire::Code;

/// The most that a control frame may hold.
const CONTROL_BYTES_MAX: usize = 125;
/// The header of a text message of 126 to 65,535 bytes.
const HEADER_BYTES: usize = 4;
/// The first bytes of the answer that makes a connection a WebSocket; no frame of ours begins with
/// them.
const ANSWER: &[u8] = b"HTTP/";

/// What has to be remembered of a peer that speaks WebSocket.
#[derive(Debug, Default)]
pub struct WebSocket {
    /// A frame that is not whole yet; or several, if the tick has no room for them.
    received: Box<[u8]>,
    /// The fragments of a message so far.
    message: Vec<u8>,
    /// There are fragments, if only empty ones.
    in_message: bool,
    waits: bool,
    ended: bool,
    /// How the peer broke the rules, behind all messages that were decoded.
    fault: Option<SocketFault>,
    /// That was answered; the messages in front of it were, too.
    fault_told: bool,
    /// The code with which the peer has closed.
    peers_code: Option<CloseCode>,
}

/// How a peer broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SocketFault {
    /// The protocol's own.
    Protocol,
    /// A binary message: ours are text.
    Binary,
    /// A message over the limit.
    TooLong,
    /// Text that is not UTF-8.
    NotText,
}

impl SocketFault {
    /// The code of the answer, the same as for such a fault in a frame.
    fn code(self) -> Code {
        match self {
            SocketFault::Protocol => Code::BadMagic,
            SocketFault::TooLong => Code::FrameTooLong,
            SocketFault::Binary | SocketFault::NotText => Code::BadPayload,
        }
    }

    fn close_code(self) -> CloseCode {
        match self {
            SocketFault::Protocol => CloseCode::Protocol,
            SocketFault::Binary => CloseCode::Unsupported,
            SocketFault::TooLong => CloseCode::Size,
            SocketFault::NotText => CloseCode::Invalid,
        }
    }
}

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
            Err(fault) => decoded.fault = Some(fault.code()),
        }
        decoded
    }

    fn encode(&mut self, said: &mut Said, unix: i64, out: &mut Vec<u8>) {
        append_text(out, |out| said.append_json(out, unix));
    }

    fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        unit_len
    }

    fn give(&mut self, out: &mut Vec<u8>) {
        self.waits = false;
        out.extend_from_slice(&std::mem::take(&mut self.received));
    }

    fn waits(&self) -> bool {
        self.waits || self.fault.is_some()
    }

    fn is_within(&self) -> bool {
        !self.waits() && (self.in_message || !self.received.is_empty())
    }

    fn fault_was_told(&mut self) {
        self.fault_told = true;
    }

    fn owes_end(&self) -> bool {
        !self.ended
    }

    fn end(&mut self, why: Ending, out: &mut Vec<u8>) {
        self.ended = true;
        let code = match (self.fault.filter(|_| self.fault_told), why) {
            (Some(fault), _) => fault.close_code(),
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
    ) -> Result<bool, SocketFault> {
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
    ) -> Result<bool, SocketFault> {
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
    fn frame_at(&self, bytes: &[u8]) -> Result<Option<Header>, SocketFault> {
        let mut cursor = Cursor::new(bytes);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| SocketFault::Protocol)?;
        let Some((header, payload_bytes)) = parsed else { return Ok(None) };
        let header_bytes = cursor.position() as usize;
        let payload_bytes = usize::try_from(payload_bytes).unwrap_or(usize::MAX);
        let reserved = header.rsv1 || header.rsv2 || header.rsv3;
        let Some(mask) = header.mask.filter(|_| !reserved) else {
            return Err(SocketFault::Protocol);
        };
        match header.opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                return Err(SocketFault::Protocol);
            }
            OpCode::Control(_) if !header.is_final || payload_bytes > CONTROL_BYTES_MAX => {
                return Err(SocketFault::Protocol);
            }
            OpCode::Control(_) => {}
            OpCode::Data(data) => {
                if (data == Data::Continue) != self.in_message {
                    return Err(SocketFault::Protocol);
                }
                if data == Data::Binary {
                    return Err(SocketFault::Binary);
                }
                if payload_bytes > FRAME_PAYLOAD_BYTES_MAX - self.message.len() {
                    return Err(SocketFault::TooLong);
                }
            }
        }
        let is_whole = payload_bytes <= bytes.len() - header_bytes;
        let opcode = header.opcode;
        let ends_message = header.is_final && matches!(opcode, OpCode::Data(_));
        let frame = Header { opcode, mask, header_bytes, payload_bytes, ends_message };
        Ok(is_whole.then_some(frame))
    }

    fn end_message(
        &mut self,
        payload: &[u8],
        take: &mut impl FnMut(&[u8]),
    ) -> Result<(), SocketFault> {
        let begun = std::mem::take(&mut self.message);
        let joined;
        let whole = match std::mem::take(&mut self.in_message) {
            false => payload,
            true => {
                joined = [&begun, payload].concat();
                &joined
            }
        };
        std::str::from_utf8(whole).map_err(|_| SocketFault::NotText)?;
        take(whole);
        Ok(())
    }

    /// The peer closes, and is answered with its own code.
    fn peer_closed(&mut self, payload: &[u8]) -> Result<bool, SocketFault> {
        let code = match payload {
            [] => CloseCode::Normal,
            [high, low, why @ ..] if std::str::from_utf8(why).is_ok() => {
                CloseCode::from(u16::from_be_bytes([*high, *low]))
            }
            _ => return Err(SocketFault::Protocol),
        };
        if !code.is_allowed() {
            return Err(SocketFault::Protocol);
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
    // The length is known behind the payload. Nearly all headers are of this length.
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write(out);
    let payload_bytes = out.len() - start - HEADER_BYTES;
    let (header, header_bytes) = header(OpCode::Data(Data::Text), payload_bytes);
    match header_bytes {
        HEADER_BYTES => out[start..start + HEADER_BYTES].copy_from_slice(&header[..HEADER_BYTES]),
        _ => drop(out.splice(start..start + HEADER_BYTES, header[..header_bytes].iter().copied())),
    }
}

/// The length of the frame of ours that `bytes` begin with, or of the HTTP answer in front of the
/// first frame.
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
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 0x84];

    /// A frame of a peer's.
    fn masked(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader { opcode, is_final, mask: Some(MASK), ..FrameHeader::default() };
        let mut out = Vec::new();
        header.format(payload.len() as u64, &mut out).expect("memory");
        let start = out.len();
        out.extend_from_slice(payload);
        unmask(&mut out[start..], MASK);
        out
    }

    fn text(payload: &[u8]) -> Vec<u8> {
        masked(OpCode::Data(Data::Text), true, payload)
    }

    fn open(
        socket: &mut WebSocket,
        came: &[u8],
        room: usize,
    ) -> (Result<bool, SocketFault>, Vec<Vec<u8>>, Vec<u8>) {
        let mut bytes = Vec::new();
        socket.give(&mut bytes);
        bytes.extend_from_slice(came);
        let (mut messages, mut pongs) = (Vec::new(), Vec::new());
        let take = |message: &[u8]| messages.push(message.to_vec());
        let opened = socket.open(&mut bytes, room, &mut pongs, take);
        (opened, messages, pongs)
    }

    /// A ping stands between two fragments, and a character is cut by both.
    fn talk() -> Vec<u8> {
        let data = |data, is_final, payload: &[u8]| masked(OpCode::Data(data), is_final, payload);
        [
            text(b"one"),
            data(Data::Text, false, "两".as_bytes()[..1].into()),
            masked(OpCode::Control(Control::Ping), true, b"?"),
            data(Data::Continue, false, b""),
            data(Data::Continue, true, "两".as_bytes()[1..].into()),
            masked(OpCode::Control(Control::Pong), true, b""),
            text(b""),
        ]
        .concat()
    }

    #[test]
    fn messages_cut_anywhere_are_whole_and_nothing_of_them_is_kept() {
        let bytes = talk();
        for cut in 0..=bytes.len() {
            let mut socket = WebSocket::default();
            let (first, mut messages, mut pongs) = open(&mut socket, &bytes[..cut], 1_000);
            let (second, more, more_pongs) = open(&mut socket, &bytes[cut..], 1_000);
            messages.extend(more);
            pongs.extend(more_pongs);
            assert_eq!((first, second), (Ok(false), Ok(false)));
            assert_eq!(messages, [&b"one"[..], "两".as_bytes(), b""], "cut at {cut}");
            assert_eq!(pongs, b"\x8a\x01?");
            assert!(!socket.is_within() && !socket.waits());
            assert_eq!(socket.received.len() + socket.message.capacity(), 0);
        }
    }

    #[test]
    fn p20_no_more_is_opened_than_there_is_room_for() {
        let mut socket = WebSocket::default();
        let bytes = [text(&[b'a'; 100]), text(&[b'b'; 100])].concat();
        let (_, messages, _) = open(&mut socket, &bytes, 223);
        assert_eq!((messages.len(), socket.waits()), (1, true), "each needs 112");
        assert!(!socket.is_within(), "what waits is not the peer's fault");
        let (_, messages, _) = open(&mut socket, b"", 112);
        assert_eq!((messages, socket.waits()), (vec![vec![b'b'; 100]], false));
    }

    #[test]
    fn what_breaks_the_rules_is_seen_by_its_header() {
        use SocketFault::{Binary, NotText, Protocol, TooLong};
        let data = |data, is_final, payload: &[u8]| masked(OpCode::Data(data), is_final, payload);
        let control = |control, payload: &[u8]| masked(OpCode::Control(control), true, payload);
        let header = |bytes: &[u8]| [bytes, &MASK].concat();
        let fragment = data(Data::Text, false, b"x");
        for (name, bytes, fault) in [
            ("no mask", b"\x81\x00".to_vec(), Protocol),
            ("a reserved bit", header(b"\xc1\x80"), Protocol),
            ("a reserved opcode", header(b"\x83\x80"), Protocol),
            ("a reserved control", header(b"\x8b\x80"), Protocol),
            ("a fragment of a ping", header(b"\x09\x80"), Protocol),
            ("a long ping", header(b"\x89\xfe\x00\x7e"), Protocol),
            ("a continuation of nothing", header(b"\x80\x80"), Protocol),
            (
                "a message within another",
                [fragment.clone(), header(b"\x81\x80")].concat(),
                Protocol,
            ),
            ("binary", header(b"\x82\xff\0\0\0\0\x7f\0\0\0"), Binary),
            ("one byte too many", header(b"\x81\xff\0\0\0\0\0\x01\0\x01"), TooLong),
            ("all bytes there are", header(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"), TooLong),
            (
                "too many in all",
                [fragment, header(b"\x80\xff\0\0\0\0\0\x01\0\0")].concat(),
                TooLong,
            ),
            ("no UTF-8", text(b"\xff"), NotText),
            ("half a character", [data(Data::Text, true, b"\xe4\xb8")].concat(), NotText),
            ("a close of one byte", control(Control::Close, b"x"), Protocol),
            ("a close without a reason to be", control(Control::Close, b"\x03\xed"), Protocol),
            ("a close in no words", control(Control::Close, b"\x03\xe8\xff"), Protocol),
        ] {
            let bytes = [text(b"before"), bytes].concat();
            let mut socket = WebSocket::default();
            let (opened, messages, _) = open(&mut socket, &bytes, 1_000_000);
            assert_eq!(opened, Err(fault), "{name}");
            assert_eq!(messages, [b"before"], "{name}");
            let mut told = Vec::new();
            socket.fault_was_told();
            socket.end(Ending::Policy, &mut told);
            let code = u16::from(fault.close_code()).to_be_bytes();
            assert_eq!(told, [0x88, 2, code[0], code[1]], "{name}");
        }
    }

    #[test]
    fn a_close_is_answered_with_its_code() {
        for (payload, code) in [(&b""[..], 1000_u16), (b"\x03\xe9bye", 1001), (b"\x0f\xa0", 4000)] {
            let mut socket = WebSocket::default();
            let close = masked(OpCode::Control(Control::Close), true, payload);
            let bytes = [text(b"one"), close, text(b"never")].concat();
            let (opened, messages, _) = open(&mut socket, &bytes, 1_000);
            assert_eq!((opened, messages), (Ok(true), vec![b"one".to_vec()]));
            let mut told = Vec::new();
            socket.end(Ending::Normal, &mut told);
            assert_eq!(told[2..], code.to_be_bytes());
        }
    }

    #[test]
    fn a_frame_of_any_length_is_given_its_header() {
        for (payload_bytes, header_bytes) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)]
        {
            let mut out = b"before".to_vec();
            append_text(&mut out, |out| out.resize(out.len() + payload_bytes, b'x'));
            let framed = &out[6..];
            assert_eq!(framed.len(), header_bytes + payload_bytes);
            assert_eq!(unit_len(framed), Some(framed.len()));
            assert!(framed[header_bytes..].iter().all(|byte| *byte == b'x'));
        }
        assert_eq!(unit_len(b"HTTP/1.1 101 x\r\n\r\n\x81\x00"), Some(18));
    }
}
