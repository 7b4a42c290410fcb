//! Heads of HTTP/1.1: those of requests are read, those of answers written.
//!
//! A head is read and judged only when it is complete: no prefix of it decides anything.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use crate::doors::codec::Transport;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX};

/// A status, with its words.
pub type Status = &'static str;

/// The text that is hashed with a request's key for the answer (RFC 6455, section 1.3).
const WEBSOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The head of a request.
pub struct Head<'h, 'b> {
    request: httparse::Request<'h, 'b>,
    /// Its length in bytes.
    pub bytes: usize,
}

/// Whether a whole line is the first of an HTTP request: a method in capitals, a target, the
/// version. No command that a person types looks so.
pub fn is_request_line(line: &[u8]) -> bool {
    let mut words = line.trim_ascii_end().split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    is_method(method) && !target.is_empty() && version.starts_with(b"HTTP/")
}

/// Whether a line too long to be judged as a whole begins as the first of a request does.
pub fn looks_like_a_request(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    is_method(method) && words.next().is_some_and(|target| target.starts_with(b"/"))
}

fn is_method(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_uppercase)
}

/// Reads the head that the bytes begin with; `None` while it is not complete.
///
/// # Errors
/// The status of a request that cannot be read, or is too long.
pub fn read<T>(bytes: &[u8], then: impl FnOnce(&Head) -> T) -> Option<Result<T, Status>> {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(&bytes[..bytes.len().min(HTTP_HEAD_BYTES_MAX)]) {
        Ok(httparse::Status::Complete(bytes)) => Some(Ok(then(&Head { request, bytes }))),
        Ok(httparse::Status::Partial) if bytes.len() < HTTP_HEAD_BYTES_MAX => None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Some(Err("431 Request Header Fields Too Large"))
        }
        Err(_) => Some(Err("400 Bad Request")),
    }
}

impl<'b> Head<'_, 'b> {
    /// The method; empty if there is none.
    pub fn method(&self) -> &'b str {
        self.request.method.unwrap_or_default()
    }

    /// The target without its query.
    pub fn path(&self) -> &'b str {
        let target = self.request.path.unwrap_or_default();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The value of a header that is there exactly once.
    pub fn only(&self, name: &str) -> Option<&'b str> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The last value of a header.
    pub fn last(&self, name: &str) -> Option<&'b str> {
        self.values(name).last()
    }

    /// Whether there is such a header.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Whether a word is in a header's list.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        let mut words = self.values(name).flat_map(|value| value.split(','));
        words.any(|listed| listed.trim().eq_ignore_ascii_case(word))
    }

    /// Whether the answer may come in an encoding (RFC 9110, section 12.5.3).
    pub fn accepts(&self, encoding: &str) -> bool {
        let mut listed = self.values("accept-encoding").flat_map(|value| value.split(','));
        listed.any(|listed| {
            let (name, weight) = listed.split_once(';').unwrap_or((listed, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
            name.trim().eq_ignore_ascii_case(encoding)
                && weight.is_none_or(|weight: f32| weight > 0.0)
        })
    }

    /// The header's values; one that is not UTF-8 counts as empty.
    fn values(&self, name: &str) -> impl Iterator<Item = &'b str> {
        let headers = self.request.headers.iter();
        let named = headers.filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| std::str::from_utf8(header.value).unwrap_or_default())
    }
}

/// Appends the head of an answer, after which the connection closes. `body_bytes` is the length of
/// the body, which the caller appends unless only the head was asked for.
pub fn append_head(out: &mut Vec<u8>, status: Status, headers: &[(&str, &str)], body_bytes: usize) {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {body_bytes}\r\nConnection: close\r\n\r\n");
    out.extend_from_slice(head.as_bytes());
}

/// An answer whose text is its status.
pub fn status_answer(status: Status, headers: &[(&str, &str)]) -> Transport {
    text_answer(status, headers, status)
}

/// An answer of one line of text.
pub fn text_answer(status: Status, headers: &[(&str, &str)], text: &str) -> Transport {
    let kind =
        [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")];
    let mut out = Vec::new();
    append_head(&mut out, status, &[headers, &kind].concat(), text.len() + 1);
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
    Transport(out)
}

/// The answer that makes the connection a WebSocket; `key` is the request's.
pub fn upgrade(key: &str) -> Transport {
    let accept = BASE64_STANDARD.encode(Sha1::digest(format!("{key}{WEBSOCKET_GUID}")));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Transport(head.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p20_a_head_is_whole_or_wrong_or_too_long() {
        let get = b"GET /x?y HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\r\nrest";
        let path = |bytes: &[u8]| read(bytes, |head| (head.path().to_owned(), head.bytes));
        for cut in 0..get.len() - 4 {
            assert_eq!(path(&get[..cut]), None, "{cut}");
        }
        assert_eq!(path(get), Some(Ok(("/x".into(), get.len() - 4))));
        let looks = |head: &Head| {
            let upgrade = head.lists("connection", "upgrade");
            (head.method() == "GET", head.only("HOST") == Some("a"), head.has("origin"), upgrade)
        };
        assert_eq!(read(get, looks), Some(Ok((true, true, false, true))));
        for (bytes, status) in [(&b"\xab\xcd\xef\x88"[..], "400"), (b"nonsense\r\n\r\n", "400")] {
            assert_eq!(path(bytes).expect("judged").expect_err("wrong")[..3], *status);
        }
        let long = |fill: usize| [&b"GET /"[..], &vec![b'x'; fill]].concat();
        assert_eq!(path(&long(HTTP_HEAD_BYTES_MAX - 6)), None);
        let too_long = path(&long(HTTP_HEAD_BYTES_MAX - 5)).expect("judged");
        assert!(too_long.expect_err("too long").starts_with("431"));
        let more = "a: b\r\n".repeat(HTTP_HEADERS_MAX);
        let many = [&get[..get.len() - 6], more.as_bytes(), b"\r\n"].concat();
        assert!(path(&many).expect("judged").expect_err("many").starts_with("431"));
    }

    #[test]
    fn a_request_line_is_no_line_of_a_persons() {
        for line in ["GET / HTTP/1.1\r\n", "HEAD /ws?x HTTP/1.0\n", "OPTIONS * HTTP/1.1"] {
            assert!(is_request_line(line.as_bytes()), "{line}");
        }
        for line in ["send bob HTTP/1.1\r\n", "GET me some tea", "GET", "HELLO", "", "G / H x"] {
            assert!(!is_request_line(line.as_bytes()), "{line}");
        }
    }

    /// The example of RFC 6455.
    #[test]
    fn the_answer_proves_that_the_key_was_read() {
        let answer = upgrade("dGhlIHNhbXBsZSBub25jZQ==");
        let answer = String::from_utf8_lossy(answer.bytes());
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    }
}
