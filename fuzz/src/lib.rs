//! What is fuzzed, mounted as the tests mount it: see `tests/corpus/targets/`.
#![forbid(unsafe_code)]

#[path = "../../tests/simulation/mod.rs"]
mod simulation;
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/corpus/targets/mod.rs"]
pub mod targets;
