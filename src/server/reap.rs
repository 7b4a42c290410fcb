//! Reap: what a tick leaves behind. Unserved bytes go back to their connections, deadlines are
//! looked at, closed connections freed: only here, so that no phase meets a stranger in a slot.

use std::time::Duration;

use super::{Fatal, Server, fatal};
use crate::conn::{CloseReason, Due, Stage};
use crate::event_loop::app::{Alive, Settled};
use crate::event_loop::turns::Queue;
use crate::id::{ConnId, Door, Moment, Now};
use crate::limits;

impl Server {
    /// Gives back what was not served and forgets the tick's intake.
    pub(super) fn end_intake(&mut self, now: Now) {
        for index in 0..self.intake.portions() {
            let portion = self.intake.portion(index);
            let Some(conn) = self.conns.get_mut(portion.conn) else { continue };
            if portion.fault_was_served() {
                conn.protocol.fault_was_told();
            }
            if conn.is_serving() {
                conn.received.keep(self.intake.rest(portion));
                conn.frame_is_begun(conn.is_within(), now.mono);
            }
        }
        self.intake.clear();
    }

    /// A peer that sends no more, and whose last request is served, has all that it will get once
    /// what is on its way is sent.
    pub(super) fn close_served(&mut self, now: Now) {
        for index in 0..self.conns.touched().len() {
            let id = self.conns.touched()[index];
            let Some(conn) = self.conns.get_mut(id) else { continue };
            if conn.peer_finished && !conn.owes_answer() && conn.is_serving() && !conn.has_work() {
                conn.close(CloseReason::PeerLeft, now.mono);
            }
        }
    }

    /// Hands over the connections touched, each once, in the order in which they take their next
    /// turn: if this tick had no time for all, the next round begins where it stopped (P21).
    pub(super) fn take_all_touched(&mut self, into: &mut Vec<ConnId>) {
        let begin = into.len();
        self.conns.take_touched(into);
        let touched = &mut into[begin..];
        let stopped_at = self.stopped_at.take();
        if let Some(first) = touched.iter().position(|id| Some(*id) == stopped_at) {
            touched.rotate_left(first);
        }
    }

    /// Decides what is left to do for a connection at the end of a tick. Only here are slots
    /// freed.
    pub(super) fn settle_one(&mut self, id: ConnId, now: Now) -> Settled {
        let Some(conn) = self.conns.get_mut(id) else { return Settled::Gone };
        conn.touched = false;
        if !conn.is_serving() {
            self.sessions.sign_out(id, self.head);
        }
        let shut_down = conn.stage == Stage::Flushing && !conn.wants_write();
        if shut_down {
            conn.linger(now.mono);
            if conn.peer_finished {
                conn.die(CloseReason::PeerLeft);
            }
        }
        if conn.stage == Stage::Dead {
            self.free(id, now);
            return Settled::Gone;
        }
        self.conns.end_tick(id, now.mono);
        let Some(conn) = self.conns.get(id) else { return Settled::Gone };
        let deadline = match conn.due(now.mono, &self.rules.limits) {
            Due::Never => None,
            Due::Later(at) => Some(at),
            _ => Some(now.mono),
        };
        let (may_read, has_work) =
            (conn.may_be_served() || shut_down, conn.has_work() || shut_down);
        let is_newcomer = conn.door == Door::Front && self.sessions.get(id).is_none();
        let queue = match is_newcomer {
            true => Queue::Newcomers,
            false if self.spent.contains(&id) => Queue::Spent,
            false => Queue::Known,
        };
        Settled::Alive(Alive { deadline, queue, may_read, has_work, shut_down })
    }

    fn free(&mut self, id: ConnId, now: Now) {
        self.drop_hash(id, now);
        let Some(conn) = self.conns.remove(id) else { return };
        match conn.door {
            Door::Front if conn.counted => self.throttle.disconnect(conn.peer()),
            Door::Front => {}
            Door::Control => self.operators -= 1,
            Door::Metrics => self.monitors_in.retain(|other| *other != id),
        }
        let reason = conn.reason.unwrap_or(CloseReason::PeerLeft).name();
        self.counters.closed(reason);
        log::debug!("{id}: closed, {reason}");
    }

    /// A deadline of the connection may have passed.
    pub(super) fn look_at_deadline(&mut self, id: ConnId, now: Now) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        match conn.due(now.mono, &self.rules.limits) {
            Due::Never | Due::Later(_) => {}
            Due::GoOn => conn.limit_rate(None),
            Due::Close(reason) => conn.close(reason, now.mono),
            Due::Drop => conn.die(CloseReason::Io),
        }
        self.conns.touch(id);
    }

    /// Whether somebody can be told something at once: a reader who is behind, or whoever watches.
    pub(super) fn has_more_to_tell(&self) -> bool {
        self.has_behind() || self.telling.is_some() || self.sessions.has_changed()
    }

    /// Whether a reader who is behind can be fed.
    pub(super) fn has_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// When the server wants to be woken though nothing happens.
    pub(super) fn next_upkeep(&self) -> Option<Moment> {
        let micros = Duration::from_micros;
        let cursors = self
            .sessions
            .has_dirty_cursors()
            .then(|| self.cursors_written.after(micros(limits::CURSOR_DELAY_MICROS)));
        let retention = self.retention_due();
        let certificate = Some(self.certificate_look_at);
        let due = [
            cursors,
            self.checkpoint_due(),
            self.conns.trim_due(),
            retention,
            self.indexing_due(),
            certificate,
        ];
        due.into_iter().flatten().min()
    }

    /// Gives memory back that has not been needed for a while.
    pub(super) fn trim(&mut self, now: Now) {
        self.conns.trim(now.mono);
    }

    /// When the write-ahead log is to be copied into the database: once it is long, or when there
    /// is nothing else to do. While space is short, after each commit: the database grows as long
    /// as it can, and the log keeps its room.
    fn checkpoint_due(&self) -> Option<Moment> {
        if let Some((_, until)) = self.hold {
            return Some(until);
        }
        let pages = self.store.wal_pages();
        let idle = self.last_work.after(Duration::from_micros(limits::IDLE_CHECKPOINT_MICROS));
        let short = self.storage_low || self.log_is_stuck;
        match pages {
            limits::WAL_PAGES_MAX.. => Some(self.checkpoint_not_before),
            1.. if short => Some(self.checkpoint_not_before),
            limits::WAL_PAGES_IDLE.. => Some(idle.max(self.checkpoint_not_before)),
            _ => None,
        }
    }

    /// Checkpoints the write-ahead log when it is due.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn checkpoint(&mut self, now: Now) -> Result<(), Fatal> {
        if self.is_held(now) {
            return Ok(());
        }
        if self.checkpoint_due().is_some_and(|due| now.mono >= due) {
            self.copy_log(now)?;
        }
        Ok(())
    }

    /// Copies the write-ahead log into the database, so that its room can be used again.
    pub(super) fn copy_log(&mut self, now: Now) -> Result<(), Fatal> {
        if now.mono < self.checkpoint_not_before {
            return Ok(());
        }
        self.store.checkpoint().map_err(fatal)?;
        // The database cannot grow: what room the log has left is for what makes nothing new.
        self.log_is_stuck = self.store.wal_pages() > 0;
        if self.log_is_stuck {
            // Another attempt at once would fail as well.
            self.checkpoint_not_before = now.mono.after(Duration::from_secs(1));
        }
        Ok(())
    }
}
