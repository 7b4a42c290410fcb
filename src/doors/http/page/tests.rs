//! What `page.rs` must do.

use super::*;
use crate::doors::http;
use std::fs;
use std::path::Path;

fn ask(request: &str, may_enter: bool) -> (bool, String) {
    ask_by(request, may_enter, Some(Scheme::Https))
}

/// Whether the connection speaks WebSocket now, and the answer.
fn ask_by(request: &str, may_enter: bool, scheme: Option<Scheme>) -> (bool, String) {
    let hosts = ["chat.example".to_owned()];
    let visit = Visit { is_healthy: true, may_enter, scheme, hosts: &hosts, lang: Lang::En };
    let outcome = http::decode(request.as_bytes(), |_| visit).expect("a whole request");
    let (is_socket, answer) = match outcome {
        HttpAnswer::Answered(answer) | HttpAnswer::NeedsTls(answer) => (false, answer),
        HttpAnswer::Upgraded { answer, .. } => (true, answer),
    };
    (is_socket, String::from_utf8_lossy(answer.bytes()).into_owned())
}

fn status(request: &str) -> String {
    ask(request, true).1.get(9..12).expect("a status").to_owned()
}

#[test]
fn every_file_of_the_page_is_served_with_its_policy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/web");
    let names = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> =
        names.map(|file| format!("/{}", file.file_name().to_string_lossy())).collect();
    names.sort();
    let mut paths: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
    paths.sort();
    assert_eq!(paths, names);
    for File { path, kind, as_is: Encoded { bytes: content, .. }, .. } in READY.iter() {
        let (_, answer) = ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"), true);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body.as_bytes(), &**content);
        assert!(head.contains(kind) && head.contains(POLICY), "{head}");
        assert!(head.contains(&format!("Content-Length: {}", content.len())), "{head}");
    }
}

#[test]
fn what_is_not_there_or_not_allowed_is_told_so() {
    for (request, expected) in [
        ("GET / HTTP/1.1", "200"),
        ("GET /?lang=zh HTTP/1.1", "200"),
        ("GET /ws HTTP/1.1", "426"),
        ("POST /ws HTTP/1.1", "405"),
        ("GET /index.html HTTP/1.1", "404"),
        ("GET /../Cargo.toml HTTP/1.1", "404"),
        ("POST / HTTP/1.1", "405"),
        ("POST /login HTTP/1.1", "404"),
    ] {
        assert_eq!(status(&format!("{request}\r\nHost: localhost\r\n\r\n")), expected, "{request}");
    }
}

#[test]
fn a_browser_that_takes_gzip_gets_it() {
    let asked = |accepted: &str| {
        let request = format!("GET / HTTP/1.1\r\nAccept-Encoding: {accepted}\r\n\r\n");
        let visit =
            Visit { is_healthy: true, may_enter: true, scheme: None, hosts: &[], lang: Lang::En };
        match http::decode(request.as_bytes(), |_| visit) {
            Some(HttpAnswer::Answered(answer)) => answer.bytes().to_vec(),
            other => unreachable!("{other:?}"),
        }
    };
    for accepted in ["gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "gzip; q=1"] {
        let answer = asked(accepted);
        let (head, body) =
            answer.split_at(memchr::memmem::find(&answer, b"\r\n\r\n").expect("a head") + 4);
        let head = String::from_utf8_lossy(head);
        assert!(head.contains("Content-Encoding: gzip\r\n") && head.contains("-gzip\""), "{head}");
        let mut page = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(body), &mut page).expect("gzip");
        assert_eq!(page, FILES[0].1);
    }
    for accepted in ["identity", "gzip;q=0", "", "x-gzip2"] {
        assert!(asked(accepted).ends_with(FILES[0].1), "{accepted}");
    }
}

#[test]
fn a_file_is_not_sent_again_while_it_is_the_same() {
    let (_, first) = ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
    assert!(first.ends_with("\r\n\r\n"), "a head alone");
    let tag = first.lines().find_map(|line| line.strip_prefix("ETag: ")).expect("a tag");
    let again = |tag: &str| status(&format!("GET / HTTP/1.1\r\nIf-None-Match: {tag}\r\n\r\n"));
    assert_eq!(again(tag), "304");
    assert_eq!(again(&format!("\"0\", {tag}")), "304");
    assert_eq!(again(&format!("W/{tag}")), "304");
    assert_eq!(again("\"0\""), "200");
}

