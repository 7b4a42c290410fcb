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
use super::{Fatal, Server, fatal};
use crate::handlers;
use crate::id::{ConnId, Now};
use crate::outbox::Effect;
use crate::store::{Committed, Store, StoreError};
use crate::wire::{Code, Refusal, RequestId};

/// The effects of each transaction of a tick.
pub(super) type AllCommitted = Vec<Committed<Vec<Effect>>>;

impl Server {
    /// Puts the tick on disk. What comes back may be delivered.
    ///
    /// # Errors
    /// The outcome is unknown or the disk is broken: the process must end at once, without a
    /// reply.
    pub(super) fn commit_tick(&mut self, now: Now) -> Result<AllCommitted, Fatal> {
        if !self.store.in_transaction() {
            // If there is something to serve, `serve` gave its transaction up.
            let is_idle = self.reading.intake.is_idle();
            return if is_idle { Ok(Vec::new()) } else { self.commit_one_by_one(now) };
        }
        // Cursors that are due cost no fsync of their own here.
        let staged = self.upkeep.stage_cursors(&mut self.store, &self.chat.sessions, now);
        let (mut serve, _) = self.serving(now);
        match staged.and_then(|staged| Ok((staged, serve.try_commit()?))) {
            Ok((staged, committed)) => {
                if staged {
                    self.chat.sessions.cursors_written(now.mono);
                }
                Ok(vec![committed])
            }
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            Err(_) => {
                serve.give_up_transaction()?;
                self.commit_one_by_one(now)
            }
        }
    }

    /// The second walk. It serves no more than the first did, so no budget is charged twice.
    fn commit_one_by_one(&mut self, now: Now) -> Result<AllCommitted, Fatal> {
        // On a full disk the write-ahead log cannot grow, but it can begin anew.
        self.upkeep.break_hold(&mut self.conns, now);
        self.upkeep.copy_log(&mut self.store, now)?;
        let (mut serve, reading) = self.serving(now);
        serve.walk_one_by_one(&mut reading.intake)
    }
}

