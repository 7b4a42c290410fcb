//! What `sessions.rs` must do.

use super::*;

fn conn(slot: u32) -> ConnId {
    ConnId { slot, generation: slot }
}

fn sign_in(user: i64, groups: &[i64]) -> SignIn {
    SignIn {
        user: UserId(user),
        admin: false,
        lang: Lang::En,
        acks: true,
        key_hash: KeyHash::of(""),
        key_expires: 0,
        groups: groups.iter().map(|&group| GroupId(group)).collect(),
        cursor: Seq(5),
    }
}

#[test]
fn a_session_is_found_both_ways_and_leaves_nothing_behind() {
    let mut sessions = Sessions::default();
    sessions.sign_in(conn(1), sign_in(7, &[3]));
    sessions.join(UserId(7), GroupId(4));
    assert_eq!(sessions.conn_of(UserId(7)), Some(conn(1)));
    assert_eq!(sessions.readers_of(GroupId(4)), [(UserId(7), conn(1))]);
    assert_eq!(sessions.sign_out(conn(1), Seq(9)), Some(UserId(7)));
    assert_eq!(sessions.sign_out(conn(1), Seq(9)), None);
    assert!(sessions.readers.is_empty() && sessions.by_user.is_empty());
}

#[test]
fn p13_a_cursor_moves_forward_only_and_past_what_is_not_for_the_reader() {
    let mut sessions = Sessions::default();
    sessions.sign_in(conn(1), sign_in(7, &[]));
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
        sessions.sign_in(conn(1), sign_in(7, &[]));
        let session = sessions.get_mut(conn(1)).expect("signed in");
        (session.behind, session.sent_seq, session.pushed) = (behind, Seq(12), Seq(pushed));
        sessions.sign_out(conn(1), Seq(20));
        assert_eq!(sessions.moved_cursor(UserId(7)), Some(Seq(expected)));
    }
}

#[test]
fn p13_without_confirmations_what_the_kernel_took_counts_as_seen() {
    let mut sessions = Sessions::default();
    sessions.sign_in(conn(1), SignIn { acks: false, ..sign_in(7, &[]) });
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

#[test]
fn p24_a_slots_next_connection_is_another() {
    let mut sessions = Sessions::default();
    sessions.sign_in(conn(1), sign_in(7, &[]));
    let later = ConnId { slot: 1, generation: 2 };
    assert!(sessions.get(later).is_none() && sessions.get_mut(later).is_none());
    assert_eq!(sessions.sign_out(later, Seq(9)), None);
    assert!(sessions.get(conn(1)).is_some());
}

#[test]
fn p21_a_burst_is_let_through_then_the_rate_counts() {
    let mut bucket = rate::Bucket::default();
    let second = 1_000_000;
    for _ in 0..5 {
        assert_eq!(bucket.take(10, 5, Moment(second)), Ok(()));
    }
    assert_eq!(bucket.take(10, 5, Moment(second)), Err(Moment(second + 100_000)));
    assert_eq!(bucket.take(10, 5, Moment(second + 100_000)), Ok(()));
    assert_eq!(bucket.take(0, 0, Moment(second)), Ok(()), "0 is none");
}