fn open(host: &str, scheme: Option<Scheme>, more: &str) -> String {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\n\
         Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    ask_by(&request, true, scheme).1
}

#[test]
fn a_socket_is_opened_for_our_own_page_and_for_programs() {
    let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
    let version = "Sec-WebSocket-Version: 13\r\n";
    let from = |host: &str, scheme, origin: &str| {
        let answer = open(host, scheme, &format!("{version}Origin: {origin}\r\n"));
        let is_explained = answer.starts_with("HTTP/1.1 403 ") && answer.contains("--proxy");
        assert_eq!(answer.starts_with("HTTP/1.1 101 "), !is_explained, "{answer}");
        answer[9..12].to_owned()
    };
    assert_eq!(open("chat.example:18888", https, version)[9..12], *"101");
    for (host, scheme, origin, expected) in [
        ("chat.example:18888", https, "https://chat.example:18888", "101"),
        ("chat.example:18888", http, "http://CHAT.example:18888", "101"),
        ("chat.example:443", https, "https://chat.example", "101"),
        ("chat.example", https, "https://chat.example:443", "101"),
        ("chat.example", None, "https://chat.example", "101"),
        ("127.0.0.1:18888", http, "http://127.0.0.1:18888", "101"),
        ("[::1]:18888", http, "http://[::1]:18888", "101"),
        ("chat.example:18888", https, "http://chat.example:18888", "403"),
        ("chat.example:18888", https, "https://chat.example", "403"),
        ("chat.example:18888", https, "https://evil.example:18888", "403"),
        ("chat.example:18888", https, "https://chat.example:18888.evil.example", "403"),
        ("chat.example:18888", https, "ftp://chat.example:18888", "403"),
        ("chat.example:18888", https, "null", "403"),
    ] {
        assert_eq!(from(host, scheme, origin), expected, "{host} {origin}");
    }
    let twice = "https://chat.example\r\nOrigin: https://chat.example";
    assert_eq!(from("chat.example", https, twice), "403");
    for (more, expected) in [("Sec-WebSocket-Version: 8\r\n", "426"), ("", "426")] {
        assert_eq!(open("chat.example", https, more)[9..12], *expected);
    }
    let twice = format!("{version}Sec-WebSocket-Key: twice\r\n");
    assert_eq!(open("chat.example", https, &twice)[9..12], *"400");
}

/// Any page of the web may let its own name mean our address: then both headers agree.
#[test]
fn a_name_that_is_not_ours_is_served_nothing() {
    let ask = |path: &str, host: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        [true, false].map(|may_enter| ask_by(&request, may_enter, None).1)
    };
    for path in ["/", "/app.js", "/ws", "/nothing"] {
        for answer in ask(path, "evil.example:18888") {
            assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
            assert!(answer.contains("--host evil.example"), "the flag that mends it: {answer}");
        }
        for host in ["", "a b", "[::1", "h:x", "a\r\nHost: b"] {
            for answer in ask(path, host) {
                assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
            }
        }
    }
    let rebound = "Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example:18888\r\n";
    let answer = open("evil.example:18888", Some(Scheme::Http), rebound);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    for host in ["localhost:18888", "LocalHost.", "192.0.2.1", "[2001:db8::1]:1", "chat.example"] {
        assert!(ask("/", host)[0].starts_with("HTTP/1.1 200 "), "{host}");
    }
}

#[test]
fn from_elsewhere_plaintext_is_shown_the_way_to_tls() {
    let (_, answer) = ask("GET / HTTP/1.1\r\nHost: chat.example:1\r\n\r\n", false);
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
    assert!(answer.contains("\r\nLocation: https://chat.example:1/\r\n"), "{answer}");
    let socket = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let (is_socket, answer) = ask(socket, false);
    assert_eq!((is_socket, &answer[..12]), (false, "HTTP/1.1 426"));
}

#[test]
fn whether_all_is_well_is_told_to_anyone_and_nothing_else() {
    for (is_healthy, expected) in [(true, "200 OK"), (false, "503 Service Unavailable")] {
        let visit =
            Visit { is_healthy, may_enter: false, scheme: None, hosts: &[], lang: Lang::En };
        let request = b"GET /health HTTP/1.1\r\nHost: anything.example\r\n\r\n";
        let Some(HttpAnswer::Answered(answer)) = http::decode(request, |_| visit) else {
            unreachable!("a whole request")
        };
        let answer = String::from_utf8_lossy(answer.bytes()).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}\n")), "{answer}");
    }
}
