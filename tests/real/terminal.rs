//! The shipped client at a terminal: a real pseudo-terminal around the process, and an emulator
//! that shows what a person would see of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use p2sp::wire::frame;
use rustix::termios::LocalModes;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, Script, Server, framed, friends};

#[test]
fn a_message_leaves_the_line_that_is_being_typed_as_it_was() {
    let server = Server::start(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.press("send alice 我正在打字，还没");
    bob.expect_last("> send alice 我正在打字，还没");
    alice.ask("send bob 你好！在吗？", "Sent.");
    bob.expect("the message with its time, and the line below it", |rows| {
        let [.., said, line] = rows else { return false };
        said.ends_with(" alice> 你好！在吗？") && line == "> send alice 我正在打字，还没"
    });
    bob.expect_column(2 + 11 + 16);
    // In the middle of the line, over a character that is two columns wide.
    bob.press("\x1b[D\x1b[D");
    alice.ask("send bob 不急", "Sent.");
    bob.expect_row("alice> 不急");
    bob.press("完");
    bob.expect_last("> send alice 我正在打字，完还没");
    bob.press("\x7f\x05有\r");
    alice.expect("bob> 我正在打字，还没有");
    bob.expect_row("Sent.");
}

#[test]
fn a_long_line_and_a_crowd_of_messages_do_not_disturb_each_other() {
    let server = Server::unlimited(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    for number in 0..150 {
        if number % 10 == 0 {
            // In the end over three rows of the terminal.
            bob.press("some words, ");
        }
        alice.say(&format!("send bob {number:03} of many"));
    }
    bob.expect_row("149 of many");
    let line = format!("> {}", "some words, ".repeat(15));
    bob.expect("the whole line", |rows| {
        let last: Vec<&str> = rows.iter().rev().take(4).rev().map(|row| &**row).collect();
        let joined: String = last.iter().map(|row| format!("{row:<60}")).collect();
        joined.trim_end().ends_with(line.trim_end())
    });
    bob.press("\x15send alice all of it\r");
    alice.expect("bob> all of it");
    let rows = bob.expect_row("Sent.");
    let heard: Vec<&str> =
        rows.iter().filter_map(|row| row.split_once(" alice> ").map(|(_, text)| text)).collect();
    let said: Vec<String> = (0..150).map(|number| format!("{number:03} of many")).collect();
    assert_eq!(heard, said, "each once, in order, on a row of its own");
}

#[test]
fn ctrl_c_gives_a_line_up_and_ctrl_d_leaves_with_the_terminal_as_it_was() {
    let server = Server::start(&[]);
    for leave in ["\x04", "\x03", "quit\r"] {
        let mut person = Person::start(server.address, &[], &[]);
        person.expect_last(">");
        let raw = person.modes();
        assert!(!raw.local_modes.contains(LocalModes::ICANON));
        person.say("whoami");
        person.expect_row("[not_signed_in]");
        person.press("nonsense");
        person.expect_last("> nonsense");
        person.press("\x03");
        person.expect("a new line", |rows| {
            let [.., said, prompt] = rows else { return false };
            said == "►* Press Ctrl-C again, or type `quit`, to leave." && prompt == ">"
        });
        person.press(leave);
        assert_eq!(person.ended(), Some(1), "something was refused");
        let after = person.modes();
        assert!(after.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO), "{leave:?}");
        assert!(!person.bytes().contains("no command"), "it was given up");
    }
}

#[test]
fn ctrl_c_gives_a_password_up_and_the_command_that_wants_it() {
    let server = Server::start(&[]);
    let (mut bob, _alice) = friends(&server, &[], &[]);
    for prompts in [
        &["passwd", "Old password:"][..],
        &["passwd", "Old password:", "New password:"],
        &["passwd", "Old password:", "New password:", "Again:"],
        &["reg eve", "Password:", "Again:"],
    ] {
        bob.say(prompts[0]);
        for prompt in &prompts[1..prompts.len() - 1] {
            bob.expect_last(prompt);
            bob.press(&format!("{PASSWORD}\r"));
        }
        bob.expect_last(prompts[prompts.len() - 1]);
        bob.press("\x03");
        bob.expect("the next line", |rows| {
            let [.., refused, prompt] = rows else { return false };
            refused == "►! A password is needed. [bad_request]" && prompt == ">"
        });
    }
    assert!(!bob.bytes().contains(PASSWORD));
}

#[test]
fn commands_and_friends_are_completed_in_both_languages() {
    let server = Server::start(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.expect_last(">");
    bob.press("sen\t\t");
    bob.expect_row("sendgroup");
    bob.press(" al\thi\r");
    alice.expect("bob> hi");
    bob.expect_row("Sent.");
    bob.say("私\t al\t你好");
    alice.expect("bob> 你好");
    bob.say("语言 中文");
    bob.expect_row("现在使用中文。");
    bob.say("好友");
    bob.expect_row("  alice  在线");
    bob.say("nonsense");
    bob.expect_row("没有这个命令。");
    // The client's own words, too.
    bob.expect_last(">");
    bob.press("\x03");
    bob.expect_row("再按一次 Ctrl-C");
}

#[test]
fn p27_the_history_has_commands_and_no_password() {
    let server = Server::start(&[]);
    let (mut bob, _alice) = friends(&server, &[], &[]);
    bob.say("logout");
    bob.expect_row("You are signed out.");
    bob.say(&format!("login bob {PASSWORD}"));
    bob.expect("two welcomes", |rows| {
        rows.iter().filter(|row| row.contains("Welcome, bob.")).count() == 2
    });
    bob.say("whoami");
    bob.expect_row("You are bob.");
    // The newest first: whoami, then the login without what followed the name.
    bob.expect_last(">");
    bob.press("\x1b[A");
    bob.expect_last("> whoami");
    bob.press("\x1b[A");
    bob.expect_last("> login bob");
    assert_eq!(bob.bytes().matches(PASSWORD).count(), 1, "where it was typed in the open");
}

#[test]
fn a_message_waits_until_a_password_is_typed() {
    let server = Server::start(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.say("passwd");
    bob.expect_last("Old password:");
    alice.ask("send bob hello", "Sent.");
    bob.press(&format!("{PASSWORD}\r"));
    for prompt in ["New password:", "Again:"] {
        bob.expect_last(prompt);
        bob.press("another one 电池\r");
    }
    bob.expect_row("Your password is changed.");
    let rows = bob.expect_row(" alice> hello");
    let at = |text: &str| rows.iter().position(|row| row.contains(text)).expect(text);
    // Between two of the questions, or behind them, and never in one.
    for prompt in ["Old password:", "New password:"] {
        assert_eq!(rows[at(prompt)], prompt);
    }
    assert!(at(" alice> hello") > at("Old password:"));
    assert!(!bob.bytes().contains("电池"));
}

#[test]
fn what_waited_is_counted_and_a_message_rings_when_asked() {
    let server = Server::unlimited(&[]);
    let (mut bob, mut alice) = friends(&server, &["--bell", "--title"], &[]);
    bob.say("logout");
    bob.expect_row("You are signed out.");
    let before = bob.count();
    for number in 0..40 {
        alice.say(&format!("send bob {number}"));
    }
    alice.expect("kept for them");
    alice.ask("history bob 1", "alice> 39");
    bob.say(&format!("login bob {PASSWORD}"));
    bob.expect_row("* 40 messages waited for you.");
    let signs = "\x1b]0;(1) p2sp\x07\x07";
    bob.expect_bytes(before, signs);
    alice.ask("send bob more", "Sent.");
    bob.expect_row("alice> more");
    bob.expect_bytes(before, "\x1b]0;(2) p2sp\x07\x07");
    assert_eq!(bob.bytes_from(before).matches(signs).count(), 1, "once for all of them");
    bob.say("friends");
    bob.expect_row("  alice  online");
    bob.expect_bytes(before, "\x1b]0;p2sp\x07");
}

#[test]
fn colours_are_where_they_are_wanted() {
    let server = Server::start(&[]);
    for (env, colours, signs) in [
        (&[][..], true, true),
        (&[("NO_COLOR", "1")], false, true),
        (&[("TERM", "dumb")], false, false),
    ] {
        let mut person = Person::start(server.address, &[], env);
        person.expect_row("p2sp at ");
        if signs {
            person.expect_last(">");
        }
        person.press("whoami\r");
        person.expect_row("! Sign in first: login NAME. [not_signed_in]");
        let bytes = person.bytes();
        assert_eq!(bytes.contains("\x1b[31m►! "), colours, "{env:?}");
        assert_eq!(bytes.contains('\x1b'), signs, "{env:?}: {bytes:?}");
        if signs {
            person.expect_last(">");
        }
        person.press("\x04");
        assert_eq!(person.ended(), Some(1));
    }
}

#[test]
fn p28_a_text_that_is_wrapped_or_has_signs_never_begins_at_the_margin() {
    let server = Server::start(&[]);
    let (bob, _alice) = friends(&server, &[], &[]);
    let mut alice = server.peer();
    alice.sign_in("alice", PASSWORD, true);
    let text = format!("{}! gone [x]\r\n> \x1b[2J\u{202e}{}end", "长".repeat(20), "x".repeat(200));
    alice.ok("send", json!({"username": "bob", "message": text}));
    let rows = bob.expect_row("xend");
    let from = rows.iter().position(|row| row.contains("alice> 长")).expect("its first row");
    let to = rows.iter().position(|row| row.ends_with("xend")).expect("its last row");
    assert!(rows[from + 1..=to].iter().all(|row| row.starts_with("  ")), "{rows:#?}");
}

#[test]
fn p28_no_text_or_name_begins_at_the_margin_at_any_width() {
    let server = Server::unlimited(&[]);
    let [mut alice, _bob] = server.friends(["alice", "bob"]);
    let group = format!("{} x", "宽".repeat(28));
    alice.ok("newgroup", json!({"groupname": group}));
    alice.ok("addgroupuser", json!({"groupname": group, "username": "bob"}));
    for columns in [20, 40, 80] {
        let mut bob = Person::start_at(columns, server.address, &[], &[]);
        bob.expect_last(">");
        bob.press(&format!("login bob {PASSWORD}\r"));
        bob.expect_row("Welcome, bob.");
        bob.expect_last(">");
        let mut width = 0;
        let mut says = |bob: &Person, kind: &str, args: Value, text: String| {
            width += 1;
            let end = format!("end{columns}x{width}z");
            let mut args = args;
            args["message"] = format!("{text}{end}").into();
            alice.ok(kind, args);
            let rows = bob.expect(&end, |rows| rows.iter().any(|row| row.contains(&end)));
            let to = rows.iter().position(|row| row.contains(&end)).expect("its last row");
            let is_first = |row: &String| row.as_bytes().get(2) == Some(&b':');
            let from = rows[..=to].iter().rposition(is_first).expect("its first row");
            assert!(rows[from + 1..=to].iter().all(|row| row.starts_with("  ")), "{rows:#?}");
        };
        for room in 0..usize::from(columns) {
            let text = format!("{}! {}►* ", " ".repeat(room), "长".repeat(room % 9));
            says(&bob, "send", json!({"username": "bob"}), text);
        }
        says(&bob, "sendgroup", json!({"creator": "alice", "groupname": group}), "x ".into());
        bob.press("groups\r");
        bob.expect_row("(2/2)");
        let rows = bob.expect_last(">");
        let heading = rows.iter().position(|row| row == "Groups:").expect("the list");
        let list = &rows[heading + 1..rows.len() - 1];
        assert!(list.iter().all(|row| row.starts_with("  ")), "{list:#?}");
        bob.press("quit\r");
        bob.ended();
    }
}

#[test]
fn nothing_that_is_typed_ahead_is_lost() {
    let server = Server::unlimited(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.expect_last(">");
    bob.press("send alice one\rsend alice two\rsend alice three\r");
    ["one", "two", "three"].iter().for_each(|text| _ = alice.expect(&format!("bob> {text}")));
    // The beginning of a line waits for its end, and is no line of its own.
    bob.press("send alice four\rsend alice ");
    alice.expect("bob> four");
    bob.press("del alice\rsend al");
    alice.expect("bob> del alice");
    bob.press("ice five\r");
    alice.expect("bob> five");
    // More than anyone reads at once.
    let lines: String = (0..200).map(|n| format!("send alice number {n:03} of many\r")).collect();
    bob.press(&lines);
    (0..200).for_each(|n| _ = alice.expect(&format!("bob> number {n:03} of many")));
    let ended = alice.finish();
    assert_eq!(ended.lines.iter().filter(|line| line.starts_with("bob> ")).count(), 206);
}

#[test]
fn what_is_pasted_is_one_message_and_a_pasted_password_has_no_end_of_line() {
    let server = Server::start(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    let paste = |text: &str| format!("\x1b[200~{text}\x1b[201~");
    bob.expect_last(">");
    bob.press(&(paste("send alice one\ndel alice\n") + "\r"));
    alice.expect("bob> one");
    alice.expect("  del alice");
    bob.say("send alice still friends");
    alice.expect("bob> still friends");
    bob.say("logout");
    bob.expect_row("You are signed out.");
    bob.say("login bob");
    bob.expect_last("Password:");
    bob.press(&(paste(&format!("{PASSWORD}\n")) + "\r"));
    bob.say("send alice back");
    alice.expect("bob> back");
    assert!(!bob.bytes().contains(PASSWORD));
}

#[test]
fn what_is_typed_while_the_server_is_away_is_said_when_it_is_back() {
    let mut server = Server::unlimited(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.expect_last(">");
    bob.press("send alice before\r");
    alice.expect("bob> before");
    let address = server.address.to_string();
    server = server.again(true);
    bob.press("send alice one\rsend alice two\rpasswd\r");
    bob.press(&format!("{PASSWORD}\ranother secret\ranother secret\rsend alice three\r"));
    ["one", "two", "three"].iter().for_each(|text| _ = alice.expect(&format!("bob> {text}")));
    bob.expect_row("Your password is changed.");
    assert!(!bob.bytes().contains("secret") && !bob.bytes().contains(PASSWORD));
    assert_eq!(server.address.to_string(), address);
}

#[test]
fn p27_what_is_typed_ahead_answers_the_questions_in_their_order_and_is_not_shown() {
    let server = Server::start(&[]);
    for env in [&[][..], &[("TERM", "dumb")]] {
        let name = if env.is_empty() { "eve" } else { "dan" };
        let mut person = Person::start(server.address, &[], env);
        person.expect_row("p2sp at ");
        if env.is_empty() {
            person.expect_last(">");
        }
        // In one write, while nobody has asked yet.
        let lines = format!("reg {name}\r{PASSWORD}\r{PASSWORD}\rwhoami\r");
        match env.is_empty() {
            true => person.press(&lines),
            // Such a terminal itself shows what it gets before it is told not to.
            false => lines.split_inclusive('\r').enumerate().for_each(|(index, line)| {
                if index > 0 && index < 3 {
                    let prompt = ["assword:", "gain:"][index - 1];
                    person.expect(prompt, |rows| rows.last().is_some_and(|r| r.ends_with(prompt)));
                }
                person.press(line);
            }),
        }
        person.expect_row(&format!("You are {name}."));
        assert!(!person.bytes().contains(PASSWORD), "{:?}", person.bytes());
        person.press("quit\r");
        assert_eq!(person.ended(), Some(0));
        let after = person.modes();
        assert!(after.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    }
}

#[test]
fn a_command_that_was_typed_ahead_is_no_password_and_a_password_no_command() {
    let server = Server::start(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.say("logout");
    bob.expect_row("You are signed out.");
    bob.expect_last(">");
    bob.press("login bob\rsend alice hi\rwhoami\r");
    bob.expect_last("Password:");
    bob.press(&format!("{PASSWORD}\r"));
    alice.expect("bob> hi");
    let rows = bob.expect_row("You are bob.");
    let obeyed = rows.iter().any(|row| row == "> send alice hi");
    assert!(obeyed && !bob.bytes().contains(PASSWORD), "{rows:#?}");
    // A command that is there twice is said twice, and is no password either.
    bob.say("logout");
    bob.expect_row("You are signed out.");
    bob.expect_last(">");
    bob.press("login bob\rsend alice again\rsend alice again\r");
    bob.expect_last("Password:");
    bob.press(&format!("{PASSWORD}\r"));
    alice.expect("bob> again");
    alice.expect("bob> again");
    // Somebody's password may look like a command.
    let secret = "send alice the password";
    let mut carl = Script::start(server.address);
    carl.ask(&format!("reg carl\n{secret}\n{secret}\nadd alice"), "friends now");
    carl.finish();
    let mut carl = Person::start(server.address, &[], &[]);
    carl.expect_last(">");
    carl.press(&format!("login carl\r{secret}\r{secret}\r"));
    // Both are put aside, and the question is asked a third time. A quick answer can be taken for
    // a line that was typed ahead, too; then the question comes once more.
    let questions = |rows: &[String]| rows.iter().filter(|row| *row == "Password:").count();
    let is_welcome = |rows: &[String]| rows.iter().any(|row| row.contains("Welcome, carl."));
    let mut asked = 2;
    loop {
        let rows = carl
            .expect("a question or a welcome", |rows| questions(rows) > asked || is_welcome(rows));
        if is_welcome(&rows) {
            break;
        }
        asked = questions(&rows);
        carl.press(&format!("{secret}\r"));
    }
    carl.say("send alice end");
    alice.expect("carl> end");
    assert!(!carl.bytes().contains("the password"), "{}", carl.bytes());
    let ended = alice.finish();
    assert!(!ended.lines.iter().any(|line| line.contains("the password")), "{:?}", ended.lines);
}

#[test]
fn a_client_that_is_ended_while_it_waits_leaves_the_terminal_as_it_was() {
    // By Ctrl-C and by Ctrl-\, which a hand that wants out tries next.
    for key in ["\x03", "\x1c"] {
        ended_by(key);
    }
}

fn ended_by(key: &str) {
    let server = Server::start(&[]);
    let mut person = Person::start(server.address, &[], &[]);
    person.expect_last(">");
    server.pause();
    let echoes = |person: &Person| person.modes().local_modes.contains(LocalModes::ECHO);
    person.press(&format!("login eve {PASSWORD}\r"));
    person.expect("the end of the line, and then no echo of what is typed ahead", |rows| {
        let is_read = rows.last().is_some_and(|row| row.contains("login"));
        is_read && person.modes().local_modes.contains(LocalModes::ICANON) && !echoes(&person)
    });
    person.press(key);
    assert_eq!(person.ended(), None, "by the signal, which its shell may want to know");
    assert!(echoes(&person));
}

#[test]
fn who_leaves_is_told_what_was_not_done() {
    let server = Server::start(&[]);
    let (mut bob, _alice) = friends(&server, &[], &[]);
    bob.expect_last(">");
    server.pause();
    bob.press("send alice tea?\rquit\r");
    bob.expect_row("►! send: the connection was lost before the answer");
    assert_eq!(bob.ended(), Some(1));
}

/// A server that lets nobody register without the code, and everybody sign in.
fn serve_by_invitation(mut stream: TcpStream) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
        while let Ok(Some(length)) = frame::frame_len(&bytes) {
            if length > bytes.len() {
                break;
            }
            let whole: Vec<u8> = bytes.drain(..length).collect();
            let payload = frame::payload(&whole).expect("a frame");
            let request: Value = serde_json::from_slice(payload).expect("JSON");
            let (kind, args) = (&request["type"], &request["payload"]);
            let mut answer = json!({"re": args["id"], "status": 200, "message": "done"});
            if kind == "reg" && args["invite"] != "tea room" {
                answer["status"] = 403.into();
                let (code, said) = match args["invite"].is_null() {
                    true => ("invite_required", "An invite code is needed."),
                    false => ("bad_invite", "That is not the invite code."),
                };
                (answer["code"], answer["message"]) = (code.into(), said.into());
            }
            if kind == "login" {
                answer["message"] = format!("Welcome, {}.", args["username"]).into();
            }
            let message = json!({"type": "normalmsg", "timestamp": 0, "payload": answer});
            stream.write_all(&framed(message.to_string().as_bytes())).expect("a client");
        }
    }
}

#[test]
fn who_lacks_the_invite_code_is_asked_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || serve_by_invitation(listener.accept().expect("a client").0));
    let mut person = Person::start(address, &[], &[]);
    person.expect_last(">");
    person.say("reg eve");
    person.expect_last("Password:");
    person.press(&format!("{PASSWORD}\r"));
    person.expect_last("Again:");
    person.press(&format!("{PASSWORD}\r"));
    person.expect_last("Invite code:");
    person.press("wrong\r");
    person.expect_row("That is not the invite code. [bad_invite]");
    person.expect("the question again", |rows| {
        rows.iter().filter(|row| row.starts_with("Invite code:")).count() == 2
    });
    person.press("tea room\r");
    person.expect_row("Welcome, \"eve\".");
    assert!(!person.bytes().contains("tea room"), "without an echo");
}
