//! The start of the server and the operator's commands: what is printed, what is refused in
//! one line, and that what is refused touches nothing.
//!
//! Everything is seen from outside: exit codes, output, the files and, once the server is
//! stopped, the database.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{PASSWORD, Server, binary, run};

/// The one line with which the program refuses, without printing or starting anything.
fn refusal(args: &[&str]) -> String {
    let output = run(args, "");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let line = stderr.trim_end().strip_prefix("p2sp-server: ").expect("who says so");
    assert!(!line.contains("thread 'main'"), "{line}");
    line.to_owned()
}

/// The refusal of a server that would listen on a free port and use this directory.
fn refusal_on(data: &Path) -> String {
    refusal(&["--listen", "127.0.0.1:0", "--data", data.to_str().expect("a name")])
}

/// Every file in a directory with its bytes. The control socket has none.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.file_type().expect("a type").is_file())
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("a file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

/// Stops the server in the orderly way and opens its database.
fn database_of(server: &mut Server) -> Connection {
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    Connection::open(server.data().join("p2sp.db")).expect("a database")
}

#[test]
fn a_key_that_is_not_whole_is_a_refusal_and_stays_as_it_is() {
    let mut server = Server::start(&[]);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    let path = server.data().join("tls.pem");
    let whole = fs::read_to_string(&path).expect("a key");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let (key, certificate) = whole.split_at(whole.find("-----BEGIN CERT").expect("both"));
    for (text, word) in [
        ("", "no certificate"),
        (key, "no certificate"),
        (certificate, "no private key"),
        (&whole[..whole.len() - 30], "Cannot read the certificate"),
    ] {
        fs::write(&path, text).expect("written");
        let line = refusal_on(&server.data());
        assert!(line.contains(word) && line.contains("tls.pem"), "{line}");
        assert_eq!(fs::read_to_string(&path).expect("a key"), text, "no new key");
    }
    fs::write(&path, &whole).expect("written");
    let fingerprint = |server: &Server| {
        let line = server.lines.iter().find(|line| line.contains("sha256:"));
        line.expect("a fingerprint").clone()
    };
    let before = fingerprint(&server);
    assert_eq!(fingerprint(&server.again(false)), before);
}

#[test]
fn a_server_that_others_can_reach_says_how_they_join() {
    let dir = Arc::new(tempfile::tempdir().expect("a directory"));
    let everywhere = "0.0.0.0:0";
    let find = |server: &Server, words: &str| {
        let line = server.lines.iter().find(|line| line.contains(words));
        line.map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
    };
    let first = Server::start_at(Arc::clone(&dir), everywhere, &[]);
    let fingerprint = find(&first, "Fingerprint").expect("a fingerprint");
    let code = find(&first, "Invite code").expect("a code");
    let join = first.lines.iter().find(|line| line.contains("Join from another machine: p2sp "));
    let join = join.expect("a line to join with");
    assert!(join.ends_with(&format!(" --fingerprint {fingerprint}")), "{join}");
    let invite = first.data().join("invite");
    assert_eq!(fs::metadata(&invite).expect("a file").permissions().mode() & 0o777, 0o600);
    drop(first);
    let second = Server::start_at(Arc::clone(&dir), everywhere, &[]);
    assert_eq!(find(&second, "Invite code"), Some(code), "the line holds for the next start");
    drop(second);
    let open = ["--open-registration", "--insecure-plaintext"];
    let third = Server::start_at(Arc::clone(&dir), everywhere, &open);
    assert_eq!(find(&third, "Invite code"), None);
    let said = third.lines.concat();
    assert!(said.contains("--open-registration:") && said.contains("--insecure-plaintext:"));
    drop(third);
    fs::write(&invite, "\n").expect("written");
    let data = invite.parent().and_then(Path::to_str).expect("a name");
    let line = refusal(&["--listen", everywhere, "--data", data]);
    assert!(line.contains("invite") && line.contains("fewer than 8"), "{line}");
    let quiet = Server::start_on(dir, &[]);
    assert_eq!(find(&quiet, "Join from another machine"), None, "nobody can come from elsewhere");
}

#[test]
fn the_first_start_says_all_that_is_needed_in_twelve_lines() {
    for (lang, words) in [
        (
            "en",
            ["Data: ", "Listening: 127.0.0.1:", "admin, password ", "Join from another", "Ctrl-C"],
        ),
        (
            "zh",
            ["数据目录：", "监听地址：127.0.0.1:", "admin，密码：", "在另一个终端加入", "Ctrl-C"],
        ),
    ] {
        let mut server = Server::start(&["--lang", lang]);
        assert!(server.lines.len() <= 12, "{:?}", server.lines);
        for word in words {
            assert!(server.lines.iter().any(|line| line.contains(word)), "{:?}", server.lines);
        }
        let all = server.lines.concat();
        let join = format!("p2sp {}", server.address);
        assert!(all.contains(&join) && !all.contains("cargo"), "installed, not built here: {all}");
        assert!(all.contains(server.data().to_str().expect("a name")), "{all}");
        server.admin().ok("stats", json!({}));

        let password = server.admin_password.clone().expect("a first start");
        assert!(password.len() >= 16);
        let db = database_of(&mut server);
        let row: (String, bool) = db
            .query_row(
                "SELECT userpassword, isadmin FROM users WHERE username = 'admin'",
                (),
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
            .expect("an account");
        assert!(row.1 && row.0.contains("$argon2id$") && !row.0.contains(&password), "{}", row.0);
        drop(db);
        let again = Server::start_on(server.dir(), &["--lang", lang]);
        assert_eq!(again.admin_password, None);
        assert!(!again.lines.concat().contains(&password));
    }
}

#[test]
fn what_it_writes_is_its_own_users_alone() {
    let server = Server::start(&[]);
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data()), 0o700);
    let files = contents(&server.data());
    assert!(files.keys().any(|name| name == "p2sp.db"), "{:?}", files.keys());
    for name in files.keys() {
        assert_eq!(mode(&server.data().join(name)), 0o600, "{name}");
    }
    // And so will be what it makes without thinking of it.
    #[cfg(target_os = "linux")]
    {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("text");
        assert!(status.lines().any(|line| line == "Umask:\t0077"), "{status}");
    }
}

