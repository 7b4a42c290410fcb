//! Who is slowed down, and whom that must not hold up: the shipped loop and server on pipes, with
//! people who come from other machines.
//!
//! `transcripts` has the figures of the limits, `src/throttle.rs` their arithmetic. Here is what
//! they are for: a limit is charged to what it is about, and what one address, one account or one
//! user does is no reason to refuse another (P21).

use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::limits::{HASH_QUEUE_MAX, HASHES_UNDER_WAY_MAX};
use p2sp::password::KeyHash;
use serde_json::{Value, json};

use crate::support::caller::Caller;
use crate::support::test_server::{PASSWORD, TestServer};

/// So soon a crowd of newcomers is taken in, and answered.
const TAKEN_IN: Duration = Duration::from_millis(100);
const ELSEWHERE: &str = "192.0.2.1:1";

/// A server that is also reached from other machines, in plaintext.
fn server(invite: Option<&str>) -> TestServer {
    let invite = invite.map(KeyHash::of);
    TestServer::new(Rules { invite, tls_required: false, ..Rules::default() })
}

fn account(name: &str) -> Value {
    json!({"username": name, "password": PASSWORD})
}

fn ask_from(server: &mut TestServer, address: &str, kind: &str, args: Value) -> Value {
    let mut caller = Caller::connect(server, address, None);
    let answer = caller.ask(server, kind, args);
    server.net.cut(caller.end);
    server.settle();
    answer
}

fn code_from(server: &mut TestServer, address: &str, kind: &str, args: Value) -> String {
    ask_from(server, address, kind, args)["code"].as_str().unwrap_or_default().to_owned()
}

/// So many requests are sent at the same moment, each on a connection of its own; what they are
/// answered, in order.
fn at_once(server: &mut TestServer, address: &str, all: impl Iterator<Item = Value>) -> Vec<Value> {
    server.net.hold_hashes(true);
    let mut callers: Vec<Caller> = all
        .map(|args| {
            let mut caller = Caller::connect(server, address, None);
            let bytes = caller.request("login", args);
            server.net.send(caller.end, &bytes);
            caller
        })
        .collect();
    // All are in before the first is judged.
    server.pass(TAKEN_IN);
    server.net.hold_hashes(false);
    server.pass(TAKEN_IN);
    let answer = |caller: &mut Caller| {
        caller.receive(&*server).expect("bytes");
        caller.answer().expect("an answer")
    };
    let answers = callers.iter_mut().map(answer).collect();
    server.pass(TAKEN_IN);
    answers
}

fn count(answers: &[Value], code: &str) -> usize {
    answers.iter().filter(|answer| answer["code"] == code).count()
}

#[test]
fn of_many_guesses_at_the_same_moment_one_is_judged() {
    for address in ["127.0.0.1:1", ELSEWHERE] {
        let mut server = server(None);
        assert_eq!(code_from(&mut server, address, "reg", account("alice")), "ok");
        let guess = |n| json!({"username": "alice", "password": format!("guess number {n}")});
        let answers = at_once(&mut server, address, (0..80).map(guess));
        assert_eq!((count(&answers, "bad_credentials"), count(&answers, "slow_down")), (1, 79));
        let told =
            |answer: &Value| answer["code"] != "slow_down" || answer["data"]["retry_after"] == 1;
        assert!(answers.iter().all(told), "{answers:?}");
        // As many with the right password: one signs in, and it is not held against the account.
        server.pass(Duration::from_secs(1));
        let answers = at_once(&mut server, address, (0..80).map(|_| account("alice")));
        assert_eq!((count(&answers, "ok"), count(&answers, "slow_down")), (1, 79));
        assert_eq!(code_from(&mut server, address, "login", account("alice")), "ok");
    }
}

#[test]
fn an_attempt_that_was_cut_off_is_judged_all_the_same() {
    let mut server = server(None);
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("alice")), "ok");
    for (password, then) in [(PASSWORD, "ok"), ("wrong horse", "slow_down")] {
        server.net.hold_hashes(true);
        let mut caller = Caller::connect(&server, ELSEWHERE, None);
        let args = json!({"username": "alice", "password": password});
        let bytes = caller.request("login", args);
        server.net.send(caller.end, &bytes);
        server.settle();
        server.net.cut(caller.end);
        server.settle();
        let second = code_from(&mut server, ELSEWHERE, "login", account("alice"));
        assert_eq!(second, "slow_down", "it is under way");
        server.net.hold_hashes(false);
        server.settle();
        assert_eq!(code_from(&mut server, ELSEWHERE, "login", account("alice")), then);
    }
}

