//! Bytes that break the rules, over a real socket: what each is answered, whether the
//! connection goes on, and that nobody else notices.
//!
//! The cases are tables of bytes and codes. Between any two of them two honest people exchange
//! a message; each case has a connection of its own, signed in as mallory.

use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Peer, Server, frame_of, framed};

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoesOn,
    Ends,
}
use Then::{Ends, GoesOn};

/// Bytes, the code that they are answered with, and what follows.
type Case = (&'static str, Vec<u8>, &'static str, Then);

/// Two honest people, and the key of one who is not.
struct Town {
    server: Server,
    alice: Peer,
    bob: Peer,
    mallory_key: String,
    said: usize,
}

impl Town {
    fn new() -> Town {
        let server = Server::unlimited(&[]);
        let [alice, bob, mallory] = server.friends(["alice", "bob", "mallory"]);
        let mallory_key = mallory.key();
        Town { server, alice, bob, mallory_key, said: 0 }
    }

    /// Alice and bob go on undisturbed, on the connections they had.
    fn lives(&mut self) {
        self.said += 1;
        let text = format!("第 {}", self.said);
        self.alice.ok("send", json!({"username": "bob", "message": text}));
        self.bob.expect_text("alice", &text);
        self.bob.confirm();
    }

    fn mallory(&self) -> Peer {
        let mut mallory = self.server.peer();
        mallory.resume(&self.mallory_key, true);
        mallory.expect_event("caught_up");
        mallory
    }

    fn check(&mut self, (name, bytes, code, then): Case) {
        let mut mallory = self.mallory();
        mallory.raw(&bytes);
        let message = mallory.message();
        assert_eq!(message["type"], "normalmsg", "{name}: {message}");
        assert_eq!(message["payload"]["code"], code, "{name}: {message}");
        assert!(message["payload"]["message"].as_str().is_some_and(|text| !text.is_empty()));
        match then {
            Ends => mallory.expect_end(),
            GoesOn => assert_eq!(mallory.ok("whoami", json!({}))["data"]["username"], "mallory"),
        }
        self.lives();
    }

    /// A request of mallory's, with her key unless it says otherwise.
    fn request(&self, type_name: &str, mut args: Value) -> Vec<u8> {
        if args.get("auth_token").is_none() {
            args["auth_token"] = self.mallory_key.as_str().into();
        }
        frame_of(type_name, &args)
    }

    /// The same with arguments that no JSON value can stand for.
    fn request_with(&self, type_name: &str, raw: &str) -> Vec<u8> {
        let key = &self.mallory_key;
        framed(
            format!(
                r#"{{"type":"{type_name}","timestamp":1,"payload":{{"auth_token":"{key}",{raw}}}}}"#
            )
            .as_bytes(),
        )
    }
}

