//! The message log: appended to once a message, read by whoever is behind.
//!
//! What a reader may see is a set of intervals of the log: all of their inbox and of everyone's
//! conversation, each group they are in from the join on, each group they were in up to the
//! leave. A page of it is found in two steps. First the seqs, block by block of `slices` and at
//! last in the `tail`: at most `rows` of them, so that the work is bounded by the reader's
//! conversations and not by what was said in them. Then the rows, one look-up a seq.

use std::collections::{BinaryHeap, VecDeque};
use std::fmt;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::readable::is_within;
use super::slices::findable_sender;
use super::tail::Said;
use super::{Gap, Result, Sql, Store};
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::limits::{LIST_BYTES_MAX, LOOKS_PER_PAGE, PAGE_BYTES};

/// What a log entry is. The numbers stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A person's text.
    Text = 0,
    /// An administrator's text by `send` or `sendgroup`.
    AdminText = 1,
    /// A text in the system's name.
    System = 2,
    /// A notice: an event and its arguments, put into words when pushed.
    Notice = 3,
}

impl FromSql for EntryKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<EntryKind> {
        match value.as_i64()? {
            0 => Ok(EntryKind::Text),
            1 => Ok(EntryKind::AdminText),
            2 => Ok(EntryKind::System),
            3 => Ok(EntryKind::Notice),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// An entry to append.
#[derive(Clone, Copy)]
pub struct NewEntry<'a> {
    /// Who it is for.
    pub conversation: Conversation,
    /// Who said it; `None` for the system.
    pub sender: Option<UserId>,
    /// When, in unix seconds.
    pub unix: i64,
    /// What it is.
    pub kind: EntryKind,
    /// The text, or a notice's event and arguments.
    pub body: &'a str,
    /// The sender's name for it, not used by them before.
    pub mid: Option<&'a str>,
}

/// What a sender did under a `mid`.
#[derive(Clone, PartialEq, Eq)]
pub struct Posted {
    /// Where it stands.
    pub seq: Seq,
    /// Who it was for.
    pub conversation: Conversation,
    /// What it was.
    pub kind: EntryKind,
    /// What it said.
    pub body: String,
}

/// An entry of the log, with the names that a push needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub seq: Seq,
    /// Who it is for.
    pub conversation: Conversation,
    /// Who said it; `None` for the system.
    pub sender: Option<UserId>,
    /// The sender's name as shown.
    pub sender_name: Option<String>,
    /// What the group is called, if it is for one.
    pub group: Option<GroupLabel>,
    /// When, in unix seconds.
    pub unix: i64,
    /// What it is.
    pub kind: EntryKind,
    /// The text, or a notice's event and arguments.
    pub body: String,
}

/// What a reader sees next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The entries, in the log's order.
    pub entries: Vec<Entry>,
    /// The log was gone through for them up to here: there is nothing more before it.
    pub through: Seq,
    /// Places of the log that were looked at to find them.
    pub looks: usize,
    /// What stood before them is gone.
    pub gap: Option<Gap>,
}

// What was said is never printed (P27), so none of these derives `Debug`.
impl fmt::Debug for NewEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewEntry({:?}, {:?}, {:?})", self.kind, self.conversation, self.sender)
    }
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Posted({:?}, {:?}, {:?})", self.seq, self.kind, self.conversation)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { seq, conversation, sender, kind, .. } = self;
        write!(f, "Entry({seq:?}, {kind:?}, {conversation:?}, {sender:?})")
    }
}

/// Which part of a conversation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The last before this seq, the newest first.
    Before(Seq),
    /// The first after it, the oldest first.
    After(Seq),
}

impl Part {
    /// Brings seqs into the order in which they are wanted.
    fn sort(self, seqs: &mut [i64]) {
        match self {
            Part::Before(_) => seqs.sort_unstable_by(|a, b| b.cmp(a)),
            Part::After(_) => seqs.sort_unstable(),
        }
    }
}

/// What a group is called: its name, and its creator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLabel {
    /// The group's name as shown.
    pub name: String,
    /// The creator's name as shown.
    pub creator: String,
}

