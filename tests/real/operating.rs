//! Operating a server: its commands while it runs and while it is stopped, copies of its database
//! and what becomes of them.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Peer, Server, TIMEOUT, UNLIMITED, frame_of, run};

/// A command on a server's data.
fn command(server: &Server, args: &[&str], input: &str) -> Output {
    let data = server.data();
    run(&[args, &["--data", data.to_str().expect("a name")]].concat(), input)
}

/// What a command prints that must succeed.
fn done(server: &Server, args: &[&str]) -> String {
    let output = command(server, args, "");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The line with which a command refuses.
fn refused(server: &Server, args: &[&str]) -> String {
    let output = command(server, args, "");
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    let line = String::from_utf8(output.stderr).expect("text");
    assert_eq!(line.lines().count(), 1, "{line}");
    line.trim_end().strip_prefix("p2sp-server: ").expect("who says so").to_owned()
}

fn stop(server: &mut Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a name")
}

#[test]
fn p28_no_name_of_an_old_database_moves_the_operators_cursor() {
    let mut server = Server::start(&[]);
    server.register("bob");
    stop(&mut server);
    let db = Connection::open(server.data().join("p2sp.db")).expect("a database");
    let name = "a\u{1b}[2J\u{202e}\u{fe0f}\n  root (online)\u{9b}31m";
    db.execute("UPDATE users SET username = ?1, namekey = ?1 WHERE username = 'bob'", [name])
        .expect("an old name");
    db.execute(
        "INSERT INTO groups (groupname, namekey, createuserid, createtime, groupusercount)
        VALUES (?1, ?1, 2, 1, 1)",
        [name],
    )
    .expect("an old group");
    db.execute("INSERT INTO group_users (groupid, userid, from_seq) VALUES (1, 2, 1)", ())
        .expect("its owner");
    db.close().expect("closed");
    for args in [&["admin", "users"][..], &["admin", "groups"]] {
        let said = done(&server, args);
        let moves = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{fe0f}".contains(c));
        assert!(!said.contains(moves), "{said:?}");
        assert!(!said.lines().any(|line| line.starts_with("  root")), "{said}");
    }
    let line = refused(&server, &["admin", "grant", "x\u{1b}[2J\ny"]);
    assert!(!line.contains(char::is_control), "{line:?}");
}

#[test]
fn p18_the_operator_changes_a_running_server_at_once() {
    let server = Server::start(&[]);
    let mut bob = server.user("Bob");
    bob.expect_event("caught_up");
    assert_eq!(done(&server, &["admin", "grant", "bob"]), "Bob is an administrator now.\n");
    bob.ok("allusers", json!({}));
    assert_eq!(done(&server, &["--lang", "zh", "admin", "revoke", "bob"]), "Bob 不再是管理员。\n");
    bob.refused("allusers", json!({}), "not_admin");

    done(&server, &["admin", "broadcast", "back at noon"]);
    let said = bob.expect_event("broadcast");
    assert_eq!((&said["message"], said.get("username")), (&json!("back at noon"), None));
    bob.confirm();
    bob.ok("newgroup", json!({"groupname": "team"}));
    assert!(done(&server, &["admin", "groups"]).contains("team Bob (1/1)"));
    let users = done(&server, &["admin", "users", "--online"]);
    assert!(users.contains("Bob") && !users.contains("admin"), "{users}");
    assert!(done(&server, &["admin", "users"]).contains("admin"));
    assert!(done(&server, &["admin", "stats"]).contains("users online: 1"));
    let connections = done(&server, &["admin", "connections"]);
    assert!(connections.contains("127.0.0.1 frames Bob: "), "{connections}");
    // A connection is shown as it was after its last request: newgroup may have used up a slice.
    bob.ok("ping", json!({}));
    let connections = done(&server, &["admin", "connections", "--json"]);
    // Beside it stand the operator's own, in whatever slots were free.
    let mut rows =
        connections.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let bobs = rows.find(|row| row["username"] == "Bob").expect("his connection");
    assert_eq!(bobs["rests"], Value::Null);
    assert_eq!(refused(&server, &["admin", "grant", "nobody"]), "There is no user nobody.");
    assert!(refused(&server, &["admin", "block", "admin"]).contains("dministrator"));

    let key = bob.key();
    let output = command(&server, &["admin", "passwd", "bob"], "battery staple\nbattery staple\n");
    assert!(output.status.success());
    bob.expect_event("password_reset");
    bob.expect_end();
    let mut bob = server.peer();
    bob.refused("resume", json!({"auth_token": key}), "bad_key");
    bob.sign_in("bob", "battery staple", true);
    done(&server, &["admin", "block", "bob"]);
    bob.expect_event("caught_up");
    bob.expect_event("blocked");
    bob.expect_end();
    done(&server, &["admin", "unblock", "bob"]);
    server.peer().sign_in("bob", "battery staple", true);
}

/// So many lines of a log, which are written soon.
fn logged(log: &Path, count: usize) -> Vec<String> {
    let end = Instant::now() + TIMEOUT;
    loop {
        let text = fs::read_to_string(log).expect("a log");
        if text.matches('\n').count() >= count || Instant::now() > end {
            return text.lines().map(str::to_owned).collect();
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn p27_the_log_tells_who_came_and_what_administrators_did_and_no_secret() {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let server = Server::log_to(log.reopen().expect("a file"), "", &["--limit", UNLIMITED]);
    server.register("Bob");
    let mut bob = server.peer();
    let wrong = |name: &str| json!({"username": name, "password": "not-the-password", "ack": true});
    bob.refused("login", wrong("bob"), "bad_credentials");
    bob.refused("login", wrong("my-password-by-mistake"), "bad_credentials");
    bob.sign_in("bob", PASSWORD, true);
    let mut again = server.peer();
    again.sign_in("bob", PASSWORD, true);
    again.ok("newgroup", json!({"groupname": "读书 会"}));
    let mut admin = server.admin();
    admin.ok("blockgroup", json!({"groupname": "读书 会", "creator": "bob"}));
    admin.ok("adminsend", json!({"username": "bob", "message": "a secret", "mid": "1"}));
    admin.ok("adminsend", json!({"username": "bob", "message": "a secret", "mid": "1"}));
    admin.refused("blockuser", json!({"username": "admin"}), "admin_protected");
    admin.ok("blockuser", json!({"username": "BOB"}));
    done(&server, &["admin", "unblock", "bob"]);
    let expected = [
        "register user=Bob from=127.0.0.1",
        "sign_in_failed user=Bob from=127.0.0.1 code=bad_credentials",
        "sign_in_failed from=127.0.0.1 code=bad_credentials",
        "sign_in user=Bob from=127.0.0.1",
        "takeover user=Bob from=127.0.0.1",
        "sign_in user=Bob from=127.0.0.1",
        "sign_in user=admin from=127.0.0.1",
        "blockgroup user=admin about=\"Bob/读书 会\" from=127.0.0.1",
        "adminsend user=admin about=Bob from=127.0.0.1",
        "blockuser user=admin about=Bob from=127.0.0.1",
        "unblockuser about=Bob from=127.0.0.1",
    ];
    let untimed = |line: String| line.split_once("Z INFO ").expect("a time, a level").1.to_owned();
    let lines: Vec<String> = logged(log.path(), expected.len()).into_iter().map(untimed).collect();
    assert_eq!(lines, expected);

    // The database keeps the same acts.
    let acts = done(&server, &["admin", "audit", "--json"]);
    let acts: Vec<Value> =
        acts.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> =
        acts.iter().map(|act| (&act["admin"], act["act"].as_str(), &act["about"])).collect();
    let (admin_name, bobs) = (json!("admin"), json!("Bob"));
    assert_eq!(
        told,
        [
            (&Value::Null, Some("unblockuser"), &bobs),
            (&admin_name, Some("blockuser"), &bobs),
            (&admin_name, Some("adminsend"), &bobs),
            (&admin_name, Some("blockgroup"), &json!("Bob/读书 会")),
        ]
    );
    let page = admin.ok("audit", json!({}));
    assert_eq!(page["data"]["acts"].as_array().map(Vec::len), Some(4));
    server.register("ann");
    let mut ann = server.peer();
    ann.sign_in("ann", PASSWORD, true);
    ann.refused("audit", json!({}), "not_admin");
}

#[test]
fn p21_a_log_that_nobody_reads_stops_nothing() {
    let (reads, writes) = std::io::pipe().expect("a pipe");
    let log = File::from(std::os::fd::OwnedFd::from(writes));
    let server = Server::log_to(log, "trace", &["--limit", UNLIMITED]);
    let mut bob = server.user("bob");
    // Each is logged, and the pipe is full after some hundred of them.
    (0..5_000).for_each(|_| _ = bob.ok("ping", json!({})));
    drop(reads);
}

#[test]
fn the_log_is_written_as_json_where_that_is_asked_for() {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let args = ["--log-format", "json", "--limit", UNLIMITED];
    let server = Server::log_to(log.reopen().expect("a file"), "", &args);
    server.register("Bob");
    let lines = logged(log.path(), 1);
    let line: Value = serde_json::from_str(&lines[0]).expect("a line of JSON");
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    let told = [&line["level"], &line["event"], &line["user"], &line["from"]];
    assert_eq!(told, [&json!("INFO"), &json!("register"), &json!("Bob"), &json!("127.0.0.1")]);
}

#[test]
fn the_same_commands_work_while_the_server_is_stopped() {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    stop(&mut server);
    assert!(!server.data().join("control").exists(), "an orderly stop leaves no socket");
    done(&server, &["admin", "broadcast", "we moved"]);
    done(&server, &["admin", "grant", "bob"]);
    assert!(done(&server, &["admin", "users"]).contains("bob"));
    assert!(done(&server, &["admin", "stats"]).contains("messages in the log: 1"));
    assert!(refused(&server, &["admin", "connections"]).starts_with("No server runs on"));
    assert!(refused(&server, &["admin", "broadcast", ""]).contains("empty"));
    let long = "x".repeat(70_000);
    assert_eq!(refused(&server, &["admin", "broadcast", &long]), "That is too long.");
    let again = Server::start_on(server.dir(), &[]);
    let mut bob = again.peer();
    assert_eq!(bob.sign_in("bob", PASSWORD, true)["is_admin"], true);
    assert_eq!(bob.expect_event("broadcast")["message"], "we moved");
}

#[test]
fn long_lists_are_printed_whole() {
    let mut server = Server::start(&[]);
    stop(&mut server);
    let db = Connection::open(server.data().join("p2sp.db")).expect("a database");
    db.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
        INSERT INTO users (username, namekey, userpassword, createtime)
            SELECT 'u' || i, 'u' || i, '!', 0 FROM n;
        INSERT INTO cursors SELECT userid, 0 FROM users WHERE userid > 1;",
    )
    .expect("rows");
    drop(db);
    let users = done(&server, &["admin", "users"]);
    assert!((1..=450).all(|i| users.lines().any(|line| line.trim().starts_with(&format!("u{i}")))));
    assert_eq!(users.matches("u450").count(), 1);
}

#[test]
fn the_control_socket_is_its_owners_alone_and_replaces_one_that_is_stale() {
    let mut server = Server::start(&[]);
    let socket = |server: &Server| {
        let meta = fs::symlink_metadata(server.data().join("control")).expect("a socket");
        assert!(meta.file_type().is_socket());
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    };
    socket(&server);
    server.kill();
    socket(&server);
    // What a crash left is nobody's; the database itself is asked.
    assert!(done(&server, &["admin", "stats"]).contains("users: 1"));
    let again = server.again(false);
    socket(&again);
    assert!(done(&again, &["admin", "stats"]).contains("users: 1"));
    // A directory may be deeper than a socket's path.
    let mut deep = again.data();
    (0..10).for_each(|_| deep.push("a-directory-name"));
    let server = Server::start_on_path(&deep);
    let output = run(&["admin", "stats", "--data", name(&deep)], "");
    assert!(String::from_utf8_lossy(&output.stdout).contains("connections: 1"), "{output:?}");
    drop(server);
}

#[test]
fn p20_operators_are_few_and_others_do_not_notice() {
    let server = Server::start(&[]);
    let socket = server.data().join("control");
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(UnixStream::connect(&socket).expect("a connection"));
    }
    let mut bob = server.user("bob");
    bob.ok("ping", json!({}));
    let line = refused(&server, &["admin", "stats"]);
    assert!(line.contains("does not answer"), "{line}");
    drop(held);
    while !command(&server, &["admin", "stats"], "").status.success() {}
}

/// The n-th message to bob, as it is said and said again.
fn message(number: usize) -> Value {
    let (text, mid) = (format!("m{number}"), format!("{number:012}"));
    json!({"username": "bob", "message": text, "mid": mid})
}

/// The n of such a message's text.
fn number_of(text: &str) -> usize {
    text[1..].parse().expect("a number")
}

/// Writes to bob until it is told to stop; returns how many were acknowledged.
fn write(mut alice: Peer, stop: Arc<AtomicBool>) -> thread::JoinHandle<(Peer, usize)> {
    thread::spawn(move || {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            alice.ok("send", message(count));
        }
        (alice, count)
    })
}

/// Reads and confirms one after the other until it is told to stop, and tells how many.
fn read(mut bob: Peer, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            bob.expect_text("alice", &format!("m{}", count.load(Ordering::Relaxed) + 1));
            bob.confirm();
            count.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// What bob is pushed until nothing waits.
fn all_texts(bob: &mut Peer) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let push = bob.push();
        match push["payload"]["event"].as_str() {
            Some("caught_up") => return texts,
            Some(_) => {}
            None => texts.push(push["payload"]["message"].as_str().expect("a text").to_owned()),
        }
    }
}

