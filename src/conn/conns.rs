//! All connections, and what they use together.
//!
//! ```text
//! ConnId { slot: 1, generation: 9 } ─► table │ 0: gen 4 │ 1: gen 9 │ 2: none │ …
//!                                                          └─ send buffer ─┐
//!                             unsent_bytes = the sum of all send buffers ◄─┘
//! ```
//!
//! Every change to a send buffer goes through `Conns::change`, the only place that adds to and
//! subtracts from [`Conns::unsent_bytes`]. When that total is above its maximum, each connection
//! that something is appended to counts as backed up, and rests until its peer takes bytes
//! (P20).
//!
//! It knows no socket, no user and no deadline. Only the server's `settle` removes a connection.

use super::spare::SpareBuffers;
use super::tls::{Opened, TlsFault};
use super::{CloseReason, Connection, Rest, Stage};
use crate::by_conn::ByConn;
use crate::doors::{Codec, Said, Transport};
use crate::id::{ConnId, Moment, Now};
use crate::limits;
use crate::store::Reads;

/// All connections.
#[derive(Default)]
pub struct Conns {
    by_id: ByConn<Connection>,
    /// The bytes that wait to be sent on all connections, sealed or not.
    unsent_bytes: usize,
    /// The touched connections: something happened to them in this tick. Each stands here once.
    touched: Vec<ConnId>,
    /// How many rest for each reason of [`Rest::ALL`].
    resting: [u64; Rest::ALL.len()],
    /// Memory for send buffers, and for what is done with before anything else happens.
    pub spare: SpareBuffers,
}

impl Conns {
    // --- accept ---

    /// Takes in a connection that was accepted under this name.
    pub fn insert(&mut self, id: ConnId, conn: Connection) {
        debug_assert!(!conn.touched && conn.unsent_bytes() == 0);
        self.by_id.insert(id, conn);
        self.touch(id);
        self.check_invariants();
    }

    // --- look up ---

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Those in this slot and in higher ones, by slot.
    pub fn from_slot(&self, slot: usize) -> impl Iterator<Item = (ConnId, &Connection)> {
        self.by_id.from_slot(slot)
    }

    /// The connection, unless it ended.
    pub fn get(&self, id: ConnId) -> Option<&Connection> {
        self.by_id.get(id)
    }

