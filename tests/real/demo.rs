//! The demonstration: whoever comes in finds people and something said, and nothing is left behind.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::json;

use crate::support::Server;

/// The database that a process has open.
fn database_of(pid: u32) -> PathBuf {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("our child's files").flatten();
    let mut paths = files.filter_map(|file| fs::read_link(file.path()).ok());
    paths.find(|path| path.ends_with("p2sp.db")).expect("a database")
}

#[test]
fn the_demonstration_has_people_in_it_and_leaves_nothing_behind() {
    let mut server = Server::start(&["demo"]);
    let shown = server.lines.join("\n");
    let password = shown.split("with the password ").nth(1).expect("a password");
    let password = password.split('.').next().expect("a word");

    let mut alice = server.peer();
    alice.sign_in("alice", password, true);
    assert_eq!(alice.push()["payload"]["message"], "I bring tea for all.");
    alice.expect_text("carol", "I may be ten minutes late.");
    alice.expect_event("caught_up");
    let groups = alice.ok("groups", json!({}));
    assert_eq!(groups["data"]["groups"][0]["total"], 3);
    let said = alice.ok("history", json!({"username": "bob"}));
    assert_eq!(said["data"]["messages"].as_array().map(Vec::len), Some(2));
    alice.ok("send", json!({"username": "echo", "message": "你好"}));
    alice.expect_text("echo", "你好");
    assert!(server.admin().ok("stats", json!({}))["data"]["users_online"] == 3);

    let database = database_of(server.pid());
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    assert!(!database.parent().expect("a directory").exists(), "{database:?} is left");
    assert!(!server.data().exists(), "the operator's own data is not touched");
}
