//! The server between two reads: what came in is served, committed, delivered.
//!
//! The server has six parts, each a type of its own: connections hold bytes and no identity, the
//! chat knows who is signed in and holds no bytes, the store holds what was said. Each phase
//! borrows the parts that it names. It knows no socket and reads no clock: it is the application
//! that the event loop runs (`app`).
//!
//! ```text
//! read ─► intake ─► serve ─► outbox ─► commit ─► Committed ─► deliver ─► send buffers
//!            ▲ walked again, one request a transaction, if the disk is full ┘
//! ```

mod accept;
mod app;
mod chat;
mod commit;
mod connections;
mod decode;
mod deliver;
mod doors;
mod hash_queue;
mod hashes;
mod hold;
mod indexing;
pub mod intake;
mod machine;
mod monitor;
mod proxied;
mod read;
mod reap;
mod retention;
mod serve;
#[cfg(test)]
mod tests;
mod transaction;
mod upkeep;
mod watching;
mod write;

pub use app::{HashJob, Server};
pub use machine::Machine;
pub use transaction::Fatal;
