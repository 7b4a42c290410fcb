//! The shipped client at a terminal: a real pseudo-terminal around the process, and an emulator
//! that shows what a person would see of it.

mod live;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use live::{PASSWORD, PATIENCE, Script, Server, framed, wait};
use p2sp::wire::frame;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{self, LocalModes, Winsize};
use serde_json::{Value, json};

/// As many rows as any test prints lines, so that none is scrolled away.
const ROWS: u16 = 800;
const COLUMNS: u16 = 60;

/// The emulator, and every byte that it was shown.
type Shown = (vt100::Parser, Vec<u8>);

/// Someone at a terminal, with a client.
struct Person {
    process: Child,
    keys: File,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

impl Person {
    fn start(address: SocketAddr, args: &[&str], env: &[(&str, &str)]) -> Person {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keys).expect("ours");
        unlockpt(&keys).expect("ours");
        let name = ptsname(&keys, Vec::new()).expect("a name");
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        termios::tcsetwinsize(&keys, size).expect("a size");
        let end = || {
            let path = std::ffi::OsStr::from_bytes(name.to_bytes());
            OpenOptions::new().read(true).write(true).open(path).expect("a terminal")
        };
        // A session of its own, so that the terminal is its own: no shell stands between.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_p2sp"));
        command.env_clear().env("TERM", "xterm-256color").env("TZ", "UTC");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(env.iter().copied()).arg(address.to_string()).args(args);
        command.stdin(end()).stdout(end()).stderr(end());
        let process = command.spawn().expect("a process");
        let keys = File::from(keys);
        let mut screen = keys.try_clone().expect("a terminal");
        let shown = (vt100::Parser::new(ROWS, COLUMNS, 0), Vec::new());
        let shown = Arc::new((Mutex::new(shown), Condvar::new()));
        let reader = Arc::clone(&shown);
        // It ends with the terminal.
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(bytes @ 1..) = screen.read(&mut chunk) {
                let (parser, all) = &mut *reader.0.lock().expect("no panic");
                parser.process(&chunk[..bytes]);
                all.extend_from_slice(&chunk[..bytes]);
                reader.1.notify_all();
            }
        });
        Person { process, keys, shown }
    }

    /// Types what a new user types.
    fn register(&mut self, name: &str) {
        self.say(&format!("reg {name}"));
        for prompt in ["assword: ", "gain: "] {
            self.expect(prompt, |rows| rows.last().is_some_and(|row| row.ends_with(prompt.trim())));
            self.press(&format!("{PASSWORD}\r"));
        }
        self.expect_row(&format!("Welcome, {name}."));
    }

    /// Types a line, when there is one to be typed into.
    fn say(&mut self, line: &str) {
        self.expect_last(">");
        self.press(&format!("{line}\r"));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until the rows that have something are as wanted, and returns them.
    fn expect(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let rows = |shown: &Shown| -> Vec<String> {
            let contents = shown.0.screen().contents();
            contents.trim_end().lines().map(|row| row.trim_end().to_owned()).collect()
        };
        let lock = self.shown.0.lock().expect("no panic");
        let wait = self.shown.1.wait_timeout_while(lock, PATIENCE, |shown| !wanted(&rows(shown)));
        let rows = rows(&wait.expect("no panic").0);
        assert!(wanted(&rows), "{what} does not come: {rows:#?}");
        rows
    }

    /// Waits for a row that contains this.
    fn expect_row(&self, text: &str) -> Vec<String> {
        self.expect(text, |rows| rows.iter().any(|row| row.contains(text)))
    }

    /// Waits until the last row is this one.
    fn expect_last(&self, row: &str) -> Vec<String> {
        self.expect(row, |rows| rows.last().is_some_and(|last| last == row))
    }

    fn column(&self) -> u16 {
        self.shown.0.lock().expect("no panic").0.screen().cursor_position().1
    }

    fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.shown.0.lock().expect("no panic").1).into_owned()
    }

    /// Waits for the end; the exit code.
    fn ended(&mut self) -> Option<i32> {
        wait(&mut self.process).code()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Someone at a terminal and a friend of theirs who is a script.
fn friends(server: &Server, args: &[&str], env: &[(&str, &str)]) -> (Person, Script) {
    let mut alice = Script::start(server.address);
    alice.register("alice");
    let mut bob = Person::start(server.address, args, env);
    bob.register("bob");
    alice.ask("add bob", "friends now");
    bob.expect_row("* alice and you are friends now.");
    (bob, alice)
}

#[test]
fn a_message_leaves_the_line_that_is_being_typed_as_it_was() {
    let server = Server::start(&[]);
    let (mut bob, mut alice) = friends(&server, &[], &[]);
    bob.press("send alice 我正在打字，还没");
    bob.expect_last("> send alice 我正在打字，还没");
    alice.ask("send bob 你好！在吗？", "Sent.");
    let rows = bob.expect_row("alice> 你好！在吗？");
    let rows = &rows[rows.len() - 2..];
    assert!(rows[0].ends_with(" alice> 你好！在吗？"), "with its time: {rows:?}");
    assert_eq!(rows[1], "> send alice 我正在打字，还没");
    assert_eq!(bob.column(), 2 + 11 + 16, "behind the last character");
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
        let raw = termios::tcgetattr(&person.keys).expect("a terminal");
        assert!(!raw.local_modes.contains(LocalModes::ICANON));
        person.say("whoami");
        person.expect_row("[not_signed_in]");
        person.press("nonsense");
        person.expect_last("> nonsense");
        person.press("\x03");
        person.expect("a new line", |rows| {
            let [.., said, prompt] = rows else { return false };
            said == "* Once more Ctrl-C, or `quit`, leaves." && prompt == ">"
        });
        person.press(leave);
        assert_eq!(person.ended(), Some(1), "something was refused");
        let after = termios::tcgetattr(&person.keys).expect("a terminal");
        assert!(after.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO), "{leave:?}");
        assert!(!person.bytes().contains("no command"), "it was given up");
    }
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
    bob.expect_row("没有命令“nonsense”");
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
    let before = bob.bytes().len();
    for number in 0..40 {
        alice.say(&format!("send bob {number}"));
    }
    alice.expect("kept for them");
    alice.ask("history bob 1", "alice> 39");
    bob.say(&format!("login bob {PASSWORD}"));
    bob.expect_row("* 40 messages waited for you.");
    let signs = "\x1b]0;(1) p2sp\x07\x07";
    assert_eq!(bob.bytes()[before..].matches(signs).count(), 1, "once for all of them");
    alice.ask("send bob more", "Sent.");
    bob.expect_row("alice> more");
    assert!(bob.bytes()[before..].contains("\x1b]0;(2) p2sp\x07\x07"));
    bob.say("friends");
    bob.expect_row("  alice  online");
    assert!(bob.bytes()[before..].contains("\x1b]0;p2sp\x07"), "they are there again");
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
        assert_eq!(bytes.contains("\x1b[31m! "), colours, "{env:?}");
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
                answer["code"] = "invite_required".into();
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
    person.expect("the question again", |rows| {
        rows.iter().filter(|row| row.starts_with("Invite code:")).count() == 2
    });
    person.press("tea room\r");
    person.expect_row("Welcome, \"eve\".");
    assert!(!person.bytes().contains("tea room"), "without an echo");
}
