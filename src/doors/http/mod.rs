//! HTTP/1.1, as little of it as is needed: the page, the upgrade to WebSocket, and the figures for
//! a monitor. Each request is the last of its connection: bytes after its head are not read.

mod figures;
mod head;
pub mod origin;
mod page;

pub use figures::asked_for_figures;
pub use head::{Head, is_request_line, looks_like_a_request, read};
pub use page::{HttpAnswer, Visit, compress};

use super::codec::Codec;
use super::said::Said;

/// Answers the request for the page that the bytes begin with; `None` while its head is not
/// complete. `visit` tells how it came.
pub fn decode<'a>(bytes: &[u8], visit: impl FnOnce(&Head) -> Visit<'a>) -> Option<HttpAnswer> {
    let answered = read(bytes, |head| page::answer(head, &visit(head)))?;
    Some(answered.unwrap_or_else(|status| HttpAnswer::Answered(head::status_answer(status, &[]))))
}

/// A connection has one request, so there is no state. No chat request comes over HTTP: see
/// [`decode`].
pub struct Http;

impl Codec for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    /// Figures are all that is sent this way.
    fn encode(&mut self, said: &mut Said, _: i64, out: &mut Vec<u8>) {
        if let Said::Figures(text) = said {
            figures::encode(text, out);
        }
    }

    /// There is only one answer.
    fn unit_len(&self) -> fn(&[u8]) -> Option<usize> {
        |_| None
    }

    fn has_requests(&self) -> bool {
        false
    }

    fn needs_decoding(&self) -> bool {
        false
    }
}
