//! The shipped client as a script drives it, against the shipped server.
//!
//! The first test is the story of a first evening with p2sp, from three registrations to a
//! message that waits; the others are what a script may rely on: exit codes, its words for a
//! typo, and that a server that is killed under it costs nothing and repeats nothing.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::support::{PASSWORD, Script, Server};

#[test]
fn three_people_and_an_administrator_meet() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = [0; 3].map(|_| Script::start(server.address));
    alice.register("alice");
    bob.register("bob");
    carol.register("carol");

    // Friends, and a word in either language.
    alice.ask("add bob", "You and bob are friends now.");
    bob.expect("* alice and you are friends now.");
    bob.ask("add alice", "[already_friends]");
    bob.ask("add carol", "You and carol are friends now.");
    carol.expect("* bob and you are friends now.");
    alice.ask("send bob 晚上好，鲍勃！", "Sent.");
    bob.expect("alice> 晚上好，鲍勃！");
    bob.ask(".send alice good evening", "Sent.");
    alice.expect("bob> good evening");
    alice.ask("send carol hello", "[not_friends]");

    // A group of three.
    alice.ask("newgroup 茶 club", "The group 茶 club is yours.");
    alice.ask("addgroupuser 茶 club bob", "bob is in 茶 club now.");
    alice.ask("addgroupuser 茶 club carol", "carol is in 茶 club now.");
    bob.expect("* alice brought you into the group alice/茶 club.");
    carol.expect("* alice brought you into the group alice/茶 club.");
    alice.ask("groups", "1. 茶 club alice (3/3)");
    bob.ask("groups", "1. 茶 club alice (3/3)");
    alice.ask("sendgroup 1 谁要茶？", "Sent.");
    bob.expect("alice/茶 club alice> 谁要茶？");
    carol.expect("alice/茶 club alice> 谁要茶？");

    // Carol leaves; what is said meanwhile waits for her.
    let left = carol.finish();
    assert_eq!(left.code, Some(0), "{:#?} {}", left.lines, left.stderr);
    alice.ask("groupusers 1", "carol (offline)");
    bob.ask("sendgroup 1 me, please", "Sent.");
    alice.expect("alice/茶 club bob> me, please");
    bob.ask("send carol 给你留了一杯", "carol is offline");
    alice.ask("sendgroup 1 so do I", "Sent.");
    let mut carol = Script::start(server.address);
    carol.say(&format!("login carol {PASSWORD}"));
    carol.expect("Welcome, carol.");
    carol.expect("alice/茶 club bob> me, please");
    carol.expect("bob> 给你留了一杯");
    carol.expect("alice/茶 club alice> so do I");
    let carol = carol.finish();
    assert_eq!(carol.code, Some(0));
    let old = |line: &String| line.contains("谁要茶？");
    assert!(!carol.lines.iter().any(old), "read already: {:#?}", carol.lines);
    bob.expect("alice/茶 club alice> so do I");
    bob.ask("history alice 2", "History:");
    bob.expect("alice> 晚上好，鲍勃！");
    bob.expect("bob> good evening");
    for script in [alice, bob] {
        let ended = script.finish();
        assert_eq!(ended.code, Some(1), "each was refused something: {:#?}", ended.lines);
    }
    let mut carol = Script::start(server.address);
    carol.ask(&format!("login carol {PASSWORD}"), "Welcome, carol.");
    let carol = carol.finish();
    assert_eq!(carol.lines.len(), 1, "nothing comes twice: {:#?}", carol.lines);
}

