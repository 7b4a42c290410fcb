//! What is fuzzed: each target takes any bytes at all, and panics if a promise is broken.
//!
//! Targets are functions of their bytes alone: no clock, no randomness, nothing left behind.

#[allow(dead_code)] // the simulation uses the rest
#[path = "../../simulation/choices.rs"]
mod choices;
pub mod connection;
pub mod frame;
pub mod names;
pub mod request;
pub mod screen;

/// Every target, by its name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("connection", connection::run),
    ("frame", frame::run),
    ("names", names::run),
    ("request", request::run),
    ("screen", screen::run),
];