impl Store {
    /// Appends an entry, and returns its seq: the one that joins and leaves before it in this
    /// transaction have named as next. The row is written with those behind it, before anything
    /// reads the log or the transaction ends.
    pub fn append(&mut self, entry: &NewEntry) -> Result<Seq> {
        assert!(self.in_transaction, "a write stands in a transaction");
        self.check_alive()?;
        let seq = self.head().next();
        let &NewEntry { conversation, sender, kind, mid, .. } = entry;
        let named = match sender.zip(mid) {
            Some((sender, mid)) => Some(self.name_it(sender, mid)?),
            None => None,
        };
        self.unwritten.push(entry, seq, named.is_some_and(|mid| mid.rising));
        self.now.head = seq;
        let (conversation, sender) = (conversation.to_sql(), sender.map(|sender| sender.0));
        let sender = findable_sender(kind, sender);
        self.tail.push(seq.0, &Said { conversation, sender, mid: named });
        Ok(seq)
    }

    const APPEND: Sql = "INSERT INTO log (seq, conversation, sender, at, kind, body, mid, rising)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    /// Writes the rows that were appended.
    pub(super) fn write_log(&mut self) -> Result<()> {
        if self.unwritten.rows().is_empty() {
            return Ok(());
        }
        self.check_alive()?;
        let mut statement = self.db.prepare_cached(Self::APPEND)?;
        for row in self.unwritten.rows() {
            let (seq, kind) = (row.seq.0, row.kind as i64);
            let (body, mid) = self.unwritten.texts(row);
            let sender = row.sender;
            statement.execute((
                seq,
                row.conversation,
                sender,
                row.unix,
                kind,
                body,
                mid,
                row.rising,
            ))?;
        }
        self.unwritten.clear();
        Ok(())
    }

    /// The first `rows` entries after `after` that a reader may see, in the log's order, their
    /// own included; fewer, if that would be to look in too many places at once, or more text than
    /// a connection takes.
    pub fn page(&mut self, reader: UserId, after: Seq, rows: usize) -> Result<Page> {
        self.write_log()?;
        self.written_page(reader, after, rows)
    }

    /// A page where every row that was appended is written.
    pub(super) fn written_page(&self, reader: UserId, after: Seq, rows: usize) -> Result<Page> {
        if after >= self.head() {
            return Ok(Page { entries: Vec::new(), through: after, looks: 0, gap: None });
        }
        let gap = self.gap_behind(after)?;
        let mut first = FirstSeqs { seqs: BinaryHeap::new(), rows };
        let mut next = gap.map_or(after, |gap| gap.to).next().0;
        let readable = self.readable_from(reader, next)?;
        let mut looks = readable.looks;
        while !first.is_full()
            && looks < LOOKS_PER_PAGE
            && next < readable.to
            && let Some(end) = self.end_of_block(next)
        {
            let end = end.min(readable.to);
            for (conversation, intervals) in &readable.conversations {
                self.look(*conversation, intervals, (next, end), |seq| first.offer(seq))?;
            }
            looks += readable.conversations.len();
            next = end;
        }
        if !first.is_full() && next < readable.to && self.end_of_block(next).is_none() {
            let end = readable.to.min(self.head().next().0);
            for (conversation, intervals) in &readable.conversations {
                let from = intervals.first().map_or(end, |(from, _)| next.max(*from));
                let said = self.tail.of_conversation(conversation.to_sql(), self.now.sealed);
                let seqs = said.map(|(seq, _)| seq).take_while(|seq| *seq >= from);
                first.offer_all(seqs.filter(|seq| *seq < end && is_within(intervals, *seq)));
            }
            next = end;
        }
        let through = Seq(if first.is_full() { first.end() - 1 } else { next - 1 });
        let seqs = first.seqs.into_sorted_vec();
        let found = seqs.len();
        let entries = self.entries(seqs, PAGE_BYTES)?;
        let cut = entries.last().filter(|_| entries.len() < found).map(|last| last.seq);
        Ok(Page { entries, through: cut.unwrap_or(through), looks, gap })
    }

