//! TLS on the port: the shipped loop and server on pipes, with rustls at the other end.
//!
//! That nothing else is different over TLS is shown by `transcripts`, which acts all of them out
//! over it. Here is what only TLS can do: shake hands in pieces, late, in crowds and wrongly; end
//! well, by halves and by being cut off; and be asked for.

use std::time::Duration;

use p2sp::certificate::Certificate;
use p2sp::handlers::Rules;
use p2sp::limits::NEWCOMER_REST_MICROS;
use p2sp::password::KeyHash;
use p2sp::wire::Fingerprint;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::caller::Caller;
use crate::support::test_server::{PASSWORD, TestServer, certificate};

const HERE: &str = "127.0.0.1:1";
const ELSEWHERE: &str = "192.0.2.1:1";

fn server() -> TestServer {
    TestServer::with(Rules::default(), Some(certificate()))
}

fn trusted() -> Option<Fingerprint> {
    Some(certificate().fingerprint)
}

/// What the server counted of connections that ended, by reason.
fn closes(server: &mut TestServer) -> Value {
    // Those that were closed linger for a moment.
    server.pass(Duration::from_secs(3));
    let mut admin = Caller::connect(server, HERE, None);
    admin.sign_in(server, "admin");
    let stats = admin.ask(server, "stats", json!({}));
    server.net.cut(admin.end);
    server.settle();
    stats["data"]["closes"].clone()
}

#[test]
fn a_handshake_cut_at_any_byte_of_either_side_is_a_handshake() {
    let mut server = server();
    // The client's bytes: its hello, and then its end of the handshake with the first request.
    for flight in 0..2 {
        for cut in 1.. {
            let mut caller = Caller::connect(&server, HERE, trusted());
            let mut bytes = caller.request("ping", json!({}));
            if flight == 1 {
                server.net.send(caller.end, &bytes);
                server.settle();
                let came = server.net.take(caller.end);
                let secure = caller.secure.as_mut().expect("TLS");
                assert!(secure.open(&came).expect("TLS").is_empty());
                bytes = caller.seal(&[]);
            }
            if cut == bytes.len() {
                assert!(cut > 50, "a flight of {cut} bytes");
                break;
            }
            server.net.send(caller.end, &bytes[..cut]);
            server.settle();
            server.net.send(caller.end, &bytes[cut..]);
            caller.converse(&mut server);
            assert_eq!(caller.codes(), ["ok"], "flight {flight} cut at {cut}");
        }
    }
    // The server's bytes, and all of the client's one by one.
    for room in (1..40).chain([100, 500, 900]) {
        let mut caller = Caller::connect(&server, HERE, trusted());
        server.net.set_capacity(caller.end, room);
        let bytes = caller.request("ping", json!({}));
        for byte in bytes.chunks(1) {
            server.net.send(caller.end, byte);
            server.settle();
        }
        caller.converse(&mut server);
        assert_eq!(caller.codes(), ["ok"], "{room} bytes at a time");
    }
}

/// A client that comes back has a lot to say at once, in the packet that ends its handshake.
#[test]
fn what_is_said_with_the_end_of_the_handshake_is_no_part_of_it() {
    let mut server = server();
    let mut caller = Caller::connect(&server, HERE, trusted());
    let hello = caller.seal(&[]);
    server.net.send(caller.end, &hello);
    server.settle();
    let came = server.net.take(caller.end);
    assert!(caller.secure.as_mut().expect("TLS").open(&came).expect("TLS").is_empty());
    let mut bytes = Vec::new();
    for _ in 0..25 {
        bytes.extend(caller.request("ping", json!({"query": "x".repeat(4_000)})));
    }
    server.net.send(caller.end, &bytes);
    caller.converse(&mut server);
    assert_eq!(caller.codes(), ["ok"; 25]);
}