#[test]
fn a_backup_under_load_restores_to_a_server_that_goes_on() {
    let mut server = Server::unlimited(&["--limit", "waiting_per_user=0,waiting_per_sender=0"]);
    let [mut alice, bob] = server.friends(["alice", "bob"]);
    let (epoch, bobs_key) = (alice.resume_again(&server)["epoch"].clone(), bob.key());
    let (heard, enough) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let confirmed = Arc::<AtomicUsize>::default();
    let reader = read(bob, Arc::clone(&heard), Arc::clone(&confirmed));
    let writer = write(alice, Arc::clone(&enough));
    let file = server.dir().path().join("backup.db");
    // Everything acknowledged before is in it.
    let before = loop {
        let db = done(&server, &["admin", "stats"]);
        let line = db.lines().find(|line| line.contains("messages in the log")).expect("a figure");
        let count: usize = line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
        if count > 200 {
            break count;
        }
    };
    let confirmed = confirmed.load(Ordering::Relaxed);
    let said = done(&server, &["backup", name(&file)]);
    assert!(said.contains("Backed up"), "{said}");
    // The reader waits for one more.
    heard.store(true, Ordering::Relaxed);
    reader.join().expect("no panic");
    enough.store(true, Ordering::Relaxed);
    let (alice, count) = writer.join().expect("no panic");
    assert_eq!(fs::metadata(&file).expect("a backup").permissions().mode() & 0o777, 0o600);
    assert!(refused(&server, &["backup", name(&file)]).contains("exists already"));
    assert!(done(&server, &["check", name(&file)]).contains("whole"));
    assert!(refused(&server, &["restore", name(&file)]).contains("stop it first"));
    let key = alice.key();
    stop(&mut server);

    let said = done(&server, &["restore", name(&file)]);
    assert!(said.contains("p2sp.db.before-restore-"), "{said}");
    assert!(done(&server, &["check"]).contains("whole"));
    let again = server.again(false);
    let mut alice = again.peer();
    let renewed = alice.resume(&key, true)["epoch"].clone();
    assert_ne!(renewed, epoch, "seqs are given again");
    let mut bob = again.peer();
    bob.resume(&bobs_key, true);
    let mut texts = all_texts(&mut bob);
    // What was confirmed before does not come again; what was acknowledged before is there. There
    // may be nothing that was not confirmed.
    let newest = bob.ok("history", json!({"username": "alice", "count": 1}));
    let newest = newest["data"]["messages"][0]["payload"]["message"].as_str().map(number_of);
    let kept = newest.expect("a message");
    let first = kept + 1 - texts.len();
    assert!(first > confirmed, "m{first} comes again, and {confirmed} were confirmed");
    let notices = 1;
    assert!(kept + notices >= before && kept <= count, "{kept} of {before}, {count}");
    // She says again what she cannot know to be there: all of it.
    for number in 1..=count {
        alice.ok("send", message(number));
        if number > kept {
            texts.push(bob.push()["payload"]["message"].as_str().expect("a text").to_owned());
        }
    }
    let expected: Vec<String> = (first..=count).map(|number| format!("m{number}")).collect();
    assert!(texts == expected, "nothing is lost, repeated or out of order");
    alice.ok("send", json!({"username": "bob", "message": "and on"}));
    bob.expect_text("alice", "and on");
}

