//! Faults that other servers, clients and libraries had: a row each, with the fault's public id,
//! and the test that keeps p2sp from it.
//!
//! A row's test is here, where the real programs meet what the others fell for, or it is the test
//! of one of our promises and stands with that; then it is looked whether it is still there.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Seek};

use p2sp::certificate::Source;
use p2sp::handlers::{HANDLERS, Row};
use p2sp::wire::Fingerprint;
use p2sp::wire::command::Role;
use rusqlite::Connection;
use rustix::process::{Resource, Signal};
use serde_json::json;

use crate::support::{PASSWORD, Server, framed, key_of};

/// Makes a test of each row: of the function with its name, or of the file that it stands in.
macro_rules! faults {
    ($($id:literal $whose:literal $what:literal => $test:ident $(in $file:literal)?;)+) => {
        mod no_fault {
            $(
                #[test]
                fn $test() {
                    println!("{}, {}: {}", $id, $whose, $what);
                    faults!(@run $test $($file)?);
                }
            )+
        }
    };
    (@run $test:ident) => { super::$test() };
    (@run $test:ident $file:literal) => {
        let there = include_str!($file).contains(concat!("#[test]\nfn ", stringify!($test), "()"));
        assert!(there, "{} is gone from {}", stringify!($test), $file)
    };
}

faults! {
    "CVE-2017-7651" "Mosquitto" "memory is allocated by a claimed length, before sign-in"
        => a_claimed_length_is_no_memory;
    "CVE-2017-7652" "Mosquitto" "reloading without a descriptor left loses the settings"
        => a_reload_without_descriptors_changes_nothing;
    "CVE-2017-7653" "Mosquitto" "invalid UTF-8 is relayed and makes the others disconnect"
        => no_invalid_utf_8_is_relayed;
    "CVE-2018-12551" "Mosquitto" "a malformed row of passwords is taken for a valid one"
        => a_malformed_password_row_opens_nothing;
    "RUSTSEC-2022-0004" "rustc-serialize" "deeply nested JSON overflows the stack"
        => deep_nesting_is_refused_and_nobody_notices;
    "CVE-2021-34434" "Mosquitto" "rights that are revoked while the user is away stay"
        => what_is_revoked_while_away_is_gone_at_the_return;
    "CVE-2025-32433" "Erlang/OTP ssh" "handlers are reachable before sign-in"
        => no_handler_is_reachable_before_sign_in;
    "CVE-2014-1266" "Apple Secure Transport" "a certificate is believed without its key"
        => a_man_in_the_middle_with_a_copied_certificate_is_refused in "network.rs";
    "CVE-2024-43785" "gitoxide" "text of others reaches the terminal with its escapes"
        => p28_nothing_that_a_peer_says_reaches_the_terminal_as_more_than_text in "client.rs";
    "CVE-2019-19844" "Django" "a name that looks like another's is taken for it"
        => names_that_look_alike_are_one_user_or_none;
    "CVE-2026-66068" "RabbitMQ" "secrets are logged"
        => p27_no_secret_is_logged_however_much_is;
}

/// Connections that each claim something.
const CLAIMS: usize = 300;

fn a_claimed_length_is_no_memory() {
    let server = Server::start(&[]);
    let header = |length: u32| {
        let mut bytes = framed(b"");
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        [&bytes[..], b"{"].concat()
    };
    let record = |length: u16| {
        let [high, low] = length.to_be_bytes();
        vec![0x16, 3, 1, high, low, 1]
    };
    let mut last = server.peer();
    let mut held = Vec::new();
    for (small, large, claimed) in
        [(header(16), header(65_536), 65_536), (record(16), record(16_384), 16_384)]
    {
        let grown = [small, large].map(|bytes| {
            let before = server.allocated_bytes();
            for _ in 0..CLAIMS {
                let mut peer = server.peer();
                peer.raw(&bytes);
                held.push(peer);
            }
            // Whoever is answered came behind them.
            last.ok("ping", json!({}));
            server.allocated_bytes().saturating_sub(before)
        });
        let most = (CLAIMS * claimed / 4) as u64;
        let costs = grown.iter().max().expect("two");
        assert!(*costs < most, "{CLAIMS} claims of {claimed} bytes cost {grown:?}");
    }
}

