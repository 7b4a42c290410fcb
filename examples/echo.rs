//! The smallest application of the loop: each byte goes back to the connection that it came from.
//!
//! `cargo run --example echo 127.0.0.1:7000`, and then `nc 127.0.0.1 7000`. A peer that does not
//! take what comes back is not read from either, so that none can make the server keep much.
//! `Ctrl-C` waits until all peers have gone, the second one does not.

use std::collections::HashMap;
use std::io;

use p2sp::event_loop::EventLoop;
use p2sp::event_loop::app::{Alive, App, Came, NoJob, NotNow, Peer, Share};
use p2sp::event_loop::bound::Bound;
use p2sp::event_loop::mio_net::MioNet;
use p2sp::event_loop::turns::{OnceQueue, Queue};
use p2sp::id::{ConnId, ListenerKind, Now};

const UNSENT_BYTES_MAX: usize = 64 * 1024;

/// Of each connection: what is to be sent, and whether the peer sends no more.
#[derive(Default)]
pub struct Echo {
    conns: HashMap<ConnId, (Vec<u8>, bool)>,
    touched: OnceQueue,
    room: Vec<u8>,
}

impl App for Echo {
    type Job = NoJob;
    type Committed = ();
    type Fatal = io::Error;

    fn accepted(&mut self, id: ConnId, _: Peer, _: Now) -> bool {
        self.conns.insert(id, (Vec::new(), false));
        self.touched.push(id);
        true
    }
    fn room(&mut self, id: ConnId, _: Share) -> Result<&mut [u8], NotNow> {
        self.room.resize(4096, 0);
        let is_full = self.conns[&id].0.len() >= UNSENT_BYTES_MAX;
        if is_full { Err(NotNow::Rests) } else { Ok(&mut self.room) }
    }
    fn came(&mut self, id: ConnId, what: Came, _: Now) {
        let Some((unsent, has_ended)) = self.conns.get_mut(&id) else { return };
        match what {
            Came::Bytes(count) => unsent.extend_from_slice(&self.room[..count]),
            Came::End => *has_ended = true,
            Came::Failed => (*unsent, *has_ended) = (Vec::new(), true),
            Came::Writable => {}
        }
        self.touched.push(id);
    }
    fn commit(&mut self, _: Now) -> io::Result<()> {
        Ok(())
    }
    fn take_touched(&mut self, into: &mut Vec<ConnId>) {
        into.extend(std::iter::from_fn(|| self.touched.pop()));
    }
    fn to_write(&mut self, id: ConnId) -> &[u8] {
        &self.conns[&id].0
    }
    fn sent(&mut self, id: ConnId, count: usize, _: Now) {
        self.conns.entry(id).and_modify(|(unsent, _)| drop(unsent.drain(..count)));
    }
    fn settle(&mut self, id: ConnId, _: Now) -> Option<Alive> {
        let (unsent, has_ended) = &self.conns[&id];
        if *has_ended && unsent.is_empty() {
            self.conns.remove(&id);
            return None;
        }
        let may_read = unsent.len() < UNSENT_BYTES_MAX;
        Some(Alive { queue: Queue::Known, may_read, ..Alive::default() })
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let mut bound = Bound::default();
    bound.bind(address.parse().map_err(io::Error::other)?, ListenerKind::Public)?;
    EventLoop::new(MioNet::new(bound)?, Echo::default(), 10_000).run().map(drop)
}
