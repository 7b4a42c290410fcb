//! Tells a peer's protocol by its first bytes.
//!
//! | first byte | |
//! | --- | --- |
//! | 16 | TLS; its plaintext is looked at in the same way |
//! | printable, white space, a lead byte of UTF-8 | a line: HTTP, or a person |
//! | FF | a telnet that negotiates: lines |
//! | AB | frames |
//! | any other | nothing known: it is refused as a broken frame |
//!
//! No prefix of a line tells HTTP from a person's line: `GET` may be the beginning of both. Only
//! the whole line decides, or a line that is too long.

use super::codec::Codec;
use super::frames::{Frames, Unknown};
use super::http::Http;
use super::lines::Lines;
use super::{http, proxy};
use crate::limits::HTTP_HEAD_BYTES_MAX;
use crate::locale::Lang;

/// Whether the bytes begin a TLS handshake.
pub fn is_tls(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x16)
}

/// The protocol of a peer that begins with these bytes; [`Unknown`] while they do not tell. Lines
/// are answered in `lang`. Only lines have a state, so only they allocate.
pub fn protocol(bytes: &[u8], lang: Lang) -> Box<dyn Codec> {
    // This peer is no trusted proxy, so its PROXY header is refused as a broken frame.
    if bytes.starts_with(&proxy::SIGNATURE) {
        return Box::new(Frames);
    }
    match bytes.first() {
        None => return Box::new(Unknown),
        // A telnet that negotiates first.
        Some(0xFF) => return Box::new(Lines::new(lang)),
        Some(b' '..=b'~' | b'\t' | b'\r' | b'\n' | 0xC2..=0xF4) => {}
        Some(_) => return Box::new(Frames),
    }
    let looked_at = &bytes[..bytes.len().min(HTTP_HEAD_BYTES_MAX)];
    let end = looked_at.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let is_request = match end {
        Some(end) => http::is_request_line(&looked_at[..end]),
        None if bytes.len() < HTTP_HEAD_BYTES_MAX => return Box::new(Unknown),
        // Too long for both: the protocol that it looks like refuses it.
        None => http::looks_like_a_request(looked_at),
    };
    if is_request { Box::new(Http) } else { Box::new(Lines::new(lang)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> &'static str {
        protocol(bytes, Lang::En).name()
    }

    #[test]
    fn no_prefix_tells_a_line_from_a_request() {
        assert!(is_tls(b"\x16\x03") && !is_tls(b"\xab") && !is_tls(b""));
        for (bytes, expected) in [
            (&b"\xab"[..], "frames"),
            (b"\0", "frames"),
            (b"\x1b[A", "frames"),
            (b"GET / HTTP/1.1\r\n", "http"),
            (b"GET / HTTP/1.1\r\nHost", "http"),
            (b"GET / \n", "lines"),
            (b"\r\n", "lines"),
            ("登录\n".as_bytes(), "lines"),
            (b"\xff", "lines"),
            (b"help\r\0", "lines"),
            (b"\r\n\r\n", "lines"),
            (&proxy::SIGNATURE, "frames"),
        ] {
            assert_eq!(told(bytes), expected, "{bytes:?}");
        }
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], "登录 bob\n".as_bytes()] {
            let end = bytes.iter().position(|byte| byte.is_ascii_control()).expect("an end");
            for cut in 0..=end {
                assert_eq!(told(&bytes[..cut]), "unknown", "{cut} of {bytes:?}");
            }
        }
        let long = |text: &[u8]| [text, &vec![b'x'; HTTP_HEAD_BYTES_MAX]].concat();
        assert_eq!(told(&long(b"GET /")), "http");
        assert_eq!(told(&long(b"send ")), "lines");
    }
}
