//! What is fuzzed, mounted as the tests mount it: see `tests/corpus/targets/`.
#![forbid(unsafe_code)]

#[allow(dead_code)] // the tests use the rest
#[path = "../../tests/simulation/mod.rs"]
mod simulation;
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/corpus/targets/mod.rs"]
pub mod targets;
