//! Real sockets: what people do all day, and what networks do to it.
//!
//! Each test starts the shipped server on a free port and speaks frames with it. What must
//! hold for a message's way, for a frame's way through the kernel and for the end of a session
//! and of the server is here; what the bytes mean in detail is in the transcripts.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{PASSWORD, Peer, Server, TIMEOUT, frame_of};

/// Above 2 MB of texts, and more than the server's and the kernel's buffers hold of them.
const FLOOD_MESSAGES: usize = 400;

#[test]
fn p14_p15_a_message_arrives_now_or_waits_and_what_is_confirmed_never_comes_again() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    let sent = alice.ok("send", json!({"username": "bob", "message": "你好, bob"}));
    assert_eq!(sent["data"]["online"], true);
    assert_eq!(bob.expect_text("alice", "你好, bob"), sent["data"]["seq"]);
    bob.confirm();
    let (key, confirmed) = (bob.key(), bob.seq);
    bob.leave();

    let sent = alice.ok("send", json!({"username": "bob", "message": "while you were out"}));
    assert_eq!(sent["data"]["online"], false);
    assert_eq!(sent["message"], "bob is offline; the message is kept for them.");
    for _ in 0..2 {
        // Not confirmed: it comes again.
        let mut bob = server.peer();
        let welcome = bob.resume(&key, true);
        assert_eq!(welcome["cursor"], confirmed);
        assert_eq!(bob.expect_text("alice", "while you were out"), sent["data"]["seq"]);
        bob.expect_event("caught_up");
        bob.leave();
    }
    let mut bob = server.peer();
    bob.resume(&key, true);
    bob.expect_text("alice", "while you were out");
    bob.expect_event("caught_up");
    bob.confirm();
    bob.leave();
    let mut bob = server.peer();
    bob.resume(&key, true);
    bob.expect_event("caught_up");
    bob.refused("ack", json!({"seq": bob.seq + 1}), "ack_too_high");
    bob.expect_end();
}

#[test]
fn p5_the_same_mid_is_stored_once_and_has_one_seq() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    let hello = json!({"username": "bob", "message": "once", "mid": "m1"});
    let first = alice.ok("send", hello.clone());
    let again = alice.ok("send", hello.clone());
    assert_eq!(first["data"]["seq"], again["data"]["seq"]);
    let key = alice.key();
    alice.leave();
    let mut alice = server.peer();
    alice.resume(&key, true);
    let again = alice.ok("send", hello);
    assert_eq!(first["data"]["seq"], again["data"]["seq"], "on another connection too");
    let other = json!({"username": "bob", "message": "another", "mid": "m1"});
    alice.refused("send", other, "mid_reused");
    alice.ok("send", json!({"username": "bob", "message": "twice"}));
    bob.expect_text("alice", "once");
    bob.expect_text("alice", "twice");
}

#[test]
fn p17_p18_a_sign_in_elsewhere_ends_the_older_session_and_its_key() {
    let server = Server::start(&[]);
    let mut old = server.user("bob");
    old.expect_event("caught_up");
    let old_key = old.key();
    let mut new = server.peer();
    new.sign_in("bob", PASSWORD, true);
    old.expect_event("signed_in_elsewhere");
    old.expect_end();
    let mut late = server.peer();
    late.refused("resume", json!({"auth_token": old_key}), "bad_key");
    // The session's own key moves it to another connection and goes on.
    let key = new.key();
    new.expect_event("caught_up");
    late.resume(&key, true);
    assert_eq!(late.key(), key);
    new.expect_event("signed_in_elsewhere");
    new.expect_end();
    // Signed out, the key is worth nothing, and the connection goes on.
    late.ok("logout", json!({}));
    late.refused("whoami", json!({}), "not_signed_in");
    late.refused("resume", json!({"auth_token": key}), "bad_key");
    late.sign_in("bob", PASSWORD, false);
    late.ok("whoami", json!({}));
}

#[test]
fn a_frame_may_be_cut_anywhere() {
    let server = Server::unlimited(&[]);
    let mut bob = server.user("bob");
    bob.expect_event("caught_up");
    let (id, frame) = bob.request("whoami", json!({}));
    for byte in &frame {
        bob.raw(std::slice::from_ref(byte));
        thread::sleep(Duration::from_micros(500));
    }
    assert_eq!(bob.answer(id)["data"]["username"], "bob", "byte by byte");
    for cut in 1..frame.len() {
        let (id, frame) = bob.request("whoami", json!({}));
        bob.raw(&frame[..cut]);
        // The server is to read the first part alone.
        thread::sleep(Duration::from_millis(1));
        bob.raw(&frame[cut..]);
        assert_eq!(bob.answer(id)["code"], "ok", "cut at {cut}");
    }
}

