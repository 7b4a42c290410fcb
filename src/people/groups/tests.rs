//! How memberships end.

use super::*;
use crate::id::{Conversation, Seq};
use crate::limits::MEMBERSHIPS_ENDED_PER_COMMIT;
use crate::store::Store;
use crate::store::tests::{ANN, BOB, Temp, add_group, say};

fn group(store: &Store, id: GroupId) -> Group {
    store.people().group(id).expect("read").expect("group")
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
