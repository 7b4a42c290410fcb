//! Deliver: apply what was committed, in order, and feed the readers.
//!
//! ```text
//!                       ┌ caught up ── the entry, from this tick's effects ─┐
//! Committed entry ─► reader                                                 ├─► send buffer
//!                       └ behind ───── pages, from the log ─────────────────┘
//! ```
//!
//! Entries of one sender to one conversation that come in a row are a *run*. Whoever reads one of
//! them reads them all, so each reader in turn gets the whole run: with thousands of readers, a
//! walk over all of them for each entry would find none of them in the processor's cache.
//!
//! A reader who cannot take an entry now (the buffer is above its high mark, the tick's budget
//! is spent) is behind from that entry on, and goes on from the log when it can: slow, cut off,
//! offline or new, it is one code path. What a reader was sent is a prefix of what is visible
//! to them, so nothing is skipped and nothing comes twice (P8, P9).

use super::retention::gap_entry;
use super::{Fatal, Server, fatal};
use crate::conn::CloseReason;
use crate::doors::{Said, SharedPush, Transport};
use crate::handlers::entry::as_pushed;
use crate::id::{ConnId, Conversation, Now, Seq, UserId};
use crate::limits;
use crate::locale::{self, Lang};
use crate::outbox::Effect;
use crate::password::Task;
use crate::sessions::SignIn;
use crate::store::{Committed, Entry};
use crate::wire::push::Push;
use crate::wire::{Event, Notice};

/// What one tick may still push.
struct Budget {
    pushes: usize,
    bytes: usize,
    /// Entries and places in the log that may be read for those who are behind.
    reads: usize,
}

impl Budget {
    fn of_a_tick() -> Budget {
        Budget {
            pushes: limits::PUSHES_PER_TICK,
            bytes: limits::PUSH_BYTES_PER_TICK,
            reads: limits::LOG_READS_PER_TICK,
        }
    }

    fn is_spent(&self) -> bool {
        self.pushes == 0 || self.bytes == 0
    }

    fn spend(&mut self, bytes: usize) {
        self.pushes = self.pushes.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Keeps half of the pushes for later.
    fn take_half(&mut self) -> Budget {
        let half = Budget { pushes: self.pushes / 2, bytes: self.bytes / 2, reads: 0 };
        self.pushes -= half.pushes;
        self.bytes -= half.bytes;
        half
    }

    /// So much more may be pushed.
    fn add(&mut self, more: Budget) {
        self.pushes += more.pushes;
        self.bytes += more.bytes;
    }

    /// A reader's own entry is read from the log though it is not pushed, and costs as much:
    /// whoever said a lot must not have a tick of their own at the next sign-in (P21). False: not
    /// now.
    fn pass_over(&mut self) -> bool {
        let spent = self.is_spent();
        self.spend(limits::PUSH_BYTES_PER_TICK / limits::OWN_ENTRIES_PER_TICK);
        !spent
    }
}

/// What is on its way while a tick's effects are applied.
struct Delivery {
    budget: Budget,
    /// Entries applied but for their pushes.
    run: Vec<Entry>,
}

/// An entry with its pushes, one for each language.
struct Pushed<'e> {
    entry: &'e Entry,
    by_lang: [Option<SharedPush<'e>>; 2],
}

impl<'e> Pushed<'e> {
    fn new(entry: &'e Entry) -> Pushed<'e> {
        Pushed { entry, by_lang: [None, None] }
    }

    fn in_lang(&mut self, lang: Lang) -> &mut SharedPush<'e> {
        let entry = self.entry;
        let shared = || SharedPush::new(as_pushed(entry, lang, None), lang, entry.unix, entry.seq);
        self.by_lang[lang.pick(0, 1)].get_or_insert_with(shared)
    }
}

impl Server {
    /// Applies the committed effects in their order, then feeds those who are behind. Gives the
    /// password hashes to be started.
    ///
    /// # Errors
    /// The log could not be read.
    pub(super) fn deliver_all(
        &mut self,
        committed: Vec<Committed<Vec<Effect>>>,
        now: Now,
    ) -> Result<Vec<(ConnId, Task)>, Fatal> {
        self.end_waits();
        let mut budget = Budget::of_a_tick();
        // Those who are behind have half of the tick: whoever is caught up would else be all that
        // is ever served when there is too much for everyone (P14, P21).
        let reserve = (!self.behind.is_empty()).then(|| budget.take_half());
        let mut delivery = Delivery { budget, run: Vec::new() };
        let mut lists = committed.into_iter().map(Committed::into_inner);
        let mut effects = lists.next().unwrap_or_default();
        effects.extend(lists.flatten());
        self.silence_ending(&effects);
        for effect in effects {
            if !self.leaves_run(&delivery.run, &effect) {
                self.push_run(&mut delivery, now);
            }
            self.apply(effect, &mut delivery, now)?;
        }
        self.push_run(&mut delivery, now);
        if let Some(reserve) = reserve {
            delivery.budget.add(reserve);
        }
        self.feed_behind(&mut delivery.budget, now)?;
        self.tell_of_presence(now)?;
        self.answer_monitors(now)?;
        Ok(self.begin_hashes())
    }