#[test]
fn p23_a_handshake_is_done_in_time_whatever_is_sent_of_it() {
    // Nobody is shown how to begin in plaintext.
    let rules = Rules { tls_required: true, ..Rules::default() };
    let mut server = TestServer::with(rules, Some(certificate()));
    let mut slow = Caller::connect(&server, ELSEWHERE, trusted());
    let mut silent = Caller::connect(&server, ELSEWHERE, trusted());
    let hello = slow.seal(&[]);
    for byte in hello[..19].chunks(1) {
        server.net.send(slow.end, byte);
        server.pass(Duration::from_millis(500));
    }
    assert!(!slow.has_ended(&server), "nine and a half seconds");
    server.net.send(slow.end, &hello[19..20]);
    server.pass(Duration::from_millis(600));
    assert!(slow.has_ended(&server));
    // Whoever says nothing has not begun a handshake, and has as long as one who speaks frames.
    server.pass(Duration::from_secs(100));
    assert!(!silent.has_ended(&server));
    assert_eq!(silent.ask(&mut server, "ping", json!({}))["code"], "ok");
    server.pass(Duration::from_secs(70));
    assert!(silent.has_ended(&server), "three minutes to sign in");
    let closes = closes(&mut server);
    let expected = (&json!(1), &json!(1));
    assert_eq!((&closes["handshake_deadline"], &closes["sign_in_deadline"]), expected, "{closes}");
}

#[test]
fn p23_a_record_that_never_ends_is_a_frame_that_never_ends() {
    let mut server = server();
    let mut caller = Caller::connect(&server, HERE, trusted());
    assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
    let bytes = caller.request("ping", json!({}));
    server.net.send(caller.end, &bytes[..20]);
    server.pass(Duration::from_secs(14));
    assert!(!caller.has_ended(&server));
    server.pass(Duration::from_secs(2));
    assert!(caller.has_ended(&server));
    assert_eq!(closes(&mut server)["frame_deadline"], 1);
}

#[test]
fn p21_a_crowd_that_shakes_hands_waits_and_others_do_not() {
    let mut rules = Rules::default();
    rules.limits.connections_per_address = 0;
    let mut server = TestServer::with(rules, Some(certificate()));
    let mut crowd: Vec<Caller> =
        (0..64).map(|_| Caller::connect(&server, HERE, trusted())).collect();
    let mut honest = Caller::connect(&server, HERE, None);
    honest.sign_in(&mut server, "admin");
    for caller in &mut crowd {
        let hello = caller.seal(&[]);
        server.net.send(caller.end, &hello);
    }
    let mut turns = 0;
    let mut answered = 0;
    while answered < crowd.len() {
        let ping = honest.request("ping", json!({}));
        server.net.send(honest.end, &ping);
        server.turn();
        turns += 1;
        honest.receive(&server).expect("frames");
        assert_eq!(honest.codes(), ["ok"], "whoever asks is answered in the same tick");
        let came = crowd.iter_mut().map(|caller| {
            let bytes = server.net.take(caller.end);
            caller.secure.as_mut().expect("TLS").open(&bytes).expect("TLS");
            usize::from(!bytes.is_empty())
        });
        let came: usize = came.sum();
        assert!(came <= 2, "{came} handshakes in a tick");
        answered += came;
        server.pass(Duration::from_micros(NEWCOMER_REST_MICROS));
        assert!(turns < 100, "only {answered} were answered");
    }
    assert_eq!(turns, 32, "and none took longer than it has to");
    for caller in &mut crowd {
        assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
    }
}

#[test]
fn nothing_is_computed_for_those_who_have_gone() {
    let mut server = server();
    let hello = Caller::connect(&server, HERE, trusted()).seal(&[]);
    let mut honest = Caller::connect(&server, HERE, trusted());
    for _ in 0..8 {
        let gone = Caller::connect(&server, HERE, None);
        server.net.send(gone.end, &hello);
        server.net.finish(gone.end);
    }
    let ping = honest.request("ping", json!({}));
    server.net.send(honest.end, &ping);
    for _ in 0..2 {
        server.turn();
        honest.receive(&server).expect("TLS");
    }
    assert_eq!(honest.codes(), ["ok"], "two ticks, as if they were not there");
    assert_eq!(closes(&mut server)["peer_left"], 8);
}

