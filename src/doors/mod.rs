//! The protocols of the port: a file or a folder each.
//!
//! [`sniff`] tells them apart by the first bytes. [`frames`] are our own; [`http`] has the page,
//! which uses [`websocket`]; [`lines`] is for people at telnet and nc. [`proxy`] reads the header
//! that a reverse proxy sends before its peer's bytes.
//!
//! Each is a [`Codec`]: it decodes bytes into requests, encodes replies and pushes ([`said`]), and
//! measures what it encoded. A new one is a file of this folder and a row in [`sniff`]. The
//! protocol of a connection changes twice at most: when the first bytes tell it, and from HTTP to
//! WebSocket. Nothing here knows a user, the store or a socket.

pub mod codec;
pub mod frames;
pub mod http;
pub mod lines;
pub mod proxy;
pub mod said;
pub mod sniff;
pub mod websocket;

pub use codec::{Codec, Decoded, Ending, Incoming, Transport};
pub use said::{Said, SharedPush};
