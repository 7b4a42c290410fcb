//! Who is signed in where, both ways; which conversations they read; how far each was sent.
//!
//! All of it follows from the database and from who is connected. It knows no socket, no name
//! and no text. Changes are effects: they are applied in `deliver`, after COMMIT, in the order
//! in which they were staged among the log's entries, so that a join, a message and a leave of
//! one tick reach the right readers (P11, P12).
//!
//! ```text
//!             pushed               sent                      head of the log
//!  cursor ──────┼────────────────────┼──────────────────────────┤
//!  confirmed    last seq pushed      gone through for them      caught up: sent = head
//! ```

mod rate;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use crate::id::{ConnId, GroupId, Moment, Seq, UserId};
use crate::limits::{Limits, PRESENCE_WAITING_MAX};
use crate::locale::Lang;
use crate::password::KeyHash;
use rate::{Charges, Rates};

/// One signed-in user on one connection.
#[derive(Debug)]
pub struct Session {
    /// The connection's, whose slot is the session's place.
    generation: u32,
    /// Who.
    pub user: UserId,
    /// Whether they are an administrator.
    pub admin: bool,
    /// The language that they are spoken to in.
    pub lang: Lang,
    /// Whether the client confirms what it is sent.
    pub acks: bool,
    /// The login key's hash.
    pub key_hash: KeyHash,
    /// Unix seconds after which the key is worth nothing.
    pub key_expires: i64,
    /// Groups whose messages they read.
    pub groups: Vec<GroupId>,
    /// Confirmed up to here.
    pub cursor: Seq,
    /// The last seq that was pushed; the `prev` of the next.
    pub pushed: Seq,
    /// Behind: the log was gone through for them up to here. Caught up: see `sent`.
    pub sent_seq: Seq,
    /// Whether there may be entries in the log that were not pushed yet.
    pub behind: bool,
    /// Whether they were told that everything that waited has been pushed.
    pub told_caught_up: bool,
    /// For a session that does not confirm: when so many bytes more are sent, everything up to
    /// the seq counts as seen. One mark is enough; the next is set when it has passed.
    mark: Option<(NonZeroUsize, Seq)>,
    /// The session ends in this tick, and what was pushed but not begun to be sent is dropped.
    pub ending: bool,
    watches: Watches,
    rates: Rates,
}

/// What a session is told of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// That friends come and go.
    pub presence: bool,
    /// That messages arrive and are read.
    pub receipts: bool,
}

/// What a session begins with.
#[derive(Debug)]
pub struct SignIn {
    /// Who.
    pub user: UserId,
    /// Whether they are an administrator.
    pub admin: bool,
    /// The language that they are spoken to in.
    pub lang: Lang,
    /// Whether the client confirms what it is sent.
    pub acks: bool,
    /// The login key's hash.
    pub key_hash: KeyHash,
    /// Unix seconds after which the key is worth nothing.
    pub key_expires: i64,
    /// Groups whose messages they read.
    pub groups: Vec<GroupId>,
    /// Confirmed up to here.
    pub cursor: Seq,
}

impl Session {
    /// Everything up to here was gone through for this reader.
    pub fn sent(&self, head: Seq) -> Seq {
        if self.behind { self.sent_seq } else { head }
    }

    /// Nothing more is pushed, from `head` on: the session ends in this tick. What the tick says
    /// is not among what it was sent, so an `ack` of the same tick does not reach behind it.
    pub fn end_at(&mut self, head: Seq) {
        self.sent_seq = self.sent(head);
        self.behind = true;
        self.ending = true;
    }

    /// Something was pushed, and `unsent` bytes are to be sent now.
    pub fn set_mark(&mut self, unsent: usize) {
        if !self.acks && self.mark.is_none() {
            self.mark = NonZeroUsize::new(unsent).map(|bytes| (bytes, self.pushed));
        }
    }

    /// The kernel took `sent` bytes and `unsent` are left. If the mark has passed: what counts as
    /// seen.
    pub fn pass_mark(&mut self, sent: usize, unsent: usize) -> Option<Seq> {
        let (bytes, seq) = self.mark?;
        let bytes = NonZeroUsize::new(bytes.get().saturating_sub(sent));
        self.mark = bytes.map(|bytes| (bytes, seq));
        if self.mark.is_some() {
            return None;
        }
        // With nothing left in the buffer, the pushes behind the mark are gone as well.
        let seen = if unsent == 0 { self.pushed } else { seq };
        if self.pushed > seen {
            self.set_mark(unsent);
        }
        Some(seen)
    }