    /// `rows` texts that two users sent each other, from that seq on; fewer, if they are more than
    /// an answer holds.
    pub fn history_between(
        &mut self,
        me: UserId,
        other: UserId,
        part: Part,
        rows: usize,
    ) -> Result<Vec<Entry>> {
        self.write_log()?;
        let said = |by: UserId, to: UserId| {
            self.look_from(Conversation::Inbox(to), Some(by), part, &[(0, i64::MAX)], rows)
        };
        let mut seqs = said(me, other)?;
        seqs.extend(said(other, me)?);
        part.sort(&mut seqs);
        // Who writes to themselves is found twice.
        seqs.dedup();
        seqs.truncate(rows);
        self.entries(seqs, LIST_BYTES_MAX)
    }

    /// `rows` seqs of a part of a conversation that lie in the intervals, which stand in the order
    /// wanted.
    fn look_from(
        &self,
        conversation: Conversation,
        sender: Option<UserId>,
        part: Part,
        intervals: &[(i64, i64)],
        rows: usize,
    ) -> Result<Vec<i64>> {
        let of_part = |&(from, to): &(i64, i64)| match part {
            Part::Before(seq) => (from, to.min(seq.0)),
            Part::After(seq) => (from.max(seq.0.saturating_add(1)), to),
        };
        let intervals = intervals.iter().map(of_part).filter(|(from, to)| from < to);
        let intervals: Vec<(i64, i64)> = intervals.collect();
        match part {
            Part::Before(_) => self.look_back(conversation, sender, &intervals, rows),
            Part::After(_) => self.look_ahead(conversation, sender, &intervals, rows),
        }
    }

    const MEMBERSHIP: Sql = "SELECT from_seq FROM group_users WHERE userid = ?1 AND groupid = ?2";
    const MEMBERSHIPS_BEFORE: Sql = "SELECT from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND groupid = ?2 AND to_seq <= ?3 ORDER BY to_seq DESC LIMIT ?4";
    const MEMBERSHIPS_AFTER: Sql = "SELECT from_seq, to_seq FROM group_past
        WHERE userid = ?1 AND groupid = ?2 AND to_seq > ?3 ORDER BY to_seq LIMIT ?4";
    /// `rows` entries of a group, from that seq on, of those that the reader may see; fewer, if
    /// they are more than an answer holds.
    pub fn history_of_group(
        &mut self,
        reader: UserId,
        group: GroupId,
        part: Part,
        rows: usize,
    ) -> Result<Vec<Entry>> {
        self.write_log()?;
        // Something was said in all intervals but one (see `groups`), one may reach over the seq
        // that is begun at, and one over the log's first: so many are enough.
        let most = rows as i64 + 3;
        let interval = |row: &Row| Ok((row.get(0)?, row.get(1)?));
        let past: Vec<(i64, i64)> = match part {
            Part::Before(Seq(seq)) => {
                let around = (reader.0, group.0, seq, 1);
                let mut past = self.rows(Self::MEMBERSHIPS_AFTER, around, interval)?;
                let earlier = (reader.0, group.0, seq, most);
                past.extend(self.rows(Self::MEMBERSHIPS_BEFORE, earlier, interval)?);
                past
            }
            Part::After(Seq(seq)) => {
                let later = (reader.0, group.0, seq.max(self.first().0 - 1), most);
                self.rows(Self::MEMBERSHIPS_AFTER, later, interval)?
            }
        };
        let current = self.row(Self::MEMBERSHIP, (reader.0, group.0), |row| row.get(0))?;
        let current = current.map(|from| (from, i64::MAX));
        let mut intervals = Vec::with_capacity(past.len() + 1);
        intervals.extend(current.filter(|_| matches!(part, Part::Before(_))));
        intervals.extend(past);
        intervals.extend(current.filter(|_| matches!(part, Part::After(_))));
        let seqs = self.look_from(Conversation::Group(group), None, part, &intervals, rows)?;
        self.entries(seqs, LIST_BYTES_MAX)
    }

    /// How many seqs the log spans, from its first row to its head.
    pub fn log_rows(&self) -> u64 {
        self.head().next().0.abs_diff(self.first().0)
    }

