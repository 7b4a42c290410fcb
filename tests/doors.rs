//! One port, told apart by the first bytes: the shipped loop and server on pipes, with whoever
//! may come at the other end.
//!
//! That nothing else is different over WebSocket is shown by `transcripts`, which acts them out
//! over it. Here is what only these doors can do.

mod support;

use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::wire::Fingerprint;
use serde_json::{Value, json};
use support::caller::Caller;
use support::house::House;
use support::secure::certificate;
use support::socket::{REQUEST, Socket};
use tungstenite::Message;

const HERE: &str = "127.0.0.1:1";
const PAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: p2sp\r\n\r\n";

fn house() -> House {
    House::with(Rules::default(), Some(certificate()))
}

fn trusted() -> Option<Fingerprint> {
    Some(certificate().fingerprint)
}

/// Sends bytes, sealed if the caller speaks TLS.
fn send(caller: &mut Caller, house: &mut House, bytes: &[u8]) {
    let sealed = caller.seal(bytes);
    house.net.send(caller.end, &sealed);
    caller.converse(house);
}

/// A page, or a program, with a WebSocket.
struct Browser {
    caller: Caller,
    socket: Socket,
}

impl Browser {
    fn open(house: &mut House, trusts: Option<Fingerprint>) -> Browser {
        let mut caller = Caller::connect(house, HERE, trusts);
        send(&mut caller, house, REQUEST.as_bytes());
        Browser { caller, socket: Socket::default() }
    }

    fn send(&mut self, house: &mut House, bytes: &[u8]) -> Vec<Value> {
        send(&mut self.caller, house, bytes);
        self.take()
    }

    fn say(&mut self, house: &mut House, message: Message) -> Vec<Value> {
        self.socket.say(message);
        let bytes = self.socket.goes();
        self.send(house, &bytes)
    }

    fn ask(&mut self, house: &mut House, type_name: &str, payload: Value) -> Vec<Value> {
        self.say(house, request(type_name, payload))
    }

    /// The payloads of what came.
    fn take(&mut self) -> Vec<Value> {
        let came = std::mem::take(&mut self.caller.plain);
        let messages = self.socket.open(&came).expect("WebSocket");
        let read = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).expect("JSON");
        messages.iter().map(read).map(|mut message| message["payload"].take()).collect()
    }
}

fn request(type_name: &str, payload: Value) -> Message {
    Message::text(json!({"type": type_name, "payload": payload}).to_string())
}

fn codes(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["code"].as_str().unwrap_or("")).collect()
}

#[test]
fn every_way_of_speaking_finds_its_door() {
    let mut house = house();
    for trusts in [None, trusted()] {
        let mut native = Caller::connect(&house, HERE, trusts);
        assert_eq!(native.ask(&mut house, "ping", json!({}))["code"], "ok");

        let mut reader = Caller::connect(&house, HERE, trusts);
        send(&mut reader, &mut house, PAGE);
        let page = String::from_utf8_lossy(&reader.plain).into_owned();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("</html>"), "{page}");
        assert!(reader.has_ended(&house), "one answer each");

        let mut browser = Browser::open(&mut house, trusts);
        assert_eq!(codes(&browser.ask(&mut house, "ping", json!({}))), ["ok"]);
    }
}

#[test]
fn no_prefix_decides_and_bytes_may_come_one_by_one() {
    let mut house = house();
    for cut in 1..PAGE.len() {
        let mut reader = Caller::connect(&house, HERE, None);
        send(&mut reader, &mut house, &PAGE[..cut]);
        assert!(reader.plain.is_empty() && !reader.has_ended(&house), "{cut}");
        send(&mut reader, &mut house, &PAGE[cut..]);
        assert!(reader.plain.starts_with(b"HTTP/1.1 200 "), "{cut}");
    }
    // With a message at once behind the request, as no browser does but a program may.
    let mut socket = Socket::default();
    socket.say(request("ping", json!({})));
    let bytes = [REQUEST.as_bytes(), &socket.goes()].concat();
    for cut in 1..bytes.len() {
        let caller = Caller::connect(&house, HERE, None);
        let mut browser = Browser { caller, socket: Socket::default() };
        send(&mut browser.caller, &mut house, &bytes[..cut]);
        let answers = browser.send(&mut house, &bytes[cut..]);
        assert_eq!(codes(&answers), ["ok"], "{cut}");
    }
}

