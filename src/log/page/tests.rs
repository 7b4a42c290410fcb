//! A reader is shown what a plain model of the log says, whatever was done before.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::id::GroupId;
use crate::limits::{MESSAGE_BYTES_MAX, PAGE_ROWS};
use crate::store::tests::{ANN, BOB, CEM, Temp, add_group};
use crate::store::{EntryKind, GroupStatus, NewEntry, Store};

const READERS: [UserId; 3] = [ANN, BOB, CEM];

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
    let kind = prop::sample::select(vec![EntryKind::Text, EntryKind::System, EntryKind::Notice]);
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
        let seq = store.log_mut().append(&entry(to, sender, kind)).expect("append");
        self.entries.insert(seq.0, (to, sender, kind));
        for reader in READERS {
            let sees = match to {
                Conversation::Everyone => true,
                Conversation::Inbox(owner) => owner == reader,
                Conversation::Group(group) => {
                    store.people().is_member(group, reader).expect("member")
                }
            };
            if sees {
                self.visible.entry(reader).or_default().push(seq.0);
            }
        }
    }

    fn check(&self, store: &mut Store, reader: UserId, from: i64, rows: usize) {
        let nothing = Vec::new();
        let visible = self.visible.get(&reader).unwrap_or(&nothing);
        let first = store.log_mut().log.first().0;
        let after = visible.iter().copied().filter(|seq| *seq > from && *seq >= first);
        let after = after.take(rows);
        let page = pages(store, reader, from, rows);
        assert_eq!(seqs(&page), after.collect::<Vec<_>>(), "{reader:?} after {from}");

        let reads = store.snapshot().expect("a snapshot");
        let parts = [Part::Before(Seq(from)), Part::After(Seq(from))];
        for (other, part) in READERS.into_iter().flat_map(|other| parts.map(|part| (other, part))) {
            let pair = |(to, by, kind): &(Conversation, Option<UserId>, EntryKind)| {
                let (mine, theirs) = (Conversation::Inbox(reader), Conversation::Inbox(other));
                let said =
                    (*to == mine && *by == Some(other)) || (*to == theirs && *by == Some(reader));
                said && *kind != EntryKind::Notice
            };
            let said = self.entries.iter().filter(|(_, entry)| pair(entry)).map(|(seq, _)| *seq);
            let history = reads.log.history_between(reader, other, part, rows).expect("history");
            let expected = part_of(said, part, first, rows);
            assert_eq!(seqs(&history), expected, "{reader:?} and {other:?}: {part:?}");
        }
        let groups = (1..=3).map(GroupId);
        for (group, part) in groups.flat_map(|group| parts.map(|part| (group, part))) {
            let here = |seq: &i64| self.entries[seq].0 == Conversation::Group(group);
            let said = visible.iter().copied().filter(here);
            let history = reads.history_of_group(reader, group, part, rows).expect("history");
            let expected = part_of(said, part, first, rows);
            assert_eq!(seqs(&history), expected, "{reader:?} in {group:?}: {part:?}");
        }
    }
}

/// Of some seqs, those of a part that are kept, in its order.
fn part_of(seqs: impl Iterator<Item = i64>, part: Part, first: i64, rows: usize) -> Vec<i64> {
    let is_in = |seq: &i64| match part {
        Part::Before(Seq(before)) => *seq < before,
        Part::After(Seq(after)) => *seq > after,
    };
    let mut seqs: Vec<i64> = seqs.filter(|seq| *seq >= first && is_in(seq)).collect();
    part.sort(&mut seqs);
    seqs.truncate(rows);
    seqs
}

fn entry(to: Conversation, by: Option<UserId>, kind: EntryKind) -> NewEntry<'static> {
    NewEntry { conversation: to, sender: by, unix: 1, kind, body: "hello", mid: None }
}

fn text(to: Conversation) -> NewEntry<'static> {
    entry(to, Some(ANN), EntryKind::Text)
}