    const ENTRY: Sql = "SELECT l.seq, l.conversation, l.sender, l.at, l.kind, l.body,
            s.username, g.groupname, c.username
        FROM log l
        LEFT JOIN users s ON s.userid = l.sender
        LEFT JOIN groups g ON l.conversation % 2 = 1 AND g.groupid = l.conversation / 2
        LEFT JOIN users c ON c.userid = g.createuserid
        WHERE l.seq = ?1";
    /// The entries at those seqs, in their order, up to the one with which their texts reach
    /// `bytes`: nobody waits while more is read than there is room for (P21).
    pub(super) fn entries(&self, seqs: Vec<i64>, bytes: usize) -> Result<Vec<Entry>> {
        let mut statement = self.db.prepare_cached(Self::ENTRY)?;
        let (mut entries, mut read) = (Vec::new(), 0);
        for seq in seqs {
            if read >= bytes {
                break;
            }
            let entry = statement.query_row([seq], entry_of)?;
            read += entry.body.len();
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The smallest `rows` of the seqs that were offered.
struct FirstSeqs {
    seqs: BinaryHeap<i64>,
    rows: usize,
}

impl FirstSeqs {
    fn is_full(&self) -> bool {
        self.seqs.len() >= self.rows
    }

    /// A seq from here on is not wanted.
    fn end(&self) -> i64 {
        if self.is_full() { self.seqs.peek().map_or(0, |max| *max + 1) } else { i64::MAX }
    }

    /// Offers seqs, the newest first. Only the last of them can be wanted, and the others, of which
    /// there may be a thousand times as many, never enter the heap.
    fn offer_all(&mut self, seqs: impl Iterator<Item = i64>) {
        let mut last = VecDeque::with_capacity(self.rows);
        for seq in seqs {
            if last.len() == self.rows {
                last.pop_front();
            }
            last.push_back(seq);
        }
        _ = last.into_iter().rev().all(|seq| self.offer(seq));
    }

    /// False if neither this seq nor a later one is wanted.
    fn offer(&mut self, seq: i64) -> bool {
        if seq >= self.end() {
            return false;
        }
        self.seqs.push(seq);
        if self.seqs.len() > self.rows {
            self.seqs.pop();
        }
        true
    }
}

fn entry_of(row: &Row) -> rusqlite::Result<Entry> {
    let group = match (row.get(7)?, row.get(8)?) {
        (Some(name), Some(creator)) => Some(GroupLabel { name, creator }),
        _ => None,
    };
    Ok(Entry {
        seq: Seq(row.get(0)?),
        conversation: Conversation::from_sql(row.get(1)?),
        sender: row.get::<_, Option<i64>>(2)?.map(UserId),
        unix: row.get(3)?,
        kind: row.get(4)?,
        body: row.get(5)?,
        sender_name: row.get(6)?,
        group,
    })
}

#[cfg(test)]
pub(super) const SQL: &[Sql] = &[
    Store::APPEND,
    Store::MEMBERSHIP,
    Store::MEMBERSHIPS_BEFORE,
    Store::MEMBERSHIPS_AFTER,
    Store::ENTRY,
];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::GroupStatus;
    use super::super::tests::Temp;
    use super::*;
    use crate::limits::{MESSAGE_BYTES_MAX, PAGE_ROWS};
    use crate::names::Name;

    const READERS: [UserId; 3] = [UserId(1), UserId(2), UserId(3)];

    /// What may happen to the log, by users and groups out of three.
    #[derive(Clone, Debug)]
    enum Step {
        Everyone(usize, EntryKind),
        Inbox(usize, usize, EntryKind),
        Group(usize, usize),
        Toggle(usize, usize),
        Delete(usize),
        Prune(usize),
        Commit,
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let kind =
            prop::sample::select(vec![EntryKind::Text, EntryKind::System, EntryKind::Notice]);
        let one = 0..3_usize;
        let two = (one.clone(), one.clone());
        let said = (two.clone(), kind.clone());
        prop_oneof![
            1 => (one.clone(), kind).prop_map(|(by, kind)| Step::Everyone(by, kind)),
            4 => said.prop_map(|((by, to), kind)| Step::Inbox(by, to, kind)),
            6 => two.clone().prop_map(|(by, group)| Step::Group(by, group)),
            5 => two.prop_map(|(user, group)| Step::Toggle(user, group)),
            1 => one.prop_map(Step::Delete),
            1 => (0..40_usize).prop_map(Step::Prune),
            2 => Just(Step::Commit),
            1 => Just(Step::Reopen),
        ]
    }

    /// The promise in its plainest form: at each append, who is a reader at that moment.
    #[derive(Default)]
    struct Model {
        entries: HashMap<i64, (Conversation, Option<UserId>, EntryKind)>,
        visible: HashMap<UserId, Vec<i64>>,
    }

    impl Model {
        fn append(&mut self, store: &mut Store, to: Conversation, by: usize, kind: EntryKind) {
            let sender = Some(READERS[by]);
            let seq = store.append(&entry(to, sender, kind)).expect("append");
            self.entries.insert(seq.0, (to, sender, kind));
            for reader in READERS {
                let sees = match to {
                    Conversation::Everyone => true,
                    Conversation::Inbox(owner) => owner == reader,
                    Conversation::Group(group) => store.is_member(group, reader).expect("member"),
                };
                if sees {
                    self.visible.entry(reader).or_default().push(seq.0);
                }
            }
        }

        fn check(&self, store: &mut Store, reader: UserId, from: i64, rows: usize) {
            let nothing = Vec::new();
            let visible = self.visible.get(&reader).unwrap_or(&nothing);
            let first = store.first().0;
            let after = visible.iter().copied().filter(|seq| *seq > from && *seq >= first);
            let after = after.take(rows);
            let page = pages(store, reader, from, rows);
            assert_eq!(seqs(&page), after.collect::<Vec<_>>(), "{reader:?} after {from}");

            for other in READERS {
                let pair = |(to, by, kind): &(Conversation, Option<UserId>, EntryKind)| {
                    let (mine, theirs) = (Conversation::Inbox(reader), Conversation::Inbox(other));
                    let said = (*to == mine && *by == Some(other))
                        || (*to == theirs && *by == Some(reader));
                    said && *kind != EntryKind::Notice
                };
                let mut said: Vec<i64> =
                    self.entries.iter().filter(|(_, e)| pair(e)).map(|(seq, _)| *seq).collect();
                said.sort_unstable();
                let ahead = store.history_between(reader, other, Part::After(Seq(from)), rows);
                let expected = said.iter().filter(|seq| **seq > from && **seq >= first);
                let expected: Vec<i64> = expected.copied().take(rows).collect();
                assert_eq!(seqs(&ahead.expect("history")), expected, "{reader:?} and {other:?}");
                said.reverse();
                said.retain(|seq| *seq < from && *seq >= first);
                said.truncate(rows);
                let history = store.history_between(reader, other, Part::Before(Seq(from)), rows);
                assert_eq!(seqs(&history.expect("history")), said, "{reader:?} and {other:?}");
            }
            for group in (1..=3).map(GroupId) {
                let here = |seq: &i64| self.entries[seq].0 == Conversation::Group(group);
                let back = visible.iter().rev().copied().filter(|seq| *seq < from && here(seq));
                let history = store.history_of_group(reader, group, Part::Before(Seq(from)), rows);
                let expected: Vec<i64> = back.filter(|seq| *seq >= first).take(rows).collect();
                assert_eq!(seqs(&history.expect("history")), expected, "{reader:?} in {group:?}");
                let history = store.history_of_group(reader, group, Part::After(Seq(from)), rows);
                let ahead = visible.iter().copied().filter(|seq| *seq > from && here(seq));
                let expected: Vec<i64> = ahead.filter(|seq| *seq >= first).take(rows).collect();
                assert_eq!(seqs(&history.expect("history")), expected, "{reader:?} in {group:?}");
            }
        }
    }

    fn entry(to: Conversation, by: Option<UserId>, kind: EntryKind) -> NewEntry<'static> {
        NewEntry { conversation: to, sender: by, unix: 1, kind, body: "hello", mid: None }
    }

    fn text(to: Conversation) -> NewEntry<'static> {
        entry(to, Some(READERS[0]), EntryKind::Text)
    }

