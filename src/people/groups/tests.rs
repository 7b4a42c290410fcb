//! Groups, their lists and who is in them.

use super::*;
use crate::id::Conversation;
use crate::limits::MEMBERSHIPS_ENDED_PER_COMMIT;
use crate::store::tests::Temp;
use crate::store::{EntryKind, NewEntry, Store, StoreError};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);

fn name(raw: &str) -> Name {
    Name::group(raw).expect("a name")
}

fn names(groups: Result<Vec<Group>>) -> Vec<String> {
    groups.expect("page").into_iter().map(|group| group.name).collect()
}

fn group(store: &Store, id: GroupId) -> Group {
    store.people().group(id).expect("read").expect("group")
}

#[test]
fn a_group_is_named_by_its_creator_and_its_name() {
    let mut temp = Temp::with_users(&["Ann", "bob"]);
    temp.transact(|store| {
        let team = store.add_group(ANN, &name("Team 1"), 1).expect("group");
        let other = store.add_group(BOB, &name("team 1"), 1).expect("another's");
        let found = store.people().group_by_name(ANN, "team 1").expect("read").expect("group");
        let (creator, status) = ("Ann".to_owned(), GroupStatus::Normal);
        assert_eq!((found.id, found.creator_name, found.status), (team, creator, status));
        assert_eq!(store.people().group_key(other), Ok(Some((BOB, "team 1".into()))));
        let again = store.add_group(ANN, &name("TEAM 1"), 1);
        assert!(matches!(again, Err(StoreError::Broken(_))));

        store.delete_group(team).expect("delete");
        assert_eq!(store.people().group_by_name(ANN, "team 1"), Ok(None));
        assert_eq!(group(store, team).status, GroupStatus::Deleted, "its name lives on");
        assert_eq!(store.people().group_key(team), Ok(Some((ANN, "team 1".into()))));
        store.people_mut().set_group_blocked(team, false).expect("block");
        assert_eq!(group(store, team).status, GroupStatus::Deleted);
        store.add_group(ANN, &name("team 1"), 1).expect("the name is free again");
    });
}

#[test]
fn members_stand_in_the_order_of_joining() {
    let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
    let [bob, ann, cem] = [2, 1, 3].map(UserId);
    temp.transact(|store| {
        let team = store.add_group(bob, &name("team"), 1).expect("group");
        store.join(team, cem).expect("join");
        store.join(team, ann).expect("join");
        let page = store.people().members_page(team, 0, 2).expect("page");
        let users: Vec<UserId> = page.iter().map(|member| member.user).collect();
        assert_eq!((users, page[1].name.as_str()), (vec![bob, cem], "cem"));
        let rest = store.people().members_page(team, page[1].id, 2).expect("page");
        assert_eq!(rest.iter().map(|member| member.user).collect::<Vec<_>>(), [ann]);
        assert_eq!(group(store, team).members, 3);
        assert_eq!(store.people().share_a_group(ann, cem), Ok(true));

        assert_eq!(store.leave(team, cem), Ok(true));
        assert_eq!(store.leave(team, cem), Ok(false));
        assert_eq!(
            (group(store, team).members, store.people().is_member(team, cem)),
            (2, Ok(false))
        );
        assert_eq!(store.people().is_member(team, ann), Ok(true));
        assert_eq!(store.people().share_a_group(ann, cem), Ok(false));
        store.delete_group(team).expect("delete");
        assert_eq!(
            (group(store, team).members, store.people().is_member(team, ann)),
            (0, Ok(false))
        );
        assert_eq!(store.people().members_page(team, 0, 9), Ok(vec![]));
    });
}

