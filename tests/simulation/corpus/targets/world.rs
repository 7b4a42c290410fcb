//! The whole core: the shipped loop with its people, its faults and its liars, all of it chosen by
//! the bytes, against the simulation's model of what was promised (P1–P25).

use crate::worlds;

/// Lets the world go by that the bytes choose; it ends where they do.
pub fn run(bytes: &[u8]) {
    let report = worlds::run_bytes(bytes);
    assert!(report.is_ok(), "{}", report.err().unwrap_or_default());
}