    /// `rows` entries, from as many pages as it takes. The first tells what is gone.
    fn pages(store: &mut Store, reader: UserId, from: i64, rows: usize) -> Vec<Entry> {
        let (mut entries, mut after) = (Vec::new(), Seq(from));
        while entries.len() < rows && after < store.head() {
            let page = store.page(reader, after, rows - entries.len()).expect("page");
            assert!(page.through > after, "a page goes on");
            let gone = page.gap.map(|gap| (gap.from, gap.to.next()));
            assert_eq!(gone, (after.next() < store.first()).then(|| (after.next(), store.first())));
            assert!(page.entries.iter().all(|entry| (after..=page.through).contains(&entry.seq)));
            entries.extend(page.entries);
            after = page.through;
        }
        entries
    }

    fn seqs(entries: &[Entry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.seq.0).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn p9_p11_a_page_is_what_was_visible_when_it_was_said(
            steps in prop::collection::vec(step(), 1..60),
            rows in 1..8_usize,
        ) {
            let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
            temp.store.begin().expect("begin");
            let store = &mut temp.store;
            for (owner, name) in READERS.into_iter().zip(["a", "b", "c"]) {
                store.add_group(owner, &Name::group(name).expect("name"), 1).expect("group");
            }
            let mut model = Model::default();
            for step in steps {
                let store = &mut temp.store;
                match step {
                    Step::Everyone(by, kind) => {
                        model.append(store, Conversation::Everyone, by, kind);
                    }
                    Step::Inbox(by, to, kind) => {
                        model.append(store, Conversation::Inbox(READERS[to]), by, kind);
                    }
                    Step::Group(by, group) => {
                        let group = GroupId(group as i64 + 1);
                        let status = store.group(group).expect("read").expect("group").status;
                        // Nothing is said in a deleted group.
                        if status != GroupStatus::Deleted {
                            let group = Conversation::Group(group);
                            model.append(store, group, by, EntryKind::Text);
                        }
                    }
                    Step::Toggle(user, group) => {
                        let (user, group) = (READERS[user], GroupId(group as i64 + 1));
                        let status = store.group(group).expect("read").expect("group").status;
                        if !store.leave(group, user).expect("leave")
                            && status != GroupStatus::Deleted
                        {
                            store.join(group, user).expect("join");
                        }
                    }
                    Step::Delete(group) => {
                        store.delete_group(GroupId(group as i64 + 1)).expect("delete");
                    }
                    Step::Prune(through) => {
                        store.commit(()).expect("commit");
                        store.begin().expect("begin");
                        let (kept, through) = (store.first(), Seq(through as i64));
                        let pruned = store.prune(i64::MAX, through, 5).expect("prune").0 as i64;
                        assert_eq!(store.first().0, kept.0 + pruned);
                        assert!(pruned == 0 || store.first() <= through.next());
                    }
                    Step::Commit => {
                        store.commit(()).expect("commit");
                        store.begin().expect("begin");
                    }
                    Step::Reopen => {
                        store.commit(()).expect("commit");
                        temp = temp.reopen();
                        temp.store.begin().expect("begin");
                    }
                }
            }
            let store = &mut temp.store;
            store.commit(()).expect("commit");
            for reader in READERS {
                for from in [0, store.head().0 / 2, store.head().0, i64::MAX - 1] {
                    model.check(store, reader, from, rows);
                }
            }
            let broken = store.check().expect("check");
            prop_assert!(!broken.iter().any(|broken| broken.rule.starts_with("log")));
        }
    }

