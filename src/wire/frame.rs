//! The frame: twelve bytes of header, then the payload.
//!
//! ```text
//!  0        4          8        12
//!  ├ magic ─┼ checksum ┼ length ┼ payload … ┤
//! ```
//!
//! The length is believed only after it was compared with the limit, and nothing is allocated
//! by it (P20). The checksum is CRC-32 (IEEE 802.3) of the payload; zero means that the sender
//! did not compute one.

use byteorder::{ByteOrder, LittleEndian};

use crate::limits::{FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX};

/// The first four bytes of every frame.
pub const MAGIC: [u8; 4] = [0xAB, 0xCD, 0xEF, 0x88];

/// How a peer broke the frame's rules. Each is answered once, and then the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// The bytes do not begin with [`MAGIC`].
    BadMagic,
    /// The header claims more than the limit.
    TooLong,
    /// The payload does not have the checksum of the header.
    BadChecksum,
}

/// The length of the whole frame that `bytes` begin with, or `None` while the header is still
/// incomplete. The frame itself may be incomplete: compare with `bytes.len()`.
///
/// # Errors
/// A magic that is wrong from its first wrong byte on, or a length over the limit.
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, FrameFault> {
    let magic_seen = bytes.len().min(MAGIC.len());
    if bytes[..magic_seen] != MAGIC[..magic_seen] {
        return Err(FrameFault::BadMagic);
    }
    if bytes.len() < FRAME_HEADER_BYTES {
        return Ok(None);
    }
    let claimed = LittleEndian::read_u32(&bytes[8..12]) as usize;
    if claimed > FRAME_PAYLOAD_BYTES_MAX {
        return Err(FrameFault::TooLong);
    }
    Ok(Some(FRAME_HEADER_BYTES + claimed))
}

/// Takes the first frame out of the bytes that have come, if it is whole.
///
/// # Errors
/// As [`frame_len`].
pub fn take(bytes: &mut Vec<u8>) -> Result<Option<Vec<u8>>, FrameFault> {
    let whole = frame_len(bytes)?.filter(|length| *length <= bytes.len());
    Ok(whole.map(|length| bytes.drain(..length).collect()))
}

/// The payload of one whole frame, as [`frame_len`] measured it.
///
/// # Errors
/// The checksum is neither zero nor that of the payload.
pub fn payload(frame: &[u8]) -> Result<&[u8], FrameFault> {
    let (header, payload) = frame.split_at(FRAME_HEADER_BYTES);
    let claimed = LittleEndian::read_u32(&header[4..8]);
    if claimed != 0 && claimed != crc32fast::hash(payload) {
        return Err(FrameFault::BadChecksum);
    }
    Ok(payload)
}

/// The header of a frame whose payload has that checksum and length.
pub fn header(checksum: u32, payload_bytes: usize) -> [u8; FRAME_HEADER_BYTES] {
    let mut header = [0; FRAME_HEADER_BYTES];
    header[..4].copy_from_slice(&MAGIC);
    LittleEndian::write_u32(&mut header[4..8], checksum);
    LittleEndian::write_u32(&mut header[8..12], payload_bytes as u32);
    header
}

/// Appends a frame to `out`; `write` appends the payload.
pub fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    write(out);
    let (place, payload) = out[start..].split_at_mut(FRAME_HEADER_BYTES);
    place.copy_from_slice(&header(crc32fast::hash(payload), payload.len()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame_of(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, |out| out.extend_from_slice(payload));
        out
    }

    #[test]
    fn golden_bytes() {
        assert_eq!(
            frame_of(b"{}"),
            [0xAB, 0xCD, 0xEF, 0x88, 0x43, 0xBF, 0xA6, 0xA3, 2, 0, 0, 0, b'{', b'}'],
        );
    }

    #[test]
    fn a_wrong_magic_is_seen_at_its_first_wrong_byte() {
        assert_eq!(frame_len(b""), Ok(None));
        assert_eq!(frame_len(&[0xAB]), Ok(None));
        assert_eq!(frame_len(&[0xAB, 0xCD, 0xEE]), Err(FrameFault::BadMagic));
        assert_eq!(frame_len(b"GET"), Err(FrameFault::BadMagic));
    }

    #[test]
    fn a_claimed_length_is_compared_before_it_is_used() {
        let mut frame = frame_of(b"");
        frame[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(frame_len(&frame), Err(FrameFault::TooLong));
        frame[8..12].copy_from_slice(&(FRAME_PAYLOAD_BYTES_MAX as u32).to_le_bytes());
        assert_eq!(frame_len(&frame), Ok(Some(FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX)));
    }

    #[test]
    fn a_checksum_is_zero_or_right() {
        let mut frame = frame_of(b"{\"a\":1}");
        assert!(payload(&frame).is_ok());
        frame[4] ^= 1;
        assert_eq!(payload(&frame), Err(FrameFault::BadChecksum));
        frame[4..8].fill(0);
        assert!(payload(&frame).is_ok());
    }

    proptest! {
        #[test]
        fn what_was_framed_comes_back(payload_bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let frame = frame_of(&payload_bytes);
            for cut in 0..FRAME_HEADER_BYTES {
                prop_assert_eq!(frame_len(&frame[..cut]), Ok(None));
            }
            prop_assert_eq!(frame_len(&frame), Ok(Some(frame.len())));
            prop_assert_eq!(payload(&frame), Ok(&payload_bytes[..]));
        }
    }
}
