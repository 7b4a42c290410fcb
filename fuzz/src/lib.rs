//! What is fuzzed, mounted as the tests mount it: see `tests/simulation/corpus/targets/`.
#![forbid(unsafe_code)]

#[path = "../../tests/simulation/support/mod.rs"]
mod support;
#[path = "../../tests/simulation/corpus/targets/mod.rs"]
pub mod targets;
#[path = "../../tests/simulation/worlds/mod.rs"]
mod worlds;
