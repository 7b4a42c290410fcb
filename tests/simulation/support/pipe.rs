//! Both ways of one connection, as long as there is one, and what there is to tell about it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use p2sp::id::ConnId;

/// Bytes that the pipe towards a peer holds before a write blocks.
pub const PIPE_BYTES: usize = 128 * 1024;

/// A connection.
#[derive(Debug)]
pub struct Pipe {
    pub address: SocketAddr,
    pub conn: Option<ConnId>,
    pub to_server: VecDeque<u8>,
    pub to_peer: Vec<u8>,
    pub capacity: usize,
    /// The peer sends no more.
    pub finished: bool,
    /// The peer is gone.
    pub cut: bool,
    /// The server sends no more.
    pub ended: bool,
    /// A write found no room: the next room is an edge.
    pub was_full: bool,
    pub readable: bool,
    pub writable: bool,
    /// The most bytes that the loop had to write at once.
    pub offered_max: usize,
}

impl Pipe {
    /// One on which nothing was said yet.
    pub fn new(address: SocketAddr) -> Pipe {
        Pipe {
            address,
            conn: None,
            to_server: VecDeque::new(),
            to_peer: Vec::new(),
            capacity: PIPE_BYTES,
            finished: false,
            cut: false,
            ended: false,
            was_full: false,
            readable: false,
            writable: false,
            offered_max: 0,
        }
    }
}
