//! Each rule names what breaks it.

use super::*;
use crate::id::Conversation;
use crate::store::tests::{ANN, BOB, Temp, add_group, say};

/// A change for each rule, which breaks it and, as far as it can be, nothing else.
const HARM: &[(&str, &str)] = &[
    ("references", "INSERT INTO user_login_log VALUES (1, 99, 'x', 0, 'x')"),
    ("member_counts", "UPDATE groups SET groupusercount = 7"),
    ("owners", "DELETE FROM group_users WHERE userid = 1; UPDATE groups SET groupusercount = 0"),
    ("memberships", "INSERT INTO group_past VALUES (2, 1, 1, 99)"),
    (
        "memberships",
        "UPDATE group_users SET from_seq = 1; INSERT INTO group_past VALUES (1, 1, 1, 2)",
    ),
    ("memberships", "UPDATE group_users SET from_seq = 99"),
    ("cursors", "UPDATE cursors SET seq = 99 WHERE userid = 1"),
    ("cursors", "DELETE FROM cursors WHERE userid = 2"),
    ("waiting", "UPDATE waiting SET messages = 2 WHERE sender = 0"),
    ("waiting", "DELETE FROM waiting WHERE sender = 0"),
    ("waiting_behind", "UPDATE cursors SET seq = 2"),
    ("friends", "DELETE FROM friends WHERE userid = 1"),
    ("log_head", "INSERT INTO log VALUES (0, 0, NULL, 0, 2, 'x', NULL, 0)"),
    ("log_names", "UPDATE log SET sender = 99 WHERE seq = 1"),
    ("log_names", "UPDATE log SET conversation = 198 WHERE seq = 1"),
    ("log_names", "UPDATE log SET conversation = 199 WHERE seq = 1"),
    ("log_slices", "UPDATE log_state SET sealed = 1, head = 7"),
    ("words", "INSERT INTO meta VALUES ('indexed', 1)"),
    ("names", "UPDATE users SET username = ' ' WHERE userid = 1"),
    ("names", "UPDATE groups SET namekey = ''"),
    ("reads", "INSERT INTO reads VALUES (2, 1, 99)"),
    ("reads", "INSERT INTO reads VALUES (2, 99, 1)"),
    ("values", "UPDATE log SET at = -1 WHERE seq = 1"),
    ("schema", "DROP INDEX groups_alive"),
    ("schema", "CREATE TABLE books (title TEXT)"),
    (
        "integrity",
        "PRAGMA ignore_check_constraints = ON; UPDATE users SET userstatus = 7;
        PRAGMA ignore_check_constraints = OFF",
    ),
    ("keys", "UPDATE users SET authtoken = zeroblob(32) WHERE userid = 1"),
    ("epoch", "UPDATE meta SET value = 'yesterday' WHERE name = 'epoch'"),
    ("mid_key", "DELETE FROM meta WHERE name = 'mid_key'"),
];

fn populated() -> Temp {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    temp.transact(|store| {
        say(store, ANN, Conversation::Inbox(BOB), "hi");
        store.people_mut().add_waiting(BOB, ANN, 2).expect("waiting");
        store.people_mut().befriend(ANN, BOB).expect("friends");
        say(store, ANN, Conversation::Inbox(BOB), "hi");
        add_group(store, ANN, "team");
    });
    temp
}

#[test]
fn a_database_is_whole_until_a_rule_is_broken_which_is_named() {
    for (rule, harm) in HARM {
        let temp = populated();
        assert_eq!(temp.store.check(), Ok(Vec::new()));
        temp.store.sqlite().execute_batch("PRAGMA foreign_keys = OFF").expect("pragma");
        temp.store.sqlite().execute_batch(harm).expect("harm");
        let found = temp.store.check().expect("a check");
        let rules: Vec<_> = found.iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, [*rule], "{harm}: {found:?}");
    }
    let harmed = |rule: &str| HARM.iter().any(|(harmed, _)| *harmed == rule);
    assert!(RULES.iter().all(|(rule, _)| harmed(rule)));
}
