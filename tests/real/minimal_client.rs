//! `examples/minimal_client.rs` chats with the shipped server. `main` is all of it that is not
//! run here.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::json;

use crate::support::{PASSWORD, Server};

#[path = "../../examples/minimal_client.rs"]
#[expect(dead_code, reason = "the example's own `main`")]
mod program;

#[test]
fn the_minimal_client_sends_and_shows_and_ends() {
    let server = Server::start(&[]);
    let [alice, mut bob] = server.friends(["alice", "bob"]);
    alice.leave();
    let socket = TcpStream::connect(server.address).expect("a connection");
    let (input, mut keyboard) = io::pipe().expect("a pipe");
    let (screen, output) = io::pipe().expect("a pipe");
    let mut screen = BufReader::new(screen).lines().map(|line| line.expect("a line"));
    let client = thread::spawn(move || {
        program::talk(&socket, "alice", BufReader::new(input), output).expect("a talk")
    });

    writeln!(keyboard, "{PASSWORD}\nbob hello bob").expect("typed");
    bob.expect_text("alice", "hello bob");
    bob.ok("send", json!({"username": "alice", "message": "hello\nalice"}));
    let shown: Vec<String> = screen.by_ref().take_while(|line| line != "  alice").collect();
    assert_eq!(shown.last().map(String::as_str), Some("bob> hello"));
    writeln!(keyboard, "nobody hello").expect("typed");
    drop(keyboard);
    assert!(screen.any(|line| line.ends_with("[no_such_user]")), "the last answer");
    client.join().expect("it ends by itself");
}

#[test]
fn the_minimal_client_says_why_it_is_refused() {
    let server = Server::start(&[]);
    let socket = TcpStream::connect(server.address).expect("a connection");
    let error = program::talk(&socket, "alice", &b"a wrong password\n"[..], io::sink());
    assert!(error.expect_err("refused").to_string().ends_with("[bad_credentials]"));
}