    /// A key that has expired stays so on this connection: were the wall clock set back, a message
    /// would be taken behind an earlier one that was refused (P7).
    pub fn look_at_key(&mut self, unix: i64) {
        if unix >= self.key_expires {
            self.key_expires = i64::MIN;
        }
    }

    /// Takes a permit to have a request served, and another one if it is a message.
    ///
    /// # Errors
    /// There is none, and none was taken: the moment at which to try again.
    pub fn take_permit(
        &mut self,
        is_message: bool,
        limits: &Limits,
        now: Moment,
    ) -> Result<(), Moment> {
        let mut rates = self.rates;
        rates.requests.take(limits.requests_per_second, limits.requests_burst, now)?;
        if is_message {
            rates.messages.take(limits.messages_per_second, limits.messages_burst, now)?;
        }
        self.rates = rates;
        Ok(())
    }
}

/// A million idle sessions are a million of these (P20).
const _: () = assert!(size_of::<Option<Session>>() <= 144);

/// Everyone who is signed in.
#[derive(Debug, Default)]
pub struct Sessions {
    /// By the connection's slot. Slots are dense, so this is smaller than any map and found
    /// without hashing; the part that a doubling leaves empty is never touched.
    by_slot: Vec<Option<Session>>,
    by_user: BTreeMap<UserId, ConnId>,
    /// The online members of each group, ordered by user.
    readers: HashMap<GroupId, Vec<(UserId, ConnId)>>,
    /// The rates of users who signed out with their permits not refilled: coming back does not
    /// refill them.
    kept_rates: BTreeMap<UserId, Rates>,
    /// What their requests took.
    pub charges: Charges,
    /// Cursors that moved and are not on disk yet.
    dirty_cursors: BTreeMap<UserId, MovedCursor>,
    /// Sessions that watch their friends, and those that watch their messages.
    watchers: (usize, usize),
    /// Who came or went, which nobody was told yet, and whether they were here before.
    changed: BTreeMap<UserId, bool>,
}

/// A cursor to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct MovedCursor {
    /// Where it stands.
    pub seq: Seq,
    /// Nothing waits for the user any more.
    pub caught_up: bool,
}

impl Sessions {
    /// Begins a session. The user has no other: see [`Sessions::conn_of`].
    pub fn sign_in(&mut self, conn: ConnId, sign_in: SignIn) {
        debug_assert!(!self.by_user.contains_key(&sign_in.user));
        let SignIn { user, admin, lang, acks, key_hash, key_expires, groups, cursor } = sign_in;
        self.note_change(user);
        self.by_user.insert(user, conn);
        for &group in &groups {
            add_reader(&mut self.readers, group, user, conn);
        }
        let session = Session {
            generation: conn.generation,
            user,
            admin,
            lang,
            acks,
            key_hash,
            key_expires,
            groups,
            cursor,
            pushed: cursor,
            sent_seq: cursor,
            behind: true,
            told_caught_up: false,
            mark: None,
            ending: false,
            watches: Watches::default(),
            rates: self.kept_rates.remove(&user).unwrap_or_default(),
        };
        if self.by_slot.len() <= conn.index() {
            self.by_slot.resize_with(conn.index() + 1, || None);
        }
        self.by_slot[conn.index()] = Some(session);
    }

    /// Ends the session of a connection, if it has one. Where all that was pushed is confirmed,
    /// the cursor goes on to where the log was gone through for them; `head` is the log's: who
    /// only ever talks is not led past all of it again at the next sign-in.
    pub fn sign_out(&mut self, conn: ConnId, head: Seq) -> Option<UserId> {
        let place = self.by_slot.get_mut(conn.index())?;
        let session = place.take_if(|session| session.generation == conn.generation)?;
        self.unwatch(session.watches);
        self.note_change(session.user);
        self.by_user.remove(&session.user);
        self.kept_rates.insert(session.user, session.rates);
        for &group in &session.groups {
            remove_reader(&mut self.readers, group, session.user);
        }
        let moved = self.dirty_cursors.entry(session.user).or_default();
        let all_confirmed = session.cursor >= session.pushed;
        let cursor = if all_confirmed { session.sent(head) } else { session.cursor };
        moved.seq = moved.seq.max(cursor);
        Some(session.user)
    }

