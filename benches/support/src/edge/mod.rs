//! The simulated edge, and the shipped loop and server between it and a real database.
//!
//! ```text
//! Data (filled through Store) ─► SimulatedServer { EventLoop over Edge } ◄─► Talk: peers
//! ```
//!
//! [`net`] is the edge, [`data`] a database made beforehand, [`server`] the server's life tick by
//! tick, what it costs and how long it takes; [`talk`] is a closed loop of messages, [`cost`] what
//! a message cost. Sockets have no part in any of it: what is measured is the
//! server's own work, its SQLite, and the disk.

pub mod cost;
pub mod data;
pub mod net;
pub mod server;
pub mod talk;