#[test]
fn p7_many_frames_in_one_write_are_answered_in_order() {
    let server = Server::unlimited(&[]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    let (mut bytes, mut ids) = (Vec::new(), Vec::new());
    for number in 0..300 {
        let text = json!({"username": "bob", "message": format!("{number}")});
        for (type_name, args) in [("send", text), ("ping", json!({})), ("whoami", json!({}))] {
            let (id, frame) = alice.request(type_name, args);
            bytes.extend(frame);
            ids.push(id);
        }
    }
    alice.raw(&bytes);
    for id in ids {
        assert_eq!(alice.answer(id)["code"], "ok");
    }
    for number in 0..300 {
        bob.expect_text("alice", &number.to_string());
    }
}

#[test]
fn who_stops_writing_still_gets_every_answer() {
    let server = Server::unlimited(&[]);
    let mut bob = server.user("bob");
    bob.expect_event("caught_up");
    let mut bytes = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..200 {
        let (id, frame) = bob.request("friends", json!({}));
        bytes.extend(frame);
        ids.push(id);
    }
    bob.raw(&bytes);
    bob.finish_writing();
    for id in ids {
        assert_eq!(bob.answer(id)["code"], "ok");
    }
    bob.expect_end();
    // An answer that needs a password hash is awaited like any other.
    let mut carol = server.peer();
    let id = carol.send("reg", json!({"username": "carol", "password": PASSWORD}));
    carol.finish_writing();
    assert_eq!(carol.answer(id)["code"], "ok");
    carol.expect_end();
}

/// A client of an earlier implementation: no checksum, no id, the key in the payload as null
/// until there is one.
struct Old {
    peer: Peer,
    key: serde_json::Value,
}

impl Old {
    fn connect(server: &Server) -> Old {
        Old { peer: server.peer(), key: serde_json::Value::Null }
    }

    /// Sends a request and returns type and payload of what comes next.
    fn say(&mut self, type_name: &str, args: &[(&str, &str)]) -> (String, serde_json::Value) {
        let mut payload = json!({"auth_token": self.key});
        for (name, value) in args {
            payload[name] = (*value).into();
        }
        let mut frame = frame_of(type_name, &payload);
        frame[4..8].fill(0);
        self.peer.raw(&frame);
        self.hear()
    }

    fn hear(&mut self) -> (String, serde_json::Value) {
        let mut message = self.peer.message();
        let type_name = message["type"].as_str().expect("a type").to_owned();
        (type_name, message["payload"].take())
    }

    fn says(&mut self, type_name: &str, args: &[(&str, &str)], code: &str) {
        let (answer, payload) = self.say(type_name, args);
        assert_eq!((answer.as_str(), &payload["code"]), ("normalmsg", &json!(code)), "{payload}");
        assert!(payload["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(payload.get("re").is_none(), "no id, no re: {payload}");
    }

    fn hears(&mut self, type_name: &str, from: &str, words: &str) {
        let (got, payload) = self.hear();
        assert_eq!(got, type_name, "{payload}");
        assert_eq!(payload["fromusername"].as_str().unwrap_or(""), from);
        assert!(payload["message"].as_str().is_some_and(|t| t.contains(words)), "{payload}");
    }

    fn sign_in(&mut self, name: &str, password: &str) -> bool {
        let (answer, payload) = self.say("login", &[("username", name), ("password", password)]);
        assert_eq!(answer, "login_success", "{payload}");
        self.key = payload["auth_token"].clone();
        assert!(self.key.is_string());
        payload["is_admin"] == true
    }
}

fn an_earlier_client_works_unchanged(approval: bool) {
    let server = Server::start(if approval { &["--friend-approval"] } else { &[] });
    let [mut ann, mut ben] = [Old::connect(&server), Old::connect(&server)];
    for (old, name) in [(&mut ann, "ann"), (&mut ben, "ben")] {
        old.says("reg", &[("username", name), ("password", PASSWORD)], "ok");
        old.says("reg", &[("username", name), ("password", PASSWORD)], "user_exists");
        assert!(!old.sign_in(name, PASSWORD));
    }
    ann.says("add_friend", &[("username", "ben")], "ok");
    let words = if approval { "asks to be your friend" } else { "friends now" };
    ben.hears("sysmsg", "", words);
    if approval {
        ann.says("send", &[("username", "ben"), ("message", "x")], "not_friends");
        ben.says("accept_friend", &[("username", "ann")], "ok");
        ann.hears("sysmsg", "", "friends now");
    }
    let (_, friends) = ann.say("myfriends", &[]);
    assert!(friends["message"].as_str().is_some_and(|list| list.contains("ben")), "{friends}");
    ann.says("send", &[("username", "ben"), ("message", "吃了吗")], "ok");
    ben.hears("usersend", "ann", "吃了吗");

    let mut admin = Old::connect(&server);
    assert!(admin.sign_in("admin", server.admin_password.as_deref().expect("a first start")));
    admin.says("broadcast", &[("message", "tea at four")], "ok");
    ann.hears("sysmsg", "", "tea at four");
    ben.hears("sysmsg", "", "tea at four");
    admin.says("ban_user", &[("username", "ben")], "ok");
    ben.hears("sysmsg", "", "blocked");
    ben.peer.expect_end();
    let mut ben = Old::connect(&server);
    ben.says("login", &[("username", "ben"), ("password", PASSWORD)], "user_blocked");
    admin.says("permit_user", &[("username", "ben")], "ok");
    ben.sign_in("ben", PASSWORD);
    ann.says("logout", &[], "ok");
    ann.says("myfriends", &[], "not_signed_in");
}

#[test]
fn an_earlier_client_works_unchanged_without_friend_approval() {
    an_earlier_client_works_unchanged(false);
}

#[test]
fn an_earlier_client_works_unchanged_with_friend_approval() {
    an_earlier_client_works_unchanged(true);
}

/// More texts than all buffers hold, to someone who does not read. Returns what was sent.
fn flood(alice: &mut Peer) -> Vec<String> {
    let texts: Vec<String> = (0..FLOOD_MESSAGES).map(|n| format!("{n:08}").repeat(1_000)).collect();
    for window in texts.chunks(50) {
        let ask = |text| alice.send("send", json!({"username": "bob", "message": text}));
        let ids: Vec<i64> = window.iter().map(ask).collect();
        for id in ids {
            assert_eq!(alice.answer(id)["code"], "ok");
        }
    }
    texts
}

/// Alice, and bob who reads nothing unless asked to and has little room in his kernel.
fn alice_and_narrow_bob(server: &Server) -> (Peer, Peer) {
    let [alice, bob] = server.friends(["alice", "bob"]);
    let key = bob.key();
    bob.leave();
    let mut bob = Peer::connect_narrow(server.address);
    bob.resume(&key, true);
    bob.expect_event("caught_up");
    (alice, bob)
}

#[test]
fn p9_p20_a_slow_reader_delays_nobody_and_misses_nothing() {
    let server = Server::unlimited(&[]);
    let (mut alice, mut bob) = alice_and_narrow_bob(&server);
    let texts = flood(&mut alice);
    for text in &texts {
        bob.expect_text("alice", text);
    }
    alice.ok("send", json!({"username": "bob", "message": "and now?"}));
    bob.expect_text("alice", "and now?");
    bob.confirm();
}

#[test]
fn asked_to_stop_the_server_tells_everyone_and_loses_nothing() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&[]);
        let [mut alice, mut bob] = server.friends(["alice", "bob"]);
        alice.ok("send", json!({"username": "bob", "message": "last words"}));
        let key = bob.key();
        server.signal(signal);
        bob.expect_text("alice", "last words");
        for peer in [&mut alice, &mut bob] {
            assert!(peer.expect_event("shutdown").get("seq").is_none());
            peer.expect_end();
        }
        drop((alice, bob));
        assert_eq!(server.ended().code(), Some(0));
        let server = Server::start_on(server.dir(), &[]);
        assert_eq!(server.admin_password, None, "the account is made once");
        let mut bob = server.peer();
        bob.resume(&key, true);
        bob.expect_text("alice", "last words");
    }
}

