//! Commit: one transaction, one fsync, for everything the tick decided.
//!
//! ```text
//! COMMIT ─ ok ─────────────► Committed effects
//!        ─ full, no memory ► roll back, walk again: a transaction for each request,
//!        │                   and only the one that does not fit alone is refused
//!        └ anything else ──► Fatal: the outcome is unknown, so nothing is said (P4)
//! ```

use super::intake::Intake;
use super::serve::{Serve, content};
use super::transaction::{Fatal, fatal, roll_back};
use super::upkeep::Upkeep;
use crate::handlers;
use crate::id::ConnId;
use crate::outbox::Staged;
use crate::store::{Committed, StoreError};
use crate::wire::{Code, Refusal, RequestId};

/// What was staged in each transaction of a tick.
pub(super) type AllCommitted = Vec<Committed<Staged>>;

/// The phase, and the parts that it borrows.
pub(super) struct Commit<'s> {
    pub serve: Serve<'s>,
    pub upkeep: &'s mut Upkeep,
}

impl Commit<'_> {
    /// Puts the tick on disk. What comes back may be delivered.
    ///
    /// # Errors
    /// The outcome is unknown or the disk is broken: the process must end at once, without a
    /// reply.
    pub fn run(&mut self, intake: &mut Intake) -> Result<AllCommitted, Fatal> {
        if !self.serve.store.in_transaction() {
            // If there is something to serve, `serve` gave its transaction up.
            let is_idle = intake.is_idle();
            return if is_idle { Ok(Vec::new()) } else { self.commit_one_by_one(intake) };
        }
        match self.commit_all() {
            Ok(committed) => Ok(vec![committed]),
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            Err(_) => {
                self.serve.give_up_transaction()?;
                self.commit_one_by_one(intake)
            }
        }
    }

    fn commit_all(&mut self) -> Result<Committed<Staged>, StoreError> {
        let Serve { store, chat, now, .. } = &mut self.serve;
        // Cursors that are due cost no fsync of their own here.
        let staged = self.upkeep.stage_cursors(store, &chat.sessions, *now)?;
        let committed = self.serve.try_commit()?;
        if staged {
            self.serve.chat.sessions.cursors_written(self.serve.now.mono);
        }
        Ok(committed)
    }

    /// The second walk. It serves no more than the first did, so no budget is charged twice.
    fn commit_one_by_one(&mut self, intake: &mut Intake) -> Result<AllCommitted, Fatal> {
        let Commit { serve, upkeep } = self;
        // On a full disk the write-ahead log cannot grow, but it can begin anew.
        upkeep.hold.give_up(serve.conns, serve.now);
        upkeep.copy_log(serve.store, serve.now)?;
        serve.facts.storage_low = upkeep.is_short();
        serve.walk_one_by_one(intake)
    }
}

impl Serve<'_> {
    fn try_commit(&mut self) -> Result<Committed<Staged>, StoreError> {
        let committed = self.store.commit(self.chat.outbox.take())?;
        self.chat.counters.commits += 1;
        Ok(committed)
    }

    fn walk_one_by_one(&mut self, intake: &mut Intake) -> Result<AllCommitted, Fatal> {
        let mut all = Vec::new();
        for index in 0..intake.hashes.len() {
            let conn = intake.hashes[index].0;
            let re = self.chat.waiting.get(&conn).and_then(|waiting| waiting.re.clone());
            let serve = |phase: &mut Serve| phase.serve_hash(intake, index);
            let (committed, _) = self.commit_alone((conn, re), serve)?;
            all.push(committed);
            // An attempt is judged once, also where its answer does not fit.
            self.chat.throttle.keep();
        }
        for index in 0..intake.portions.len() {
            let (conn, served) = (intake.portions[index].conn, intake.portions[index].served);
            for frame in 0..served {
                if self.chat.outbox.holds(conn) {
                    intake.portions[index].served = frame;
                    break;
                }
                let content = content(intake, index, frame);
                let re = content.as_ref().ok().and_then(|request| request.id().ok().flatten());
                let serve = |phase: &mut Serve| phase.serve_frame(conn, &content);
                let (committed, stands) = self.commit_alone((conn, re), serve)?;
                all.push(committed);
                // What does not fit has not begun anything that would have to be ended.
                let throttle = &mut self.chat.throttle;
                if stands { throttle.keep() } else { throttle.rewind() }
            }
        }
        Ok(all)
    }

    /// One request in a transaction of its own: its effects, and true; or a refusal, and false.
    fn commit_alone(
        &mut self,
        (conn, re): (ConnId, Option<RequestId>),
        serve: impl FnOnce(&mut Serve) -> Result<(), StoreError>,
    ) -> Result<(Committed<Staged>, bool), Fatal> {
        let mark = self.chat.outbox.mark();
        self.store.begin().map_err(fatal)?;
        let code = match serve(self).and_then(|()| self.try_commit()) {
            Ok(committed) => return Ok((committed, true)),
            Err(StoreError::Broken(why)) => return Err(Fatal(why)),
            Err(StoreError::Full) => Code::StorageFull,
            Err(StoreError::NoMemory) => Code::Busy,
        };
        // Rolled back, so the refusal is definite (P4). It rides on a transaction that writes
        // nothing, which needs no space.
        self.chat.outbox.rewind(mark);
        roll_back(self.store)?;
        self.store.begin().map_err(fatal)?;
        if let Some(caller) = self.caller(conn) {
            handlers::refuse(&mut self.cx(caller), re, &Refusal::from(code));
        }
        self.try_commit().map(|committed| (committed, false)).map_err(fatal)
    }

    /// Nothing of this tick has happened.
    pub(super) fn give_up_transaction(&mut self) -> Result<(), Fatal> {
        self.chat.outbox.take();
        self.chat.outbox.release();
        self.chat.throttle.rewind();
        roll_back(self.store)
    }
}
