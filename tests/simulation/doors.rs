//! One port, told apart by the first bytes: the shipped loop and server on pipes, with whoever
//! may come at the other end.
//!
//! That nothing else is different over WebSocket is shown by `transcripts`, which acts them out
//! over it. Here is what only these doors can do.

use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::password::KeyHash;
use p2sp::wire::Fingerprint;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::caller::Caller;
use crate::support::line_client::{LineClient, rows};
use crate::support::socket::{REQUEST, Socket};
use crate::support::test_server::{PASSWORD, TestServer, certificate};

const HERE: &str = "127.0.0.1:1";
const PAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn server() -> TestServer {
    TestServer::with(Rules::default(), Some(certificate()))
}

fn trusted() -> Option<Fingerprint> {
    Some(certificate().fingerprint)
}

/// Sends bytes, sealed if the caller speaks TLS.
fn send(caller: &mut Caller, server: &mut TestServer, bytes: &[u8]) {
    let sealed = caller.seal(bytes);
    server.net.send(caller.end, &sealed);
    caller.converse(server);
}

/// A page, or a program, with a WebSocket.
struct Browser {
    caller: Caller,
    socket: Socket,
}

impl Browser {
    fn open(server: &mut TestServer, trusts: Option<Fingerprint>) -> Browser {
        let mut caller = Caller::connect(server, HERE, trusts);
        send(&mut caller, server, REQUEST.as_bytes());
        Browser { caller, socket: Socket::default() }
    }

    fn send(&mut self, server: &mut TestServer, bytes: &[u8]) -> Vec<Value> {
        send(&mut self.caller, server, bytes);
        self.take()
    }

    fn say(&mut self, server: &mut TestServer, message: Message) -> Vec<Value> {
        self.socket.say(message);
        let bytes = self.socket.goes();
        self.send(server, &bytes)
    }

    fn ask(&mut self, server: &mut TestServer, type_name: &str, payload: Value) -> Vec<Value> {
        self.say(server, request(type_name, payload))
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
    let mut server = server();
    for trusts in [None, trusted()] {
        let mut native = Caller::connect(&server, HERE, trusts);
        assert_eq!(native.ask(&mut server, "ping", json!({}))["code"], "ok");

        let mut reader = Caller::connect(&server, HERE, trusts);
        send(&mut reader, &mut server, PAGE);
        let page = String::from_utf8_lossy(&reader.plain).into_owned();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("</html>"), "{page}");
        assert!(reader.has_ended(&server), "one answer each");

        let mut browser = Browser::open(&mut server, trusts);
        assert_eq!(codes(&browser.ask(&mut server, "ping", json!({}))), ["ok"]);

        let mut client = LineClient::connect(&server, HERE, trusts);
        let lines = client.types(&mut server, "help\n");
        assert!(lines[0].starts_with("p2sp. ") && lines.len() > 10, "{lines:?}");
    }
}

#[test]
fn no_prefix_decides_and_bytes_may_come_one_by_one() {
    let mut server = server();
    for cut in 1..PAGE.len() {
        let mut reader = Caller::connect(&server, HERE, None);
        send(&mut reader, &mut server, &PAGE[..cut]);
        assert!(reader.plain.is_empty() && !reader.has_ended(&server), "{cut}");
        send(&mut reader, &mut server, &PAGE[cut..]);
        assert!(reader.plain.starts_with(b"HTTP/1.1 200 "), "{cut}");
    }
    // With a message at once behind the request, as no browser does but a program may.
    let mut socket = Socket::default();
    socket.say(request("ping", json!({})));
    let bytes = [REQUEST.as_bytes(), &socket.goes()].concat();
    for cut in 1..bytes.len() {
        let caller = Caller::connect(&server, HERE, None);
        let mut browser = Browser { caller, socket: Socket::default() };
        send(&mut browser.caller, &mut server, &bytes[..cut]);
        let answers = browser.send(&mut server, &bytes[cut..]);
        assert_eq!(codes(&answers), ["ok"], "{cut}");
    }
}