#[test]
fn p21_no_address_takes_the_queue_of_hashes_from_the_others() {
    let mut server = server(None);
    for name in ["mallory", "visitor", "member"] {
        assert_eq!(code_from(&mut server, "127.0.0.1:1", "reg", account(name)), "ok");
    }
    let mut member = Caller::connect(&server, "127.0.0.1:1", None);
    member.sign_in(&mut server, "member");
    let mut operator = Caller::operator(&server);
    server.net.hold_hashes(true);
    // More than there are places, from one machine that is exempt from limits by address.
    let mut crowd: Vec<Caller> = Vec::new();
    for n in 0..100 {
        let mut caller = Caller::connect(&server, "127.0.0.1:1", None);
        let bytes = caller.request("login", account(&format!("nobody{n}")));
        server.net.send(caller.end, &bytes);
        crowd.push(caller);
    }
    server.pass(TAKEN_IN);
    let send = |server: &mut TestServer, caller: &mut Caller, kind: &str, args: Value| {
        let bytes = caller.request(kind, args);
        server.net.send(caller.end, &bytes);
    };
    let mut visitor = Caller::connect(&server, ELSEWHERE, None);
    send(&mut server, &mut visitor, "login", account("visitor"));
    let mut newcomer = Caller::connect(&server, "198.51.100.1:1", None);
    send(&mut server, &mut newcomer, "reg", account("newcomer"));
    let new = json!({"password": PASSWORD, "newpassword": "battery staple"});
    send(&mut server, &mut member, "passwd", new);
    let reset = json!({"username": "mallory", "password": "battery staple"});
    send(&mut server, &mut operator, "setpasswd", reset);
    server.pass(TAKEN_IN);
    server.net.work();
    server.net.hold_hashes(false);
    server.pass(TAKEN_IN);
    for caller in [&mut visitor, &mut newcomer, &mut member, &mut operator] {
        caller.receive(&server).expect("bytes");
        assert_eq!(caller.answer().expect("an answer")["code"], "ok");
    }
    // Behind the two that were under way, each of them is among the next; the crowd's rest follows.
    let work = server.net.work();
    let (first, rest) = work.split_at(7);
    let of = |kind: &str| first.iter().filter(|other| *other == kind).count();
    assert_eq!((of("hash"), of("change")), (2, 1), "{work:?}");
    assert!(rest.iter().all(|kind| kind.starts_with("password$")), "{work:?}");
    let mut codes = Vec::new();
    for caller in &mut crowd {
        caller.receive(&server).expect("bytes");
        codes.extend(caller.codes());
    }
    let busy = codes.iter().filter(|code| **code == "busy").count();
    assert_eq!((codes.len(), busy), (100, 100 - 64 - 2 + 2), "P29: all are answered");
}

#[test]
fn attempts_that_find_no_place_give_back_no_more_than_they_counted() {
    let (mut server, address) = (server(None), "127.0.0.1:1");
    assert_eq!(code_from(&mut server, address, "reg", account("alice")), "ok");
    let guess = || json!({"username": "alice", "password": "guess"});
    for seconds in [1, 2, 4] {
        assert_eq!(code_from(&mut server, address, "login", guess()), "bad_credentials");
        server.pass(Duration::from_secs(seconds));
    }
    server.net.hold_hashes(true);
    let ask = |server: &mut TestServer, args: Value| {
        let mut caller = Caller::connect(server, address, None);
        let bytes = caller.request("login", args);
        server.net.send(caller.end, &bytes);
        caller
    };
    for n in 0..HASH_QUEUE_MAX + HASHES_UNDER_WAY_MAX {
        ask(&mut server, account(&format!("nobody{n}")));
    }
    server.pass(TAKEN_IN);
    // Both are served in one tick. The first finds no place, so the second cannot take it.
    let both = [ask(&mut server, guess()), ask(&mut server, guess())];
    server.settle();
    for mut caller in both {
        caller.receive(&server).expect("bytes");
        assert_eq!(caller.answer().expect("an answer")["code"], "busy");
    }
    server.net.hold_hashes(false);
    server.pass(TAKEN_IN);
    assert_eq!(code_from(&mut server, address, "login", guess()), "bad_credentials");
    let answer = ask_from(&mut server, address, "login", guess());
    assert_eq!(answer["data"]["retry_after"], 8, "the fourth that was wrong: {answer}");
}

