//! What travels: bytes with a header, and the typed content inside them.
//!
//! ```text
//! frame   = magic AB CD EF 88 | checksum u32 LE | length u32 LE | payload
//! payload = {"type": string, "timestamp": unix seconds, "payload": object}
//! ```
//!
//! [`frame`] knows bytes and no JSON. [`command`] declares every request; [`argument`] says what
//! an argument may be, [`request`] reads a request from JSON, and [`typed`] from the line that a
//! person typed. [`response`] is an answer, [`refusal`] why a request is refused, and [`code`]
//! lists every outcome by its stable name. [`push`] and [`notice`] are what the server sends
//! unasked, [`fingerprint`] is how people name a server's key. Nothing here has state, and the
//! clients use it too.

pub mod argument;
pub mod code;
pub mod command;
pub mod fingerprint;
pub mod frame;
pub mod notice;
pub mod push;
pub mod refusal;
pub mod request;
pub mod response;
pub mod typed;

pub use argument::{Args, Name, RequestId};
pub use code::Code;
pub use command::MessageType;
pub use fingerprint::Fingerprint;
pub use frame::FrameFault;
pub use notice::{Event, Notice};
pub use refusal::Refusal;
pub use request::RequestMessage;
pub use response::ResponseMessage;

/// The JSON of a message.
#[derive(serde::Serialize)]
struct Envelope<'a, P> {
    r#type: &'a str,
    timestamp: i64,
    payload: P,
}

impl<P: serde::Serialize> Envelope<'_, P> {
    fn append(&self, out: &mut Vec<u8>) {
        let written = serde_json::to_writer(out, self);
        debug_assert!(written.is_ok(), "strings, integers and string keys have a JSON form");
    }
}