#[test]
fn p1_only_a_server_that_waits_for_the_disk_is_silent_about_it() {
    let warns = |server: Server| server.lines.iter().any(|line| line.contains("--no-fsync"));
    assert!(!warns(Server::start(&[])));
    assert!(!warns(Server::start_in(&[("P2SP_NO_FSYNC", "0")])));
    assert!(warns(Server::start_in(&[("P2SP_NO_FSYNC", "1")])));
    for (lang, words) in [("en", "loses acknowledged messages"), ("zh", "断电会丢失已确认的消息")]
    {
        let server = Server::start(&["--no-fsync", "--lang", lang]);
        assert!(server.lines.iter().any(|line| line.contains(words)), "{:?}", server.lines);
    }
}

#[test]
fn a_port_that_is_taken_is_one_line_and_touches_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let line = refusal(&["--listen", &address, "--data", data.to_str().expect("a name")]);
    assert!(line.contains(&address) && line.contains("--listen"), "{line}");
    assert!(!data.exists());
    let line =
        refusal(&["--lang", "zh", "--listen", &address, "--data", data.to_str().expect("a name")]);
    assert!(line.starts_with("无法监听"), "{line}");
}

#[test]
fn a_directory_that_cannot_be_written_is_one_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("written");
    for data in [file.clone(), file.join("below"), "/proc/no/such".into()] {
        let line = refusal_on(&data);
        assert!(line.contains(data.to_str().expect("a name")) && line.contains("--data"), "{line}");
    }
    assert_eq!(fs::read(&file).expect("a file"), b"mine");
    // A missing directory that can be made is made, with all above it; but only by a start.
    let deep = dir.path().join("a/b/c");
    let deep_name = deep.to_str().expect("a name");
    let file = dir.path().join("b.db");
    let file = file.to_str().expect("a name");
    for command in [&["admin", "grant", "nobody"][..], &["backup", file], &["check"]] {
        let line = refusal(&[&["--data", deep_name], command].concat());
        assert!(line.contains("no database in") && line.contains(deep_name), "{line}");
        assert!(!dir.path().join("a").exists() && !dir.path().join("b.db").exists());
    }
    drop(Server::start_on_path(&deep));
    assert!(deep.join("p2sp.db").exists());
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let mut server = Server::start(&[]);
    let db = database_of(&mut server);
    db.pragma_update(None, "user_version", 99).expect("written");
    drop(db);
    let before = contents(&server.data());
    let line = refusal_on(&server.data());
    assert!(line.contains("99") && line.contains("newer"), "{line}");
    assert!(contents(&server.data()) == before, "the files were touched");
}

