//! Reap: what a tick leaves behind. Unserved bytes go back to their connections, deadlines are
//! looked at, closed connections freed: only here, so that no phase meets a stranger in a slot.

use super::chat::Chat;
use super::read::Reading;
use crate::conn::{CloseReason, Conns, Due, Stage};
use crate::event_loop::app::Alive;
use crate::event_loop::turns::Queue;
use crate::id::{ConnId, ListenerKind, Now, Seq};
use crate::limits::INTAKE_BYTES_PER_CONN;

/// The phase, and the parts that it borrows.
pub(super) struct Reap<'s> {
    pub conns: &'s mut Conns,
    pub reading: &'s mut Reading,
    pub chat: &'s mut Chat,
    /// The end of the log.
    pub head: Seq,
    pub now: Now,
}

impl Reap<'_> {
    /// Gives back what was not served and forgets the tick's intake.
    pub fn end_intake(&mut self) {
        for index in 0..self.reading.intake.portions.len() {
            let portion = &self.reading.intake.portions[index];
            let Some(conn) = self.conns.get_mut(portion.conn) else { continue };
            if portion.fault_was_served() {
                conn.protocol.note_fault_told();
            }
            if conn.is_serving() {
                conn.received = self.reading.intake.rest(portion).into();
                debug_assert!(conn.received.len() <= INTAKE_BYTES_PER_CONN);
                match conn.is_within() {
                    true => conn.timeouts.begin(self.now.mono),
                    false => conn.timeouts.end(),
                }
            }
        }
        self.reading.intake.clear();
    }

    /// A peer that sends no more, and whose last request is served, has all that it will get once
    /// what is on its way is sent.
    pub fn close_served(&mut self) {
        for index in 0..self.conns.touched().len() {
            let id = self.conns.touched()[index];
            let Some(conn) = self.conns.get_mut(id) else { continue };
            if conn.peer_finished && !conn.owes_answer() && conn.is_serving() && !conn.has_work() {
                conn.close(CloseReason::PeerLeft, self.now.mono);
            }
        }
    }

    /// Decides what is left to do for a connection at the end of a tick. Only here are slots
    /// freed.
    pub fn settle(&mut self, id: ConnId) -> Option<Alive> {
        let conn = self.conns.get_mut(id)?;
        conn.touched = false;
        if !conn.is_serving() {
            self.chat.sessions.sign_out(id, self.head);
        }
        let shut_down = conn.stage == Stage::Flushing && !conn.wants_write();
        if shut_down {
            conn.linger(self.now.mono);
            if conn.peer_finished {
                conn.die(CloseReason::PeerLeft);
            }
        }
        if conn.stage == Stage::Dead {
            self.free(id);
            return None;
        }
        self.conns.end_tick(id, self.now.mono);
        let conn = self.conns.get(id)?;
        let deadline = conn.next_deadline(&self.chat.rules.limits).map(|(at, _)| at);
        let (may_read, has_work) =
            (conn.may_be_served() || shut_down, conn.has_work() || shut_down);
        let is_newcomer =
            conn.from.listener == ListenerKind::Public && self.chat.sessions.get(id).is_none();
        let queue = match is_newcomer {
            true => Queue::Newcomers,
            false if self.reading.spent.contains(&id) => Queue::Spent,
            false => Queue::Known,
        };
        Some(Alive { deadline, queue, may_read, has_work, shut_down })
    }

    fn free(&mut self, id: ConnId) {
        self.chat.drop_hash(id, self.now);
        let Some(conn) = self.conns.remove(id) else { return };
        if conn.from.counted {
            self.chat.throttle.disconnect(conn.from.address());
        }
        self.reading.reserved.left(id, conn.from.listener);
        let reason = conn.reason.unwrap_or(CloseReason::PeerLeft).name();
        self.chat.counters.closed(reason);
        log::debug!("{id}: closed, {reason}");
    }

    /// A deadline of the connection may have passed.
    pub fn expire(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let next = conn.next_deadline(&self.chat.rules.limits);
        match next.filter(|(at, _)| *at <= self.now.mono).map(|(_, due)| due) {
            None => {}
            Some(Due::GoOn) => conn.rests.rate_limited_until = None,
            Some(Due::Close(reason)) => conn.close(reason, self.now.mono),
            Some(Due::Drop) => conn.die(CloseReason::Io),
        }
        self.conns.touch(id);
    }
}