    /// The connection, unless it ended. What it sends is changed by the methods below.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.by_id.get_mut(id)
    }

    // --- what happened in this tick ---

    /// Lists a connection as touched.
    pub fn touch(&mut self, id: ConnId) {
        self.change(id, |_, _, _| ());
    }

    /// The touched connections.
    pub fn touched(&self) -> &[ConnId] {
        &self.touched
    }

    /// Moves the list of touched connections into `into`. A connection is listed again only after
    /// its tick has ended.
    pub fn take_touched(&mut self, into: &mut Vec<ConnId>) {
        self.check_invariants();
        into.append(&mut self.touched);
    }

    // --- rests ---

    /// Nothing more is done for the connection in this tick.
    pub fn rest_this_tick(&mut self, id: ConnId, why: Rest) {
        self.change(id, |conn, _, _| conn.rests.this_tick = Some(why));
    }

    /// The tick ends for a connection that something happened to: whether it rests is written
    /// down, counted, and logged where it changed.
    pub fn end_tick(&mut self, id: ConnId, now: Moment) {
        let Some(conn) = self.get_mut(id) else { return };
        let (before, after) = conn.rests.end_tick(conn.stage, now);
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.resting[before as usize] -= 1;
        }
        match after {
            Some(after) => {
                self.resting[after as usize] += 1;
                log::debug!("{id}: rests: {}", after.name());
            }
            None => log::debug!("{id}: goes on"),
        }
    }

    /// How many connections rest for each reason of [`Rest::ALL`].
    pub fn resting(&self) -> [u64; Rest::ALL.len()] {
        self.resting
    }

    // --- bytes ---

    /// The bytes that wait to be sent on all connections.
    pub fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Appends `said` to the send buffer, encoded by the connection's protocol; nothing if it is
    /// closing. The store lends [`Reads`] only while no transaction is open, so a rollback cannot
    /// undo what is said (P2).
    pub fn say(&mut self, id: ConnId, mut said: Said, reads: Reads<'_>, now: Now) {
        self.say_all(id, reads, now, |to| to.say(&mut said));
    }

    /// The same for all that `say` says. `None`: the connection is closing.
    pub fn say_all<T>(
        &mut self,
        id: ConnId,
        _: Reads<'_>,
        now: Now,
        say: impl FnOnce(&mut Appender) -> T,
    ) -> Option<T> {
        self.append(id, now, say)
    }

    /// Appends the answer that a protocol made itself to the send buffer; nothing if the connection
    /// is closing.
    pub fn append_transport(&mut self, id: ConnId, now: Now, answer: &Transport) {
        if !answer.is_empty() {
            self.append(id, now, |to| {
                to.append(|_, out| out.extend_from_slice(answer.bytes()));
            });
        }
    }

    fn append<T>(
        &mut self,
        id: ConnId,
        now: Now,
        append: impl FnOnce(&mut Appender) -> T,
    ) -> Option<T> {
        self.change(id, |conn, spare, others_bytes| {
            conn.is_serving().then(|| append(&mut Appender { conn, spare, others_bytes, now }))
        })
        .flatten()
    }

    /// Opens the TLS records in `bytes`; `take` gets the plaintext. `None`: the connection ended,
    /// or does not use TLS.
    pub fn open_records(
        &mut self,
        id: ConnId,
        bytes: &mut [u8],
        take: impl FnMut(&[u8]),
    ) -> Option<Result<Opened, TlsFault>> {
        self.change(id, |conn, spare, _| {
            conn.tls.as_deref_mut().map(|tls| tls.open(bytes, spare, take))
        })
        .flatten()
    }

    /// What the kernel is to be given next.
    pub fn to_write(&mut self, id: ConnId) -> &[u8] {
        self.change(id, |conn, spare, _| conn.seal(spare));
        self.get(id).map_or(&[], Connection::to_write)
    }

    /// The kernel took `bytes` of [`Conns::to_write`]. Returns how many bytes of plaintext left
    /// with them, and how many bytes of plaintext still wait.
    pub fn was_sent(&mut self, id: ConnId, bytes: usize, now: Moment) -> Option<(usize, usize)> {
        self.change(id, |conn, spare, _| {
            let plain = conn.was_sent(bytes, now, spare);
            (plain, conn.send.len())
        })
    }

    /// Drops what the connection is to be sent after the unit that is being written.
    pub fn drop_unbegun(&mut self, id: ConnId) {
        self.change(id, |conn, spare, _| conn.drop_unbegun(spare));
    }

    /// Something happens to the connection. The one place where send buffers change, and the total
    /// with them. `act` is also given the bytes that wait to be sent on all other connections.
    fn change<T>(
        &mut self,
        id: ConnId,
        act: impl FnOnce(&mut Connection, &mut SpareBuffers, usize) -> T,
    ) -> Option<T> {
        let conn = self.by_id.get_mut(id)?;
        let others_bytes = self.unsent_bytes - conn.unsent_bytes();
        let done = act(conn, &mut self.spare, others_bytes);
        self.unsent_bytes = others_bytes + conn.unsent_bytes();
        if !std::mem::replace(&mut conn.touched, true) {
            self.touched.push(id);
        }
        Some(done)
    }

    // --- the end ---

    /// Decides that the connection closes after it was sent all that waits.
    pub fn close(&mut self, id: ConnId, reason: CloseReason, now: Moment) {
        self.change(id, |conn, _, _| conn.close(reason, now));
    }

    /// The connection ends at once: nothing can be sent any more.
    pub fn die(&mut self, id: ConnId, reason: CloseReason) {
        self.change(id, |conn, _, _| conn.die(reason));
    }

    /// Removes a dead connection.
    pub fn remove(&mut self, id: ConnId) -> Option<Connection> {
        let conn = self.by_id.remove(id)?;
        debug_assert!(conn.stage == Stage::Dead && !conn.touched);
        self.unsent_bytes -= conn.unsent_bytes();
        if let Some((why, _)) = conn.rests.shown() {
            self.resting[why as usize] -= 1;
        }
        self.check_invariants();
        Some(conn)
    }

    /// In a debug build: the totals are what a count finds.
    fn check_invariants(&self) {
        if cfg!(debug_assertions) {
            let unsent: usize = self.from_slot(0).map(|(_, conn)| conn.unsent_bytes()).sum();
            assert_eq!(unsent, self.unsent_bytes);
            let mut resting = [0; Rest::ALL.len()];
            let why = self.from_slot(0).filter_map(|(_, conn)| conn.rests.shown());
            why.for_each(|(why, _)| resting[why as usize] += 1);
            assert_eq!(resting, self.resting);
            let is_touched = |id: &ConnId| self.get(*id).is_some_and(|conn| conn.touched);
            assert!(self.touched.iter().all(is_touched), "nothing listed has ended");
        }
    }
}

/// A connection that is not closing, and whose send buffer is appended to.
pub struct Appender<'c> {
    conn: &'c mut Connection,
    spare: &'c mut SpareBuffers,
    /// The bytes that wait to be sent on all other connections.
    others_bytes: usize,
    now: Now,
}

impl Appender<'_> {
    /// See [`Connection::may_be_pushed`].
    pub fn may_be_pushed(&self) -> bool {
        self.conn.may_be_pushed()
    }

    /// Appends what is said, encoded by the connection's protocol.
    pub fn say(&mut self, said: &mut Said) {
        let unix = self.now.unix;
        self.append(|protocol, out| protocol.encode(said, unix, out));
    }

    /// How many bytes of plaintext wait to be sent.
    pub fn unsent_bytes(&self) -> usize {
        self.conn.send.len()
    }

    fn append(&mut self, write: impl FnOnce(&mut dyn Codec, &mut Vec<u8>)) {
        self.conn.append(self.now.mono, self.spare, write);
        if self.others_bytes + self.conn.unsent_bytes() > limits::SEND_TOTAL_BYTES_MAX {
            self.conn.rests.backed_up = true;
        }
    }
}
