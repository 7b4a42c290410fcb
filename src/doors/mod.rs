//! The protocols of the port: a file or a folder each.
//!
//! [`sniff`] tells them apart by the first bytes. [`frames`] are our own; [`http`] has the page,
//! which uses [`websocket`]; [`lines`] is for people at telnet and nc. [`proxy`] reads the header
//! that a reverse proxy sends before its peer's bytes.
//!
//! [`protocol`] is the table of them. Each is a [`codec`]: it decodes bytes into requests, encodes
//! replies and pushes ([`said`]), and measures what it encoded. Nothing here knows a user, the
//! store or a socket.

pub mod codec;
pub mod frames;
pub mod http;
pub mod lines;
pub mod protocol;
pub mod proxy;
pub mod said;
pub mod sniff;
pub mod websocket;

pub use codec::{Codec, Decoded, Ending, Incoming, Transport};
pub use protocol::Protocol;
pub use said::{Said, SharedPush};
