//! Transcripts: several people act out a text on the shipped loop, without sockets.
//!
//! Each file of `transcripts/` is one test, named after the promises it keeps; its own
//! first lines say which. How a line reads is described in `support::script`. A file without
//! its line here, and a line without its file, are failures too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/transcripts")
}

fn script(name: &str) -> String {
    let path = folder().join(name).with_extension("txt");
    fs::read_to_string(&path).expect("the transcript is there")
}

fn check(name: &str, script: &str) {
    let outcome = crate::support::script::run(script);
    assert!(outcome.is_ok(), "{name}: {}", outcome.err().unwrap_or_default());
}

macro_rules! transcripts {
    ($($name:ident,)+) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &script(stringify!($name)));
        })+

        const NAMES: &[&str] = &[$(stringify!($name),)+];
    };
}

transcripts! {
    a_history_always_fits_a_frame,
    a_list_always_fits_a_frame,
    accounts,
    administrators,
    an_older_client,
    consent,
    consent_who_stays_out,
    friend_approval,
    friends,
    groups,
    groups_are_known_by_id,
    history,
    limits_on_friends_and_groups,
    lists_come_in_pages,
    mailbox_full,
    names,
    malformed_input,
    operator,
    p20_a_users_day_has_so_many_bytes,
    presence_and_receipts,
    search,
    the_server_speaks_chinese,
    throttles_by_address,
    two_people_chat,
    why_a_connection_is_silent,
    what_others_do_is_told_to_friends_only,
    who_guesses_names_is_told_nothing_more,
    who_guesses_names_is_told_of_requests,
    p3_p4_refused_requests_leave_nothing,
    p5_a_mid_is_good_in_one_group_only,
    p5_a_retry_is_stored_once,
    p6_p7_p10_one_order_for_all,
    p7_an_expired_key_stays_expired,
    p9_all_that_waited_comes_once,
    p11_changes_in_the_tick_of_a_sign_in,
    p11_answers_and_pushes_of_one_tick,
    p11_p12_membership_edges,
    p13_confirming,
    p12_a_large_group_is_gone_for_all_at_once,
    p13_a_takeover_confirms_nothing_unsent,
    p15_unconfirmed_comes_again,
    p15_what_one_write_took_is_seen,
    p16_what_is_too_old_goes_and_is_told,
    p17_signing_in_elsewhere,
    p17_a_password_changed_too_late,
    p17_two_at_once,
    p18_an_old_key_is_worth_nothing,
    p18_blocked_while_signing_in,
    p19_each_request_of_a_tick_proves_its_key,
    p19_the_gate,
    p20_a_slow_reader_costs_little,
    p20_password_hashes_are_bounded,
    p21_a_crowd_of_newcomers_waits_by_itself,
    p21_a_search_looks_at_so_much_and_no_more,
    p21_a_full_tick_leaves_nobody_behind,
    p21_a_rate_is_a_users,
    p21_in_and_out_of_a_group,
    p21_over_its_rate_a_user_waits,
    p21_who_gave_up_keeps_their_place,
    p22_a_lasting_error_costs_little,
    p23_deadlines,
    p24_a_reset_ends_a_connection_whatever_came_before_it,
    p24_what_comes_late_finds_nobody,
    p25_a_crash_loses_nothing_acknowledged,
    p28_no_text_of_a_peer_starts_a_line,
    p29_everything_refused_is_counted,
}

#[test]
fn every_transcript_is_acted_out() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder is there")
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    assert_eq!(files, NAMES.iter().map(|&name| name.to_owned()).collect());
}

/// Frames that come and go in pieces, a tick for every byte, make no difference to anybody.
#[test]
fn frames_in_pieces_make_no_difference() {
    for name in ["two_people_chat", "accounts", "friend_approval", "an_older_client"] {
        check(name, &format!("pieces\n{}", script(name)));
    }
}

/// Whatever is promised is promised over TLS as well.
#[test]
fn over_tls_nothing_is_different() {
    for name in NAMES {
        check(name, &format!("tls\n{}", script(name)));
    }
}

/// The same over WebSocket, but for what only bare bytes can do wrong.
#[test]
fn over_websocket_nothing_is_different() {
    let is_bare = |line: &str| line.split(' ').next().is_some_and(|word| word.ends_with('%'));
    for (name, script) in NAMES.iter().map(|name| (name, script(name))) {
        let script = if script.lines().any(is_bare) { String::new() } else { script };
        check(name, &format!("websocket\n{script}"));
    }
}

#[test]
fn over_websocket_in_pieces_within_tls_nothing_is_different() {
    for name in ["two_people_chat", "an_older_client"] {
        check(name, &format!("websocket\npieces\n{}", script(name)));
        check(name, &format!("tls\nwebsocket\npieces\n{}", script(name)));
    }
}

#[test]
fn over_tls_in_pieces_nothing_is_different() {
    for name in ["two_people_chat", "an_older_client"] {
        check(name, &format!("tls\npieces\n{}", script(name)));
    }
}

/// What every transcript's ticks wrote, as numbers of statements and their values, makes the same
/// rows of every table in another database.
#[test]
fn p25_what_was_written_can_be_written_again_elsewhere() {
    for name in NAMES {
        check(name, &format!("recorded\n{}", script(name)));
    }
}