    /// The session has another key.
    pub fn renew_key(&mut self, conn: ConnId, hash: KeyHash, expires: i64) {
        if let Some(session) = self.get_mut(conn) {
            (session.key_hash, session.key_expires) = (hash, expires);
        }
    }

    /// From here on the session is told that of others.
    pub fn watch(&mut self, conn: ConnId, watches: Watches) {
        let Some(session) = self.get_mut(conn) else { return };
        let before = std::mem::replace(&mut session.watches, watches);
        self.watchers.0 += usize::from(watches.presence);
        self.watchers.1 += usize::from(watches.receipts);
        self.unwatch(before);
    }

    fn unwatch(&mut self, watches: Watches) {
        self.watchers.0 -= usize::from(watches.presence);
        self.watchers.1 -= usize::from(watches.receipts);
    }

    /// The connection of a user who wants to be told that of others.
    pub fn watcher(&self, user: UserId, wants: fn(Watches) -> bool) -> Option<ConnId> {
        let conn = self.conn_of(user)?;
        self.get(conn).filter(|session| wants(session.watches)).map(|_| conn)
    }

    /// Whether anybody wants to know what becomes of messages.
    pub fn anyone_watches_receipts(&self) -> bool {
        self.watchers.1 > 0
    }

    /// A user comes or goes.
    fn note_change(&mut self, user: UserId) {
        if self.watchers.0 > 0 && self.changed.len() < PRESENCE_WAITING_MAX {
            let was_here = self.by_user.contains_key(&user);
            self.changed.entry(user).or_insert(was_here);
        }
    }

    /// Whether anybody is to be told that somebody came or went.
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Somebody who came or went, and whether they are here now.
    pub fn take_changed(&mut self) -> Option<(UserId, bool)> {
        while let Some((user, was_here)) = self.changed.pop_first() {
            let is_here = self.is_online(user);
            if is_here != was_here {
                return Some((user, is_here));
            }
        }
        None
    }

    /// The session of a connection.
    pub fn get(&self, conn: ConnId) -> Option<&Session> {
        let session = self.by_slot.get(conn.index())?.as_ref();
        session.filter(|session| session.generation == conn.generation)
    }