#[test]
fn the_administrator_lists_speaks_blocks_and_unblocks() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = [0; 2].map(|_| Script::start(server.address));
    alice.register("alice");
    bob.register("bob");
    alice.ask("newgroup team", "The group team is yours.");
    alice.ask("addgroupuser team bob", "bob is in team now.");
    bob.expect("* alice brought you into the group alice/team.");
    bob.ask("allusers", "! ");
    bob.ask("blockuser alice", "! ");

    let mut admin = Script::start(server.address);
    admin.say("login admin");
    admin.say(server.admin_password.as_deref().expect("a first start"));
    admin.expect("You are an administrator.");
    admin.ask("allusers", "Users:");
    for line in ["admin (online) [administrator]", "alice (online)", "bob (online)"] {
        admin.expect(line);
    }
    admin.ask("allgroup", "1. team alice (2/2)");
    admin.ask("broadcast 今晚八点维护", "Sent to everyone.");
    admin.ask("adminsend bob a word, please", "Sent.");
    admin.ask("adminsendgroup 1 well done", "Sent.");
    for line in ["今晚八点维护", "a word, please", "well done"] {
        let heard = bob.expect(line);
        assert!(heard.starts_with("►* [system message] "), "{heard}");
    }
    alice.expect("* [system message] 今晚八点维护");

    admin.ask("blockgroup alice team", "The group team is blocked.");
    bob.expect("* An administrator blocked the group alice/team.");
    bob.ask("sendgroup 1 can you hear me?", "[group_blocked]");
    admin.ask("allgroup", "1. team alice (2/2) [blocked]");
    admin.ask("unblockgroup alice team", "The group team is no longer blocked.");
    bob.expect("* An administrator unblocked the group alice/team.");
    bob.ask("sendgroup 1 can you hear me now?", "Sent.");
    alice.expect("alice/team bob> can you hear me now?");

    admin.ask("blockuser bob", "bob is blocked.");
    bob.expect("* An administrator has blocked your account.");
    bob.ask(&format!("login bob {PASSWORD}"), "[user_blocked]");
    alice.ask("sendgroup 1 bob?", "Sent.");
    admin.ask("allusers", "bob (offline) [blocked]");
    admin.ask("blockuser admin", "[admin_protected]");
    admin.ask("unblockuser bob", "bob may sign in again.");
    bob.ask(&format!("login bob {PASSWORD}"), "Welcome, bob.");
    bob.expect("alice/team alice> bob?");
    admin.ask("stats", "The server:");
}

#[test]
fn a_script_is_told_by_the_exit_code() {
    let server = Server::start(&[]);
    let mut good = Script::start_in(server.address, "zh");
    good.say(&format!("reg 小明\n{PASSWORD}\n{PASSWORD}\nwhoami"));
    let good = good.finish();
    assert_eq!(good.code, Some(0), "{:#?} {}", good.lines, good.stderr);
    assert!(good.lines.iter().any(|line| line == "您是 小明。"), "{:#?}", good.lines);

    let refused = |lines: &str, code: &str| {
        let mut script = Script::start(server.address);
        script.say(lines);
        let ended = script.finish();
        assert_eq!(ended.code, Some(1), "{lines}: {:#?}", ended.lines);
        let last = ended.lines.last().expect("a line");
        assert!(last.starts_with("►! ") && last.ends_with(code), "{lines}: {last}");
    };
    refused("login 小明 not the password", "[bad_credentials]");
    refused(&format!("reg 小明\n{PASSWORD}\n{PASSWORD}"), "[user_exists]");
    refused("reg eve\none password\nanother password", "[bad_request]");
    refused("reg eve\nshort\nshort", "[weak_password]");
    refused("friends", "[not_signed_in]");

    let nobody = server.address;
    drop(server);
    let mut script = Script::start(nobody);
    script.say("friends");
    let ended = script.finish();
    assert_eq!(ended.code, Some(2), "{:#?}", ended.lines);
    assert!(ended.stderr.contains(&nobody.to_string()), "{}", ended.stderr);
}

/// A client that is fed these bytes by a shell that starts it so.
fn shell(server: &Server, started: &str, input: &[u8]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec \"$P2SP\" \"$ADDRESS\" {started}")]);
    command.env_clear().env("P2SP", env!("CARGO_BIN_EXE_p2sp"));
    command.env("ADDRESS", server.address.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("a shell");
    // It may have ended already.
    let _ = process.stdin.take().expect("an input").write_all(input);
    process.wait_with_output().expect("an end")
}

#[test]
fn what_cannot_be_shown_is_not_done_and_has_an_exit_code() {
    let server = Server::start(&[]);
    let [_alice, _bob] = server.friends(["alice", "bob"]);
    let script = format!("login alice\n{PASSWORD}\nsend bob unseen\n");
    for (started, said) in
        [(">/dev/full", "cannot be written: No space"), (">/dev/full --lang zh", "无法写入输出")]
    {
        let ended = shell(&server, started, script.as_bytes());
        assert_eq!(ended.status.code(), Some(4), "{started}");
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(stderr.contains(said), "{started}: {stderr}");
    }
    let ended = shell(&server, ">/dev/full 2>/dev/full", script.as_bytes());
    assert_eq!(ended.status.code(), Some(4), "nobody can be told");
    let mut bob = Script::start(server.address);
    bob.ask(&format!("login bob {PASSWORD}\nhistory alice"), "No messages yet.");
    // Whoever closes it wants nothing of it.
    let ended = shell(&server, ">&-", script.as_bytes());
    assert_eq!(ended.status.code(), Some(0));
    bob.expect("alice> unseen");
    assert_eq!(shell(&server, "<&-", b"").status.code(), Some(0));
}

