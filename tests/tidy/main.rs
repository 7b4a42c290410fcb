//! What a machine can keep of the house without running it: this binary reads files.

mod circles;
mod floors;
mod map;
mod paths;
mod promises;
mod shape;
