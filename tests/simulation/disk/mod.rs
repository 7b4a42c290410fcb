//! What tests of the disk stand on: a scene of real work, what it was promised, what is found.
//!
//! [`scene`] acts out steps on the shipped loop, which `draw` draws from a seed: people write, make
//! friends and groups, change passwords, are blocked, confirm; the server stops, crashes, starts.
//! [`model`] knows what each answer promised, by itself. [`found`] reads what a database holds,
//! and the two are compared. [`takes`] are scenes and other work, recorded; [`cuts`] cuts the power
//! in them everywhere.

pub mod cuts;
mod draw;
pub mod found;
pub mod model;
pub mod scene;
pub mod takes;
