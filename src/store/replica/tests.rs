//! What was done is recorded, and can be done again only where everything is the same.

use std::sync::mpsc::channel;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::id::{Conversation, GroupId, UserId};
use crate::names::Name;
use crate::store::tests::Temp;
use crate::store::{EntryKind, NewEntry};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);

/// What a transaction wrote.
fn recorded(temp: &mut Temp, work: impl FnOnce(&mut Store)) -> Vec<Change> {
    let (sender, changes) = channel();
    temp.store.record(Box::new(move |changes| sender.send(changes).expect("received")));
    temp.transact(work);
    changes.try_iter().flatten().collect()
}

/// Every row of every table, those behind the full-text index among them.
fn everything(sqlite: &Connection) -> Vec<(String, Vec<Vec<Value>>)> {
    let tables = "SELECT name FROM pragma_table_list
        WHERE schema = 'main' AND type <> 'virtual' ORDER BY name";
    let mut tables = sqlite.prepare(tables).expect("SQL");
    let names = tables.query_map((), |row| row.get::<_, String>(0)).expect("names");
    let all = names.map(|name| {
        let name = name.expect("a name");
        let mut all = sqlite.prepare(&format!("SELECT * FROM {name}")).expect("SQL");
        let columns = all.column_count();
        let rows = all.query_map((), |row| (0..columns).map(|at| row.get(at)).collect());
        let rows = rows.expect("rows").map(|row| row.expect("a row")).collect();
        (name, rows)
    });
    all.collect()
}

#[test]
fn p25_what_follows_from_the_log_is_the_same_elsewhere() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let mut replica = Replica::new(Temp::with_users(&["ann", "bob"]).store);
    let mut team = GroupId(0);
    for round in 0..20_i64 {
        let changes = recorded(&mut temp, |store| {
            if round % 5 == 0 {
                team = store.add_group(ANN, &Name::group("team").expect("name"), 1).expect("group");
            }
            store.join(team, BOB).expect("join");
            for number in 0..7 {
                let (mid, body) = (format!("{}", number * 7 % 5), format!("text {round}"));
                let mid = Some(mid.as_str()).filter(|_| number % 3 > 0);
                let conversation = [Conversation::Group(team), Conversation::Inbox(ANN)];
                let conversation = conversation[number % 2];
                let (sender, unix, kind) = (Some(BOB), round, EntryKind::Text);
                let entry = NewEntry { conversation, sender, unix, kind, body: &body, mid };
                store.log_mut().append(&entry).expect("append");
            }
            store.leave(team, BOB).expect("leave");
            if round % 5 == 4 {
                store.delete_group(team).expect("delete");
            }
        });
        replica.apply(&changes).expect("the same");
        let changes = recorded(&mut temp, |store| {
            store.log_mut().index_some(9).expect("index");
            let head = store.head();
            store.log_mut().prune(round - 9, head, 5).expect("prune");
        });
        replica.apply(&changes).expect("the same");
    }
    let sealed = temp.store.db.count("SELECT count(*) FROM log_slices", ());
    assert!(sealed.expect("slices") > 9);
    assert_eq!(everything(temp.store.sqlite()), everything(replica.db.as_sqlite()));
}

#[test]
fn p3_what_was_undone_is_not_recorded() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let (conversation, kind) = (Conversation::Inbox(BOB), EntryKind::Text);
    let entry = NewEntry { conversation, sender: Some(ANN), unix: 1, kind, body: "hi", mid: None };
    let changes = recorded(&mut temp, |store| {
        store.people_mut().set_admin(BOB, true).expect("grant");
        store.savepoint().expect("savepoint");
        store.people_mut().befriend(ANN, BOB).expect("friends");
        store.log_mut().append(&entry).expect("append");
        store.rollback_to_savepoint().expect("undo");
        store.log_mut().append(&entry).expect("append");
    });
    let numbers: Vec<u16> = changes.iter().map(|change| change.number).collect();
    assert_eq!(numbers, [9, 32], "the administrator, and one message");
    assert_eq!(recorded(&mut temp, |_| {}), []);
}

#[test]
fn p6_a_database_that_is_not_the_same_does_not_go_on() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let changes = recorded(&mut temp, |store| {
        store.people_mut().set_admin(BOB, true).expect("grant");
        store.people_mut().set_key(ANN, Some(&[1; 32]), 1).expect("key");
        store.people_mut().unfriend(ANN, BOB).expect("no friends");
    });
    let mut other = Temp::with_users(&["ann", "bob"]);
    other.transact(|store| store.people_mut().befriend(ANN, BOB).expect("friends"));
    let mut replica = Replica::new(other.store);
    assert!(matches!(replica.apply(&changes), Err(StoreError::Broken(_))));
    assert_eq!(replica.db.count("SELECT count(*) FROM users WHERE isadmin = 1", ()), Ok(0));
    assert_eq!(replica.apply(&changes[..2]), Ok(()));
    assert_eq!(replica.db.count("SELECT count(*) FROM users WHERE isadmin = 1", ()), Ok(1));
    let unknown = Change { number: 0, values: Vec::new(), rows: 0, id: None };
    assert!(matches!(replica.apply(&[unknown]), Err(StoreError::Broken(_))));
}
