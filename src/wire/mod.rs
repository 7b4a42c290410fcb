//! What travels: bytes with a header, and the typed content inside them.
//!
//! ```text
//! frame   = magic AB CD EF 88 | checksum u32 LE | length u32 LE | payload
//! payload = {"type": string, "timestamp": unix seconds, "payload": object}
//! ```
//!
//! [`frame`] knows bytes and no JSON; `envelope` is the JSON around each payload.
//! [`command`] declares every request; [`argument`] says what an argument may be, [`request`] reads
//! a request from JSON, and [`typed`] from the line that a person typed. [`response`] is a reply,
//! [`refusal`] why a request is refused, and [`code`] lists every outcome by its stable name.
//! [`push`] and [`notice`] are what the server sends unasked. [`fingerprint`] does not travel: it
//! is how people name a server's key, to the client and to the server alike. Nothing here has
//! state, and the clients use it too.

/// The port where a server listens and a client connects, unless another one is given.
pub const PORT: u16 = 18_888;

pub mod argument;
pub mod code;
pub mod command;
mod entry;
mod envelope;
pub mod fingerprint;
mod flat;
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
