//! A user's day has so many bytes.

use super::*;
use crate::limits::QUOTA_USERS_KEPT;
use crate::store::Store;
use crate::store::tests::{ANN, BOB, Temp};

const NOON: i64 = 20_000 * DAY_SECONDS + DAY_SECONDS / 2;
const HALF_A_DAY: Option<u64> = Some(DAY_SECONDS as u64 / 2);

fn say(store: &mut Store, user: UserId, bytes: u64, unix: i64) -> Option<u64> {
    store.people_mut().use_quota(user, bytes, 1_000, unix, false).expect("count")
}

#[test]
fn p25_a_restart_gives_nothing_back_and_costs_a_share() {
    let mut temp = Temp::with_users(&["ann"]);
    let (limit, share) = (1 << 20, (1 << 20) / QUOTA_SHARES);
    temp.transact(|store| {
        _ = store.people_mut().use_quota(ANN, 10, limit, NOON, false).expect("count")
    });
    let mut temp = temp.reopen();
    temp.transact(|store| {
        let mut say =
            |bytes| store.people_mut().use_quota(ANN, bytes, limit, NOON, false).expect("count");
        assert_eq!(say(limit - share + 1), HALF_A_DAY);
        assert_eq!(say(limit - share), None);
    });
}

#[test]
fn p3_what_is_rolled_back_is_not_counted() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| assert_eq!(say(store, ANN, 100, NOON), None));
    temp.store.begin().expect("begin");
    assert_eq!(say(&mut temp.store, ANN, 300, NOON), None);
    temp.store.savepoint().expect("savepoint");
    assert_eq!(say(&mut temp.store, ANN, 600, NOON), None);
    assert_eq!(say(&mut temp.store, BOB, 600, NOON), None);
    temp.store.rollback_to_savepoint().expect("undo");
    assert_eq!(say(&mut temp.store, ANN, 601, NOON), HALF_A_DAY);
    assert_eq!(say(&mut temp.store, BOB, 1_000, NOON), None);
    temp.store.rollback().expect("roll back");
    temp.transact(|store| {
        assert_eq!(say(store, ANN, 901, NOON), HALF_A_DAY);
        assert_eq!(say(store, ANN, 900, NOON), None);
        assert_eq!(say(store, BOB, 1_000, NOON), None);
    });
}

#[test]
fn a_clock_that_jumps_gives_nothing_back_and_locks_nobody_out() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        assert_eq!(say(store, ANN, 1_000, NOON), None);
        let day_and_half = Some(3 * DAY_SECONDS as u64 / 2);
        assert_eq!(say(store, ANN, 1, NOON - DAY_SECONDS), day_and_half, "back");
        assert_eq!(say(store, ANN, 1, NOON), HALF_A_DAY, "and forth");
        // A year ahead by mistake: two days of today's clock at most.
        assert_eq!(say(store, BOB, 1_000, NOON + 365 * DAY_SECONDS), None);
        assert_eq!(say(store, BOB, 1, NOON), day_and_half);
        assert_eq!(say(store, BOB, 1, NOON + 3 * DAY_SECONDS / 2), None);
    });
}

#[test]
fn p20_whoever_makes_room_is_counted_as_exactly() {
    let mut temp = Temp::with_users(&["ann"]);
    temp.store.sqlite().pragma_update(None, "foreign_keys", false).expect("only numbers");
    let limit = QUOTA_SHARES * 100;
    let users = QUOTA_USERS_KEPT as i64 + 3;
    temp.transact(|store| {
        for round in 0..2 {
            for user in 1..=users {
                let counted = store.people_mut().use_quota(UserId(user), 10, limit, NOON, false);
                assert_eq!(counted, Ok(None), "{round}");
            }
        }
        assert_eq!(store.people_mut().people.quota.users.len(), QUOTA_USERS_KEPT);
        let rest = limit - 20;
        for user in [1, 2, users / 2, users] {
            let user = UserId(user);
            assert_eq!(
                store.people_mut().use_quota(user, rest + 1, limit, NOON, false),
                Ok(HALF_A_DAY)
            );
            assert_eq!(store.people_mut().use_quota(user, rest, limit, NOON, false), Ok(None));
        }
    });
}