#[test]
fn p26_a_second_server_on_the_same_data_ends_and_disturbs_nothing() {
    let server = Server::start(&[]);
    let mut bob = server.user("bob");
    let line = refusal_on(&server.data());
    assert!(line.contains("Another p2sp server") && line.contains("data"), "{line}");
    bob.ok("newgroup", json!({"groupname": "still here"}));
    // Nor may the operator's commands write behind its back.
    let data = server.data();
    let data = data.to_str().expect("a name");
    fs::remove_file(server.data().join("control")).expect("a control socket");
    for command in [&["admin", "grant", "bob"][..], &["check"], &["backup", "/no/such/file"]] {
        let line = refusal(&[command, &["--data", data]].concat());
        assert!(line.contains("Another p2sp server"), "{line}");
    }
    assert!(bob.ok("whoami", json!({}))["data"]["is_admin"] == false);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("p2sp.db");
    fs::write(&file, "a shopping list, longer than a header of SQLite ".repeat(100))
        .expect("written");
    let before = contents(dir.path());
    assert!(refusal_on(dir.path()).contains("not a p2sp database"));
    assert!(contents(dir.path()) == before, "the file was touched");
    // Nor is another program's database.
    fs::remove_file(&file).expect("removed");
    let db = Connection::open(&file).expect("a database");
    db.execute_batch("CREATE TABLE books (title TEXT); INSERT INTO books VALUES ('a')")
        .expect("rows");
    drop(db);
    let before = contents(dir.path());
    assert!(refusal_on(dir.path()).contains("not a p2sp database"));
    assert!(contents(dir.path()) == before, "the file was touched");
}

#[test]
fn limits_are_listed_and_an_unknown_one_names_the_nearest() {
    let line = refusal(&["--limit", "message_per_second=5"]);
    assert!(line.contains("Did you mean messages_per_second?"), "{line}");
    assert!(line.contains("--help-limits"), "{line}");
    for bad in ["friends", "friends=many", "friends=-1"] {
        assert!(refusal(&["--limit", bad]).contains(bad));
    }
    let output = run(&["--help-limits"], "");
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).expect("text");
    for name in [
        "requests_per_second",
        "messages_burst",
        "waiting_per_user",
        "waiting_per_sender",
        "groups_owned",
        "groups_joined",
        "friends",
        "group_members",
        "takeovers_per_minute",
        "connections_per_address",
        "signins_per_minute",
        "registrations_per_hour",
        "signin_seconds",
        "idle_seconds",
        "stored_bytes_per_day",
        "loopback",
    ] {
        assert!(help.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
    }
    // A limit that was set is kept.
    let server = Server::start(&["--limit", "groups_owned=1", "--limit", "friends=7"]);
    let mut bob = server.user("bob");
    bob.ok("newgroup", json!({"groupname": "one"}));
    bob.refused("newgroup", json!({"groupname": "two"}), "group_limit");
}

#[test]
fn the_operator_makes_and_unmakes_administrators_while_the_server_is_stopped() {
    let mut server = Server::start(&[]);
    server.register("Bob");
    server.kill();
    let data = server.data();
    let data = data.to_str().expect("a name");
    let done = |args: &[&str], input: &str| {
        let output = run(args, input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(
        done(&["--data", data, "admin", "grant", "bob"], ""),
        "Bob is an administrator now.\n"
    );
    let again = Server::start_on(server.dir(), &[]);
    let mut bob = again.peer();
    assert_eq!(bob.sign_in("bob", PASSWORD, true)["is_admin"], true);
    bob.ok("allusers", json!({}));
    let key = bob.key();
    drop((bob, again));

    let words = done(&["admin", "--data", data, "--lang", "zh", "revoke", "BOB"], "");
    assert_eq!(words, "Bob 不再是管理员。\n");
    let said =
        done(&["admin", "passwd", "bob", "--data", data], "another long one\nanother long one\n");
    assert!(said.ends_with("Bob has a new password.\n"), "{said}");
    let refused = run(&["admin", "passwd", "bob", "--data", data], "one of them\nand the other\n");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("differ"));
    let refused = run(&["admin", "passwd", "bob", "--data", data], "short\nshort\n");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("too short"));
    let line = refusal(&["admin", "grant", "nobody", "--data", data]);
    assert_eq!(line, "There is no user nobody.");

    let again = Server::start_on(server.dir(), &[]);
    let mut bob = again.peer();
    bob.refused("resume", json!({"auth_token": key}), "bad_key");
    assert_eq!(bob.sign_in("bob", "another long one", true)["is_admin"], false);
    bob.refused("allusers", json!({}), "not_admin");
}

