//! A client's side of WebSocket, as little of it as a load needs: the request, and messages around
//! what would else be frames.
//!
//! A client's messages have a mask, as they must; it is zero, so the bytes are what they were.

use crate::Outcome;

/// The request that makes a connection a WebSocket. What follows it need not wait for the answer.
pub const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// The answer to it; `Sec-WebSocket-Accept` follows from the key.
pub const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";
/// The beginning of an answer, and of a whole text message.
const HTTP: &[u8] = b"HTTP";
const TEXT: u8 = 0x81;
/// The bit of a client's header.
const MASKED: u8 = 0x80;
/// The lengths that a header of two bytes can tell.
const SHORT_MAX: usize = 125;

/// Appends a message, as a client or as a server.
pub fn append(out: &mut Vec<u8>, payload: &[u8], is_client: bool) {
    let mask_bit = if is_client { MASKED } else { 0 };
    match (payload.len(), u16::try_from(payload.len())) {
        (short @ 0..=SHORT_MAX, _) => out.extend_from_slice(&[TEXT, mask_bit | short as u8]),
        (_, Ok(length)) => {
            out.extend_from_slice(&[TEXT, mask_bit | 126]);
            out.extend_from_slice(&length.to_be_bytes());
        }
        (long, _) => {
            out.extend_from_slice(&[TEXT, mask_bit | 127]);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    if is_client {
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(payload);
}

/// The length of the head or message that some bytes begin with, as soon as they tell it.
///
/// # Errors
/// They are neither.
pub fn cut(bytes: &[u8]) -> Outcome<Option<usize>> {
    if is_head(bytes) || bytes.starts_with(b"GET ") {
        let end = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END);
        return Ok(end.map(|end| end + HEAD_END.len()));
    }
    match bytes.first() {
        None | Some(&TEXT) => Ok(header(bytes).map(|(header, payload)| header + payload)),
        Some(first) => Err(format!("no text message begins with {first:#x}").into()),
    }
}

/// Whether this is the answer to the request, and no message.
pub fn is_head(bytes: &[u8]) -> bool {
    bytes.starts_with(HTTP)
}

/// Whether this is a message.
pub fn is_message(bytes: &[u8]) -> bool {
    bytes.first() == Some(&TEXT)
}

/// The payload of a whole message.
pub fn payload(message: &[u8]) -> &[u8] {
    header(message).map_or(&[], |(header, _)| &message[header..])
}

/// The lengths of a message's header, mask included, and of its payload.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let second = *bytes.get(1)?;
    let mask = if second & MASKED == 0 { 0 } else { 4 };
    let (header, payload) = match second & !MASKED {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        short => (2, usize::from(short)),
    };
    Some((header + mask, payload))
}