#[test]
fn a_reader_who_has_left_ends_it() {
    let server = Server::start(&[]);
    let script = format!("reg alice\n{PASSWORD}\n{PASSWORD}\n{}", "help\n".repeat(10_000));
    let ended = shell(&server, "| head -n 1", script.as_bytes());
    assert_eq!(String::from_utf8_lossy(&ended.stdout).lines().count(), 1);
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(stderr.contains("cannot be written: Broken pipe"), "{stderr}");
}

#[test]
fn an_input_that_cannot_be_read_is_no_empty_one() {
    let server = Server::start(&[]);
    let ended = shell(&server, "</", b"");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(said.starts_with("►! The input cannot be read: Is a directory"), "{said}");
}

#[test]
fn p27_a_script_may_begin_with_a_byte_order_mark_and_its_passwords_are_not_repeated() {
    let server = Server::start(&[]);
    let script = format!("\u{feff}reg alice\r\n{PASSWORD}\r\n{PASSWORD}\r\nwhoami\r\n");
    let ended = shell(&server, "", script.as_bytes());
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(said.ends_with("You are alice.\n") && ended.status.success(), "{said}");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let secret = PASSWORD.split(' ').next().expect("a word");
    for (script, told) in [
        (format!("rge bob\n{PASSWORD}\n{PASSWORD}\n").into_bytes(), "Line 2: There is no command"),
        (format!("login bob\nwrong\n{PASSWORD}\n").into_bytes(), "Line 3: There is no command"),
        (format!("sendd {PASSWORD}\n").into_bytes(), "Line 1: There is no command"),
        (utf16(&format!("\u{feff}reg bob\n{secret}\n{secret}\n")), "UTF-8, but UTF-16"),
        (utf16(&format!("reg bob\n{secret}\n{secret}\n")), "UTF-8, but UTF-16"),
    ] {
        let ended = shell(&server, "", &script);
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains(told), "{said}");
        assert!(!said.replace('\0', "").contains(secret), "{said}");
    }
}

#[test]
fn the_exit_codes_are_in_the_help() {
    for (lang, said) in [("en", "4 if the output could not be written"), ("zh", "4 无法写入输出")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2sp"));
        let help = command.args(["--help", "--lang", lang]).output().expect("a process");
        assert!(String::from_utf8_lossy(&help.stdout).replace('\n', " ").contains(said));
    }
}

#[test]
fn a_typo_is_answered_with_the_nearest_command() {
    let server = Server::start(&[]);
    let mut script = Script::start(server.address);
    script.register("alice");
    assert!(script.ask("freinds", "! ").contains("friends"));
    assert!(script.ask("sned bob hello", "! ").contains("send"));
    // The session goes on.
    script.ask("whoami", "You are alice.");
    assert_eq!(script.finish().code, Some(1));
}

#[test]
fn p17_a_sign_in_elsewhere_is_told_and_not_fought() {
    let server = Server::start(&[]);
    let [mut here, mut there] = [0; 2].map(|_| Script::start(server.address));
    here.register("alice");
    there.ask(&format!("login alice {PASSWORD}"), "Welcome, alice.");
    here.expect("* You signed in elsewhere; this session has ended.");
    here.ask("whoami", "[not_signed_in]");
    there.ask("whoami", "You are alice.");
    here.ask(&format!("login alice {PASSWORD}"), "Welcome, alice.");
    there.expect("* You signed in elsewhere; this session has ended.");
    assert_eq!((here.finish().code, there.finish().code), (Some(1), Some(0)));
}

#[test]
fn a_password_is_changed_and_the_new_one_holds() {
    let server = Server::start(&[]);
    let mut alice = Script::start(server.address);
    alice.register("alice");
    alice.ask("passwd\nnot the old one\na new secret\na new secret", "[bad_credentials]");
    alice.ask(&format!("passwd\n{PASSWORD}\na new secret\nanother new one"), "[bad_request]");
    // Behind a wrong password the next one waits.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    alice.ask(&format!("passwd\n{PASSWORD}\na new secret\na new secret"), "is changed.");
    alice.ask("whoami", "You are alice.");
    alice.ask("logout", "signed out");
    alice.ask(&format!("login alice {PASSWORD}"), "[bad_credentials]");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    alice.ask("login alice\na new secret", "Welcome, alice.");
    alice.say("quit");
    assert_eq!(alice.finish().code, Some(1));
}