#[test]
fn the_environment_is_asked_where_no_flag_is_given() {
    let dir = tempfile::tempdir().expect("a directory");
    let grant = |env: &[(&str, &str)], args: &[&str]| {
        let mut command = binary();
        command.envs(env.iter().copied()).args(args).args(["admin", "grant", "nobody"]);
        let output = command.output().expect("an end");
        String::from_utf8(output.stderr).expect("text")
    };
    let (of_env, of_flag) = (dir.path().join("env"), dir.path().join("flag"));
    drop((Server::start_on_path(&of_env), Server::start_on_path(&of_flag)));
    let (of_env_name, of_flag_name) =
        (of_env.to_str().expect("a name"), of_flag.to_str().expect("a name"));
    let said = grant(&[("P2SP_DATA", of_env_name), ("P2SP_LANG", "zh")], &[]);
    assert!(said.contains("用户 nobody 不存在"), "{said}");
    let said = grant(
        &[("P2SP_DATA", of_env_name), ("P2SP_LANG", "zh"), ("LC_ALL", "zh_CN.UTF-8")],
        &["--data", of_flag_name, "--lang", "en"],
    );
    assert!(said.contains("There is no user nobody"), "flags go before it: {said}");
    let said = grant(&[("P2SP_DATA", of_env_name), ("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], &[]);
    assert!(said.contains("There is no user"), "LC_ALL goes before LANG: {said}");
    let said =
        grant(&[("P2SP_DATA", of_env_name), ("P2SP_LIMIT", "friends=1,groups_owned=2")], &[]);
    assert!(said.contains("There is no user"), "{said}");
    let said = grant(&[("P2SP_DATA", of_env_name), ("P2SP_LIMIT", "freinds=1")], &[]);
    assert!(said.contains("Did you mean friends?"), "{said}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command = binary();
    let output = command.envs([("P2SP_DATA", of_env_name), ("P2SP_LISTEN", &address)]).output();
    let said = String::from_utf8(output.expect("an end").stderr).expect("text");
    assert!(said.contains(&format!("Cannot listen on {address}")), "{said}");
}

#[test]
fn the_environment_turns_friend_approval_on_and_off() {
    for (value, on) in [("1", true), ("true", true), ("yes", true), ("0", false), ("", false)] {
        let server = Server::start_in(&[("P2SP_FRIEND_APPROVAL", value)]);
        let mut bob = server.user("bob");
        let added = bob.ok("add", json!({"username": "admin"}));
        let asked = added["message"] == "admin was asked to be your friend.";
        assert_eq!(asked, on, "{value:?}: {added}");
    }
}

/// Accounts as a first version of such a server kept them.
const FIRST_VERSION: &str = "
    CREATE TABLE users (userid INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE,
        userpassword TEXT, userstatus INTEGER, createtime TEXT, isadmin INTEGER, authtoken TEXT);
    CREATE TABLE user_login_log (userid INTEGER, username TEXT, lastlogintime TEXT,
        lastloginip TEXT);
    CREATE TABLE groups (groupid INTEGER PRIMARY KEY, groupname TEXT, createuserid INTEGER,
        createtime TEXT, groupusercount INTEGER);
    CREATE TABLE group_users (id INTEGER PRIMARY KEY, groupid INTEGER, userid INTEGER);
    INSERT INTO groups VALUES (1, 'team', 1, '2020-01-02 03:04:05', 2);
    INSERT INTO group_users VALUES (1, 1, 1), (2, 1, 2);";

#[test]
fn digests_of_a_first_version_are_wrapped_and_then_replaced() {
    let dir = std::sync::Arc::new(tempfile::tempdir().expect("a directory"));
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("a directory");
    let file = data.join("p2sp.db");
    let db = Connection::open(&file).expect("a database");
    db.execute_batch(FIRST_VERSION).expect("tables");
    let digest = |password: &str| format!("{:x}", md5::compute(password));
    for (id, name, password, status) in
        [(1, "olga", "old secret", 1), (2, "piet", "x", 1), (3, "rob", "y", 0)]
    {
        db.execute(
            "INSERT INTO users VALUES (?1, ?2, ?3, ?4, '2020-01-02 03:04:05', 0, 'a key')",
            (id, name, digest(password), status),
        )
        .expect("a row");
    }
    drop(db);

    let mut server = Server::start_on(dir, &[]);
    let stored = |db: &Connection, name: &str| -> String {
        db.query_row("SELECT userpassword FROM users WHERE username = ?1", [name], |row| row.get(0))
            .expect("a row")
    };
    let mut olga = server.peer();
    olga.refused("resume", json!({"auth_token": "a key"}), "bad_key");
    olga.refused(
        "login",
        json!({"username": "olga", "password": digest("old secret")}),
        "bad_credentials",
    );
    olga.sign_in("olga", "old secret", true);
    let groups = olga.ok("groups", json!({}));
    assert_eq!(groups["data"]["groups"][0]["groupname"], "team", "{groups}");
    assert_eq!(groups["data"]["groups"][0]["total"], 2, "{groups}");
    let mut rob = server.peer();
    rob.refused("login", json!({"username": "rob", "password": "y"}), "user_blocked");
    drop((olga, rob));
    let db = database_of(&mut server);
    assert!(stored(&db, "olga").starts_with("password$argon2id$"), "{}", stored(&db, "olga"));
    let piet = stored(&db, "piet");
    assert!(piet.contains("$argon2id$") && !piet.starts_with("password$"), "{piet}");
    drop(db);
    for (_, bytes) in contents(&data) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&digest("old secret")), "a bare digest is left in the file");
    }

    let again = Server::start_on(server.dir(), &[]);
    for (name, password) in [("olga", "old secret"), ("piet", "x")] {
        again.peer().sign_in(name, password, true);
    }
}