#[test]
fn p23_what_was_begun_is_completed_in_time() {
    let mut server = server();
    let mut socket = Socket::default();
    socket.say(request("ping", json!({})));
    let message = socket.goes();
    let half = [REQUEST.as_bytes(), &message[..7]].concat();
    for begun in [&b"G"[..], &PAGE[..PAGE.len() - 1], &half] {
        let mut caller = Caller::connect(&server, HERE, None);
        server.net.send(caller.end, begun);
        server.pass(Duration::from_secs(14));
        assert!(!caller.has_ended(&server), "{begun:?}");
        server.pass(Duration::from_secs(2));
        assert!(caller.has_ended(&server), "{begun:?}");
    }
    // Each line has its own time, also where the next is begun with it.
    let mut client = LineClient::connect(&server, HERE, None);
    for _ in 0..4 {
        client.types(&mut server, "help send\nhe");
        server.pass(Duration::from_secs(8));
        client.types(&mut server, "lp\nhe");
        server.pass(Duration::from_secs(8));
        client.types(&mut server, "lp\n");
    }
    assert!(!client.caller.has_ended(&server));
    // A fragment is the beginning of a message, whatever comes between.
    let mut browser = Browser::open(&mut server, None);
    browser.send(&mut server, b"\x01\x81\0\0\0\0x");
    for _ in 0..4 {
        server.pass(Duration::from_secs(4));
        browser.say(&mut server, Message::Ping("?".into()));
    }
    assert!(browser.caller.has_ended(&server));
    let mut idle = Browser::open(&mut server, None);
    server.pass(Duration::from_secs(179));
    assert!(!idle.caller.has_ended(&server));
    server.pass(Duration::from_secs(2));
    assert!(idle.caller.has_ended(&server), "it did not sign in");
    idle.take();
    assert_eq!(idle.socket.closed, Some(1008));
}

#[test]
fn p20_more_than_a_tick_takes_is_served_in_its_order() {
    let mut server = server();
    let mut browser = Browser::open(&mut server, None);
    let long = "x".repeat(65_000);
    for id in 0..3_000 {
        let more = if id % 1_000 == 700 { long.as_str() } else { "" };
        browser.socket.say(request("ping", json!({"id": id, "query": more})));
    }
    let bytes = browser.socket.goes();
    let answers = browser.send(&mut server, &bytes);
    let ids: Vec<i64> = answers.iter().filter_map(|answer| answer["re"].as_i64()).collect();
    assert_eq!(ids, (0..3_000).collect::<Vec<i64>>());
}

