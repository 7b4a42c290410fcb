//! Commit: one transaction, one fsync, for everything the tick decided.
//!
//! ```text
//! COMMIT ─ ok ─────────────► Committed effects
//!        ─ full, no memory ► roll back, walk again: a transaction for each request,
//!        │                   and only the one that does not fit alone is refused
//!        └ anything else ──► Fatal: the outcome is unknown, so nothing is said (P4)
//! ```

use super::serve::content;
use super::{Fatal, Intake, Server, fatal};
use crate::handlers;
use crate::id::{ConnId, Now};
use crate::limits;
use crate::outbox::Effect;
use crate::store::{Committed, StoreError};
use crate::wire::{Code, Refusal, RequestId};

impl Server {
    /// Puts the tick on disk. What comes back may be delivered.
    ///
    /// # Errors
    /// The outcome is unknown or the disk is broken: the process must end at once, without a
    /// reply.
    pub fn commit(&mut self, now: Now) -> Result<Vec<Committed<Vec<Effect>>>, Fatal> {
        let cursors_due = self.cursors_due(now);
        if !self.store.in_transaction() {
            if !self.intake.is_idle() {
                // `serve` gave its transaction up.
                return self.commit_one_by_one(now);
            }
            if !cursors_due {
                return Ok(Vec::new());
            }
            self.store.begin().map_err(fatal)?;
        }
        match self.try_commit(cursors_due, now) {
            Ok(committed) => Ok(vec![committed]),
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            Err(_) => {
                self.give_up_transaction()?;
                self.commit_one_by_one(now)
            }
        }
    }

    pub(super) fn try_commit(
        &mut self,
        cursors_due: bool,
        now: Now,
    ) -> Result<Committed<Vec<Effect>>, StoreError> {
        if cursors_due {
            // Whatever becomes of it, it is not tried again at once.
            self.cursors_written = now.mono;
            for (user, moved) in self.sessions.dirty_cursors() {
                self.store.set_cursor(user, moved.seq)?;
                if moved.caught_up {
                    self.store.clear_waiting(user)?;
                }
                if moved.ended {
                    self.store.touch_key(user, now.unix)?;
                }
            }
        }
        let committed = self.store.commit(self.outbox.take())?;
        if cursors_due {
            self.sessions.cursors_written(now.mono);
        }
        self.counters.commits += 1;
        Ok(committed)
    }

    /// The second walk. It serves no more than the first did, so no budget is charged twice.
    fn commit_one_by_one(&mut self, now: Now) -> Result<Vec<Committed<Vec<Effect>>>, Fatal> {
        let mut intake = std::mem::take(&mut self.intake);
        let committed = self.walk_one_by_one(&mut intake, now);
        self.intake = intake;
        committed
    }

    fn walk_one_by_one(
        &mut self,
        intake: &mut Intake,
        now: Now,
    ) -> Result<Vec<Committed<Vec<Effect>>>, Fatal> {
        let mut all = Vec::new();
        for index in 0..intake.hashes().len() {
            let conn = intake.hashes()[index].0;
            let re = self.waiting.get(&conn).and_then(|waiting| waiting.re.clone());
            let serve = |server: &mut Server| server.serve_hash(intake, index, now);
            all.push(self.commit_alone((conn, re), now, serve)?);
        }
        for index in 0..intake.portions() {
            let (conn, served) = (intake.portion(index).conn, intake.portion(index).served);
            for frame in 0..served {
                if self.outbox.holds(conn) {
                    intake.set_served(index, frame);
                    break;
                }
                let content = content(intake, index, frame);
                let re = content.as_ref().ok().and_then(|request| request.id().ok().flatten());
                let serve = |server: &mut Server| server.serve_frame(conn, &content, now);
                all.push(self.commit_alone((conn, re), now, serve)?);
            }
        }
        Ok(all)
    }

    fn commit_alone(
        &mut self,
        (conn, re): (ConnId, Option<RequestId>),
        now: Now,
        serve: impl FnOnce(&mut Server) -> Result<(), StoreError>,
    ) -> Result<Committed<Vec<Effect>>, Fatal> {
        let mark = self.outbox.mark();
        self.store.begin().map_err(fatal)?;
        let code = match serve(self).and_then(|()| self.try_commit(false, now)) {
            Ok(committed) => return Ok(committed),
            Err(StoreError::Broken(why)) => return Err(Fatal(why)),
            Err(StoreError::Full) => Code::StorageFull,
            Err(StoreError::NoMemory) => Code::Busy,
        };
        // Rolled back, so the refusal is definite (P4). It rides on a transaction that writes
        // nothing, which needs no space.
        self.outbox.rewind(mark);
        self.roll_back()?;
        self.store.begin().map_err(fatal)?;
        if let Some(caller) = self.caller(conn) {
            handlers::refuse(&mut self.facts(now), caller, re, &Refusal::from(code));
        }
        self.try_commit(false, now).map_err(fatal)
    }

    /// Nothing of this tick has happened.
    pub(super) fn give_up_transaction(&mut self) -> Result<(), Fatal> {
        self.outbox.take();
        self.outbox.release();
        self.roll_back()
    }

    /// Ends the transaction, if a COMMIT that failed has not ended it already.
    pub(super) fn roll_back(&mut self) -> Result<(), Fatal> {
        if self.store.in_transaction() { self.store.rollback().map_err(fatal) } else { Ok(()) }
    }

    fn cursors_due(&self, now: Now) -> bool {
        let since = now.mono.since(self.cursors_written).as_micros() as u64;
        self.sessions.has_dirty_cursors() && since >= limits::CURSOR_DELAY_MICROS
    }
}