#[test]
fn wrong_invite_codes_hold_up_nobody_who_has_a_good_one() {
    let mut server = server(Some("swordfish"));
    let with = |name: &str, code: &str| {
        let mut args = account(name);
        args["invite"] = code.into();
        args
    };
    for _ in 0..59 {
        assert_eq!(code_from(&mut server, ELSEWHERE, "reg", with("eve", "guess")), "bad_invite");
    }
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("eve")), "invite_required");
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", with("eve", "")), "invite_required");
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", with("ann", "swordfish")), "ok");
    // They have a throttle of their own, which lets nobody guess on, and is over in a minute.
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", with("eve", "guess")), "bad_invite");
    let answer = ask_from(&mut server, ELSEWHERE, "reg", with("eve", "swordfish"));
    assert_eq!(answer["code"], "slow_down");
    let seconds = answer["data"]["retry_after"].as_u64().expect("seconds");
    assert!((1..=60).contains(&seconds), "{answer}");
    let elsewhere = code_from(&mut server, "198.51.100.1:1", "reg", with("bob", "swordfish"));
    assert_eq!(elsewhere, "ok");
    server.pass(Duration::from_secs(seconds));
    // Whoever was invited is no registration that an address is charged with.
    for n in 0..70 {
        let name = format!("colleague{n}");
        assert_eq!(code_from(&mut server, ELSEWHERE, "reg", with(&name, "swordfish")), "ok", "{n}");
    }
}

#[test]
fn a_registration_counts_when_an_account_is_about_to_be_made() {
    let mut server = server(None);
    assert_eq!(code_from(&mut server, "127.0.0.1:1", "reg", account("taken")), "ok");
    let mut short = account("ann");
    short["password"] = "short".into();
    for (args, code) in
        [(account("taken"), "user_exists"), (short, "weak_password"), (account("_"), "bad_name")]
    {
        for _ in 0..50 {
            assert_eq!(code_from(&mut server, ELSEWHERE, "reg", args.clone()), code);
        }
    }
    for n in 0..60 {
        assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account(&format!("user{n}"))), "ok");
    }
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("user60")), "slow_down");
    server.pass(Duration::from_secs(3_600));
    // Which names are taken may be asked so often a minute.
    for _ in 0..60 {
        assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("taken")), "user_exists");
    }
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("taken")), "slow_down");
    assert_eq!(code_from(&mut server, "127.0.0.1:1", "reg", account("taken")), "user_exists");
    server.pass(Duration::from_secs(60));
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("user60")), "ok");
}

#[test]
fn who_guesses_elsewhere_holds_nobody_up_where_they_signed_in_before() {
    let mut server = server(None);
    assert_eq!(code_from(&mut server, ELSEWHERE, "reg", account("alice")), "ok");
    assert_eq!(code_from(&mut server, ELSEWHERE, "login", account("alice")), "ok");
    let guess = json!({"username": "alice", "password": "guess"});
    for n in 0..30 {
        let address = format!("10.{n}.0.1:1");
        assert_eq!(code_from(&mut server, &address, "login", guess.clone()), "bad_credentials");
    }
    assert_eq!(code_from(&mut server, "10.30.0.1:1", "login", account("alice")), "slow_down");
    assert_eq!(code_from(&mut server, ELSEWHERE, "login", account("alice")), "ok");
    // From where it signed in follows from the database alone.
    server.crash();
    server.start();
    assert_eq!(code_from(&mut server, "10.30.0.1:1", "login", account("alice")), "ok");
    for n in 31..60 {
        let address = format!("10.{n}.0.1:1");
        assert_eq!(code_from(&mut server, &address, "login", guess.clone()), "bad_credentials");
    }
    let address = "10.60.0.1:1";
    assert_eq!(code_from(&mut server, address, "login", guess.clone()), "bad_credentials");
    assert_eq!(code_from(&mut server, "10.61.0.1:1", "login", guess.clone()), "slow_down");
    for address in [ELSEWHERE, "10.30.0.1:1"] {
        assert_eq!(code_from(&mut server, address, "login", account("alice")), "ok");
    }
}
