//! Accounts, keys and sign-ins.

use super::*;
use crate::store::Store;
use crate::store::tests::{ANN, BOB, Temp};

fn name(raw: &str) -> Name {
    Name::user(raw).expect("a name")
}

#[test]
fn the_count_of_users_follows_a_rollback() {
    let mut temp = Temp::with_users(&["ann"]);
    let store = &mut temp.store;
    store.begin().expect("begin");
    store.savepoint().expect("savepoint");
    store.people_mut().add_user(&name("bob"), "!", false, 1).expect("user");
    assert_eq!(store.people().user_count(), 2);
    store.rollback_to_savepoint().expect("undo");
    assert_eq!(store.people().user_count(), 1);
    store.people_mut().add_user(&name("cem"), "!", false, 1).expect("user");
    store.rollback().expect("rollback");
    assert_eq!(store.people().user_count(), 1);
    assert_eq!(temp.reopen().store.people().user_count(), 1);
}

#[test]
fn p18_a_key_is_worth_something_until_it_is_replaced_or_revoked() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        let owner = |store: &Store, hash: [u8; 32]| store.people().key_owner(&hash).expect("read");
        assert_eq!(owner(store, [1; 32]), None);
        store.people_mut().set_key(ANN, Some(&[1; 32]), 10).expect("key");
        let later = 10 + KEY_TOUCH_SECONDS;
        for (unix, used) in [(later - 1, 10), (later, later)] {
            store.people_mut().touch_key(ANN, unix).expect("touch");
            let found = owner(store, [1; 32]).expect("the owner");
            assert_eq!((found.user.id, found.created, found.used), (ANN, 10, used));
        }
        store.people_mut().set_key(ANN, Some(&[2; 32]), 30).expect("key");
        assert_eq!(owner(store, [1; 32]), None);
        assert_eq!(owner(store, [2; 32]).map(|found| found.used), Some(30));
        store.people_mut().set_key(ANN, None, 40).expect("revoke");
        store.people_mut().set_key(BOB, None, 40).expect("two users without a key");
        assert_eq!(owner(store, [2; 32]), None);
    });
}

#[test]
fn p20_the_sign_in_log_keeps_the_last_hundred_of_a_user() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let user = |id: i64| User { id: UserId(id), name: "x".into(), blocked: false, admin: false };
    temp.transact(|store| {
        store.people_mut().log_sign_in(&user(2), 0, "::1").expect("log");
        for unix in 1..=LOGIN_LOG_ROWS as i64 + 5 {
            store.people_mut().log_sign_in(&user(1), unix, "::1").expect("log");
        }
    });
    let sql = "SELECT count(*), min(lastlogintime), max(lastlogintime) FROM user_login_log
        WHERE userid = ?1";
    let kept = |id: i64| {
        let row =
            temp.store.sqlite().query_row(sql, [id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
        row.expect("row")
    };
    assert_eq!(kept(1), (100, 6, 105));
    assert_eq!(kept(2), (1, 0, 0));
}
