//! Who is signed in where; which conversations they read; how far each session was sent.
//!
//! A user has a list of sessions; `SESSIONS_PER_USER_MAX` bounds it. All of it follows from the
//! database and from who is connected. It knows no socket, no name and no text. Changes are
//! effects: they are applied in `deliver`, after COMMIT, in the order in which they were staged
//! among the log's entries, so that a join, a message and a leave of one tick reach the right
//! readers (P11, P12).
//!
//! ```text
//!             pushed               sent                      head of the log
//!  cursor ──────┼────────────────────┼──────────────────────────┤
//!  confirmed    last seq pushed      gone through for them      caught up: sent = head
//! ```

mod rate;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;

use crate::by_conn::ByConn;
use crate::id::{ConnId, GroupId, Moment, Seq, UserId};
use crate::limits::{PRESENCE_WAITING_MAX, SESSIONS_PER_USER_MAX};
use crate::locale::Lang;
use crate::password::KeyHash;
use rate::Rates;

/// Whose session it is.
#[derive(Debug)]
pub struct Who {
    /// The user.
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
}

/// One signed-in user on one connection.
#[derive(Debug)]
pub struct Session {
    /// Whose it is.
    pub who: Who,
    /// Confirmed up to here.
    pub cursor: Seq,
    /// The last seq that was pushed; the `prev` of the next.
    pub pushed: Seq,
    /// Behind: the log was gone through for it up to here. Caught up: see `sent`.
    pub sent_seq: Seq,
    /// Whether there may be entries in the log that were not pushed yet.
    pub behind: bool,
    /// Whether the client was told that everything that waited has been pushed.
    pub told_caught_up: bool,
    /// For a session that does not confirm: when so many bytes more are sent, everything up to
    /// the seq counts as seen. One mark is enough; the next is set when it has passed.
    mark: Option<(NonZeroUsize, Seq)>,
    /// The session ends in this tick, and what was pushed but not begun to be sent is dropped.
    pub ending: bool,
    watches: Watches,
}

/// What a session is told of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// That friends come and go.
    pub presence: bool,
    /// That messages arrive and are read.
    pub receipts: bool,
}

impl Session {
    /// The user has confirmed everything up to `cursor`.
    fn new(who: Who, cursor: Seq) -> Session {
        Session {
            who,
            cursor,
            pushed: cursor,
            sent_seq: cursor,
            behind: true,
            told_caught_up: false,
            mark: None,
            ending: false,
            watches: Watches::default(),
        }
    }

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
        if !self.who.acks && self.mark.is_none() {
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
        if unix >= self.who.key_expires {
            self.who.key_expires = i64::MIN;
        }
    }
}

/// A million idle sessions are a million of these (P20).
const _: () = assert!(size_of::<Option<(u32, Session)>>() <= 144);

/// Everyone who is signed in.
#[derive(Debug, Default)]
pub struct Sessions {
    by_conn: ByConn<Session>,
    /// The connections of each user; how many users there are.
    by_user: BTreeSet<(UserId, ConnId)>,
    online: usize,
    /// The sessions of the members of each group, ordered.
    readers: HashMap<GroupId, Vec<(UserId, ConnId)>>,
    /// What users have spent of their rates.
    pub rates: Rates,
    /// Cursors that moved and are not on disk yet.
    dirty_cursors: BTreeMap<UserId, MovedCursor>,
    /// Sessions that watch their friends, and those that watch their messages.
    watchers: (usize, usize),
    /// The users who came or went since it was last told, and whether they were here before.
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
    // --- begin and end ---

    /// The connections whose sessions end when another one of the user begins: those that began
    /// first, so that there are no more than `SESSIONS_PER_USER_MAX`.
    pub fn crowded_out(&self, user: UserId) -> Vec<ConnId> {
        let mut conns = self.conns_of(user);
        conns.sort_by_key(|conn| conn.generation);
        conns.truncate((conns.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX));
        conns
    }

    /// Begins a session. Those that it crowds out have ended.
    pub fn sign_in(&mut self, conn: ConnId, who: Who, cursor: Seq) {
        debug_assert!(self.crowded_out(who.user).is_empty());
        self.note_change(who.user);
        self.online += usize::from(!self.is_online(who.user));
        self.by_user.insert((who.user, conn));
        for &group in &who.groups {
            self.add_reader(group, who.user, conn);
        }
        self.by_conn.insert(conn, Session::new(who, cursor));
    }

    /// Ends the session of a connection, if it has one. Where all that was pushed is confirmed,
    /// the cursor goes on to where the log was gone through for them; `head` is the log's: a user
    /// who only sends is not led past all of it again at the next sign-in.
    pub fn sign_out(&mut self, conn: ConnId, head: Seq) -> Option<UserId> {
        let session = self.by_conn.remove(conn)?;
        let user = session.who.user;
        self.unwatch(session.watches);
        self.note_change(user);
        self.by_user.remove(&(user, conn));
        self.online -= usize::from(!self.is_online(user));
        for &group in &session.who.groups {
            self.remove_reader(group, user, conn);
        }
        let moved = self.dirty_cursors.entry(user).or_default();
        let all_confirmed = session.cursor >= session.pushed;
        let cursor = if all_confirmed { session.sent(head) } else { session.cursor };
        moved.seq = moved.seq.max(cursor);
        Some(user)
    }

    // --- look up ---

    /// The session of a connection.
    pub fn get(&self, conn: ConnId) -> Option<&Session> {
        self.by_conn.get(conn)
    }