#[test]
fn a_program_gets_one_object_a_line() {
    let server = Server::start(&[]);
    let mut alice = Script::start(server.address);
    alice.register("alice");
    let mut bob = Script::start_with(&[&server.address.to_string(), "--json"], &[]);
    bob.say(&format!("reg bob\n{PASSWORD}\n{PASSWORD}\nadd alice\nsned alice hi\nfriends"));
    bob.expect("\"friends\":[");
    alice.ask("send bob 你好\u{7}", "Sent.");
    bob.expect("usersend");
    let ended = bob.finish();
    assert_eq!(ended.code, Some(1), "{:#?} {}", ended.lines, ended.stderr);
    let objects: Vec<serde_json::Value> =
        ended.lines.iter().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let of = |kind: &str| objects.iter().find(|object| object["type"] == kind).expect(kind);
    assert!(objects.iter().all(|object| object["timestamp"].as_i64() > Some(1_700_000_000)));
    assert_eq!(of("usersend")["payload"]["message"], "你好\u{7}");
    assert_eq!(of("login_success")["payload"]["username"], "bob");
    assert!(of("login_success")["payload"]["auth_token"].is_null(), "P27");
    assert_eq!(of("client")["payload"]["code"], "unknown_type");
    assert!(objects.iter().any(|object| object["payload"]["event"] == "caught_up"));
}

#[test]
fn an_administrators_commands_are_there_as_soon_as_the_right_is() {
    let server = Server::start(&[]);
    let mut alice = Script::start(server.address);
    alice.register("alice");
    alice.ask("online", "There is no command");
    let data = server.data();
    let granted = crate::support::run(
        &["--data", data.to_str().expect("a name"), "admin", "grant", "alice"],
        "",
    );
    assert!(granted.status.success());
    alice.ask("online", "alice (online) [administrator]");
    alice.ask("onlien", "Did you mean online?");
}

#[test]
fn the_language_is_changed_at_once_and_commands_are_chinese() {
    let server = Server::start(&[]);
    let mut alice = Script::start(server.address);
    alice.register("alice");
    alice.ask("lang zh", "现在使用中文。");
    alice.ask("加好友　bob", "用户 bob 不存在。");
    // The client's own words.
    alice.ask("建裙 茶", "没有这个命令。是不是想输入 建群？");
    alice.ask("建群 茶 社", "群 茶 社 已创建。");
    alice.ask("群发　１　大家好", "已发送。");
    alice.ask("帮助 群发", "也可以输入：群发");
    alice.ask("退出登录", "您已退出登录。");
    alice.ask("send bob hi", "请先登录");
}

#[test]
fn p28_nothing_that_a_peer_says_reaches_the_terminal_as_more_than_text() {
    let server = Server::start(&[]);
    let mut alice = server.user("alice");
    let mut bob = Script::start(server.address);
    bob.register("bob");
    bob.ask("add alice", "friends now");
    let text = "hi\n! gone [x]\r\u{1b}[2J\u{202e}\u{7}end";
    alice.ok("send", serde_json::json!({"username": "bob", "message": text}));
    bob.expect("alice> hi");
    bob.expect("end");
    let bob = bob.finish();
    let said = bob.lines.join("\n");
    assert!(!said.contains(['\u{1b}', '\u{202e}', '\u{7}', '\r']), "{said:?}");
    assert!(bob.lines.iter().all(|line| !line.starts_with('►')), "{said}");
}

#[test]
fn p15_a_server_killed_under_its_clients_loses_and_repeats_nothing() {
    let mut server = Server::unlimited(&[]);
    let [mut alice, mut bob] = [0; 2].map(|_| Script::start(server.address));
    alice.register("alice");
    bob.register("bob");
    alice.ask("add bob", "friends now");
    for round in 0..3 {
        for number in 0..20 {
            alice.say(&format!("send bob {round}-{number}"));
        }
        if round < 2 {
            bob.expect(&format!("alice> {round}-5"));
            server = server.again(true);
            bob.expect("* Connected again.");
        }
    }
    bob.expect("alice> 2-19");
    bob.ask("send alice received", "Sent.");
    alice.expect("bob> received");
    let (alice, bob) = (alice.finish(), bob.finish());
    assert_eq!((alice.code, bob.code), (Some(0), Some(0)), "{:#?}", alice.lines);
    let heard: Vec<&String> = bob.lines.iter().filter(|l| l.starts_with("alice> ")).collect();
    let said = (0..3).flat_map(|round| (0..20).map(move |n| format!("alice> {round}-{n}")));
    assert_eq!(heard, said.collect::<Vec<_>>().iter().collect::<Vec<_>>());
    // Bob may be offline for a moment, if alice is back before him.
    let answers =
        alice.count("Sent.") + alice.count("bob is offline; the message is kept for them.");
    assert_eq!(answers, 60, "each is answered once: {:#?}", alice.lines);
}