/// The operator asks, and is answered.
fn ask(stream: &mut UnixStream, kind: &str) -> String {
    stream.write_all(&frame_of(kind, &json!({}))).expect("written");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("a frame");
    let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).expect("a frame");
    let answer: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    answer["payload"]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn p20_the_file_stands_still_while_it_is_held_and_then_catches_up() {
    let server = Server::unlimited(&["--limit", "waiting_per_user=0,waiting_per_sender=0"]);
    let [mut alice, bob] = server.friends(["alice", "bob"]);
    drop(bob);
    let database = server.data().join("p2sp.db");
    let mut operator = UnixStream::connect(server.data().join("control")).expect("a connection");
    operator.set_read_timeout(Some(TIMEOUT)).expect("an option");
    assert_eq!(ask(&mut operator, "backup"), "ok");
    let held = fs::read(&database).expect("a database");
    // Several times what is copied into the file at the latest otherwise.
    let text = "x".repeat(8_000);
    for _ in 0..1_000 {
        alice.ok("send", json!({"username": "bob", "message": text}));
    }
    assert!(fs::read(&database).expect("a database") == held, "somebody wrote into it");
    assert_eq!(ask(&mut operator, "release"), "ok");
    let began = Instant::now();
    while fs::metadata(&database).expect("a database").len() < 8_000_000 {
        assert!(began.elapsed() < TIMEOUT, "the file does not catch up");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn p13_what_was_confirmed_before_a_backup_is_confirmed_in_it() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    let mut operator = UnixStream::connect(server.data().join("control")).expect("a connection");
    operator.set_read_timeout(Some(TIMEOUT)).expect("an option");
    // Cursors are written at most twice a second.
    for number in 1..=3 {
        alice.ok("send", message(number));
        bob.expect_text("alice", &format!("m{number}"));
        bob.confirm();
    }
    assert_eq!(ask(&mut operator, "backup"), "ok");
    let copy = server.dir().path().join("copy.db");
    fs::copy(server.data().join("p2sp.db"), &copy).expect("a copy");
    assert_eq!(ask(&mut operator, "release"), "ok");
    let db = Connection::open(copy).expect("a database");
    let sql = "SELECT seq FROM cursors JOIN users USING (userid) WHERE username = 'bob'";
    let cursor: i64 = db.query_row(sql, [], |row| row.get(0)).expect("a row");
    assert_eq!(cursor, bob.seq);
}

#[test]
fn a_backup_of_a_stopped_server_is_the_same() {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    stop(&mut server);
    let file = server.dir().path().join("backup.db");
    done(&server, &["admin", "backup", name(&file)]);
    fs::remove_dir_all(server.data()).expect("removed");
    let said = done(&server, &["restore", name(&file)]);
    assert!(!said.contains("before-restore"), "there was none: {said}");
    let again = Server::start_on(server.dir(), &[]);
    again.peer().sign_in("bob", PASSWORD, true);
}

/// A database with rows enough to be damaged anywhere.
fn damaged(server: &Server) -> PathBuf {
    let file = server.dir().path().join("damaged.db");
    let mut bytes = fs::read(server.data().join("p2sp.db")).expect("a database");
    // The root of some table: a page that says it is of no kind.
    let page = 4096 * 3;
    bytes[page..page + 8].fill(0x77);
    fs::write(&file, bytes).expect("written");
    file
}

#[test]
fn what_is_damaged_is_found_and_never_put_in_place() {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    stop(&mut server);
    let good = server.dir().path().join("good.db");
    done(&server, &["backup", name(&good)]);
    let database = server.data().join("p2sp.db");
    let before = fs::read(&database).expect("a database");
    let damaged = damaged(&server);
    let output = command(&server, &["check", name(&damaged)], "");
    assert_eq!(output.status.code(), Some(1));
    let shopping = server.dir().path().join("list");
    fs::write(&shopping, "milk, bread ".repeat(1000)).expect("written");
    for file in [name(&damaged), name(&shopping), "/no/such/file"] {
        let line = refused(&server, &["restore", file]);
        assert!(!line.is_empty(), "{file}");
        assert_eq!(fs::read(&database).expect("a database"), before);
    }
    // A database that cannot be read any more is put aside, too.
    fs::copy(&shopping, &database).expect("written");
    done(&server, &["restore", name(&good)]);
    let again = Server::start_on(server.dir(), &[]);
    again.peer().sign_in("bob", PASSWORD, true);
    let aside = fs::read_dir(again.data()).expect("a directory").filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().contains("before-restore")
    });
    assert_eq!(aside.count(), 1);
}

