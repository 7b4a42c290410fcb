//! What travels: bytes with a header, and the typed content inside them.
//!
//! ```text
//! frame   = magic AB CD EF 88 | checksum u32 LE | length u32 LE | payload
//! payload = {"type": string, "timestamp": unix seconds, "payload": object}
//! ```
//!
//! [`frame`] knows bytes and no JSON. [`request`] and [`response`] know JSON and no sockets;
//! [`push`] and [`notice`] are what the server says unasked. [`code`] lists every outcome by its
//! stable name, [`message_type`] every type a request may have, and [`command`] the same
//! requests as a person types them. [`fingerprint`] is how people name a server's key. Nothing
//! here has state, and the clients use it too.

pub mod code;
pub mod command;
pub mod fingerprint;
pub mod frame;
pub mod message_type;
pub mod notice;
pub mod push;
pub mod request;
pub mod response;

pub use code::Code;
pub use fingerprint::Fingerprint;
pub use frame::FrameFault;
pub use message_type::MessageType;
pub use notice::{Event, Notice};
pub use request::{Args, RequestId, RequestMessage};
pub use response::{Refusal, ResponseMessage};