    /// As `schema.sql` tells whoever takes the newest away.
    fn remove(store: &Store, rows: &str) {
        let head = store.head().0;
        let remove = format!("UPDATE log_state SET head = {head}; DELETE FROM log WHERE {rows}");
        store.db.execute_batch(&format!("BEGIN; {remove}; COMMIT")).expect("remove");
    }

    #[test]
    fn p6_a_seq_is_never_given_twice() {
        let mut temp = Temp::with_users(&["ann"]);
        let to = Conversation::Everyone;
        temp.transact(|store| {
            assert_eq!(store.append(&text(to)), Ok(Seq(1)));
            assert_eq!(store.append(&text(to)), Ok(Seq(2)));
            assert_eq!(store.head(), Seq(2));
        });
        let temp = temp.reopen();
        assert_eq!(temp.store.head(), Seq(2), "though nothing but the row tells it");
        remove(&temp.store, "seq = 2");
        let mut temp = temp.reopen();
        assert_eq!(temp.store.head(), Seq(2));
        temp.transact(|store| assert_eq!(store.append(&text(to)), Ok(Seq(3))));
        remove(&temp.store, "true");
        let mut temp = temp.reopen();
        assert_eq!(temp.store.log_rows(), 0);
        temp.transact(|store| assert_eq!(store.append(&text(to)), Ok(Seq(4))));
        assert_eq!(temp.store.log_rows(), 1);
    }

