//! Deliver: apply what was committed, in order, and feed the readers.
//!
//! ```text
//!                       ┌ caught up ── the entry, from this tick's effects ─┐
//! Committed entry ─► reader                                                 ├─► send buffer
//!                       └ behind ───── pages, from the log ─────────────────┘
//! ```
//!
//! Entries of one sender to one conversation that come in a row are a *run*. A reader of one of
//! them is a reader of all, so each reader in turn gets the whole run: with thousands of readers,
//! a walk over all of them for each entry would find none of them in the processor's cache.
//!
//! A reader who cannot take an entry now (the send buffer is above its high mark, the tick's
//! budget is spent) is behind from that entry on, and goes on from the log later. A reader who is
//! slow, was cut off, was offline or is new takes the same path. What a reader was sent is a
//! prefix of what is visible to them, so nothing is skipped and nothing comes twice (P8, P9).

use super::chat::Chat;
use super::commit::AllCommitted;
use super::retention::gap_entry;
use super::transaction::{Fatal, fatal};
use super::upkeep::Upkeep;
use crate::conn::conns::Appender;
use crate::conn::{CloseReason, Conns};
use crate::doors::{Said, SharedPush};
use crate::event_loop::turns::OnceQueue;
use crate::id::{ConnId, Conversation, Now, Seq, UserId};
use crate::limits;
use crate::locale::{self, Lang};
use crate::outbox::{Effect, Staged};
use crate::sessions::{Session, Who};
use crate::store::{Committed, Entry, Reads, Store};
use crate::wire::push::Push;
use crate::wire::{Event, Notice, ResponseMessage};

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

    /// A reader's own entry is read from the log though it is not pushed, and costs as much. So a
    /// user who sent a lot cannot use up a tick at the next sign-in (P21). False: not now.
    fn pass_over(&mut self) -> bool {
        let spent = self.is_spent();
        self.spend(limits::PUSH_BYTES_PER_TICK / limits::OWN_ENTRIES_PER_TICK);
        !spent
    }
}

/// How far each reader was told what is on the disk.
pub(super) struct Delivery {
    /// Readers who are behind and may be fed, in turn.
    pub behind: OnceQueue,
    /// The log was delivered, or left to those who are behind, up to here.
    pub head: Seq,
    /// A user who came or went, whether they came, and the last of their friends who was told.
    pub telling: Option<(UserId, bool, UserId)>,
}

impl Delivery {
    /// Nothing is to be delivered of a log that ends there.
    pub fn new(head: Seq) -> Delivery {
        Delivery { behind: OnceQueue::default(), head, telling: None }
    }

    /// Puts a reader who is behind in the queue, unless they cannot be fed.
    pub fn queue_behind(&mut self, conns: &Conns, id: ConnId) {
        if conns.get(id).is_some_and(|conn| conn.may_be_pushed()) {
            self.behind.push(id);
        }
    }
}

/// The phase, and the parts that it borrows.
pub(super) struct Deliver<'s> {
    pub delivery: &'s mut Delivery,
    pub conns: &'s mut Conns,
    pub chat: &'s mut Chat,
    pub store: &'s Store,
    /// What of the store may be told.
    pub reads: Reads<'s>,
    pub upkeep: &'s mut Upkeep,
    pub now: Now,
}

/// Entries that are still to be pushed: see the head of this file.
#[derive(Default)]
struct Run<'e> {
    entries: Vec<Pushed<'e>>,
    /// Their readers, while the run is pushed; the memory is kept for the next run.
    readers: Vec<(UserId, ConnId)>,
}

/// An entry with its pushes, one for each language.
struct Pushed<'e> {
    entry: Entry<&'e str>,
    by_lang: [Option<SharedPush<'e>>; 2],
}

impl<'e> Pushed<'e> {
    fn new(entry: Entry<&'e str>) -> Pushed<'e> {
        Pushed { entry, by_lang: [None, None] }
    }

    fn in_lang(&mut self, lang: Lang) -> &mut SharedPush<'e> {
        let shared = || SharedPush::new(self.entry, lang);
        self.by_lang[lang.pick(0, 1)].get_or_insert_with(shared)
    }
}

