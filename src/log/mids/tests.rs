//! Retries are found, and what it costs to find them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::limits::MID_FILTER_BLOCKS;
use crate::log::tail::SLICE_SEQS;
use crate::store::tests::{ANN, BOB, Temp, text};
use crate::store::{NewEntry, Store};

fn say(store: &mut Store, sender: UserId, mid: Option<&str>) -> Seq {
    let entry = NewEntry { mid, ..text(sender, Conversation::Inbox(ANN), "hello") };
    store.log_mut().append(&entry).expect("append")
}

#[derive(Clone, Debug)]
enum Step {
    /// Says something under a `mid` if it was not used yet, as the handlers do.
    Say(UserId, String),
    SayWithout(UserId),
    /// The same, undone.
    Undone(UserId, String),
    /// What stands first is too old.
    Prune,
    Commit,
    RollBack,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let who = prop::sample::select(vec![ANN, BOB]);
    // Some count up, some do not, and many come twice.
    let mid = prop_oneof![
        (0..60_u32).prop_map(|n| n.to_string()),
        (0..30_u32).prop_map(|n| format!("{:02}", n * 7 % 30)),
    ];
    prop_oneof![
        12 => (who.clone(), mid.clone()).prop_map(|(who, mid)| Step::Say(who, mid)),
        3 => who.clone().prop_map(Step::SayWithout),
        2 => (who, mid).prop_map(|(who, mid)| Step::Undone(who, mid)),
        1 => Just(Step::Prune),
        2 => Just(Step::Commit),
        1 => Just(Step::RollBack),
        1 => Just(Step::Reopen),
    ]
}

type Used = HashMap<(UserId, String), Seq>;

fn look(store: &mut Store, used: &Used, sender: UserId, mid: &str) -> bool {
    let posted = store.log_mut().find_mid(sender, mid).expect("look");
    let expected = used.get(&(sender, mid.to_owned())).copied();
    assert_eq!(posted.map(|posted| posted.seq), expected, "{mid} of {sender:?}");
    expected.is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn p5_a_mid_is_found_whatever_came_in_between(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut temp = Temp::with_users(&["ann", "bob"]);
        let (mut used, mut committed) = (Used::new(), Used::new());
        temp.store.begin().expect("begin");
        for step in steps {
            let store = &mut temp.store;
            match step {
                Step::Say(who, mid) => {
                    if !look(store, &used, who, &mid) {
                        let seq = say(store, who, Some(&mid));
                        used.insert((who, mid), seq);
                    }
                }
                Step::SayWithout(who) => _ = say(store, who, None),
                Step::Undone(who, mid) => {
                    store.savepoint().expect("savepoint");
                    if !look(store, &used, who, &mid) {
                        say(store, who, Some(&mid));
                    }
                    store.rollback_to_savepoint().expect("undo");
                }
                Step::Prune => {
                    store.commit(()).expect("commit");
                    temp.transact(|store| {
                        let head = store.head();
                        store.log_mut().prune(i64::MAX, head, 7).expect("prune");
                        let first = store.log_mut().log.first();
                        used.retain(|_, seq| *seq >= first);
                    });
                    committed.clone_from(&used);
                    temp.store.begin().expect("begin");
                }
                Step::Commit => {
                    store.commit(()).expect("commit");
                    committed.clone_from(&used);
                    store.begin().expect("begin");
                }
                Step::RollBack => {
                    store.rollback().expect("rollback");
                    used.clone_from(&committed);
                    store.begin().expect("begin");
                }
                Step::Reopen => {
                    store.commit(()).expect("commit");
                    committed.clone_from(&used);
                    temp = temp.reopen();
                    temp.store.begin().expect("begin");
                }
            }
        }
        for number in 0..60 {
            look(&mut temp.store, &used, ANN, &number.to_string());
            look(&mut temp.store, &used, BOB, &format!("{number:02}"));
        }
    }
}

#[test]
fn p21_a_refused_request_makes_nobody_else_look_for_their_greatest() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| _ = say(store, ANN, Some("9")));
    temp.transact(|store| {
        assert!(store.log_mut().log.greatest.has(ANN));
        store.savepoint().expect("savepoint");
        say(store, BOB, Some("5"));
        store.rollback_to_savepoint().expect("undo");
        assert!(store.log_mut().log.greatest.has(ANN), "still kept");
        assert!(!store.log_mut().log.greatest.has(BOB), "undone");
        assert_eq!(store.log_mut().find_mid(BOB, "5"), Ok(None));
    });
}

/// Steps of SQLite's machine that some work takes.
fn steps(store: &mut Store, work: impl FnOnce(&mut Store)) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let handler = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        false
    };
    store.log_mut().db.sqlite_mut().progress_handler(1, Some(handler)).expect("count");
    work(store);
    let sqlite = store.log_mut().db.sqlite_mut();
    sqlite.progress_handler(0, None::<fn() -> bool>).expect("count no more");
    count.load(Ordering::Relaxed)
}

#[test]
fn p21_a_mid_out_of_order_costs_the_same_among_many() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let mid = |number: u64| format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    temp.transact(|store| _ = say(store, ANN, Some(&"~".repeat(64))));
    let filtered = (MID_FILTER_BLOCKS << BLOCK_BITS) * SLICE_SEQS;
    let mut retries = Vec::new();
    let mut said = 0;
    let find = |store: &mut Store, mid: &str| store.log_mut().find_mid(ANN, mid).expect("look");
    for count in [SLICE_SEQS, 4 * SLICE_SEQS, filtered] {
        while said < count {
            temp.transact(|store| _ = say(store, ANN, Some(&mid(said as u64))));
            said += 1;
        }
        temp = temp.reopen();
        let store = &mut temp.store;
        assert_eq!(find(store, "1"), None, "has the greatest at hand");
        let new = steps(store, |store| {
            for number in 10_000..10_100 {
                assert_eq!(find(store, &mid(number)), None);
            }
        });
        assert_eq!(new, 0, "a new one of {count} is looked for nowhere but in memory");
        let dearest = (0..said).map(|number| {
            let mid = mid(number as u64);
            steps(store, |store| assert!(find(store, &mid).is_some()))
        });
        retries.push(dearest.max());
    }
    let (in_tail, sealed, many) = (retries[0], retries[1], retries[2]);
    assert!(in_tail < sealed && sealed >= many, "{retries:?}");
    assert!(many <= Some(100), "{retries:?}");
}