    #[test]
    fn p3_undone_entries_leave_no_trace() {
        let mut temp = Temp::with_users(&["ann"]);
        let (store, to) = (&mut temp.store, Conversation::Everyone);
        store.begin().expect("begin");
        store.append(&text(to)).expect("append");
        store.savepoint().expect("savepoint");
        store.append(&text(to)).expect("append");
        store.rollback_to_savepoint().expect("undo");
        assert_eq!(store.head(), Seq(1));
        store.savepoint().expect("savepoint");
        assert_eq!(store.append(&text(to)), Ok(Seq(2)));
        store.release().expect("release");
        store.commit(()).expect("commit");
        store.begin().expect("begin");
        store.append(&text(to)).expect("append");
        store.rollback().expect("rollback");
        assert_eq!((store.head(), store.in_transaction()), (Seq(2), false));
        assert_eq!(seqs(&pages(store, READERS[0], 0, 9)), [1, 2]);
    }

    #[test]
    fn p5_a_mid_is_stored_once_and_found_again() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let to = Conversation::Inbox(READERS[1]);
        let mid = |mid| NewEntry { mid: Some(mid), ..text(to) };
        temp.transact(|store| {
            let seq = store.append(&mid("m1")).expect("append");
            let posted =
                Posted { seq, conversation: to, kind: EntryKind::Text, body: "hello".into() };
            assert_eq!(store.find_mid(READERS[0], "m1"), Ok(Some(posted)));
            assert_eq!(store.find_mid(READERS[1], "m1"), Ok(None), "another's");
            assert_eq!(store.find_mid(READERS[0], "M1"), Ok(None), "exact bytes");
            store.append(&mid("m2")).expect("another");
            store.append(&text(to)).expect("without");
            store.append(&text(to)).expect("without");
        });
    }

    #[test]
    fn p12_a_membership_has_sharp_edges() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let [ann, bob, _] = READERS;
        let (mut group, mut said) = (GroupId(0), Vec::new());
        temp.transact(|store| {
            group = store.add_group(ann, &Name::group("team").expect("name"), 1).expect("group");
            let to = Conversation::Group(group);
            for joins in [false, true, false, true] {
                said.push(store.append(&text(to)).expect("append").0);
                if joins {
                    store.join(group, bob).expect("join");
                } else {
                    store.leave(group, bob).expect("leave");
                }
            }
            said.push(store.append(&text(to)).expect("append").0);
            store.append(&entry(to, None, EntryKind::Notice)).expect("the notice of deletion");
            store.delete_group(group).expect("delete");
            store.append(&text(to)).expect("append");
        });
        let page = pages(&mut temp.store, bob, 0, 9);
        assert_eq!(seqs(&page), [3, 5, 6], "the third was said while bob was in, and so on");
        assert_eq!(said, [1, 2, 3, 4, 5]);
        let label = GroupLabel { name: "team".into(), creator: "ann".into() };
        assert!(page.iter().all(|entry| entry.group.as_ref() == Some(&label)), "though deleted");
        assert_eq!(seqs(&pages(&mut temp.store, ann, 0, 9)), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn p12_p21_a_past_without_a_word_is_kept_once_and_costs_nothing() {
        let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
        let [ann, bob, _] = READERS;
        let mut group = GroupId(0);
        let count = |store: &Store| {
            let sql = "SELECT count(*) FROM group_past WHERE userid = 2";
            store.db.query_row(sql, (), |row| row.get::<_, i64>(0)).expect("a count")
        };
        temp.transact(|store| {
            group = store.add_group(ann, &Name::group("team").expect("name"), 1).expect("group");
            let (to, inbox) = (Conversation::Group(group), Conversation::Inbox(bob));
            store.append(&text(to)).expect("append");
            store.join(group, bob).expect("join");
            store.append(&text(to)).expect("what bob sees of it");
            store.leave(group, bob).expect("leave");
            for _ in 0..300 {
                store.join(group, bob).expect("join");
                store.append(&entry(inbox, None, EntryKind::Notice)).expect("append");
                store.leave(group, bob).expect("leave");
                store.append(&entry(to, None, EntryKind::Notice)).expect("append");
            }
            assert_eq!(count(store), 1);
            assert_eq!(store.was_member(group, bob), Ok(true));
            let history = store.history_of_group(bob, group, Part::Before(Seq(i64::MAX)), 9);
            assert_eq!(seqs(&history.expect("history")), [2]);
        });
        // Nothing was said in a whole past: that somebody was there is kept all the same.
        temp.transact(|store| {
            let other = Name::group("other").expect("name");
            let other = store.add_group(ann, &other, 1).expect("group");
            for _ in 0..3 {
                store.join(other, bob).expect("join");
                store.append(&text(Conversation::Everyone)).expect("append");
                store.leave(other, bob).expect("leave");
            }
            assert_eq!((count(store), store.was_member(other, bob)), (2, Ok(true)));
            assert_eq!(store.was_member(other, READERS[2]), Ok(false));
        });
    }

    #[test]
    fn an_entry_carries_the_names_a_push_needs() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        temp.transact(|store| {
            let to = Conversation::Inbox(READERS[1]);
            let said = NewEntry { unix: 77, kind: EntryKind::AdminText, ..text(to) };
            store.append(&said).expect("append");
            store.append(&entry(to, None, EntryKind::System)).expect("append");
        });
        let page = pages(&mut temp.store, READERS[1], 0, 9);
        let said = &page[0];
        assert_eq!(said.sender_name.as_deref(), Some("ann"));
        assert_eq!((said.unix, said.kind, &*said.body), (77, EntryKind::AdminText, "hello"));
        assert_eq!((said.sender, &said.group), (Some(READERS[0]), &None));
        assert_eq!((page[1].sender, &page[1].sender_name), (None, &None));
        assert!(!format!("{page:?}").contains("hello"), "P27");
    }

    #[test]
    fn p21_no_more_text_is_read_at_once_than_there_is_room_for() {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let [ann, bob, _] = READERS;
        let (body, count) = ("x".repeat(MESSAGE_BYTES_MAX), 100);
        temp.transact(|store| {
            let long = NewEntry { body: &body, ..text(Conversation::Inbox(bob)) };
            (0..count).for_each(|_| _ = store.append(&long).expect("append"));
        });
        let room = |bytes: usize| bytes.div_ceil(MESSAGE_BYTES_MAX);
        let first = temp.store.page(bob, Seq(0), PAGE_ROWS).expect("page");
        assert_eq!(first.entries.len(), room(PAGE_BYTES));
        assert_eq!(Some(first.through), first.entries.last().map(|entry| entry.seq));
        assert_eq!(seqs(&pages(&mut temp.store, bob, 0, PAGE_ROWS)), Vec::from_iter(1..=count));
        for (me, other) in [(ann, bob), (bob, ann)] {
            let history = temp
                .store
                .history_between(me, other, Part::Before(Seq(i64::MAX)), 50)
                .expect("history");
            assert_eq!(history.len(), room(LIST_BYTES_MAX));
            assert_eq!(history[0].seq, Seq(count));
        }
    }
}