fn a_reload_without_descriptors_changes_nothing() {
    let server = Server::unlimited(&[]);
    let line = server.lines.iter().find_map(|line| line.split("sha256:").nth(1));
    let old: Fingerprint = format!("sha256:{}", line.expect("a key")).parse().expect("one");
    let mut bob = server.user("bob");
    let mut hang_up = || {
        server.signal(Signal::HUP);
        // The signal may come into a tick that has waited already, and is seen by the next.
        (0..2).for_each(|_| drop(bob.ok("ping", json!({}))));
    };
    let elsewhere = tempfile::tempdir().expect("a directory");
    let new = Source::Own(elsewhere.path().into())
        .load_or_make(&Default::default(), 1_800_000_000)
        .expect("a certificate");
    fs::copy(elsewhere.path().join("tls.pem"), server.data().join("tls.pem")).expect("copied");

    server.limit(Resource::Nofile, Some(server.first_free_descriptor()));
    hang_up();
    server.limit(Resource::Nofile, None);
    assert_eq!(key_of(server.address), old);
    hang_up();
    assert_eq!(key_of(server.address), new.fingerprint, "as soon as it can be read");

    let open = server.descriptors().len();
    (0..200).for_each(|_| hang_up());
    let now = server.descriptors().len();
    assert!(now <= open, "{open} were open, and {now} are");
}