/// A frame's header, and nothing behind it.
fn header(length: u32) -> Vec<u8> {
    let mut bytes = framed(b"");
    bytes[8..12].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn what_is_no_frame_is_named_and_ends_the_connection() {
    let mut town = Town::new();
    let mut wrong_sum = town.request("whoami", json!({}));
    wrong_sum[4] ^= 1;
    let cases: Vec<Case> = vec![
        (
            "wrong magic",
            b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b".into(),
            "bad_magic",
            Ends,
        ),
        ("one wrong byte", b"\x00".into(), "bad_magic", Ends),
        ("wrong from its second byte", b"\xab\x00".into(), "bad_magic", Ends),
        ("wrong at its last byte", b"\xab\xcd\xef\x89".into(), "bad_magic", Ends),
        ("wrong checksum", wrong_sum, "bad_checksum", Ends),
        ("4 GiB", header(u32::MAX), "frame_too_long", Ends),
        ("2 GiB", header(1 << 31), "frame_too_long", Ends),
        ("one byte too long", header(65_537), "frame_too_long", Ends),
        ("a page of the web", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".into(), "bad_magic", Ends),
    ];
    for case in cases {
        town.check(case);
    }
}

#[test]
fn what_is_no_message_is_named_and_ends_the_connection() {
    let mut town = Town::new();
    let bodies: Vec<(&'static str, Vec<u8>)> = vec![
        ("nothing", b"".into()),
        ("no JSON", b"hello".into()),
        ("half of one", br#"{"type":"ping","payload":{"#.into()),
        ("two of them", br#"{"type":"ping","payload":{}}{}"#.into()),
        ("an array", br#"["ping",{}]"#.into()),
        ("a string", br#""ping""#.into()),
        ("no type", br#"{"payload":{}}"#.into()),
        ("a number as type", br#"{"type":1,"payload":{}}"#.into()),
        ("no payload", br#"{"type":"ping"}"#.into()),
        ("an array as payload", br#"{"type":"ping","payload":[]}"#.into()),
        ("200 arrays", nested(200).into_bytes()),
        ("200 arrays as payload", format!(r#"{{"type":"ping","payload":{}}}"#, nested(200)).into()),
        ("no UTF-8", b"{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\xfe\"}}".into()),
        ("UTF-8 cut short", b"{\"type\":\"ping\",\"payload\":{\"a\":\"\xe4\xbd\"}}".into()),
        ("half an escape", br#"{"type":"ping","payload":{"username":"\ud8"}}"#.into()),
        ("no number", br#"{"type":"ping","payload":{"count":NaN}}"#.into()),
        (
            "a raw line end in a string",
            b"{\"type\":\"ping\",\"payload\":{\"username\":\"\n\"}}".into(),
        ),
    ];
    for (name, body) in bodies {
        town.check((name, framed(&body), "bad_payload", Ends));
    }
}

/// Mallory's requests with whatever key, each of which leaves her connection as it was.
fn check_all(town: &mut Town, cases: Vec<(&'static str, Vec<u8>, &'static str)>) {
    for (name, bytes, code) in cases {
        town.check((name, bytes, code, GoesOn));
    }
    // None of them reached anyone.
    let history = town.bob.ok("history", json!({"username": "mallory"}));
    let texts = history["data"]["messages"].as_array().expect("a list").iter();
    assert_eq!(texts.filter(|said| said["type"] == "usersend").count(), 0, "{history}");
}

#[test]
fn nobody_acts_with_anothers_key_and_nobody_does_what_there_is_not() {
    let mut town = Town::new();
    let alices = town.alice.key();
    let text = |key: Value| json!({"username": "bob", "message": "x", "auth_token": key});
    let cases = vec![
        ("unknown type", town.request("fly", json!({})), "unknown_type"),
        ("an empty type", town.request("", json!({})), "unknown_type"),
        ("an answer's type", town.request("normalmsg", json!({})), "unknown_type"),
        ("no key", town.request("send", text(Value::Null)), "bad_key"),
        ("alice's key", town.request("send", text(json!(alices))), "bad_key"),
        ("no such key", town.request("send", text(json!("00"))), "bad_key"),
        ("a number as key", town.request("send", text(json!(7))), "bad_request"),
        ("admin only", town.request("broadcast", json!({"message": "x"})), "not_admin"),
    ];
    check_all(&mut town, cases);
}

#[test]
fn a_request_that_cannot_be_served_is_refused_and_the_connection_goes_on() {
    let mut town = Town::new();
    let send =
        |town: &Town, text: &str| town.request("send", json!({"username": "bob", "message": text}));
    let long_mid = json!({"username": "bob", "message": "x", "mid": "m".repeat(65)});
    let deep_text = format!(r#""username":"bob","message":{}"#, nested(200));
    let deep_other = format!(r#""later":{}"#, nested(200));
    let half_text = r#""username":"bob","message":"half \ud83d","mid":"m1""#;
    let cases = vec![
        ("no name", town.request("send", json!({"message": "x"})), "bad_request"),
        ("an array as name", town.request("add", json!({"username": ["bob"]})), "bad_request"),
        ("an id that is none", town.request("whoami", json!({"id": [1]})), "bad_request"),
        ("a long id", town.request("whoami", json!({"id": "x".repeat(65)})), "bad_request"),
        ("a long mid", town.request("send", long_mid), "bad_request"),
        ("8,001 bytes", send(&town, &"x".repeat(8_001)), "message_too_long"),
        // Few enough as characters, too many as bytes.
        ("8,001 bytes of Chinese", send(&town, &"你".repeat(2_667)), "message_too_long"),
        ("empty", send(&town, ""), "empty_message"),
        ("200 arrays as a text", town.request_with("send", &deep_text), "bad_request"),
        ("200 arrays nobody asked for", town.request_with("whoami", &deep_other), "ok"),
        ("an odd number nobody asked for", town.request_with("whoami", r#""a":1e999"#), "ok"),
        ("an odd number as a seq", town.request_with("read", r#""seq":1e999"#), "bad_request"),
        ("half a pair as a text", town.request_with("send", half_text), "bad_request"),
        (
            "half a pair as a name",
            town.request_with("add", r#""username":"\ud800""#),
            "bad_request",
        ),
        ("half a pair as an id", town.request_with("whoami", r#""id":"\udc00""#), "bad_request"),
        ("half a pair as a type", town.request_with(r"\ud800", r#""a":1"#), "unknown_type"),
        ("half a pair as a key", town.request_with("whoami", r#""\ud800":1"#), "ok"),
        ("half a pair deep inside", town.request_with("whoami", r#""mid":{"\ud800":1}"#), "ok"),
        ("a key twice", town.request_with("send", r#""message":"x","message":"""#), "bad_request"),
    ];
    check_all(&mut town, cases);
}

#[test]
fn names_with_control_characters_are_refused_everywhere() {
    let mut town = Town::new();
    let mut stranger = town.server.peer();
    for name in ["a\u{7}b", "a\nb", "\u{0}", "a\u{1b}[2J", "a\u{202e}b", "a\u{200b}b", "a b", ""] {
        let reg = json!({"username": name, "password": crate::support::PASSWORD});
        stranger.refused("reg", reg, "bad_name");
        let answer = town.alice.refused("add", json!({"username": name}), "no_such_user");
        let text = answer["message"].as_str().expect("a text");
        assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    }
    for name in ["a\u{7}b", "a\nb", "\u{0}", "a\u{202e}b", "a\u{200b}b", "", " "] {
        town.alice.refused("newgroup", json!({"groupname": name}), "bad_name");
    }
    town.lives();
}

#[test]
fn the_longest_message_and_the_longest_frame_are_served() {
    let mut town = Town::new();
    for text in ["x".repeat(8_000), "你".repeat(2_666), "\u{1}".repeat(8_000)] {
        town.alice.ok("send", json!({"username": "bob", "message": text}));
        town.bob.expect_text("alice", &text);
    }
    let short = town.request("whoami", json!({"later": ""})).len() - 12;
    let longest = town.request("whoami", json!({"later": "x".repeat(65_536 - short)}));
    assert_eq!(longest.len(), 12 + 65_536);
    town.check(("65,536 bytes", longest, "ok", GoesOn));
}

#[test]
fn p19_before_sign_in_there_is_nothing_but_the_door() {
    let mut town = Town::new();
    let mut stranger = town.server.peer();
    let key = town.alice.key();
    for type_name in ["send", "friends", "ack", "broadcast", "stats", "logout", "help"] {
        stranger.refused(
            type_name,
            json!({"username": "bob", "message": "x", "seq": 1}),
            "not_signed_in",
        );
        // A key alone is no session.
        let args = json!({"username": "bob", "message": "x", "seq": 1, "auth_token": key});
        stranger.refused(type_name, args, "not_signed_in");
    }
    stranger.ok("ping", json!({}));
    stranger.refused(
        "login",
        json!({"username": "alice", "password": "wrong one"}),
        "bad_credentials",
    );
    stranger.refused(
        "login",
        json!({"username": "nobody", "password": "wrong one"}),
        "bad_credentials",
    );
    stranger.refused("resume", json!({"auth_token": "no key"}), "bad_key");
    stranger.refused(
        "reg",
        json!({"username": "admin", "password": "quite long"}),
        "name_reserved",
    );
    stranger.refused("reg", json!({"username": "dora", "password": "short"}), "weak_password");
    town.lives();
}

/// When a frame that is not whole is cut off, in seconds. Nothing else would end such a connection
/// before three minutes.
const CUT_OFF: std::ops::Range<u64> = 15..60;

/// Reads until the end, whatever comes before it.
fn read_to_the_end(mut stream: TcpStream) {
    // A reset is an end too.
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn p23_a_frame_that_never_ends_is_cut_off_after_fifteen_seconds() {
    let mut town = Town::new();
    let begun = town.request("whoami", json!({}));
    let began = Instant::now();
    let mut silent = town.mallory();
    silent.raw(&begun[..begun.len() - 1]);
    let mut stranger = town.server.peer();
    stranger.raw(&header(65_536));
    let mut dripping = town.server.peer();
    let drip = thread::spawn(move || {
        // One byte at a time, never the last one.
        let mut frame = header(65_536).into_iter().chain(std::iter::repeat(b' '));
        let waits = Duration::from_millis(250);
        dripping.stream.set_read_timeout(Some(waits)).expect("a socket");
        while began.elapsed() < crate::support::TIMEOUT {
            let byte = [frame.next().unwrap_or(b' ')];
            if std::io::Write::write_all(&mut dripping.stream, &byte).is_err() {
                break;
            }
            if matches!(dripping.stream.read(&mut [0; 4096]), Ok(0)) {
                break;
            }
        }
        began.elapsed()
    });
    for peer in [silent.stream, stranger.stream] {
        read_to_the_end(peer);
        let took = began.elapsed();
        assert!(CUT_OFF.contains(&took.as_secs()), "{took:?}");
        town.lives();
    }
    let dripped = drip.join().expect("no panic");
    assert!(CUT_OFF.contains(&dripped.as_secs()), "{dripped:?}");
    town.lives();
}

#[test]
fn p23_who_does_not_sign_in_is_sent_away_whatever_they_send() {
    let server = Server::start(&["--limit", "signin_seconds=4"]);
    let mut bob = server.user("bob");
    let mut stranger = server.peer();
    let began = Instant::now();
    stranger.stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
    let mut pongs = 0;
    let frame = frame_of("ping", &json!({}));
    while began.elapsed() < crate::support::TIMEOUT {
        if std::io::Write::write_all(&mut stranger.stream, &frame).is_err() {
            break;
        }
        match stranger.try_message() {
            Ok(Some(_)) => pongs += 1,
            Ok(None) => break,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        thread::sleep(Duration::from_millis(50));
    }
    let took = began.elapsed();
    assert!(pongs > 0 && (4..60).contains(&took.as_secs()), "{pongs} pongs, {took:?}");
    bob.ok("whoami", json!({}));
}