#[test]
fn p23_what_was_begun_is_completed_in_time() {
    let mut house = house();
    let mut socket = Socket::default();
    socket.say(request("ping", json!({})));
    let message = socket.goes();
    let half = [REQUEST.as_bytes(), &message[..7]].concat();
    for begun in [&b"G"[..], &PAGE[..PAGE.len() - 1], &half] {
        let mut caller = Caller::connect(&house, HERE, None);
        house.net.send(caller.end, begun);
        house.pass(Duration::from_secs(14));
        assert!(!caller.has_ended(&house), "{begun:?}");
        house.pass(Duration::from_secs(2));
        assert!(caller.has_ended(&house), "{begun:?}");
    }
    // A fragment is the beginning of a message, whatever comes between.
    let mut browser = Browser::open(&mut house, None);
    browser.send(&mut house, b"\x01\x81\0\0\0\0x");
    for _ in 0..4 {
        house.pass(Duration::from_secs(4));
        browser.say(&mut house, Message::Ping("?".into()));
    }
    assert!(browser.caller.has_ended(&house));
    let mut idle = Browser::open(&mut house, None);
    house.pass(Duration::from_secs(179));
    assert!(!idle.caller.has_ended(&house));
    house.pass(Duration::from_secs(2));
    assert!(idle.caller.has_ended(&house), "it did not sign in");
    idle.take();
    assert_eq!(idle.socket.closed, Some(1008));
}

#[test]
fn p20_more_than_a_tick_takes_is_served_in_its_order() {
    let mut house = house();
    let mut browser = Browser::open(&mut house, None);
    let long = "x".repeat(65_000);
    for id in 0..3_000 {
        let more = if id % 1_000 == 700 { long.as_str() } else { "" };
        browser.socket.say(request("ping", json!({"id": id, "query": more})));
    }
    let bytes = browser.socket.goes();
    let answers = browser.send(&mut house, &bytes);
    let ids: Vec<i64> = answers.iter().filter_map(|answer| answer["re"].as_i64()).collect();
    assert_eq!(ids, (0..3_000).collect::<Vec<i64>>());
}

#[test]
fn what_breaks_the_rules_is_named_and_ends_it() {
    let mut house = house();
    for (message, code, close_code) in [
        (Message::binary(&br#"{"type":"ping","payload":{}}"#[..]), "bad_payload", 1003),
        (Message::text("hello"), "bad_payload", 1008),
        (Message::text("x".repeat(65_537)), "frame_too_long", 1009),
    ] {
        let mut browser = Browser::open(&mut house, None);
        // More than a tick lists.
        (0..200).for_each(|_| browser.socket.say(request("ping", json!({}))));
        browser.socket.say(message);
        let answers = browser.ask(&mut house, "ping", json!({}));
        let answers = codes(&answers);
        assert_eq!((answers[..200].to_vec(), &answers[200..]), (vec!["ok"; 200], &[code][..]));
        assert_eq!(browser.socket.closed, Some(close_code), "{code}");
        assert!(browser.caller.has_ended(&house));
    }
    for (bytes, code, close_code) in
        [(&b"\x81\x00"[..], "bad_magic", 1002), (b"\x81\x81\0\0\0\0\xff", "bad_payload", 1007)]
    {
        let mut browser = Browser::open(&mut house, None);
        assert_eq!(codes(&browser.send(&mut house, bytes)), [code]);
        assert_eq!(browser.socket.closed, Some(close_code));
        assert!(browser.caller.has_ended(&house));
    }
}

#[test]
fn a_ping_is_answered_and_a_close_too_behind_what_was_asked() {
    let mut house = house();
    for trusts in [None, trusted()] {
        let mut browser = Browser::open(&mut house, trusts);
        assert!(browser.say(&mut house, Message::Ping("?".into())).is_empty());
        assert_eq!(browser.socket.pongs, 1);
        browser.socket.say(request("ping", json!({})));
        let bytes = browser.socket.end();
        assert_eq!(codes(&browser.send(&mut house, &bytes)), ["ok"]);
        assert_eq!(browser.socket.closed, Some(1000));
        assert!(browser.caller.has_ended(&house));
    }
}

#[test]
fn a_server_that_stops_tells_the_page() {
    let mut house = house();
    let mut browser = Browser::open(&mut house, None);
    let net = house.net.clone();
    house.stop();
    browser.caller.plain.extend(net.take(browser.caller.end));
    browser.take();
    assert_eq!(browser.socket.closed, Some(1001));
}
