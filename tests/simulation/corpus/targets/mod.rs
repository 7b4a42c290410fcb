//! What is fuzzed: each target takes any bytes at all, and panics if a promise is broken.
//!
//! Targets are functions of their bytes alone: no clock, no randomness, nothing left behind. The
//! crate that mounts them has `worlds` and `support` at its root.

pub mod connection;
pub mod doors;
pub mod frame;
pub mod names;
pub mod request;
pub mod screen;
pub mod world;

/// Takes any bytes; a promise that is broken is a panic.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("connection", connection::run),
    ("doors", doors::run),
    ("frame", frame::run),
    ("names", names::run),
    ("request", request::run),
    ("screen", screen::run),
    ("world", world::run),
];