#[test]
fn asked_twice_to_stop_the_server_ends_at_once() {
    let mut server = Server::unlimited(&[]);
    let (mut alice, bob) = alice_and_narrow_bob(&server);
    flood(&mut alice);
    // Bob's bytes cannot be sent: the server would wait five seconds for him.
    server.signal(Signal::TERM);
    alice.expect_event("shutdown");
    server.signal(Signal::TERM);
    // When it has waited for him it ends with 0.
    assert_eq!(server.ended().code(), Some(1));
    drop(bob);
}

#[test]
#[cfg(target_os = "linux")]
fn p22_an_idle_server_sleeps() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    alice.ok("send", json!({"username": "bob", "message": "good night"}));
    bob.expect_text("alice", "good night");
    bob.confirm();
    let half = server.peer();
    server.expect_rest(Duration::from_secs(1), Duration::from_millis(50), 20);
    drop((alice, bob, half));
}

#[test]
#[cfg(target_os = "linux")]
fn p20_password_hashes_leave_no_memory_behind() {
    let server = Server::unlimited(&[]);
    server.register("ann");
    let before = server.resident_bytes();
    for _ in 0..4 {
        let mut peers: Vec<Peer> = (0..6).map(|_| server.peer()).collect();
        let args = json!({"username": "ann", "password": PASSWORD});
        let asked: Vec<i64> =
            peers.iter_mut().map(|peer| peer.send("login", args.clone())).collect();
        for (peer, id) in peers.iter_mut().zip(asked) {
            peer.answer(id);
        }
    }
    let began = Instant::now();
    while server.resident_bytes() >= before + (8 << 20) {
        assert!(began.elapsed() < TIMEOUT, "a hash takes 19 MiB, and some of it stays");
        thread::sleep(Duration::from_millis(20));
    }
}