impl Deliver<'_> {
    /// Applies the committed effects in their order, then feeds the readers who are behind.
    pub fn run(&mut self, committed: AllCommitted) -> Result<(), Fatal> {
        let mut budget = Budget::of_a_tick();
        // Readers who are behind have half of the tick. Else only those who are caught up would
        // be served when there is too much for all (P14, P21).
        let (pushes, bytes) = match self.delivery.behind.is_empty() {
            true => (0, 0),
            false => (budget.pushes / 2, budget.bytes / 2),
        };
        budget.pushes -= pushes;
        budget.bytes -= bytes;
        let all: Vec<Staged> = committed.into_iter().map(Committed::into_inner).collect();
        all.iter().for_each(|staged| self.silence_ending(&staged.effects));
        for Staged { effects, texts } in all {
            self.apply_all(effects, &texts, &mut budget)?;
        }
        budget.pushes += pushes;
        budget.bytes += bytes;
        self.feed_behind(&mut budget)?;
        self.tell_of_presence()
    }

    fn apply_all(
        &mut self,
        effects: Vec<Effect>,
        texts: &str,
        budget: &mut Budget,
    ) -> Result<(), Fatal> {
        let mut run = Run::default();
        for effect in effects {
            if !self.leaves_run(&run, &effect) {
                self.push_run(&mut run, budget);
            }
            self.apply(effect, texts, &mut run)?;
        }
        self.push_run(&mut run, budget);
        Ok(())
    }

    /// Sessions that end in this tick are pushed nothing more, and of what was pushed only the
    /// frame being written still leaves; the answers of this tick come behind it (P17).
    fn silence_ending(&mut self, effects: &[Effect]) {
        let sessions = &mut self.chat.sessions;
        for effect in effects {
            let ending = match effect {
                Effect::SignIn(_, who, _) => sessions.crowded_out(who.user),
                Effect::Expel(user, _) => sessions.conns_of(*user),
                _ => continue,
            };
            for id in ending {
                if let Some(session) = sessions.get_mut(id) {
                    session.end_at(self.delivery.head);
                }
                self.conns.drop_unbegun(id);
            }
        }
    }

    /// Whether an effect may be applied before the run is pushed, because no peer sees a
    /// difference: it is an entry of the run, or a reply to its sender, who is pushed none of it.
    fn leaves_run(&self, run: &Run, effect: &Effect) -> bool {
        let Some(Pushed { entry: first, .. }) = run.entries.first() else { return true };
        match effect {
            Effect::Entry(entry) => {
                (entry.conversation, entry.sender) == (first.conversation, first.sender)
            }
            Effect::Reply(id, _) => {
                self.chat.sessions.get(*id).map(|session| session.who.user) == first.sender
            }
            _ => false,
        }
    }

    fn apply<'t>(
        &mut self,
        effect: Effect,
        texts: &'t str,
        run: &mut Run<'t>,
    ) -> Result<(), Fatal> {
        match effect {
            Effect::Reply(id, ResponseMessage { re, code, text, data }) => {
                self.chat.counters.replied(code);
                let text = text.of(texts);
                self.say(id, Said::Reply(&ResponseMessage { re, code, text, data }));
            }
            Effect::Entry(entry) => {
                run.entries.push(Pushed::new(entry.with_texts(|text| text.of(texts))));
            }
            Effect::Join(user, group) => self.chat.sessions.join(user, group),
            Effect::Leave(user, group) => self.chat.sessions.leave(user, group),
            Effect::Dissolve(group) => self.chat.sessions.dissolve(group),
            Effect::SignIn(id, who, cursor) => self.begin_session(id, *who, cursor),
            Effect::SignOut(id) => self.end_session(id),
            Effect::NewKey(id, hash, expires) => {
                if let Some(session) = self.chat.sessions.get_mut(id) {
                    (session.who.key_hash, session.who.key_expires) = (hash, expires);
                }
            }
            Effect::Speak(id, lang) => {
                if let Some(session) = self.chat.sessions.get_mut(id) {
                    session.who.lang = lang;
                }
            }
            Effect::Confirm(id, seq) => self.chat.sessions.confirm(id, seq, self.delivery.head),
            Effect::Hash(id, task, waiting) => self.queue_hash(id, *task, *waiting),
            Effect::Close(id, reason) => self.close(id, reason, None),
            Effect::Expel(user, reason) => {
                let blocked = reason == CloseReason::Blocked;
                let event = if blocked { Event::Blocked } else { Event::PasswordReset };
                for id in self.chat.sessions.conns_of(user) {
                    self.close(id, reason, Some(Notice::plain(event)));
                }
            }
            Effect::Rights(user, admin) => {
                for id in self.chat.sessions.conns_of(user) {
                    if let Some(session) = self.chat.sessions.get_mut(id) {
                        session.who.admin = admin;
                    }
                }
            }
            Effect::Watch(id, watches) => self.chat.sessions.watch(id, watches),
            Effect::Receipt(receipt) => self.tell_receipt(&receipt),
            Effect::Log(line) => line.write(),
            Effect::Hold(id) => {
                return self.upkeep.hold.begin(self.store, self.conns, id, self.now);
            }
            Effect::Release(id) => self.upkeep.hold.end(self.conns, id, self.now),
        }
        Ok(())
    }

    /// A session begins; those that it crowds out end and are told why.
    fn begin_session(&mut self, id: ConnId, who: Who, cursor: Seq) {
        for older in self.chat.sessions.crowded_out(who.user) {
            let notice = Notice::plain(Event::SignedInElsewhere);
            self.close(older, CloseReason::TakenOver, Some(notice));
        }
        let Some(conn) = self.conns.get_mut(id).filter(|conn| conn.is_serving()) else {
            return;
        };
        if std::mem::take(&mut conn.from.counted) {
            self.chat.throttle.disconnect(conn.from.address());
        }
        conn.timeouts.signed_in(who.acks, self.now.mono);
        self.upkeep.retention.reader_came(cursor);
        self.chat.sessions.sign_in(id, who, cursor);
        self.delivery.queue_behind(self.conns, id);
        self.conns.touch(id);
    }

    /// The session ends and the connection stays. What was pushed is on its way in front of the
    /// answer, and counts as seen by a client that does not confirm.
    fn end_session(&mut self, id: ConnId) {
        if let Some(session) = self.chat.sessions.get(id)
            && !session.who.acks
            && !session.ending
        {
            let pushed = session.pushed;
            self.chat.sessions.confirm(id, pushed, self.delivery.head);
        }
        self.chat.sessions.sign_out(id, self.delivery.head);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.timeouts.signed_out(self.now.mono);
            if conn.from.via.is_counted() && !std::mem::replace(&mut conn.from.counted, true) {
                self.chat.throttle.connect_again(conn.from.address(), &self.chat.rules.limits);
            }
            self.conns.touch(id);
        }
    }

    /// The connection ends, and its session with it.
    fn close(&mut self, id: ConnId, reason: CloseReason, notice: Option<Notice>) {
        if let Some(notice) = notice {
            self.tell(id, notice);
        }
        self.chat.sessions.sign_out(id, self.delivery.head);
        self.conns.close(id, reason, self.now.mono);
    }

    /// Pushes the run to the readers of its conversation, and forgets it.
    fn push_run(&mut self, run: &mut Run, budget: &mut Budget) {
        let Run { entries, readers } = run;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        self.delivery.head = last.entry.seq;
        self.chat.counters.appended += entries.len() as u64;
        let Entry { sender, conversation, .. } = first.entry;
        let sessions = &self.chat.sessions;
        match conversation {
            Conversation::Inbox(user) => {
                readers.extend(sessions.of(user).map(|(conn, _)| (user, conn)));
            }
            Conversation::Group(group) => readers.extend_from_slice(sessions.readers_of(group)),
            Conversation::Everyone => readers.extend(sessions.everyone()),
        }
        for (user, id) in readers.drain(..) {
            if sender != Some(user) {
                self.push_run_to(id, entries, budget);
            }
        }
        entries.clear();
    }

    /// Pushes a run to a reader who is caught up. They are behind from the first entry on that they
    /// cannot take now.
    fn push_run_to(&mut self, id: ConnId, run: &mut [Pushed], budget: &mut Budget) {
        let Some(session) = self.chat.sessions.get_mut(id) else { return };
        if session.behind {
            return;
        }
        let push = |to: &mut Appender| push(session, to, run, budget);
        let count = self.conns.say_all(id, self.reads, self.now, push).unwrap_or_default();
        self.chat.counters.pushed += count as u64;
        if let Some(next) = run.get(count) {
            session.behind = true;
            session.sent_seq = Seq(next.entry.seq.0 - 1);
            self.delivery.queue_behind(self.conns, id);
        }
    }

    /// Feeds those who are behind, a page each in turn, until the budget is spent.
    fn feed_behind(&mut self, budget: &mut Budget) -> Result<(), Fatal> {
        if self.delivery.behind.is_empty() {
            return Ok(());
        }
        self.reads.begin().map_err(fatal)?;
        let mut turns = self.delivery.behind.len();
        while turns > 0
            && !self.delivery.behind.is_empty()
            && !budget.is_spent()
            && budget.reads > 0
        {
            let Some(id) = self.delivery.behind.pop() else { break };
            if self.feed_page(id, budget)? {
                self.delivery.queue_behind(self.conns, id);
            } else {
                turns -= 1;
            }
        }
        self.reads.end().map_err(fatal)
    }

    /// Feeds one reader a page of the log. True: there is more, and room for it.
    fn feed_page(&mut self, id: ConnId, budget: &mut Budget) -> Result<bool, Fatal> {
        if !self.conns.get(id).is_some_and(|conn| conn.may_be_pushed()) {
            // `sent` queues it again below the low mark.
            return Ok(false);
        }
        let session = self.chat.sessions.get_mut(id);
        let Some(session) = session.filter(|session| session.behind) else { return Ok(false) };
        let (user, after) = (session.who.user, session.sent_seq);
        let page = self.reads.page(user, after, limits::PAGE_ROWS).map_err(fatal)?;
        let entries = page.entries.iter();
        let reads: usize = entries.map(|entry| 1 + entry.body.len() / limits::LOG_READ_BYTES).sum();
        budget.reads = budget.reads.saturating_sub(page.looks + reads);
        let gap = page.gap.map(|gap| gap_entry(user, &gap));
        let push_page = |to: &mut Appender| {
            for entry in gap.iter().chain(&page.entries) {
                let entry = entry.with_texts(String::as_str);
                let passed = match entry.sender == Some(user) {
                    true => budget.pass_over(),
                    false => {
                        let count = push(session, to, &mut [Pushed::new(entry)], budget);
                        self.chat.counters.pushed += count as u64;
                        count > 0
                    }
                };
                if !passed {
                    return Some(to.may_be_pushed());
                }
                session.sent_seq = entry.seq;
            }
            session.sent_seq = page.through;
            None
        };
        let stopped = self.conns.say_all(id, self.reads, self.now, push_page);
        if let Some(may_be_pushed) = stopped.unwrap_or(Some(false)) {
            return Ok(may_be_pushed);
        }
        let is_last = page.through >= self.reads.head();
        if is_last {
            self.caught_up(id);
        }
        Ok(!is_last)
    }

    /// The reader has been pushed everything there is.
    fn caught_up(&mut self, id: ConnId) {
        let Some(session) = self.chat.sessions.get_mut(id) else { return };
        session.behind = false;
        let tell = session.who.acks && !session.told_caught_up;
        session.told_caught_up = true;
        if tell {
            self.tell(id, Notice::plain(Event::CaughtUp));
        }
    }

    /// Pushes a notice that is not in the log, in the language of the session.
    pub(super) fn tell(&mut self, id: ConnId, notice: Notice) {
        let lang =
            self.chat.sessions.get(id).map_or(self.chat.rules.lang, |session| session.who.lang);
        let words = locale::notice::say(&notice, lang);
        self.say(id, Said::Notice(&Push::notice(notice, words)));
    }

    /// Tells everyone who is signed in, connection by connection.
    pub fn tell_everyone(&mut self, notice: &Notice) {
        let signed_in: Vec<ConnId> = self.chat.sessions.everyone().map(|(_, id)| id).collect();
        signed_in.into_iter().for_each(|id| self.tell(id, notice.clone()));
    }

    /// Appends what is said to the connection's send buffer, unless it is closing.
    pub(super) fn say(&mut self, id: ConnId, said: Said) {
        self.conns.say(id, said, self.reads, self.now);
    }
}

/// The one place where entries enter a send buffer: pushes the first of a run, up to one that the
/// reader cannot take now. Returns how many it pushed.
fn push(
    session: &mut Session,
    to: &mut Appender,
    run: &mut [Pushed],
    budget: &mut Budget,
) -> usize {
    let mut count = 0;
    for pushed in run {
        if budget.is_spent() || !to.may_be_pushed() {
            break;
        }
        let seq = pushed.entry.seq;
        let prev = std::mem::replace(&mut session.pushed, seq);
        debug_assert!(prev < seq);
        to.say(&mut Said::Push(pushed.in_lang(session.who.lang), prev));
        session.set_mark(to.unsent_bytes());
        budget.spend(64 + pushed.entry.body.len());
        count += 1;
    }
    count
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