    /// The session of a connection, to be changed.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Session> {
        self.by_conn.get_mut(conn)
    }

    /// The connections of a user's sessions.
    pub fn conns_of(&self, user: UserId) -> Vec<ConnId> {
        self.conns(user).collect()
    }

    /// The sessions of a user, and their connections.
    pub fn of(&self, user: UserId) -> impl Iterator<Item = (ConnId, &Session)> {
        self.conns(user).filter_map(|conn| Some((conn, self.get(conn)?)))
    }

    fn conns(&self, user: UserId) -> impl Iterator<Item = ConnId> {
        let range = (user, ConnId::FIRST)..=(user, ConnId::LAST);
        self.by_user.range(range).map(|(_, conn)| *conn)
    }

    /// Whether a user is signed in.
    pub fn is_online(&self, user: UserId) -> bool {
        self.conns(user).next().is_some()
    }

    /// Whether everything was pushed to a session of the user: then nothing waits.
    pub fn is_caught_up(&self, user: UserId) -> bool {
        self.of(user).any(|(_, session)| !session.behind)
    }

    /// Users online.
    pub fn count(&self) -> usize {
        self.online
    }

    /// At most `rows` users online with an id above `after`, in the order of their ids.
    pub fn online_after(&self, after: UserId, rows: usize) -> impl Iterator<Item = UserId> {
        let next = |user: &UserId| {
            let behind = (UserId(user.0.saturating_add(1)), ConnId::FIRST);
            self.by_user.range(behind..).next().map(|(user, _)| *user)
        };
        std::iter::successors(next(&after), next).take(rows)
    }

    /// Members of a group who are online.
    pub fn online_in(&self, group: GroupId) -> usize {
        self.readers_of(group).chunk_by(|one, other| one.0 == other.0).count()
    }

    /// The sessions of the members of a group, by user.
    pub fn readers_of(&self, group: GroupId) -> &[(UserId, ConnId)] {
        self.readers.get(&group).map_or(&[], Vec::as_slice)
    }

    /// All sessions, by user.
    pub fn everyone(&self) -> impl Iterator<Item = (UserId, ConnId)> {
        self.by_user.iter().copied()
    }

    // --- conversations ---

    /// A user is in a group from here on.
    pub fn join(&mut self, user: UserId, group: GroupId) {
        for conn in self.conns_of(user) {
            if self.add_reader(group, user, conn)
                && let Some(session) = self.get_mut(conn)
            {
                session.who.groups.push(group);
            }
        }
    }

    /// A user is no longer in a group.
    pub fn leave(&mut self, user: UserId, group: GroupId) {
        for conn in self.conns_of(user) {
            self.remove_reader(group, user, conn);
            if let Some(session) = self.get_mut(conn) {
                session.who.groups.retain(|&joined| joined != group);
            }
        }
    }

    /// The group has no members any more.
    pub fn dissolve(&mut self, group: GroupId) {
        for (_, conn) in self.readers.remove(&group).unwrap_or_default() {
            if let Some(session) = self.get_mut(conn) {
                session.who.groups.retain(|&joined| joined != group);
            }
        }
    }

    /// Adds a session to the readers of a group. False: it was there.
    fn add_reader(&mut self, group: GroupId, user: UserId, conn: ConnId) -> bool {
        let readers = self.readers.entry(group).or_default();
        let place = readers.binary_search(&(user, conn));
        place.inspect_err(|at| readers.insert(*at, (user, conn))).is_err()
    }

    fn remove_reader(&mut self, group: GroupId, user: UserId, conn: ConnId) {
        let Some(readers) = self.readers.get_mut(&group) else { return };
        if let Ok(at) = readers.binary_search(&(user, conn)) {
            readers.remove(at);
        }
        if readers.is_empty() {
            self.readers.remove(&group);
        }
    }

    // --- what sessions are told of others ---

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

    /// The sessions of a user that are told that of others.
    pub fn watchers_of(&self, user: UserId, wants: fn(Watches) -> bool) -> Vec<ConnId> {
        let watching = self.of(user).filter(|(_, session)| wants(session.watches));
        watching.map(|(conn, _)| conn).collect()
    }

    /// Whether any session is told what becomes of messages.
    pub fn anyone_watches_receipts(&self) -> bool {
        self.watchers.1 > 0
    }

    /// A session of a user begins or ends.
    fn note_change(&mut self, user: UserId) {
        if self.watchers.0 > 0 && self.changed.len() < PRESENCE_WAITING_MAX {
            let was_here = self.is_online(user);
            self.changed.entry(user).or_insert(was_here);
        }
    }

    /// Whether it is to be told that a user came or went.
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// A user who came or went, and whether they are here now.
    pub fn take_changed(&mut self) -> Option<(UserId, bool)> {
        while let Some((user, was_here)) = self.changed.pop_first() {
            let is_here = self.is_online(user);
            if is_here != was_here {
                return Some((user, is_here));
            }
        }
        None
    }

    // --- cursors ---

    /// The session confirms everything up to `seq`, or the kernel took it. The cursor never
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
        let (user, caught_up) = (session.who.user, all_pushed && !session.behind);
        let moved = self.dirty_cursors.entry(user).or_default();
        // An older session of this tick may have confirmed more.
        moved.seq = moved.seq.max(cursor);
        moved.caught_up = caught_up;
    }

    /// Where a user who is here has everything up to, in each of their sessions. One that confirmed
    /// all that it was pushed is not held back by what was not for it; `head` is the log's.
    pub fn settle_cursor(&mut self, user: UserId, head: Seq) -> Option<Seq> {
        for conn in self.conns_of(user) {
            let Some(session) = self.get(conn) else { continue };
            if session.cursor >= session.pushed {
                self.confirm(conn, session.pushed, head);
            }
        }
        self.of(user).map(|(_, session)| session.cursor).min()
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
        self.rates.forget(now);
    }
}

#[cfg(test)]
mod tests;