    /// The session of a connection, to be changed.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Session> {
        let session = self.by_slot.get_mut(conn.index())?.as_mut();
        session.filter(|session| session.generation == conn.generation)
    }

    /// Where a user is signed in.
    pub fn conn_of(&self, user: UserId) -> Option<ConnId> {
        self.by_user.get(&user).copied()
    }

    /// Whether a user is signed in.
    pub fn is_online(&self, user: UserId) -> bool {
        self.by_user.contains_key(&user)
    }

    /// Whether a user is signed in and everything was pushed to them: then nothing waits.
    pub fn is_caught_up(&self, user: UserId) -> bool {
        let session = self.conn_of(user).and_then(|conn| self.get(conn));
        session.is_some_and(|session| !session.behind)
    }

    /// Users online.
    pub fn count(&self) -> usize {
        self.by_user.len()
    }

    /// Members of a group who are online.
    pub fn online_in(&self, group: GroupId) -> usize {
        self.readers.get(&group).map_or(0, Vec::len)
    }

    /// At most `rows` users online with an id above `after`, in the order of their ids.
    pub fn online_after(&self, after: UserId, rows: usize) -> impl Iterator<Item = UserId> {
        self.by_user.range(UserId(after.0.saturating_add(1))..).map(|(user, _)| *user).take(rows)
    }

    /// The online members of a group and where they are.
    pub fn readers_of(&self, group: GroupId) -> &[(UserId, ConnId)] {
        self.readers.get(&group).map_or(&[], Vec::as_slice)
    }

    /// Everyone online and where they are.
    pub fn everyone(&self) -> impl Iterator<Item = (UserId, ConnId)> {
        self.by_user.iter().map(|(user, conn)| (*user, *conn))
    }

    /// A user is in a group from here on.
    pub fn join(&mut self, user: UserId, group: GroupId) {
        let Some(conn) = self.conn_of(user) else { return };
        if add_reader(&mut self.readers, group, user, conn)
            && let Some(session) = self.get_mut(conn)
        {
            session.groups.push(group);
        }
    }

    /// A user is no longer in a group.
    pub fn leave(&mut self, user: UserId, group: GroupId) {
        remove_reader(&mut self.readers, group, user);
        if let Some(session) = self.conn_of(user).and_then(|conn| self.get_mut(conn)) {
            session.groups.retain(|&joined| joined != group);
        }
    }

    /// Nobody is in the group any more.
    pub fn dissolve(&mut self, group: GroupId) {
        for (_, conn) in self.readers.remove(&group).unwrap_or_default() {
            if let Some(session) = self.get_mut(conn) {
                session.groups.retain(|&joined| joined != group);
            }
        }
    }

    /// The session confirms everything up to `seq`, or its kernel took it. The cursor never
    /// moves back (P13); `head` is the head of the log.
    pub fn confirm(&mut self, conn: ConnId, seq: Seq, head: Seq) {
        let Some(session) = self.get_mut(conn) else { return };
        let all_pushed = seq >= session.pushed;
        // Behind the last push stand only entries that are not for this reader.
        let sent = session.sent(head);
        let cursor = if all_pushed { sent.max(seq) } else { seq };
        if cursor <= session.cursor {
            return;
        }
        session.cursor = cursor;
        let (user, caught_up) = (session.user, all_pushed && !session.behind);
        let moved = self.dirty_cursors.entry(user).or_default();
        // An older session of this tick may have confirmed more.
        moved.seq = moved.seq.max(cursor);
        moved.caught_up = caught_up;
    }

    /// Where a user who is here has everything up to. Whoever confirmed all they were pushed is
    /// not held back by what was not for them; `head` is the head of the log.
    pub fn settle_cursor(&mut self, user: UserId, head: Seq) -> Option<Seq> {
        let conn = self.conn_of(user)?;
        let session = self.get(conn)?;
        if session.cursor >= session.pushed {
            self.confirm(conn, session.pushed, head);
        }
        self.get(conn).map(|session| session.cursor)
    }

    /// The cursor that moved and is not on disk yet, if any.
    pub fn moved_cursor(&self, user: UserId) -> Option<Seq> {
        self.dirty_cursors.get(&user).map(|moved| moved.seq)
    }

    /// Whether any cursor waits to be written.
    pub fn has_dirty_cursors(&self) -> bool {
        !self.dirty_cursors.is_empty()
    }

    /// The cursors to be written. They stay until [`Sessions::cursors_written`].
    pub fn dirty_cursors(&self) -> impl Iterator<Item = (UserId, MovedCursor)> {
        self.dirty_cursors.iter().map(|(user, moved)| (*user, *moved))
    }

    /// The cursors are on disk.
    pub fn cursors_written(&mut self, now: Moment) {
        self.dirty_cursors.clear();
        self.kept_rates.retain(|_, rates| rates.are_spent_after(now));
        self.charges.forget(now);
    }
}

/// Adds a reader to a group; false if they were there.
fn add_reader(
    readers: &mut HashMap<GroupId, Vec<(UserId, ConnId)>>,
    group: GroupId,
    user: UserId,
    conn: ConnId,
) -> bool {
    let readers = readers.entry(group).or_default();
    match readers.binary_search_by_key(&user, |reader| reader.0) {
        Ok(_) => false,
        Err(at) => {
            readers.insert(at, (user, conn));
            true
        }
    }
}

fn remove_reader(
    readers: &mut HashMap<GroupId, Vec<(UserId, ConnId)>>,
    group: GroupId,
    user: UserId,
) {
    if let Some(of_group) = readers.get_mut(&group) {
        if let Ok(at) = of_group.binary_search_by_key(&user, |reader| reader.0) {
            of_group.remove(at);
        }
        if of_group.is_empty() {
            readers.remove(&group);
        }
    }
}

#[cfg(test)]
mod tests;
