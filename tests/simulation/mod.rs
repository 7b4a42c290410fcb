//! A seeded simulation of the shipped loop.
#![allow(dead_code)]

pub mod choices;
pub mod client;
pub mod coverage;
pub mod ledger;
pub mod liar;
pub mod newcomer;
pub mod scene;
pub mod snapshot;
pub mod stream;
pub mod trace;
pub mod weather;
pub mod world;

use choices::Choices;
pub use world::Report;

/// Steps of a world's storm.
pub const STEPS: usize = 150;

/// Lets the world of a seed go by.
///
/// # Errors
/// The first promise that is broken, and the command that shows it again.
pub fn run(seed: u64) -> Result<Report, String> {
    world::run(Choices::of_seed(seed), STEPS).map_err(|why| {
        format!(
            "seed {seed}: {why}\n    again: P2SP_SEED={seed} P2SP_TRACE=1 cargo test --test \
             simulation one_world -- --nocapture"
        )
    })
}

/// Lets the world go by that a fuzzer chose; it ends where the bytes do.
///
/// # Errors
/// The first promise that is broken.
pub fn run_bytes(bytes: &[u8]) -> Result<Report, String> {
    world::run(Choices::of_bytes(bytes), STEPS)
}