#[test]
fn p12_p21_a_deleted_group_is_left_by_a_few_with_each_commit() {
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    let mut temp = Temp::with_users(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut team = GroupId(0);
    let say = |store: &mut Store, team| {
        let (conversation, kind) = (Conversation::Group(team), EntryKind::Notice);
        let sender = Some(ANN);
        let entry = NewEntry { conversation, sender, unix: 1, kind, body: "{}", mid: None };
        store.log_mut().append(&entry).expect("append")
    };
    temp.transact(|store| {
        team = store.add_group(ANN, &name("team"), 1).expect("group");
        (2..=9).for_each(|id| store.join(team, UserId(id)).expect("join"));
    });
    // What is undone ends nothing, and is not gone on with.
    temp.transact(|store| {
        store.savepoint().expect("savepoint");
        store.delete_group(team).expect("delete");
        store.rollback_to_savepoint().expect("undo");
    });
    temp.transact(|_| {});
    assert_eq!((left(&temp.store), group(&temp.store, team).members), (9, 9));
    let mut last = Seq(0);
    temp.transact(|store| {
        last = say(store, team);
        store.delete_group(team).expect("delete");
    });
    let mut before = 9;
    for commit in 0.. {
        let store = &mut temp.store;
        let now = left(store);
        assert!((1..=MEMBERSHIPS_ENDED_PER_COMMIT as i64).contains(&(before - now)));
        assert_eq!((store.check(), now), (Ok(vec![]), group(store, team).members as i64));
        for user in (1..=9).map(UserId) {
            assert_eq!(store.people().is_member(team, user), Ok(false));
            assert_eq!(store.people().was_member(team, user), Ok(true));
            assert_eq!(store.people().groups_joined(user), Ok(0));
            assert_eq!(store.people().group_ids_of(user), Ok(vec![]));
            assert_eq!(store.people().groups_of(user, GroupId(0), 9), Ok(vec![]));
            let page = store.snapshot().expect("a snapshot").page(user, Seq(0), 9).expect("page");
            assert_eq!(page.entries.last().map(|entry| entry.seq), Some(last), "the last");
        }
        if now == 0 {
            break;
        }
        before = now;
        if commit == 1 {
            temp = temp.reopen();
        }
        temp.transact(|store| {
            let conversation = Conversation::Inbox(UserId(10));
            let (sender, kind, body) = (Some(BOB), EntryKind::Text, "hi");
            let entry = NewEntry { conversation, sender, unix: 1, kind, body, mid: None };
            store.log_mut().append(&entry).expect("append");
        });
    }
    temp.transact(|_| {});
    let marks = "SELECT count(*) FROM meta WHERE name LIKE 'dissolving%'";
    let marks = temp.store.sqlite().query_row(marks, (), |row| row.get(0));
    assert_eq!((marks, temp.store.people_mut().people.dissolving.len()), (Ok(0_i64), 0));
}

/// Members of all groups.
fn left(store: &Store) -> i64 {
    let count = "SELECT count(*) FROM group_users";
    store.sqlite().query_row(count, (), |row| row.get(0)).expect("count")
}

#[test]
fn lists_are_pages_by_id() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        let [a, b, c] =
            ["a", "b", "c"].map(|raw| store.add_group(ANN, &name(raw), 1).expect("group"));
        store.join(c, BOB).expect("join");
        store.join(a, BOB).expect("join");
        assert_eq!(
            (store.people().groups_owned(ANN), store.people().groups_owned(BOB)),
            (Ok(3), Ok(0))
        );
        assert_eq!(
            (store.people().groups_joined(ANN), store.people().groups_joined(BOB)),
            (Ok(3), Ok(2))
        );
        assert_eq!(store.people().group_ids_of(BOB), Ok(vec![a, c]));
        assert_eq!(names(store.people().groups_of(BOB, GroupId(0), 1)), ["a"]);
        assert_eq!(names(store.people().groups_of(BOB, a, 9)), ["c"]);
        store.delete_group(b).expect("delete");
        store.people_mut().set_group_blocked(c, true).expect("block");
        assert_eq!(names(store.people().all_groups(GroupId(0), 9)), ["a", "c"]);
        assert_eq!(names(store.people().all_groups(a, 9)), ["c"]);
        assert_eq!(
            (store.people().groups_owned(ANN), store.people().groups_joined(ANN)),
            (Ok(2), Ok(2))
        );
        assert_eq!(group(store, c).status, GroupStatus::Blocked);
    });
}

#[test]
fn an_interval_without_a_seq_is_not_kept() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        let team = store.add_group(ANN, &name("team"), 1).expect("group");
        for _ in 0..3 {
            store.join(team, BOB).expect("join");
            store.leave(team, BOB).expect("leave");
        }
        store.delete_group(team).expect("delete");
    });
    let kept =
        temp.store.sqlite().query_row("SELECT count(*) FROM group_past", (), |row| row.get(0));
    assert_eq!(kept, Ok(0_i64));
}