#[test]
fn what_breaks_the_rules_is_named_and_ends_it() {
    let mut server = server();
    for (message, code, close_code) in [
        (Message::binary(&br#"{"type":"ping","payload":{}}"#[..]), "bad_payload", 1003),
        (Message::text("hello"), "bad_payload", 1008),
        (Message::text("x".repeat(65_537)), "frame_too_long", 1009),
    ] {
        let mut browser = Browser::open(&mut server, None);
        // More than a tick lists.
        (0..200).for_each(|_| browser.socket.say(request("ping", json!({}))));
        browser.socket.say(message);
        let answers = browser.ask(&mut server, "ping", json!({}));
        let answers = codes(&answers);
        assert_eq!((answers[..200].to_vec(), &answers[200..]), (vec!["ok"; 200], &[code][..]));
        assert_eq!(browser.socket.closed, Some(close_code), "{code}");
        assert!(browser.caller.has_ended(&server));
    }
    for (bytes, code, close_code) in
        [(&b"\x81\x00"[..], "bad_magic", 1002), (b"\x81\x81\0\0\0\0\xff", "bad_payload", 1007)]
    {
        let mut browser = Browser::open(&mut server, None);
        assert_eq!(codes(&browser.send(&mut server, bytes)), [code]);
        assert_eq!(browser.socket.closed, Some(close_code));
        assert!(browser.caller.has_ended(&server));
    }
}

/// The code is that of what was answered, not of what came behind it.
#[test]
fn the_first_fault_ends_it() {
    let mut server = server();
    let mut browser = Browser::open(&mut server, None);
    browser.socket.say(Message::text("hello"));
    let bytes = [&browser.socket.goes()[..], b"\x81\x00"].concat();
    assert_eq!(codes(&browser.send(&mut server, &bytes)), ["bad_payload"]);
    assert_eq!(browser.socket.closed, Some(1008));
}

#[test]
fn a_ping_is_answered_and_a_close_too_behind_what_was_asked() {
    let mut server = server();
    for trusts in [None, trusted()] {
        let mut browser = Browser::open(&mut server, trusts);
        assert!(browser.say(&mut server, Message::Ping("?".into())).is_empty());
        assert_eq!(browser.socket.pongs, 1);
        browser.socket.say(request("ping", json!({})));
        let bytes = browser.socket.end();
        assert_eq!(codes(&browser.send(&mut server, &bytes)), ["ok"]);
        assert_eq!(browser.socket.closed, Some(1000));
        assert!(browser.caller.has_ended(&server));
    }
}

#[test]
fn a_server_that_stops_tells_the_page() {
    let mut server = server();
    let mut browser = Browser::open(&mut server, None);
    let net = server.net.clone();
    server.stop();
    browser.caller.plain.extend(net.take(browser.caller.end));
    browser.take();
    assert_eq!(browser.socket.closed, Some(1001));
}

#[test]
fn p28_no_row_of_a_peers_text_looks_like_ours_at_any_width() {
    let mut server = server();
    let mut ann = LineClient::enter(&mut server, "ann");
    let mut bob = LineClient::enter(&mut server, "bob");
    bob.types(&mut server, "add ann\n");
    assert!(ann.types(&mut server, "")[0].starts_with("►* "));
    for columns in [20, 40, 80] {
        let said = [
            format!("x{}! you are out [x]", " ".repeat(columns - 6)),
            format!("{}►! you are out [x]", "x".repeat(columns - 5)),
            format!("x{}►* bob left", "　".repeat(columns / 2)),
            format!("{}►! gone", "长".repeat(columns / 2 - 2)),
            format!("x{}\u{fe0f}\u{180b}! gone", "\u{200b}\u{2800}".repeat(columns)),
        ];
        for text in said {
            assert_eq!(bob.types(&mut server, &format!("send ann {text}\n")), ["Sent."]);
            ann.caller.converse(&mut server);
            let lines = ann.reads();
            let rows = rows(&lines, columns as u16);
            assert!(rows[0].starts_with("bob> "), "{rows:?}");
            assert!(rows.iter().all(|row| !row.starts_with('►')), "{rows:?}");
            assert!(!lines[0].contains("  ") && !lines[0].contains(['\u{fe0f}', '\u{180b}']));
        }
    }
}

#[test]
fn p27_a_script_may_begin_with_a_byte_order_mark_and_its_passwords_are_not_repeated() {
    let mut server = server();
    let mut ann = LineClient::connect(&server, HERE, None);
    let lines = ann.types(&mut server, &format!("\u{feff}reg ann\r\n{PASSWORD}\r\n{PASSWORD}\r\n"));
    assert!(lines.last().is_some_and(|line| line.starts_with("Welcome, ann.")), "{lines:?}");
    let mut eve = LineClient::connect(&server, HERE, None);
    for script in [
        format!("rge eve\n{PASSWORD}\n{PASSWORD}\n"),
        format!("login eve\nwrong\n{PASSWORD}\n"),
        format!("l\0o\0g\0\n\0{PASSWORD}\0\n"),
    ] {
        let lines = eve.types(&mut server, &script);
        let secret = PASSWORD.split(' ').next().expect("a word");
        assert!(lines.iter().all(|line| !line.contains(secret)), "{lines:?}");
    }
}

#[test]
fn a_person_at_nc_has_all_that_the_client_has() {
    let mut server = server();
    let mut ann = LineClient::enter(&mut server, "ann");
    let mut bob = LineClient::enter(&mut server, "bob");
    ann.types(&mut server, "add bob\n");
    assert_eq!(bob.types(&mut server, "").len(), 1);
    assert_eq!(bob.types(&mut server, "send ann tea?\tnow\n"), ["Sent."]);
    ann.caller.converse(&mut server);
    assert_eq!(ann.reads(), ["bob> tea? now"]);
    // The number of a list that was never shown, and full-width characters.
    ann.types(&mut server, "newgroup book club\naddgroupuser book club bob\n");
    assert_eq!(ann.types(&mut server, "sendgroup　１　你　好\n"), ["Sent."]);
    bob.caller.converse(&mut server);
    assert_eq!(bob.reads().last().map(String::as_str), Some("ann/book club ann> 你　好"));
    assert_eq!(ann.types(&mut server, "groups\n").len(), 2);
    // What does not reach the server is refused as it would be there.
    let refused = |lines: &[String]| lines.last().is_some_and(|line| line.starts_with("►! "));
    for (line, code) in [
        ("sned bob hi\n", "[unknown_type]"),
        ("send carol hi\n", "[no_such_user]"),
        ("sendgroup 7 hi\n", "[no_such_group]"),
        ("login ann\n", "Password:"),
        ("x\n", "[already_signed_in]"),
        ("{\"type\":\n", "[bad_payload]"),
    ] {
        let lines = ann.types(&mut server, line);
        assert!(lines.iter().any(|line| line.ends_with(code)), "{line}: {lines:?}");
        assert!(refused(&lines) || code == "Password:", "{lines:?}");
    }
    assert!(ann.types(&mut server, "whoami\n")[0].contains("ann"), "it goes on");
    let long = format!("send bob {}\n", "x".repeat(8_192));
    assert!(refused(&ann.types(&mut server, &long)));
    send(&mut ann.caller, &mut server, b"send bob \xfe\n");
    assert!(refused(&ann.reads()));
    assert!(ann.types(&mut server, "lang zh\n")[0].contains("中文"));
    assert_eq!(ann.types(&mut server, "quit\n"), [""; 0]);
    assert!(ann.caller.has_ended(&server));
    let mut admin = Caller::connect(&server, HERE, None);
    admin.sign_in(&mut server, "admin");
    let refusals = &admin.ask(&mut server, "stats", json!({}))["data"]["refusals"];
    let counted = |code: &str| refusals[code].as_i64();
    assert_eq!((counted("unknown_type"), counted("bad_payload")), (Some(1), Some(1)), "P29");
    assert_eq!(counted("bad_request"), Some(2), "P29");
}

#[test]
fn from_elsewhere_the_invite_code_is_asked_for() {
    let invite = Some(KeyHash::of("swordfish"));
    let rules = Rules { invite, tls_required: true, ..Rules::default() };
    let mut server = TestServer::with(rules, Some(certificate()));
    let mut ann = LineClient::connect(&server, "192.0.2.1:1", trusted());
    let lines = ann.types(&mut server, &format!("reg ann\n{PASSWORD}\n{PASSWORD}\nwrong\n"));
    assert!(lines[3].ends_with("[invite_required]"), "{lines:?}");
    assert!(lines[5].ends_with("[bad_invite]"), "{lines:?}");
    assert_eq!(lines[4], "Invite code:");
    let lines = ann.types(&mut server, &format!("reg ann\n{PASSWORD}\n{PASSWORD}\nswordfish\n"));
    assert!(lines.last().is_some_and(|line| line.contains("Welcome, ann")), "{lines:?}");
    // A telnet that negotiates has a person, who is asked again.
    let mut eve = Caller::connect(&server, "192.0.2.2:1", trusted());
    send(&mut eve, &mut server, b"\xff\xfd\x03");
    let typed = format!("reg eve\n{PASSWORD}\n{PASSWORD}\nwrong\nswordfish\n");
    send(&mut eve, &mut server, typed.as_bytes());
    let shown = String::from_utf8_lossy(&eve.plain);
    assert!(shown.contains("[bad_invite]") && shown.contains("Welcome, eve"), "{shown}");
}

#[test]
fn a_script_may_say_all_at_once_and_is_answered_line_by_line() {
    let mut server = server();
    let mut ann = LineClient::enter(&mut server, "ann");
    let names: Vec<String> = (1..=210).map(|n| format!("user{n}")).collect();
    for name in &names {
        let mut caller = Caller::connect(&server, HERE, None);
        let args = json!({"username": name, "password": PASSWORD});
        assert_eq!(caller.ask(&mut server, "reg", args)["code"], "ok");
        server.net.cut(caller.end);
    }
    let script: String = names.iter().take(60).map(|name| format!("add {name}\r\n")).collect();
    let bytes = format!("{script}friends\r\nwhoami");
    send(&mut ann.caller, &mut server, bytes.as_bytes());
    server.net.finish(ann.caller.end);
    server.pass(Duration::from_secs(5));
    ann.caller.converse(&mut server);
    let lines = ann.reads();
    assert_eq!(lines.len(), 60 + 1 + 60, "the last line has no end, and is none: {lines:?}");
    assert!(ann.caller.has_ended(&server));
    // A list is read to its end.
    let mut admin = LineClient::connect(&server, HERE, None);
    let lines = admin.types(&mut server, &format!("login admin {PASSWORD}\nallusers\nwhoami\n"));
    assert!(lines.iter().filter(|line| line.contains("user")).count() >= 210, "{}", lines.len());
    assert!(lines.last().is_some_and(|line| line.contains("admin")));
}

#[test]
fn telnet_is_understood_and_hides_a_password() {
    let mut server = server();
    let mut ann = Caller::connect(&server, HERE, None);
    send(&mut ann, &mut server, b"\xff\xfd\x03\xff\xfb\x18");
    assert!(ann.plain.starts_with(b"\xff\xfc\x03\xff\xfe\x18p2sp. "), "{:?}", ann.plain);
    server.pass(Duration::from_secs(20));
    ann.plain.clear();
    send(&mut ann, &mut server, b"reg ann\r\0");
    assert_eq!(ann.plain, b"Password: \xff\xfb\x01");
    ann.plain.clear();
    send(&mut ann, &mut server, b"\xff\xfd\x01correct horse\r\0");
    assert_eq!(ann.plain, b"\xff\xfc\x01\r\nAgain: \xff\xfb\x01");
    ann.plain.clear();
    send(&mut ann, &mut server, b"another horse\r\n");
    assert!(ann.plain.starts_with(b"\xff\xfc\x01\r\n\xe2\x96\xba! "), "{:?}", ann.plain);
    assert!(ann.plain.ends_with(b"[bad_request]\r\n"));
}

/// A browser connects ahead: what the server said then would stand in front of its answer.
#[test]
fn the_server_says_nothing_before_the_peer_did() {
    for tls_required in [false, true] {
        let rules = Rules { tls_required, ..Rules::default() };
        let mut server = TestServer::with(rules, Some(certificate()));
        for (address, trusts) in [(HERE, None), (HERE, trusted()), ("192.0.2.1:1", trusted())] {
            let mut ahead = Caller::connect(&server, address, trusts);
            let mut begun = Caller::connect(&server, address, trusts);
            send(&mut ahead, &mut server, b"");
            send(&mut begun, &mut server, b"G");
            server.pass(Duration::from_secs(14));
            for (mut caller, rest) in [(ahead, PAGE), (begun, &PAGE[1..])] {
                caller.receive(&server).expect("TLS");
                assert!(caller.plain.is_empty(), "{:?}", caller.plain);
                send(&mut caller, &mut server, rest);
                assert!(caller.plain.starts_with(b"HTTP/1.1 200 OK\r\n"), "{:?}", caller.plain);
            }
        }
    }
}

/// Whoever sits there is told how to begin as soon as they, or their telnet, said something.
#[test]
fn the_first_key_pressed_brings_the_greeting() {
    let mut server = server();
    let mut client = LineClient::connect(&server, HERE, None);
    let lines = client.types(&mut server, "\n\n");
    assert!(lines.len() == 1 && lines[0].contains("help"), "{lines:?}");
    let mut telnet = LineClient::connect(&server, HERE, None);
    send(&mut telnet.caller, &mut server, b"\xff\xfb\x1f");
    let greeting = telnet.caller.plain.strip_prefix(b"\xff\xfe\x1f").expect("declined");
    assert!(greeting.starts_with(b"p2sp. ") && greeting.ends_with(b"\r\n"), "{greeting:?}");
}

#[test]
fn from_elsewhere_a_person_is_told_in_words_that_plaintext_is_refused() {
    let mut server =
        TestServer::with(Rules { tls_required: true, ..Rules::default() }, Some(certificate()));
    let mut client = LineClient::connect(&server, "192.0.2.1:1", None);
    let lines = client.types(&mut server, "help\n");
    assert!(lines.len() == 1 && lines[0].ends_with("[tls_required]"), "{lines:?}");
    assert!(client.caller.has_ended(&server));
    let mut client = LineClient::connect(&server, "192.0.2.1:1", trusted());
    assert!(client.types(&mut server, "help\n").len() > 10);
}

#[test]
fn raw_answers_are_objects_and_so_may_requests_be() {
    let mut server = server();
    drop(LineClient::enter(&mut server, "ann"));
    let mut bob = LineClient::enter(&mut server, "bob");
    let mut bot = LineClient::connect(&server, HERE, None);
    let lines = bot.types(
        &mut server,
        &format!("raw on\nlogin ann {PASSWORD}\nadd bob\n{}\n", request("ping", json!({"id": 7}))),
    );
    let objects: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let types: Vec<&str> = objects.iter().filter_map(|object| object["type"].as_str()).collect();
    assert_eq!(types, ["normalmsg", "login_success", "normalmsg", "normalmsg"]);
    assert_eq!(objects[3]["payload"]["re"], 7);
    bob.types(&mut server, "send ann a\u{202e}b\n");
    bot.caller.converse(&mut server);
    let push: Value = serde_json::from_str(&bot.reads()[0]).expect("an object");
    assert_eq!(push["payload"]["message"], "a\u{202e}b", "as it was sent");
    let refused = bot.types(&mut server, "nonsense\n");
    assert!(refused[0].contains("\"code\":\"unknown_type\""), "{refused:?}");
    // It can confirm; that is not answered, and what follows is.
    let ack = "{\"type\":\"ack\",\"payload\":{\"seq\":1}}\nraw off\nwhoami\n";
    let lines = bot.types(&mut server, ack);
    assert!(lines.len() == 2 && lines[1].contains("ann"), "{lines:?}");
}

#[test]
fn p17_a_session_of_lines_ends_behind_a_whole_line() {
    let mut server = server();
    let mut ann = LineClient::enter(&mut server, "ann");
    let mut bob = LineClient::enter(&mut server, "bob");
    ann.types(&mut server, "add bob\n");
    ann.reads();
    server.net.set_capacity(ann.caller.end, 5);
    for n in 0..20 {
        bob.types(&mut server, &format!("send ann number {n}\n"));
    }
    let mut elsewhere = LineClient::connect(&server, HERE, None);
    let came = elsewhere.types(&mut server, &format!("login ann {PASSWORD}\n"));
    while !ann.caller.has_ended(&server) {
        server.settle();
    }
    let lines = ann.reads();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0] == "bob> number 0" && lines[1].starts_with("►* "), "{lines:?}");
    // What it was not sent comes where the user is now (P13).
    let came = came.iter().filter(|line| line.starts_with("bob> ")).count();
    assert!(came >= 19, "{came}");
}

#[test]
fn p18_lines_stand_for_their_own_session_and_for_nothing_else() {
    let mut server = server();
    let mut ann = LineClient::enter(&mut server, "ann");
    // A key that is given counts, even if it is wrong.
    let wrong = "{\"type\":\"whoami\",\"payload\":{\"auth_token\":\"00\"}}\n";
    assert!(ann.types(&mut server, wrong)[0].ends_with("[bad_key]"));
    let change = format!("passwd\n{PASSWORD}\nanother horse\nanother horse\nwhoami\n");
    assert!(ann.types(&mut server, &change).last().is_some_and(|line| line.contains("ann")));
    assert_eq!(ann.types(&mut server, "logout\nwhoami\n").len(), 2);
    assert!(ann.types(&mut server, "friends\n")[0].ends_with("[not_signed_in]"));
}