impl Serve<'_> {
    fn try_commit(&mut self) -> Result<Committed<Vec<Effect>>, StoreError> {
        let committed = self.store.commit(self.chat.outbox.take())?;
        self.chat.counters.commits += 1;
        Ok(committed)
    }

    fn walk_one_by_one(&mut self, intake: &mut Intake) -> Result<AllCommitted, Fatal> {
        let mut all = Vec::new();
        for index in 0..intake.hashes().len() {
            let conn = intake.hashes()[index].0;
            let re = self.chat.waiting.get(&conn).and_then(|waiting| waiting.re.clone());
            let serve = |phase: &mut Serve| phase.serve_hash(intake, index);
            let (committed, _) = self.commit_alone((conn, re), serve)?;
            all.push(committed);
            // An attempt is judged once, also where its answer does not fit.
            self.chat.throttle.keep();
        }
        for index in 0..intake.portions() {
            let (conn, served) = (intake.portion(index).conn, intake.portion(index).served);
            for frame in 0..served {
                if self.chat.outbox.holds(conn) {
                    intake.set_served(index, frame);
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
    ) -> Result<(Committed<Vec<Effect>>, bool), Fatal> {
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

/// Does some work on the store in a transaction of its own, when no tick's is open. `None`: there
/// was no room for it, and nothing of it has happened.
pub(super) fn apart<T>(
    store: &mut Store,
    work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
) -> Result<Option<T>, Fatal> {
    store.begin().map_err(fatal)?;
    match work(store).and_then(|done| store.commit(done)) {
        Ok(done) => Ok(Some(done.into_inner())),
        Err(StoreError::Broken(why)) => Err(Fatal(why)),
        Err(_) => roll_back(store).map(|()| None),
    }
}

/// Ends the transaction, if a COMMIT that failed has not ended it already.
fn roll_back(store: &mut Store) -> Result<(), Fatal> {
    if store.in_transaction() { store.rollback().map_err(fatal) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event_loop::app::{App, Peer, Share};
    use crate::handlers::Rules;
    use crate::id::{Door, Moment, UserId};
    use crate::limits;
    use crate::names::Name;
    use crate::password::KeyHash;
    use crate::store::{Opening, Store, Synchronous};
    use crate::wire::{frame, request};

    const NOW: Now = Now { mono: Moment(1), unix: 1 };

    /// A server over a new database in which ann, whose login key is `key`, and bob are friends.
    fn server(rules: Rules) -> (Server, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a directory");
        let synchronous = Synchronous::Off;
        let opening = Opening { dir: dir.path(), epoch: "0123456789abcdef", synchronous };
        let (mut store, _) = Store::open(&opening).expect("open");
        store.begin().expect("begin");
        for name in ["ann", "bob"] {
            store.add_user(&Name::user(name).expect("name"), "!", false, 1).expect("user");
        }
        store.people_mut().befriend(UserId(1), UserId(2)).expect("befriend");
        store.people_mut().set_key(UserId(1), Some(&KeyHash::of("key").0), 1).expect("key");
        store.commit(()).expect("commit").into_inner();
        (Server::new(store, rules, Box::new(()), [7; 32], NOW.mono), dir)
    }

    fn connect(server: &mut Server, address: &str) -> ConnId {
        let slot = server.conns.len() as u32;
        let id = ConnId { slot, generation: slot + 1 };
        let address = address.parse().expect("an address");
        assert!(server.accepted(id, Peer { address, door: Door::Front }, NOW));
        id
    }

    fn say(server: &mut Server, id: ConnId, kind: &str, args: &Value) {
        let mut bytes = server.conns.get_mut(id).expect("it lives").received.give().into_vec();
        request::append(&mut bytes, kind, 1, args);
        server.conns.get_mut(id).expect("it lives").received.keep(&bytes);
    }

    /// One tick without an edge; how many password hashes it starts.
    fn tick(server: &mut Server, conns: &[ConnId]) -> usize {
        for &id in conns {
            server.room(id, Share::Full).expect("room");
        }
        server.decode(NOW);
        server.serve(NOW, &|| NOW.mono).expect("serve");
        let committed = server.commit(NOW).expect("commit");
        let hashes = App::deliver(server, committed, NOW).expect("deliver");
        hashes.len()
    }

    /// The codes that a connection was answered since it was last asked.
    fn codes(server: &mut Server, id: ConnId) -> Vec<String> {
        let mut codes = Vec::new();
        while let Ok(Some(length)) = frame::frame_len(server.to_write(id)) {
            let payload = frame::payload(&server.to_write(id)[..length]).expect("a frame");
            let reply: Value = serde_json::from_slice(payload).expect("JSON");
            codes.extend(reply["payload"]["code"].as_str().map(str::to_owned));
            server.sent(id, length, NOW);
        }
        codes
    }

    #[test]
    fn p3_a_tick_that_runs_again_refuses_only_what_does_not_fit_and_counts_nothing_twice() {
        let mut rules = Rules::default();
        rules.limits.registrations_per_hour = 1;
        let (mut server, _dir) = server(rules);
        let ann = connect(&mut server, "127.0.0.1:1");
        let new = connect(&mut server, "192.0.2.1:1");
        say(&mut server, ann, "resume", &json!({"auth_token": "key"}));
        tick(&mut server, &[ann]);
        assert_eq!(codes(&mut server, ann), ["ok"]);

        server.store.fill_disk();
        let text = "x".repeat(8_000);
        let mut send = json!({"auth_token": "key", "username": "bob", "message": "short"});
        say(&mut server, ann, "send", &send);
        send["message"] = text.into();
        for _ in 0..7 {
            say(&mut server, ann, "send", &send);
        }
        say(&mut server, new, "ping", &json!({}));
        say(&mut server, new, "nonsense", &json!({}));
        let account = json!({"username": "cem", "password": "correct horse"});
        say(&mut server, new, "reg", &account);
        assert_eq!(tick(&mut server, &[new, ann]), 1, "the registration is hashed, not refused");
        // A walk ends where the transaction does; the frames behind it are the next tick's.
        for _ in 0..7 {
            assert_eq!(tick(&mut server, &[ann]), 0);
        }

        let answers = codes(&mut server, ann);
        assert_eq!((answers.len(), answers[0].as_str()), (8, "ok"), "what fits alone is stored");
        assert_eq!(answers[7], "storage_full");
        let stored = answers.iter().filter(|code| *code == "ok").count() as u64;
        assert_eq!(server.store.log_rows(), stored);
        assert_eq!(codes(&mut server, new), ["ok", "unknown_type"]);
        let refused = server.chat.counters.refusals();
        assert!(refused.contains(&("unknown_type", 1)), "P29: {refused:?}");
        assert!(refused.contains(&("storage_full", 8 - stored)), "P29: {refused:?}");
        assert_eq!(
            (server.chat.counters.answered, server.chat.counters.appended),
            (2 + stored, stored)
        );
    }
    #[test]
    fn p20_the_write_ahead_log_is_copied_whenever_it_is_long() {
        let mut rules = Rules::default();
        (rules.limits.messages_per_second, rules.limits.requests_per_second) = (0, 0);
        let (mut server, _dir) = server(rules);
        let ann = connect(&mut server, "127.0.0.1:1");
        say(&mut server, ann, "resume", &json!({"auth_token": "key"}));
        tick(&mut server, &[ann]);
        let text = "x".repeat(8_000);
        let send = json!({"auth_token": "key", "username": "ann", "message": text});
        server.store.begin().expect("begin");
        server.store.people_mut().befriend(UserId(1), UserId(1)).expect("befriend");
        server.store.commit(()).expect("commit").into_inner();
        for _ in 0..limits::WAL_PAGES_MAX / 4 {
            (0..4).for_each(|_| say(&mut server, ann, "send", &send));
            tick(&mut server, &[ann]);
            codes(&mut server, ann);
            server.upkeep(NOW, &|| NOW.mono).expect("checkpoint");
            assert!(server.store.wal_pages() < limits::WAL_PAGES_MAX, "at the same moment, too");
        }
        assert!(server.store.log_rows() > u64::from(limits::WAL_PAGES_MAX) / 2);
    }
}
