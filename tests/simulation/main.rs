//! The shipped loop in one process: over pipes instead of sockets, with a clock that moves only
//! when a test turns it, on a file system that fails where a test says so.
//!
//! ```text
//! support ─► transcripts, gate, doors, fairness, proxied, throttle, tls, defaults   the wire
//!     ├────► worlds ─► seeds, soak, corpus                       seeded worlds and fuzzed bytes
//!     └────► disk ───► power_cut, io_errors                      what a disk can do
//!            protocol                                            PROTOCOL.md against the code
//! ```
//!
//! `cargo test --test simulation gate::` runs one of them. [`support`], [`worlds`] and [`disk`]
//! are what the tests stand on and have none of their own.

mod disk;
mod support;
mod worlds;

mod corpus;
mod defaults;
mod doors;
mod fairness;
mod gate;
mod io_errors;
mod power_cut;
mod protocol;
mod proxied;
mod seeds;
mod soak;
mod throttle;
mod tls;
mod transcripts;
