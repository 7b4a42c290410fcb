//! Groups, their lists and who is in them.

use super::*;
use crate::id::{Conversation, Seq};
use crate::limits::MEMBERSHIPS_ENDED_PER_COMMIT;
use crate::store::tests::{ANN, BOB, CEM, Temp, add_group, say};
use crate::store::{Store, StoreError};

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
        let team = add_group(store, ANN, "Team 1");
        let other = add_group(store, BOB, "team 1");
        let found = store.people().group_by_name(ANN, "team 1").expect("read").expect("group");
        let (creator, status) = ("Ann".to_owned(), GroupStatus::Normal);
        assert_eq!((found.id, found.creator_name, found.status), (team, creator, status));
        assert_eq!(store.people().group_key(other), Ok(Some((BOB, "team 1".into()))));
        let name = Name::group("TEAM 1").expect("a name");
        let again = store.people_mut().add_group(ANN, &name, 1);
        assert!(matches!(again, Err(StoreError::Broken(_))));

        store.people_mut().delete_group(team).expect("delete");
        assert_eq!(store.people().group_by_name(ANN, "team 1"), Ok(None));
        assert_eq!(group(store, team).status, GroupStatus::Deleted, "its name lives on");
        assert_eq!(store.people().group_key(team), Ok(Some((ANN, "team 1".into()))));
        store.people_mut().set_group_blocked(team, false).expect("block");
        assert_eq!(group(store, team).status, GroupStatus::Deleted);
        add_group(store, ANN, "team 1");
    });
}

#[test]
fn members_stand_in_the_order_of_joining() {
    let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
    temp.transact(|store| {
        let team = add_group(store, BOB, "team");
        store.people_mut().join(team, CEM).expect("join");
        store.people_mut().join(team, ANN).expect("join");
        let page = store.people().members_page(team, 0, 2).expect("page");
        let users: Vec<UserId> = page.iter().map(|member| member.user).collect();
        assert_eq!((users, page[1].name.as_str()), (vec![BOB, CEM], "cem"));
        let rest = store.people().members_page(team, page[1].id, 2).expect("page");
        assert_eq!(rest.iter().map(|member| member.user).collect::<Vec<_>>(), [ANN]);
        assert_eq!(store.people().share_a_group(ANN, CEM), Ok(true));

        assert_eq!(store.leave(team, CEM), Ok(true));
        assert_eq!(store.leave(team, CEM), Ok(false));
        assert_eq!(store.people().is_member(team, CEM), Ok(false));
        assert_eq!(store.people().share_a_group(ANN, CEM), Ok(false));
        store.people_mut().delete_group(team).expect("delete");
        assert_eq!(store.people().is_member(team, ANN), Ok(false));
        assert_eq!(store.people().members_page(team, 0, 9), Ok(vec![]));
    });
}

#[test]
fn p12_p21_a_deleted_group_is_left_by_a_few_with_each_commit() {
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    let mut temp = Temp::with_users(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut team = GroupId(0);
    temp.transact(|store| {
        team = add_group(store, ANN, "team");
        (2..=9).for_each(|id| store.people_mut().join(team, UserId(id)).expect("join"));
    });
    // What is undone ends nothing, and is not gone on with.
    temp.transact(|store| {
        store.savepoint().expect("savepoint");
        store.people_mut().delete_group(team).expect("delete");
        store.rollback_to_savepoint().expect("undo");
    });
    temp.transact(|_| {});
    let all_members = "SELECT count(*) FROM group_users";
    assert_eq!((temp.count(all_members), group(&temp.store, team).members), (9, 9));
    let mut last = Seq(0);
    temp.transact(|store| {
        last = say(store, ANN, Conversation::Group(team), "the last");
        store.people_mut().delete_group(team).expect("delete");
    });
    let mut before = 9;
    for commit in 0.. {
        let now = temp.count(all_members);
        assert!((1..=MEMBERSHIPS_ENDED_PER_COMMIT as i64).contains(&(before - now)));
        let members = group(&temp.store, team).members as i64;
        assert_eq!((temp.store.check(), now), (Ok(vec![]), members));
        for user in (1..=9).map(UserId) {
            let people = temp.store.people();
            assert_eq!(people.is_member(team, user), Ok(false));
            assert_eq!(people.was_member(team, user), Ok(true));
            assert_eq!(people.groups_joined(user), Ok(0));
            assert_eq!(people.group_ids_of(user), Ok(vec![]));
            assert_eq!(people.groups_of(user, GroupId(0), 9), Ok(vec![]));
            assert_eq!(temp.page(user).last().map(|entry| entry.seq), Some(last), "the last");
        }
        if now == 0 {
            break;
        }
        before = now;
        if commit == 1 {
            temp = temp.reopen();
        }
        temp.transact(|store| _ = say(store, BOB, Conversation::Inbox(UserId(10)), "hi"));
    }
    temp.transact(|_| {});
    assert_eq!(temp.count("SELECT count(*) FROM meta WHERE name LIKE 'dissolving%'"), 0);
    assert_eq!(temp.store.people_mut().people.dissolving, []);
}

#[test]
fn lists_are_pages_by_id() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        let [a, b, c] = ["a", "b", "c"].map(|name| add_group(store, ANN, name));
        store.people_mut().join(c, BOB).expect("join");
        store.people_mut().join(a, BOB).expect("join");
        let counts = |store: &Store, user| {
            let people = store.people();
            [people.groups_owned(user), people.groups_joined(user)]
                .map(|count| count.expect("read"))
        };
        assert_eq!((counts(store, ANN), counts(store, BOB)), ([3, 3], [0, 2]));
        assert_eq!(store.people().group_ids_of(BOB), Ok(vec![a, c]));
        assert_eq!(names(store.people().groups_of(BOB, GroupId(0), 1)), ["a"]);
        assert_eq!(names(store.people().groups_of(BOB, a, 9)), ["c"]);
        store.people_mut().delete_group(b).expect("delete");
        store.people_mut().set_group_blocked(c, true).expect("block");
        assert_eq!(names(store.people().all_groups(GroupId(0), 9)), ["a", "c"]);
        assert_eq!(names(store.people().all_groups(a, 9)), ["c"]);
        assert_eq!(counts(store, ANN), [2, 2]);
        assert_eq!(group(store, c).status, GroupStatus::Blocked);
    });
}

#[test]
fn an_interval_without_a_seq_is_not_kept() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        let team = add_group(store, ANN, "team");
        for _ in 0..3 {
            store.people_mut().join(team, BOB).expect("join");
            store.leave(team, BOB).expect("leave");
        }
        store.people_mut().delete_group(team).expect("delete");
    });
    assert_eq!(temp.count("SELECT count(*) FROM group_past"), 0);
}