/// What is no backup, each in a file of its own, and what is said of it.
fn no_backups(server: &Server, good: &Path) -> Vec<(PathBuf, &'static str)> {
    let dir = server.dir();
    let file = |name: &str| dir.path().join(name);
    fs::write(file("empty"), "").expect("written");
    let made = |name: &str, sql: &str| {
        let db = Connection::open(file(name)).expect("a database");
        db.execute_batch(sql).expect("SQL");
    };
    made("bare", "VACUUM");
    made("books", "CREATE TABLE books (title TEXT)");
    made("claims", "CREATE TABLE meta (name, value); PRAGMA user_version = 4");
    made("first", "CREATE TABLE users (userid INTEGER PRIMARY KEY, username TEXT)");
    let harmed = |name: &str, sql: &str| {
        fs::copy(good, file(name)).expect("a copy");
        made(name, &format!("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = DELETE; {sql}"));
    };
    harmed("less", "DROP TABLE friend_requests");
    harmed("more", "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END");
    harmed("newer", "PRAGMA user_version = 99");
    harmed("old", "PRAGMA user_version = 1");
    harmed("beyond", "UPDATE cursors SET seq = 99");
    harmed("nameless", "UPDATE users SET username = '' WHERE userid = 2");
    harmed("unnamed", "DELETE FROM meta");
    harmed("dangling", "INSERT INTO friends VALUES (1, 77), (77, 1)");
    fs::copy(good, file("half")).expect("a copy");
    fs::write(file("half-wal"), "what was said last").expect("written");
    let said = [
        ("empty", "is empty"),
        ("bare", "is empty"),
        ("books", "is not a database of p2sp"),
        ("claims", "schema: "),
        ("first", "is not a database of p2sp"),
        ("less", "table friend_requests (missing)"),
        ("more", "trigger t (unknown)"),
        ("newer", "of version 99"),
        ("old", "schema: "),
        ("beyond", "cursors: "),
        ("nameless", "names: "),
        ("unnamed", "epoch: "),
        ("dangling", "references: "),
        ("half", "half-wal"),
    ];
    said.map(|(name, words)| (file(name), words)).into()
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_is_replaced() {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    stop(&mut server);
    let good = server.dir().path().join("good.db");
    done(&server, &["backup", name(&good)]);
    let database = server.data().join("p2sp.db");
    let before = fs::read(&database).expect("a database");
    let dir = server.dir().path().to_owned();
    for (file, words) in no_backups(&server, &good) {
        let line = refused(&server, &["restore", name(&file)]);
        assert!(line.contains(words), "{}: {line}", file.display());
        let output = command(&server, &["check", name(&file)], "");
        assert_eq!(output.status.code(), Some(1), "{}", file.display());
        let said = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains(words), "{}", file.display());
        let zh = command(&server, &["--lang", "zh", "restore", name(&file)], "");
        let line = String::from_utf8(zh.stderr).expect("text");
        assert!(!line.is_ascii() && line.lines().count() == 1, "{line}");
    }
    assert!(!refused(&server, &["restore", name(&dir)]).is_empty());
    let nowhere = dir.join("nowhere");
    let output = run(&["--data", name(&nowhere), "restore", name(&dir.join("empty"))], "");
    assert!(output.status.code() == Some(1) && !nowhere.exists(), "{output:?}");
    assert!(fs::read(&database).expect("a database") == before);
    let left: Vec<_> = fs::read_dir(server.data()).expect("a directory").flatten().collect();
    let left = left.iter().filter(|entry| {
        let name = entry.file_name();
        name == "restoring" || name.to_string_lossy().contains("before-restore")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_backup_of_an_earlier_version_is_restored() {
    let mut server = Server::start(&[]);
    stop(&mut server);
    let file = server.dir().path().join("old.db");
    let db = Connection::open(&file).expect("a database");
    db.execute_batch(include_str!("../../src/store/earlier/1.sql")).expect("tables");
    db.execute_batch(
        "INSERT INTO meta VALUES ('epoch', '0123456789abcdef');
        INSERT INTO users (username, namekey, userpassword, createtime)
            VALUES ('ann', 'ann', '!', 1);
        INSERT INTO cursors VALUES (1, 0);
        PRAGMA user_version = 1",
    )
    .expect("rows");
    drop(db);
    assert!(done(&server, &["check", name(&file)]).contains("whole"));
    done(&server, &["restore", name(&file)]);
    assert!(done(&server, &["check"]).contains("whole"));
    assert!(done(&server, &["admin", "users"]).contains("ann"));
}
