//! What a machine can check without running p2sp: this binary reads files.

mod circles;
mod floors;
mod map;
mod paths;
mod promises;
mod shape;