    /// Sessions that end in this tick are pushed nothing more, and of what was pushed only the
    /// frame being written still leaves; the answers of this tick come behind it (P17).
    fn silence_ending(&mut self, effects: &[Effect]) {
        for effect in effects {
            let ending = match effect {
                Effect::SignIn(_, sign_in) => self.sessions.conn_of(sign_in.user),
                Effect::Expel(user, _) => self.sessions.conn_of(*user),
                _ => None,
            };
            let Some(id) = ending else { continue };
            if let Some(session) = self.sessions.get_mut(id) {
                session.end_at(self.head);
            }
            self.conns.drop_unbegun(id);
        }
    }

    /// Whether an effect can be applied before the run's pushes, and nobody can tell: it is one
    /// of the run, or an answer to its sender, who is pushed none of them.
    fn leaves_run(&self, run: &[Entry], effect: &Effect) -> bool {
        let Some(first) = run.first() else { return true };
        match effect {
            Effect::Entry(entry) => {
                (entry.conversation, entry.sender) == (first.conversation, first.sender)
            }
            Effect::Reply(id, _) => {
                self.sessions.get(*id).map(|session| session.user) == first.sender
            }
            _ => false,
        }
    }

    fn apply(&mut self, effect: Effect, delivery: &mut Delivery, now: Now) -> Result<(), Fatal> {
        match effect {
            Effect::Reply(id, response) => {
                self.counters.replied(response.code);
                self.say(id, Said::Reply(&response), now);
            }
            Effect::Entry(entry) => delivery.run.push(*entry),
            Effect::Join(user, group) => self.sessions.join(user, group),
            Effect::Leave(user, group) => self.sessions.leave(user, group),
            Effect::Dissolve(group) => self.sessions.dissolve(group),
            Effect::SignIn(id, sign_in) => self.begin_session(id, *sign_in, now),
            Effect::SignOut(id) => self.end_session(id, now),
            Effect::NewKey(id, hash, expires) => self.sessions.renew_key(id, hash, expires),
            Effect::Speak(id, lang) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.lang = lang;
                }
            }
            Effect::Confirm(id, seq) => self.sessions.confirm(id, seq, self.head),
            Effect::Hash(id, task, waiting) => self.queue_hash(id, *task, *waiting, now),
            Effect::Close(id, reason) => self.close(id, reason, None, now),
            Effect::Expel(user, reason) => {
                if let Some(id) = self.sessions.conn_of(user) {
                    let blocked = reason == CloseReason::Blocked;
                    let event = if blocked { Event::Blocked } else { Event::PasswordReset };
                    self.close(id, reason, Some(Notice::plain(event)), now);
                }
            }
            Effect::Rights(user, admin) => {
                let conn = self.sessions.conn_of(user);
                if let Some(session) = conn.and_then(|conn| self.sessions.get_mut(conn)) {
                    session.admin = admin;
                }
            }
            Effect::Watch(id, watches) => self.sessions.watch(id, watches),
            Effect::Receipt(receipt) => self.tell_receipt(&receipt, now),
            Effect::Hold(id) => return self.begin_hold(id, now),
            Effect::Release(id) => self.end_hold(id, now),
        }
        Ok(())
    }

    /// A session begins; an older one of the user ends and is told why.
    fn begin_session(&mut self, id: ConnId, sign_in: SignIn, now: Now) {
        if let Some(older) = self.sessions.conn_of(sign_in.user) {
            let notice = Notice::plain(Event::SignedInElsewhere);
            self.close(older, CloseReason::TakenOver, Some(notice), now);
        }
        let Some(conn) = self.conns.get_mut(id).filter(|conn| conn.is_serving()) else {
            return;
        };
        if std::mem::take(&mut conn.counted) {
            self.throttle.disconnect(conn.peer());
        }
        conn.signed_in(sign_in.acks, now.mono);
        self.retention.reader_came(sign_in.cursor);
        self.sessions.sign_in(id, sign_in);
        self.queue_behind(id);
        self.conns.touch(id);
    }

    /// The session ends and the connection stays. What was pushed is on its way in front of the
    /// answer, and counts as seen by a client that does not confirm.
    fn end_session(&mut self, id: ConnId, now: Now) {
        if let Some(session) = self.sessions.get(id)
            && !session.acks
            && !session.ending
        {
            let pushed = session.pushed;
            self.sessions.confirm(id, pushed, self.head);
        }
        self.sessions.sign_out(id, self.head);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.signed_out(now.mono);
            if conn.via.is_counted() && !std::mem::replace(&mut conn.counted, true) {
                self.throttle.connect_again(conn.peer(), &self.rules.limits);
            }
            self.conns.touch(id);
        }
    }

    pub(super) fn close(
        &mut self,
        id: ConnId,
        reason: CloseReason,
        notice: Option<Notice>,
        now: Now,
    ) {
        if let Some(notice) = notice {
            self.tell(id, notice, now);
        }
        self.sessions.sign_out(id, self.head);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.close(reason, now.mono);
            self.conns.touch(id);
        }
    }

    /// Wakes the readers of the run's conversation, and forgets the run.
    fn push_run(&mut self, delivery: &mut Delivery, now: Now) {
        let run = std::mem::take(&mut delivery.run);
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        self.head = last.seq;
        self.counters.appended += run.len() as u64;
        let mut pushed: Vec<Pushed> = run.iter().map(Pushed::new).collect();
        let readers: Vec<(UserId, ConnId)> = match first.conversation {
            Conversation::Inbox(user) => {
                self.sessions.conn_of(user).map(|conn| (user, conn)).into_iter().collect()
            }
            Conversation::Group(group) => self.sessions.readers_of(group).to_vec(),
            Conversation::Everyone => self.sessions.everyone().collect(),
        };
        for (user, id) in readers {
            if first.sender != Some(user) {
                self.push_run_to(id, &mut pushed, &mut delivery.budget, now);
            }
        }
    }

    /// Pushes a run to a reader who is caught up, up to the first entry that they cannot take.
    fn push_run_to(&mut self, id: ConnId, run: &mut [Pushed], budget: &mut Budget, now: Now) {
        let is_behind = self.sessions.get(id).is_none_or(|session| session.behind);
        if is_behind {
            return;
        }
        for pushed in run {
            if !self.push(id, pushed, budget, now) {
                let Some(session) = self.sessions.get_mut(id) else { return };
                session.behind = true;
                session.sent_seq = Seq(pushed.entry.seq.0 - 1);
                return self.queue_behind(id);
            }
        }
    }

    /// The one place where an entry enters a send buffer. False: not now.
    fn push(&mut self, id: ConnId, pushed: &mut Pushed, budget: &mut Budget, now: Now) -> bool {
        let Some(conn) = self.conns.get_mut(id) else { return false };
        if budget.is_spent() || !conn.may_be_pushed() {
            return false;
        }
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let seq = pushed.entry.seq;
        let prev = std::mem::replace(&mut session.pushed, seq);
        debug_assert!(prev < seq);
        let said = Said::Push(pushed.in_lang(session.lang), prev);
        self.say(id, said, now);
        self.set_mark(id);
        budget.spend(64 + pushed.entry.body.len());
        self.counters.pushed += 1;
        true
    }

    /// A session that does not confirm: what is in the buffer now counts as seen once it is sent.
    fn set_mark(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.set_mark(conn.send.len());
    }

    /// Feeds those who are behind, a page each in turn, until the budget is spent.
    fn feed_behind(&mut self, budget: &mut Budget, now: Now) -> Result<(), Fatal> {
        // What is read here goes straight to send buffers, so it must be on disk already (P2).
        assert!(!self.store.in_transaction(), "pages are read behind the commit");
        if !self.has_behind() {
            return Ok(());
        }
        self.store.begin_reads().map_err(fatal)?;
        let mut turns = self.behind.len();
        while turns > 0 && self.has_behind() && !budget.is_spent() && budget.reads > 0 {
            let Some(id) = self.behind.pop_front() else { break };
            if let Some(session) = self.sessions.get_mut(id) {
                session.queued = false;
            }
            if self.feed_page(id, budget, now)? {
                self.queue_behind(id);
            } else {
                turns -= 1;
            }
        }
        self.store.end_reads().map_err(fatal)
    }

    /// Feeds one reader a page of the log. True: there is more, and room for it.
    fn feed_page(&mut self, id: ConnId, budget: &mut Budget, now: Now) -> Result<bool, Fatal> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(false) };
        if !conn.may_be_pushed() {
            // `sent` queues it again below the low mark.
            return Ok(false);
        }
        let Some(session) = self.sessions.get(id).filter(|session| session.behind) else {
            return Ok(false);
        };
        let (user, after) = (session.user, session.sent_seq);
        let page = self.store.reads().page(user, after, limits::PAGE_ROWS).map_err(fatal)?;
        let entries = page.entries.iter();
        let reads: usize = entries.map(|entry| 1 + entry.body.len() / limits::LOG_READ_BYTES).sum();
        budget.reads = budget.reads.saturating_sub(page.looks + reads);
        let gap = page.gap.map(|gap| gap_entry(user, &gap));
        for entry in gap.iter().chain(&page.entries) {
            let own = entry.sender == Some(user);
            let passed = match own {
                true => budget.pass_over(),
                false => self.push(id, &mut Pushed::new(entry), budget, now),
            };
            if !passed {
                return Ok(self.conns.get_mut(id).is_some_and(|conn| conn.may_be_pushed()));
            }
            if let Some(session) = self.sessions.get_mut(id) {
                session.sent_seq = entry.seq;
            }
        }
        if let Some(session) = self.sessions.get_mut(id) {
            session.sent_seq = page.through;
        }
        let is_last = page.through >= self.store.head();
        if is_last {
            self.caught_up(id, now);
        }
        Ok(!is_last)
    }

    /// The reader has been pushed everything there is.
    fn caught_up(&mut self, id: ConnId, now: Now) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.behind = false;
        let tell = session.acks && !session.told_caught_up;
        session.told_caught_up = true;
        if tell {
            self.tell(id, Notice::plain(Event::CaughtUp), now);
        }
    }

    /// The kernel took `count` bytes of the connection.
    pub(super) fn was_sent(&mut self, id: ConnId, count: usize, now: Now) {
        let Some((count, unsent)) = self.conns.was_sent(id, count, now.mono) else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let behind = session.behind;
        if let Some(seen) = session.pass_mark(count, unsent) {
            self.sessions.confirm(id, seen, self.head);
        }
        if behind {
            self.queue_behind(id);
        }
    }

    /// Puts a reader who is behind in the queue, unless they cannot be fed or wait there.
    fn queue_behind(&mut self, id: ConnId) {
        let may_be_pushed = self.conns.get_mut(id).is_some_and(|conn| conn.may_be_pushed());
        let Some(session) = self.sessions.get_mut(id) else { return };
        if may_be_pushed && !session.queued {
            session.queued = true;
            self.behind.push_back(id);
        }
    }

    /// Tells a peer of the connection itself, in the words of their language.
    pub(super) fn tell(&mut self, id: ConnId, notice: Notice, now: Now) {
        let lang = self.sessions.get(id).map_or(self.rules.lang, |session| session.lang);
        let words = locale::notice::say(&notice, lang);
        self.say(id, Said::Notice(&Push::notice(notice, words)), now);
    }

    /// Says something to a peer, if it still is to be sent anything.
    pub(super) fn say(&mut self, id: ConnId, said: Said, now: Now) {
        self.conns.say(id, said, self.store.reads(), now);
    }

    /// Appends what a protocol answers by itself.
    pub(super) fn append_transport(&mut self, id: ConnId, now: Now, answer: &Transport) {
        if !answer.is_empty() {
            self.conns.append_transport(id, now.mono, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p21_ones_own_entries_use_up_a_tick() {
        let mut budget = Budget::of_a_tick();
        let passed = (0..limits::PUSHES_PER_TICK).take_while(|_| budget.pass_over()).count();
        assert_eq!(passed, limits::OWN_ENTRIES_PER_TICK);
    }
}
