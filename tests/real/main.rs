//! The shipped programs over real sockets, terminals and files.
//!
//! [`support`] starts and ends them; every other module is about one side of them. A server that a
//! test starts has a port and a folder of its own, so all tests run side by side.
//! `cargo test --test real client::` runs one module.

mod support;
#[path = "../simulation/support/tls_client.rs"]
mod tls_client;

mod bots;
mod client;
mod crash;
mod demo;
mod echo;
mod faults;
mod loopback;
mod malformed;
mod minimal_client;
mod network;
mod operating;
mod readme;
mod rights;
mod shortage;
mod sign_in_time;
mod startup;
mod terminal;
mod two_machines;
mod upkeep;
mod usage;