fn no_invalid_utf_8_is_relayed() {
    let server = Server::start(&["--limit", "takeovers_per_minute=0"]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    for wrong in [&b"\xff"[..], b"\xc0\xaf", b"\xe4\xbd", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
        for name in ["message", "mid"] {
            let mut bytes =
                br#"{"type":"send","payload":{"username":"bob","auth_token":""#.to_vec();
            bytes.extend_from_slice(alice.key().as_bytes());
            bytes.extend_from_slice(format!(r#"","{name}":"x"#).as_bytes());
            bytes.extend_from_slice(wrong);
            bytes.extend_from_slice(br#""}}"#);
            alice.raw(&framed(&bytes));
            let answer = alice.message();
            assert_eq!(answer["payload"]["code"], "bad_payload", "{wrong:x?}: {answer}");
            alice.expect_end();
            alice.resume_again(&server);
            alice.expect_event("caught_up");
        }
    }
    // Whole JSON of what no text can be spoils its request alone.
    for wrong in [r"\ud800", r"\udc00\ud800"] {
        for name in ["message", "mid"] {
            let key = alice.key();
            let args = format!(r#""username":"bob","auth_token":"{key}","{name}":"x{wrong}""#);
            alice.raw(&framed(format!(r#"{{"type":"send","payload":{{{args}}}}}"#).as_bytes()));
            assert_eq!(alice.message()["payload"]["code"], "bad_request", "{wrong}");
        }
    }
    alice.ok("send", json!({"username": "bob", "message": "whole"}));
    bob.expect_text("alice", "whole");
}

fn a_malformed_password_row_opens_nothing() {
    let mut server = Server::start(&[]);
    drop(server.user("bob"));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    let db = Connection::open(server.data().join("p2sp.db")).expect("a database");
    let whole: String = db
        .query_row("SELECT userpassword FROM users WHERE username = 'bob'", [], |row| row.get(0))
        .expect("a row");
    let (tagless, hash) = (&whole["password".len()..], whole.rfind('$').expect("a hash"));
    let rows = [
        "",
        "$",
        ":",
        "*",
        PASSWORD,
        tagless,
        &whole[..hash],
        &whole[..=hash],
        &whole[..hash + 5],
        &whole.replacen("argon2id", "argon2i", 1),
        &whole.replacen("v=19", "v=16", 1),
        &whole.replacen("m=19456", "m=0", 1),
        &whole.replacen("password", "plain", 1),
    ];
    // An account each, for behind a wrong password the next one waits.
    let name = |row: usize, password: usize| format!("user{row}-{password}");
    for (number, row) in rows.iter().enumerate() {
        let sql = "INSERT INTO users (username, namekey, userpassword, createtime)
            VALUES (?1, ?1, ?2, 0)";
        for password in 0..4 {
            db.execute(sql, (name(number, password), row)).expect("a row");
        }
    }
    drop(db);
    let server = server.again(false);
    for (number, row) in rows.iter().enumerate() {
        let mut peer = server.peer();
        for (at, password) in ["", PASSWORD, row, &whole].into_iter().enumerate() {
            let args = json!({"username": name(number, at), "password": password});
            peer.refused("login", args, "bad_credentials");
        }
    }
    server.peer().sign_in("bob", PASSWORD, true);
}

fn deep_nesting_is_refused_and_nobody_notices() {
    let server = Server::start(&[]);
    let mut alice = server.user("alice");
    let mut tell = |payload: &str, then: &str| {
        let mut stranger = server.peer();
        stranger.raw(&framed(payload.as_bytes()));
        assert_eq!(stranger.message()["payload"]["code"], then, "{}…", &payload[..60]);
        alice.ok("ping", json!({}));
    };
    for open in ["[", "[0,[", r#"{"":"#, r#"[{"":"#] {
        let deep = open.repeat(60_000 / open.len());
        tell(&deep, "bad_payload");
        tell(&format!(r#"{{"type":"ping","payload":{{"later":{deep}"#), "bad_payload");
    }
    let whole = "[".repeat(30_000) + &"]".repeat(30_000);
    tell(&format!(r#"{{"type":"ping","payload":{whole}}}"#), "bad_payload");
    tell(&format!(r#"{{"type":"ping","payload":{{"later":{whole}}}}}"#), "ok");
    tell(&format!(r#"{{"type":"login","payload":{{"username":{whole}}}}}"#), "bad_request");
}

fn what_is_revoked_while_away_is_gone_at_the_return() {
    let server = Server::unlimited(&[]);
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    let operator = |args: &[&str]| {
        let data = server.data();
        let data = data.to_str().expect("a name");
        assert!(crate::support::run(&[args, &["--data", data]].concat(), "").status.success());
    };
    operator(&["admin", "grant", "bob"]);
    alice.ok("newgroup", json!({"groupname": "team"}));
    alice.ok("addgroupuser", json!({"groupname": "team", "username": "bob"}));
    bob.expect_event("group_added");
    bob.confirm();
    bob.ok("allusers", json!({}));
    let key = bob.key();
    bob.leave();

    operator(&["admin", "revoke", "bob"]);
    alice.ok("sendgroup", json!({"groupname": "team", "message": "for bob too"}));
    alice.ok("delgroupuser", json!({"groupname": "team", "username": "bob"}));
    alice.ok("sendgroup", json!({"groupname": "team", "message": "without bob"}));
    alice.ok("del", json!({"username": "bob"}));

    let mut bob = server.peer();
    assert_eq!(bob.resume(&key, true)["is_admin"], false);
    let in_the_group = bob.push();
    assert_eq!(in_the_group["payload"]["message"], "for bob too", "what was said to him before");
    bob.expect_event("group_removed");
    bob.expect_event("friend_removed");
    bob.expect_event("caught_up");
    let team = json!({"groupname": "team", "creator": "alice", "message": "x"});
    bob.refused("allusers", json!({}), "not_admin");
    bob.refused("sendgroup", team.clone(), "not_member");
    bob.refused("groupusers", team, "not_member");
    bob.refused("send", json!({"username": "alice", "message": "x"}), "not_friends");
    bob.leave();

    operator(&["admin", "block", "bob"]);
    server.peer().refused("resume", json!({"auth_token": key}), "bad_key");
    let login = json!({"username": "bob", "password": PASSWORD});
    server.peer().refused("login", login, "user_blocked");
}

fn no_handler_is_reachable_before_sign_in() {
    let server = Server::start(&[]);
    drop(server.user("bob"));
    let mut admin = server.admin();
    let args = json!({"username": "bob", "message": "x", "groupname": "team", "seq": 0,
        "password": PASSWORD, "newpassword": "battery staple", "auth_token": admin.key()});
    for Row { kind, role, .. } in HANDLERS {
        let code = match role {
            Role::Anyone | Role::Guest => continue,
            Role::Member | Role::Admin => "not_signed_in",
            Role::Operator => "unknown_type",
        };
        server.peer().refused(kind.name(), args.clone(), code);
        // Nor behind a sign-in that failed, or that is still under way.
        let mut peer = server.peer();
        let name = format!("nobody-{}", kind.name());
        let login = peer.send("login", json!({"username": name, "password": "wrong horse"}));
        let next = peer.send(kind.name(), args.clone());
        assert_eq!(peer.answer(login)["code"], "bad_credentials");
        assert_eq!(peer.answer(next)["code"], code, "{}", kind.name());
    }
    let stats = admin.ok("stats", json!({}));
    assert_eq!(stats["data"]["messages"], 0, "{stats}");
    assert_eq!(admin.ok("allgroup", json!({}))["data"]["groups"], json!([]));
    server.peer().sign_in("bob", PASSWORD, true);
}

fn names_that_look_alike_are_one_user_or_none() {
    let server = Server::start(&[]);
    server.register("mike");
    server.register("王小明");
    let reg = |name: &str, code: &str| {
        let args = json!({"username": name, "password": PASSWORD});
        server.peer().refused("reg", args, code);
    };
    // The same name: fullwidth, mathematical and in capitals, the Kelvin sign, a radical.
    for same in ["Mike", "ｍｉｋｅ", "𝓶𝓲𝓴𝓮", "mi\u{212a}e", "王⼩明"] {
        reg(same, "user_exists");
        let welcome = server.peer().sign_in(same, PASSWORD, true);
        assert!(welcome["username"] == "mike" || welcome["username"] == "王小明", "{welcome}");
    }
    // Another name that looks like it: without a dot, with a Cyrillic letter, with an accent that
    // nobody sees, with one more character that nobody sees.
    for alike in
        ["mıke", "mіke", "mikе", "mi\u{301}ke", "mike\u{200b}", "mike\u{ad}", "\u{feff}mike"]
    {
        reg(alike, "bad_name");
    }
    for reserved in
        ["ADMIN", "ａｄｍｉｎ", "adm1n", "adrnin", "Admin_", "系统消息", "系統", "管理員"]
    {
        reg(reserved, "name_reserved");
    }
}

fn p27_no_secret_is_logged_however_much_is() {
    let mut log = tempfile::tempfile().expect("a file");
    let mut server = Server::start_logging(log.try_clone().expect("a file"));
    let [mut alice, mut bob] = server.friends(["alice", "bob"]);
    let mut secrets = vec![PASSWORD, "wrong horse", "battery staple", "for bob alone", "no key"];
    let first = alice.key();
    let passwords = json!({"password": PASSWORD, "newpassword": "battery staple"});
    let second = alice.ok("passwd", passwords)["data"]["auth_token"].take();
    alice.key = second.as_str().map(str::to_owned);
    alice.ok("send", json!({"username": "bob", "message": "for bob alone"}));
    bob.expect_text("alice", "for bob alone");
    let mut peer = server.peer();
    let login = json!({"username": "alice", "password": "wrong horse"});
    peer.refused("login", login, "bad_credentials");
    peer.refused("resume", json!({"auth_token": "no key"}), "bad_key");
    peer.refused("send", json!({"auth_token": first, "message": "for bob alone"}), "not_signed_in");
    // What peers call things is escaped and cut.
    peer.refused("fly\n\u{1b}[2J\u{202e}", json!({}), "unknown_type");
    peer.refused(&"fly".repeat(20_000), json!({}), "unknown_type");
    peer.raw(&framed(br#"{"type":"login","payload":{"password":"wrong horse"#));
    assert_eq!(peer.message()["payload"]["code"], "bad_payload");
    peer.expect_end();
    let admin = server.admin_password.clone().expect("a first start");
    let keys = [first, alice.key(), bob.key(), admin];
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));

    log.rewind().expect("a file");
    let mut text = String::new();
    log.read_to_string(&mut text).expect("text");
    assert!(text.contains("passwd") && text.contains("fly"), "nothing is logged: {text}");
    secrets.extend(keys.iter().map(String::as_str));
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert!(text.lines().all(|line| line.starts_with("20") && line.len() < 300), "{text}");
}
