//! Write: which connections are written to, and what follows when the kernel took their bytes.
//!
//! The loop writes what `Conns::to_write` has of each connection that something happened to, until
//! the kernel takes no more. What the kernel took is gone from the send buffer: a session that does
//! not confirm has seen it, and a reader who is behind has room for more of the log.

use super::chat::Chat;
use super::deliver::Delivery;
use super::read::Reading;
use crate::conn::Conns;
use crate::id::{ConnId, Moment};

/// The phase, and the parts that it borrows.
pub(super) struct Write<'s> {
    pub conns: &'s mut Conns,
    pub reading: &'s mut Reading,
    pub chat: &'s mut Chat,
    pub delivery: &'s mut Delivery,
}

impl Write<'_> {
    /// Hands over the connections touched, each once, in the order in which they take their next
    /// turn: if this tick had no time for all, the next round begins where it stopped (P21).
    pub fn take_touched(&mut self, into: &mut Vec<ConnId>) {
        let begin = into.len();
        self.conns.take_touched(into);
        let touched = &mut into[begin..];
        let stopped_at = self.reading.stopped_at.take();
        if let Some(first) = touched.iter().position(|id| Some(*id) == stopped_at) {
            touched.rotate_left(first);
        }
    }

    /// The kernel took `count` bytes of the connection.
    pub fn sent(&mut self, id: ConnId, count: usize, now: Moment) {
        let Write { conns, chat, delivery, .. } = self;
        let Some((count, unsent)) = conns.was_sent(id, count, now) else { return };
        let Some(session) = chat.sessions.get_mut(id) else { return };
        let behind = session.behind;
        if let Some(seen) = session.pass_mark(count, unsent) {
            chat.sessions.confirm(id, seen, delivery.head);
        }
        if behind {
            delivery.queue_behind(conns, id);
        }
    }
}