/// `rows` entries, from as many pages as it takes. The first tells what is gone.
fn pages(store: &mut Store, reader: UserId, from: i64, rows: usize) -> Vec<Entry> {
    let (mut entries, mut after) = (Vec::new(), Seq(from));
    while entries.len() < rows && after < store.head() {
        let page = store
            .snapshot()
            .expect("a snapshot")
            .page(reader, after, rows - entries.len())
            .expect("page");
        assert!(page.through > after, "a page goes on");
        let gone = page.gap.map(|gap| (gap.from, gap.to.next()));
        let first = store.log_mut().log.first();
        assert_eq!(gone, (after.next() < first).then(|| (after.next(), first)));
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
            add_group(store, owner, name);
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
                    let found = store.people().group(group).expect("read").expect("group");
                    // Nothing is said in a deleted group.
                    if found.status != GroupStatus::Deleted {
                        model.append(store, Conversation::Group(group), by, EntryKind::Text);
                    }
                }
                Step::Toggle(user, group) => {
                    let (user, group) = (READERS[user], GroupId(group as i64 + 1));
                    let status = store.people().group(group).expect("read").expect("group").status;
                    if !store.leave(group, user).expect("leave")
                        && status != GroupStatus::Deleted
                    {
                        store.people_mut().join(group, user).expect("join");
                    }
                }
                Step::Delete(group) => {
                    store.people_mut().delete_group(GroupId(group as i64 + 1)).expect("delete");
                }
                Step::Prune(through) => {
                    store.commit(()).expect("commit");
                    store.begin().expect("begin");
                    let (kept, through) = (store.log_mut().log.first(), Seq(through as i64));
                    let pruned = store.log_mut().prune(i64::MAX, through, 5);
                    let pruned = pruned.expect("prune").0 as i64;
                    assert_eq!(store.log_mut().log.first().0, kept.0 + pruned);
                    assert!(pruned == 0 || store.log_mut().log.first() <= through.next());
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
    store.sqlite().execute_batch(&format!("BEGIN; {remove}; COMMIT")).expect("remove");
}

#[test]
fn p6_a_seq_is_never_given_twice() {
    let mut temp = Temp::with_users(&["ann"]);
    let to = Conversation::Everyone;
    temp.transact(|store| {
        assert_eq!(store.log_mut().append(&text(to)), Ok(Seq(1)));
        assert_eq!(store.log_mut().append(&text(to)), Ok(Seq(2)));
        assert_eq!(store.head(), Seq(2));
    });
    let temp = temp.reopen();
    assert_eq!(temp.store.head(), Seq(2), "though nothing but the row tells it");
    remove(&temp.store, "seq = 2");
    let mut temp = temp.reopen();
    assert_eq!(temp.store.head(), Seq(2));
    temp.transact(|store| assert_eq!(store.log_mut().append(&text(to)), Ok(Seq(3))));
    remove(&temp.store, "true");
    let mut temp = temp.reopen();
    assert_eq!(temp.store.log_rows(), 0);
    temp.transact(|store| assert_eq!(store.log_mut().append(&text(to)), Ok(Seq(4))));
    assert_eq!(temp.store.log_rows(), 1);
}

#[test]
fn p12_p21_a_past_without_a_word_is_kept_once_and_costs_nothing() {
    let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
    let mut group = GroupId(0);
    let kept = "SELECT count(*) FROM group_past WHERE userid = 2";
    temp.transact(|store| {
        group = add_group(store, ANN, "team");
        let (to, inbox) = (Conversation::Group(group), Conversation::Inbox(BOB));
        store.log_mut().append(&text(to)).expect("append");
        store.people_mut().join(group, BOB).expect("join");
        store.log_mut().append(&text(to)).expect("what bob sees of it");
        store.leave(group, BOB).expect("leave");
        for _ in 0..300 {
            store.people_mut().join(group, BOB).expect("join");
            store.log_mut().append(&entry(inbox, None, EntryKind::Notice)).expect("append");
            store.leave(group, BOB).expect("leave");
            store.log_mut().append(&entry(to, None, EntryKind::Notice)).expect("append");
        }
        assert_eq!(store.people().was_member(group, BOB), Ok(true));
        let history = store.snapshot().expect("a snapshot").history_of_group(
            BOB,
            group,
            Part::Before(Seq(i64::MAX)),
            9,
        );
        assert_eq!(seqs(&history.expect("history")), [2]);
    });
    assert_eq!(temp.count(kept), 1);
    // Nothing was said in a whole past: that somebody was there is kept all the same.
    temp.transact(|store| {
        let other = add_group(store, ANN, "other");
        for _ in 0..3 {
            store.people_mut().join(other, BOB).expect("join");
            store.log_mut().append(&text(Conversation::Everyone)).expect("append");
            store.leave(other, BOB).expect("leave");
        }
        assert_eq!(store.people().was_member(other, BOB), Ok(true));
        assert_eq!(store.people().was_member(other, CEM), Ok(false));
    });
    assert_eq!(temp.count(kept), 2);
}

#[test]
fn p27_an_entry_does_not_show_its_text() {
    let mut temp = Temp::with_users(&["ann"]);
    temp.transact(|store| _ = store.log_mut().append(&text(Conversation::Everyone)));
    let page = temp.page(ANN);
    assert_eq!(page[0].body, "hello");
    assert!(!format!("{page:?}").contains("hello"));
}

#[test]
fn p21_no_more_text_is_read_at_once_than_there_is_room_for() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let (body, count) = ("x".repeat(MESSAGE_BYTES_MAX), 100);
    temp.transact(|store| {
        let long = NewEntry { body: &body, ..text(Conversation::Inbox(BOB)) };
        (0..count).for_each(|_| _ = store.log_mut().append(&long).expect("append"));
    });
    let room = |bytes: usize| bytes.div_ceil(MESSAGE_BYTES_MAX);
    let first = temp.store.reads().page(BOB, Seq(0), PAGE_ROWS).expect("page");
    assert_eq!(first.entries.len(), room(PAGE_BYTES));
    assert_eq!(Some(first.through), first.entries.last().map(|entry| entry.seq));
    assert_eq!(seqs(&pages(&mut temp.store, BOB, 0, PAGE_ROWS)), Vec::from_iter(1..=count));
    for (me, other) in [(ANN, BOB), (BOB, ANN)] {
        let history = temp
            .store
            .reads()
            .log
            .history_between(me, other, Part::Before(Seq(i64::MAX)), 50)
            .expect("history");
        assert_eq!(history.len(), room(LIST_BYTES_MAX));
        assert_eq!(history[0].seq, Seq(count));
    }
}