#[test]
fn an_end_is_said_and_heard() {
    let mut server = server();
    // The peer says that it ends, and only then its end of the stream follows, or not.
    for fin in [true, false] {
        let mut caller = Caller::connect(&server, HERE, trusted());
        let mut bytes = caller.request("ping", json!({}));
        server.net.send(caller.end, &bytes);
        caller.converse(&mut server);
        bytes = caller.request("ping", json!({}));
        bytes.extend(caller.secure.as_mut().expect("TLS").end());
        server.net.send(caller.end, &bytes);
        if fin {
            server.net.finish(caller.end);
        }
        caller.converse(&mut server);
        assert_eq!(caller.codes(), ["ok", "ok"]);
        assert!(caller.has_ended(&server));
        assert!(caller.secure.expect("TLS").told_end);
    }
    // The server ends: because of a fault within TLS, and because it stops.
    let mut wrong = Caller::connect(&server, HERE, trusted());
    let bytes = wrong.seal(b"\0");
    server.net.send(wrong.end, &bytes);
    wrong.converse(&mut server);
    assert_eq!(wrong.codes(), ["bad_magic"], "within TLS it is looked at again");
    assert!(wrong.secure.expect("TLS").told_end && server.net.has_ended(wrong.end));
    let mut caller = Caller::connect(&server, HERE, trusted());
    assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
    let net = server.net.clone();
    server.stop();
    let bytes = net.take(caller.end);
    let secure = caller.secure.as_mut().expect("TLS");
    secure.open(&bytes).expect("TLS");
    assert!(secure.told_end && net.has_ended(caller.end));
}

#[test]
fn a_stream_that_is_cut_off_is_an_end() {
    let mut server = server();
    let hello = Caller::connect(&server, HERE, trusted()).seal(&[]);
    for cut in [1, 5, hello.len() - 1, hello.len()] {
        let caller = Caller::connect(&server, HERE, trusted());
        server.net.send(caller.end, &hello[..cut]);
        server.net.finish(caller.end);
        server.settle();
        server.net.take(caller.end);
        assert!(server.net.has_ended(caller.end), "in the handshake, after {cut} bytes");
    }
    for cut in [0, 1, 30] {
        let mut caller = Caller::connect(&server, HERE, trusted());
        let bytes = caller.request("ping", json!({}));
        server.net.send(caller.end, &bytes);
        caller.converse(&mut server);
        let whole = caller.request("ping", json!({}));
        let half = caller.request("ping", json!({}));
        server.net.send(caller.end, &whole);
        server.net.send(caller.end, &half[..cut]);
        server.net.finish(caller.end);
        caller.converse(&mut server);
        assert_eq!(caller.codes(), ["ok", "ok"], "what was whole is served");
        assert!(caller.has_ended(&server));
    }
    assert_eq!(closes(&mut server)["peer_left"], 7);
}

#[test]
fn what_is_no_tls_is_told_so_and_ends() {
    let mut server = server();
    let records = [0x16, 3, 1, 0x10, 0].repeat(4096);
    let long_hello = [&[0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc][..], &[0; 17_000]].concat();
    let floods = [&b"\x16\x03\x01\x00\x05hello"[..], &[0x16; 70_000], &records, &long_hello];
    for (number, bytes) in floods.into_iter().enumerate() {
        for pieces in [bytes.len(), 1000] {
            let mut caller = Caller::connect(&server, HERE, None);
            for piece in bytes.chunks(pieces) {
                if caller.has_ended(&server) {
                    break;
                }
                server.net.send(caller.end, piece);
                server.settle();
            }
            caller.receive(&server).expect("bytes");
            assert!(caller.has_ended(&server), "flood {number} in {pieces}");
            assert!(caller.plain.is_empty() || caller.plain[0] == 0x15, "an alert, if anything");
        }
    }
    // Bytes that were changed on the way, after the handshake.
    let mut caller = Caller::connect(&server, HERE, trusted());
    assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
    let mut bytes = caller.request("ping", json!({}));
    bytes[20] ^= 1;
    server.net.send(caller.end, &bytes);
    server.settle();
    let why = caller.receive(&server).expect_err("an alert");
    assert!(why.contains("BadRecordMac"), "{why}");
    assert_eq!(closes(&mut server)["tls"], 9);
}

