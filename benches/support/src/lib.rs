//! What the benches share, compiled once.
//!
//! ```text
//! sizes ─► world ◄── crowd ◄── chat, visits   a server's process and users; sockets; works
//!                     └ tls, websocket        between the sockets and the bytes
//! edge                                        the shipped loop and server over a simulated edge
//! meter, table, markdown                      what is counted, and printed
//! ```
//!
//! A bench is a program of its own in the folder above. It takes its command line from [`sizes`]
//! or from a type of its own, and prints one table or several.

pub mod chat;
pub mod crowd;
pub mod edge;
pub mod markdown;
pub mod meter;
pub mod place;
pub mod sizes;
pub mod table;
pub mod tls;
pub mod visits;
pub mod websocket;
pub mod words;
pub mod world;

/// The result of everything here: a bench that cannot go on says why and ends.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
