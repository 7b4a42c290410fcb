//! What `sessions.rs` must do.

use super::*;

fn conn(slot: u32) -> ConnId {
    ConnId { slot, generation: slot }
}

/// The user is signed in, and has confirmed everything up to 5.
fn sign_in(sessions: &mut Sessions, conn: ConnId, acks: bool, groups: &[i64]) {
    let who = Who {
        user: UserId(7),
        admin: false,
        lang: Lang::En,
        acks,
        key_hash: KeyHash::of(""),
        key_expires: 0,
        groups: groups.iter().map(|&group| GroupId(group)).collect(),
    };
    sessions.sign_in(conn, who, Seq(5));
}

#[test]
fn a_session_is_found_both_ways_and_leaves_nothing_behind() {
    let mut sessions = Sessions::default();
    sign_in(&mut sessions, conn(1), true, &[3]);
    sessions.join(UserId(7), GroupId(4));
    assert_eq!(sessions.conns_of(UserId(7)), [conn(1)]);
    assert_eq!(sessions.crowded_out(UserId(7)), [conn(1)], "one session a user");
    assert_eq!(sessions.readers_of(GroupId(4)), [(UserId(7), conn(1))]);
    assert_eq!(sessions.sign_out(conn(1), Seq(9)), Some(UserId(7)));
    assert_eq!(sessions.sign_out(conn(1), Seq(9)), None);
    assert!(sessions.readers.is_empty() && sessions.by_user.is_empty());
}

#[test]
fn p13_a_cursor_moves_forward_only_and_past_what_is_not_for_the_reader() {
    let mut sessions = Sessions::default();
    sign_in(&mut sessions, conn(1), true, &[]);
    let session = sessions.get_mut(conn(1)).expect("signed in");
    (session.behind, session.pushed) = (false, Seq(8));
    sessions.confirm(conn(1), Seq(6), Seq(20));
    assert_eq!(sessions.moved_cursor(UserId(7)), Some(Seq(6)));
    sessions.confirm(conn(1), Seq(8), Seq(20));
    assert_eq!(sessions.moved_cursor(UserId(7)), Some(Seq(20)));
    sessions.confirm(conn(1), Seq(7), Seq(20));
    assert_eq!(sessions.moved_cursor(UserId(7)), Some(Seq(20)));
}

#[test]
fn p13_at_the_end_the_cursor_is_where_the_session_was_sent_and_no_further() {
    for (behind, pushed, expected) in [(false, 5, 20), (true, 5, 12), (false, 8, 5)] {
        let mut sessions = Sessions::default();
        sign_in(&mut sessions, conn(1), true, &[]);
        let session = sessions.get_mut(conn(1)).expect("signed in");
        (session.behind, session.sent_seq, session.pushed) = (behind, Seq(12), Seq(pushed));
        sessions.sign_out(conn(1), Seq(20));
        assert_eq!(sessions.moved_cursor(UserId(7)), Some(Seq(expected)));
    }
}

#[test]
fn p13_without_confirmations_what_the_kernel_took_counts_as_seen() {
    let mut sessions = Sessions::default();
    sign_in(&mut sessions, conn(1), false, &[]);
    let session = sessions.get_mut(conn(1)).expect("signed in");
    session.pushed = Seq(8);
    session.set_mark(100);
    session.pushed = Seq(9);
    session.set_mark(150);
    assert_eq!(session.pass_mark(60, 90), None);
    assert_eq!(session.pass_mark(40, 50), Some(Seq(8)), "the mark has passed");
    assert_eq!(session.pass_mark(49, 1), None);
    assert_eq!(session.pass_mark(1, 0), Some(Seq(9)));
    assert_eq!(session.pass_mark(200, 0), None, "answers say nothing of pushes");
}
