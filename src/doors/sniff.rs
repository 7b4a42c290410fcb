//! What a peer speaks, told by its first bytes.
//!
//! | first byte | |
//! | --- | --- |
//! | 16 | TLS, and within it the same again |
//! | printable, white space, a lead byte of UTF-8 | a line: HTTP, or a person |
//! | FF | a person's telnet |
//! | AB, and any other | frames, or what is told that it should be |
//!
//! The first byte of a line says nothing, nor does any prefix of it: `GET` may be the beginning of
//! both. Only the whole line decides, or its being too long for one.

use super::{http, proxy};
use crate::limits::HTTP_HEAD_BYTES_MAX;

/// A protocol of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// TLS: a handshake record.
    Tls,
    /// Frames, or what will be told that it should.
    Frames,
    /// A request over HTTP.
    Http,
    /// Lines of text.
    Lines,
}

impl Speaks {
    /// What begins with these bytes; `None` while they do not tell.
    pub fn from_bytes(bytes: &[u8]) -> Option<Speaks> {
        // What a proxy says in front of its peer's bytes: no line, and for servers that expect it.
        if bytes.starts_with(&proxy::SIGNATURE) {
            return Some(Speaks::Frames);
        }
        match *bytes.first()? {
            0x16 => return Some(Speaks::Tls),
            // A telnet that has to say something of itself first.
            0xFF => return Some(Speaks::Lines),
            b' '..=b'~' | b'\t' | b'\r' | b'\n' | 0xC2..=0xF4 => {}
            _ => return Some(Speaks::Frames),
        }
        let looked_at = &bytes[..bytes.len().min(HTTP_HEAD_BYTES_MAX)];
        let end = looked_at.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let is_request = match end {
            Some(end) => http::is_request_line(&looked_at[..end]),
            None if bytes.len() < HTTP_HEAD_BYTES_MAX => return None,
            // Too long for either: the one that it looks like says so.
            None => http::looks_like_a_request(looked_at),
        };
        Some(if is_request { Speaks::Http } else { Speaks::Lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_tells_a_line_from_a_request() {
        for (bytes, speaks) in [
            (&b"\x16\x03"[..], Speaks::Tls),
            (b"\xab", Speaks::Frames),
            (b"\0", Speaks::Frames),
            (b"\x1b[A", Speaks::Frames),
            (b"GET / HTTP/1.1\r\n", Speaks::Http),
            (b"GET / HTTP/1.1\r\nHost", Speaks::Http),
            (b"GET / \n", Speaks::Lines),
            (b"\r\n", Speaks::Lines),
            ("登录\n".as_bytes(), Speaks::Lines),
            (b"\xff", Speaks::Lines),
            (b"help\r\0", Speaks::Lines),
            (b"\r\n\r\n", Speaks::Lines),
            (&proxy::SIGNATURE, Speaks::Frames),
        ] {
            assert_eq!(Speaks::from_bytes(bytes), Some(speaks), "{bytes:?}");
        }
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], "登录 bob\n".as_bytes()] {
            let end = bytes.iter().position(|byte| byte.is_ascii_control()).expect("an end");
            for cut in 0..=end {
                assert_eq!(Speaks::from_bytes(&bytes[..cut]), None, "{cut} of {bytes:?}");
            }
        }
        let long = |text: &[u8]| [text, &vec![b'x'; HTTP_HEAD_BYTES_MAX]].concat();
        assert_eq!(Speaks::from_bytes(&long(b"GET /")), Some(Speaks::Http));
        assert_eq!(Speaks::from_bytes(&long(b"send ")), Some(Speaks::Lines));
    }
}