#[test]
fn from_elsewhere_plaintext_is_refused_and_counted() {
    let rules = Rules { tls_required: true, ..Rules::default() };
    let mut server = TestServer::with(rules, Some(certificate()));
    for first in [&b"\xab"[..], b"\0"] {
        let mut caller = Caller::connect(&server, ELSEWHERE, None);
        server.net.send(caller.end, first);
        caller.converse(&mut server);
        let refusal = caller.answer().expect("a refusal");
        assert_eq!((&refusal["code"], &refusal["status"]), (&json!("tls_required"), &json!(426)));
        assert!(caller.has_ended(&server));
    }
    let mut browser = Caller::connect(&server, ELSEWHERE, None);
    server.net.send(browser.end, b"GET / HTTP/1.1\r\nHost: 192.0.2.9\r\n\r\n");
    browser.converse(&mut server);
    let answer = String::from_utf8_lossy(&browser.plain).into_owned();
    assert!(answer.contains("\r\nLocation: https://192.0.2.9/\r\n"), "{answer}");
    assert!(browser.has_ended(&server));
    for (address, trusts) in [(ELSEWHERE, trusted()), (HERE, None), (HERE, trusted())] {
        let mut caller = Caller::connect(&server, address, trusts);
        assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok", "{address}");
    }
    let mut mapped = Caller::connect(&server, "[::ffff:127.0.0.1]:1", None);
    assert_eq!(mapped.ask(&mut server, "ping", json!({}))["code"], "ok");
    assert_eq!(closes(&mut server)["plaintext"], 3);
    let mut admin = Caller::connect(&server, HERE, None);
    admin.sign_in(&mut server, "admin");
    let stats = admin.ask(&mut server, "stats", json!({}));
    let data = &stats["data"];
    assert_eq!((&data["refusals"]["tls_required"], &data["handshakes"]), (&json!(2), &json!(2)));
}

#[test]
fn from_elsewhere_registering_needs_the_invite_code() {
    let rules = Rules { invite: Some(KeyHash::of("swordfish")), ..Rules::default() };
    let mut server = TestServer::with(rules, Some(certificate()));
    let mut there = Caller::connect(&server, ELSEWHERE, trusted());
    let reg = |name: &str, invite: Value| {
        let mut args = json!({"username": name, "password": PASSWORD});
        args["invite"] = invite;
        args
    };
    for (wrong, code) in [
        (json!(null), "invite_required"),
        (json!(""), "invite_required"),
        (json!("sword"), "bad_invite"),
    ] {
        let refusal = there.ask(&mut server, "reg", reg("ann", wrong));
        assert_eq!((&refusal["code"], &refusal["status"]), (&json!(code), &json!(403)));
    }
    assert_eq!(there.ask(&mut server, "reg", reg("ann", json!(7)))["code"], "bad_request");
    assert_eq!(there.ask(&mut server, "reg", reg("ann", json!("swordfish")))["code"], "ok");
    let mut here = Caller::connect(&server, HERE, None);
    assert_eq!(here.ask(&mut server, "reg", reg("bob", json!(null)))["code"], "ok");
    // Whether a name exists is not told to those who were not invited.
    assert_eq!(there.ask(&mut server, "reg", reg("bob", json!(null)))["code"], "invite_required");
    there.sign_in(&mut server, "ann");
}

