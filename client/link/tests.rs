//! What `link.rs` must do.

use super::*;
use crate::screen::Screen;
use crate::shell::Shell;
use crate::terminal::Terminal;
use p2sp::locale::Lang;
use p2sp::wire::request;
use serde_json::json;
use std::net::TcpListener;

/// A server's end of one connection.
struct Peer(TcpStream, Vec<u8>);

impl Peer {
    fn accept(listener: &TcpListener) -> Peer {
        let (stream, _) = listener.accept().expect("a client");
        Peer(stream, Vec::new())
    }

    /// The next request, which must be of this type; pings are answered on the way.
    fn expect(&mut self, type_name: &str) -> Value {
        loop {
            let Some(frame) = frame::take(&mut self.1).expect("frames") else {
                let mut chunk = [0; 4096];
                let bytes = self.0.read(&mut chunk).expect("bytes");
                assert!(bytes > 0, "the client left before {type_name}");
                self.1.extend_from_slice(&chunk[..bytes]);
                continue;
            };
            let payload = frame::payload(&frame).expect("a checksum");
            let request: Value = serde_json::from_slice(payload).expect("JSON");
            match request["type"].as_str() {
                Some("ping") => self.answer(&request, json!({"status": 200})),
                got => {
                    assert_eq!(got, Some(type_name));
                    return request;
                }
            }
        }
    }

    fn answer(&mut self, request: &Value, mut payload: Value) {
        payload["re"] = request["payload"]["id"].clone();
        self.send("normalmsg", payload);
    }

    fn send(&mut self, type_name: &str, payload: Value) {
        let mut bytes = Vec::new();
        request::append(&mut bytes, type_name, 0, &payload);
        // In two parts: a frame may come in any number of them.
        self.0.write_all(&bytes[..5]).expect("written");
        self.0.write_all(&bytes[5..]).expect("written");
    }
}

fn run(port: u16, script: &str) -> u8 {
    let address = Address { host: "127.0.0.1".into(), port };
    let (session, judge) = (Session::new(Lang::En), Judge::new(None, None));
    let to = (address, Security::Elsewhere);
    let output = Output::new(Screen::Plain);
    let link = Arc::new(Link::new(to, judge, None, (true, output), session));
    let connection = Arc::clone(&link);
    thread::spawn(move || connection.run());
    Shell::new(&link, Terminal::script(script.as_bytes()), None).run()
}

fn welcome(cursor: i64) -> Value {
    json!({"status": 200, "message": "welcome", "auth_token": "k", "user_id": 1,
           "epoch": "e", "cursor": cursor})
}

#[test]
fn a_script_survives_a_cut_and_leaves_confirmed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let client = thread::spawn(move || run(port, "login bob\nsecret 1\nsendgroup 1 hi\n"));

    let mut peer = Peer::accept(&listener);
    let login = peer.expect("login");
    assert_eq!(login["payload"]["password"], "secret 1");
    peer.answer(&login, welcome(0));
    let groups = peer.expect("groups");
    let group = json!({"creator": "al", "groupname": "team"});
    peer.answer(&groups, json!({"status": 200, "data": {"groups": [group]}}));
    let first = peer.expect("sendgroup");
    assert_eq!(first["payload"]["groupname"], "team");
    drop(peer);

    let mut peer = Peer::accept(&listener);
    let resume = peer.expect("resume");
    peer.answer(&resume, welcome(0));
    let again = peer.expect("sendgroup");
    assert_eq!(again["payload"]["mid"], first["payload"]["mid"]);
    let push = json!({"fromusername": "al", "message": "hello", "seq": 3, "prev": 0});
    peer.send("usersend", push);
    peer.answer(&again, json!({"status": 403, "code": "not_member", "message": "no"}));
    peer.send("sysmsg", json!({"event": "caught_up"}));
    loop {
        let ack = peer.expect("ack");
        assert_eq!(ack["payload"]["seq"], 3);
        if ack["payload"]["id"].is_i64() {
            peer.answer(&ack, json!({"status": 200}));
            break;
        }
    }
    assert_eq!(client.join().expect("no panic"), 1, "something was refused");
}

#[test]
fn without_a_server_the_client_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    assert_eq!(run(port, "friends\n"), 2);
}

#[test]
fn a_frame_is_whole_however_it_is_cut_and_other_bytes_are_told() {
    let (mut received, mut bytes) = (Vec::new(), Vec::new());
    request::append(&mut bytes, "a", 0, &json!({}));
    for byte in &bytes[..bytes.len() - 1] {
        received.push(*byte);
        assert_eq!(frame::take(&mut received), Ok(None));
    }
    received.extend_from_slice(&bytes[bytes.len() - 1..]);
    assert_eq!(frame::take(&mut received), Ok(Some(bytes)));
    assert!(frame::take(&mut b"twelve bytes".to_vec()).is_err());
}

#[test]
fn the_page_pings_as_often_as_this_client() {
    let line = format!("const PING_AFTER_MS = {}_000;", PING_SECONDS);
    assert!(include_str!("../web/link.js").contains(&line), "{line}");
}
