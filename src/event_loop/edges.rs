//! What the loop remembers of each connection: its name, and the edges that came.
//!
//! The poll tells each edge once. So *readable* stays true until reading met `WouldBlock`, and
//! *writable* until writing did. A slot is used again and its generation is not, so an event that
//! comes too late for a connection finds none (P24).

use slab::Slab;

use super::turns::Queue;
use crate::id::ConnId;

/// What is remembered of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    generation: u32,
    /// Reading has not met `WouldBlock` since the last edge.
    pub readable: bool,
    /// The same for writing.
    pub writable: bool,
    /// In which queue its next turn is.
    pub queue: Queue,
}

/// All connections.
#[derive(Debug, Default)]
pub struct Edges {
    slots: Slab<Edge>,
    /// The generation of the last connection.
    generation: u32,
}

impl Edges {
    /// The name of the connection that is accepted next; another one at each call.
    pub fn next_id(&mut self) -> ConnId {
        // No connection has the generation 0.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        ConnId { slot: self.slots.vacant_key() as u32, generation: self.generation }
    }

    /// The connection of the last name was accepted. Its socket can be written to, and its first
    /// bytes may be there: no edge needs to say so.
    pub fn insert(&mut self, id: ConnId, queue: Queue) {
        let edge = Edge { generation: id.generation, readable: true, writable: true, queue };
        let slot = self.slots.insert(edge);
        debug_assert_eq!(slot, id.index());
    }

    /// The connection, if it lives.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Edge> {
        self.slots.get_mut(id.index()).filter(|edge| edge.generation == id.generation)
    }

    /// The connection is gone.
    pub fn remove(&mut self, id: ConnId) {
        if self.get_mut(id).is_some() {
            self.slots.remove(id.index());
        }
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.slots.len()
    }
}
