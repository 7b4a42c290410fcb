//! Connections: the state of each peer, from its first byte to the end of its socket.
//!
//! ```text
//!  ┌─ first byte 16 ─► handshaking ─┐
//! open ◄──────── done ─────────────┘
//!  └──── close() ────► flushing ── all sent ──► lingering ──► dead
//!                         │ 5 s                     │ 2 s, 64 KiB, end
//!                         └─ read or write failed ──┴──► dead
//! ```
//!
//! An *open* connection is served, in the protocol that its first bytes tell. A *flushing* one is
//! sent what is left and is not read. A *lingering* one has shut down its own side and discards
//! what still comes: closing a socket with unread input resets the connection, which can destroy
//! the last reply on its way. Only `reap` frees the slot of a *dead* one.
//!
//! [`conns`] holds all [`connection`]s. What waits in [`send`] is plaintext; TLS opens and seals
//! records beside it ([`tls`]). An idle connection owns no buffer ([`spare`]). [`rest`] tells why a
//! connection is not served, [`timeouts`] by when its peer must act.
//!
//! A connection has a protocol, which measures and ends what is sent. It knows no user, no store
//! and no socket.

pub mod connection;
pub mod conns;
pub mod origin;
pub mod rest;
pub mod send;
pub mod spare;
pub mod stage;
pub mod timeouts;
pub mod tls;

pub use connection::Connection;
pub use conns::Conns;
pub use origin::{Origin, Via};
pub use rest::Rest;
pub use stage::{CloseReason, Stage};
pub use timeouts::Due;