#[test]
fn a_new_certificate_is_for_newcomers_and_a_bad_one_for_nobody() {
    let mut server = server();
    let mut early = Caller::connect(&server, HERE, trusted());
    assert_eq!(early.ask(&mut server, "ping", json!({}))["code"], "ok");
    let dir = tempfile::tempdir().expect("a directory");
    let source = p2sp::certificate::Source::Own(dir.path().into());
    let next: Certificate =
        source.load_or_make(&Default::default(), 1_800_000_000).expect("a certificate");
    for (reload, holds) in [
        (Err("the file is gone".to_owned()), certificate().fingerprint),
        (Ok(next.clone()), next.fingerprint),
        (Err("the file is gone".to_owned()), next.fingerprint),
    ] {
        server.net.reload(reload);
        server.settle();
        let mut caller = Caller::connect(&server, HERE, Some(holds));
        assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
        assert_eq!(early.ask(&mut server, "ping", json!({}))["code"], "ok", "it goes on");
    }
    let mut stale = Caller::connect(&server, HERE, trusted());
    let hello = stale.seal(&[]);
    server.net.send(stale.end, &hello);
    server.settle();
    assert!(stale.receive(&server).is_err(), "whoever trusts the old key does not go on");
}

/// The longest frame, over the longest records, both ways, with both pipes narrow.
#[test]
fn p20_long_frames_travel_in_records_of_their_own_size() {
    let mut server = server();
    let mut caller = Caller::connect(&server, HERE, trusted());
    caller.sign_in(&mut server, "admin");
    let text = "你".repeat(2_600);
    for _ in 0..40 {
        let args = json!({"groupname": "no such", "message": text, "query": "x".repeat(50_000)});
        let bytes = caller.request("sendgroup", args);
        for piece in bytes.chunks(9_001) {
            server.net.send(caller.end, piece);
        }
        caller.converse(&mut server);
        assert_eq!(caller.codes(), ["no_such_group"]);
        server.pass(Duration::from_millis(200));
    }
    server.net.set_capacity(caller.end, 7_000);
    for number in 0..20 {
        let args = json!({"message": format!("{number} {text}")});
        assert_eq!(caller.ask(&mut server, "broadcast", args)["code"], "ok");
        server.pass(Duration::from_millis(200));
    }
}

#[test]
fn keys_are_renewed_by_the_peer_as_often_as_it_likes() {
    let mut server = server();
    let mut caller = Caller::connect(&server, HERE, trusted());
    for _ in 0..50 {
        assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
        caller.secure.as_mut().expect("TLS").tls.refresh_traffic_keys().expect("a handshake");
        let bytes = caller.seal(&[]);
        for byte in bytes.chunks(1) {
            server.net.send(caller.end, byte);
            server.settle();
        }
    }
    assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok");
}

/// Whatever is done to the bytes, the peer is answered or told off, and the server goes on.
#[test]
fn bytes_that_were_tampered_with_harm_nobody_else() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut server = server();
    let mut honest = Caller::connect(&server, HERE, trusted());
    for round in 0..400 {
        let mut caller = Caller::connect(&server, HERE, trusted());
        for flight in 0..4 {
            let mut bytes = caller.request("ping", json!({}));
            if rng.random_ratio(1, 3) {
                tamper(&mut bytes, &mut rng);
            }
            while !bytes.is_empty() && !server.net.has_ended(caller.end) {
                let piece = bytes.len().min(rng.random_range(1..=600));
                server.net.send(caller.end, &bytes[..piece]);
                server.settle();
                bytes.drain(..piece);
            }
            server.settle();
            if flight < 3 && caller.receive(&server).is_err() {
                break;
            }
        }
        server.net.cut(caller.end);
        if round % 50 == 0 {
            assert_eq!(honest.ask(&mut server, "ping", json!({}))["code"], "ok");
        }
    }
    assert!(closes(&mut server)["tls"].as_u64() > Some(100), "the tampering is noticed");
}

fn tamper(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    let Some(last) = bytes.len().checked_sub(1) else { return };
    let at = rng.random_range(0..=last);
    match rng.random_range(0..5) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(..at)),
        3 => bytes.extend_from_within(at..),
        _ => bytes.insert(at, rng.random()),
    }
}
