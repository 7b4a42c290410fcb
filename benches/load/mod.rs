//! The load on p2sp, for a bench that compares it with something else.
//!
//! `benches/load.rs` adds the tables and is the command of its own.

pub mod chat;
pub mod crowd;
pub mod meter;
pub mod sizes;
pub mod visits;
pub mod words;
pub mod world;

/// What everything here returns: a bench that cannot go on says why and ends.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
