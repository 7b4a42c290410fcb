//! What the tests with real sockets share: the shipped programs as processes.
//!
//! [`Server`] is a `p2sp-server` process on a free port with a data directory of its own,
//! [`Peer`] the other end of one connection, [`Script`] a `p2sp` process that is fed lines.
//! All of them end when they are dropped. Everything here blocks, and nothing waits longer
//! than [`TIMEOUT`]: a test that hangs fails instead.

mod handshake;
mod impostor;
mod peer;
mod person;
mod script;
mod server;

pub use handshake::{handshake, key_of};
pub use impostor::Impostor;
pub use peer::{Peer, frame_of, framed};
pub use person::{Person, friends};
pub use script::{Ended, Script};
pub use server::{Server, UNLIMITED, binary, run, wait};

use std::time::Duration;

/// How long a test waits before it fails: far more than anything here takes on a slow machine that
/// does other things as well. It costs nothing where all is well.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The password of everyone a test registers.
pub const PASSWORD: &str = "correct horse 电池";
