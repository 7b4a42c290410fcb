//! Someone at a terminal: a real pseudo-terminal around the stdin client, and an emulator that
//! shows what a person would see of it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{self, Termios, Winsize};

use super::script::Script;
use super::server::{Server, wait};
use super::{PASSWORD, TIMEOUT};

/// As many rows as any test prints lines, so that none is scrolled away.
const ROWS: u16 = 800;
const COLUMNS: u16 = 60;

/// The emulator, and every byte that it was shown.
type Shown = (vt100::Parser, Vec<u8>);

/// Someone at a terminal, with a client.
pub struct Person {
    process: Child,
    keys: File,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

impl Person {
    /// At a terminal of 60 columns, with these arguments and variables.
    pub fn start(address: SocketAddr, args: &[&str], env: &[(&str, &str)]) -> Person {
        Person::start_at(COLUMNS, address, args, env)
    }

    /// At a terminal of this width.
    pub fn start_at(
        columns: u16,
        address: SocketAddr,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Person {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keys).expect("ours");
        unlockpt(&keys).expect("ours");
        let name = ptsname(&keys, Vec::new()).expect("a name");
        let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
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
        let shown = (vt100::Parser::new(ROWS, columns, 0), Vec::new());
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
    pub fn register(&mut self, name: &str) {
        self.say(&format!("reg {name}"));
        for prompt in ["assword: ", "gain: "] {
            self.expect(prompt, |rows| rows.last().is_some_and(|row| row.ends_with(prompt.trim())));
            self.press(&format!("{PASSWORD}\r"));
        }
        self.expect_row(&format!("Welcome, {name}."));
    }

    /// Types a line, when there is one to be typed into.
    pub fn say(&mut self, line: &str) {
        self.expect_last(">");
        self.press(&format!("{line}\r"));
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until the rows that have something are as wanted, and returns them.
    pub fn expect(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let rows = |shown: &Shown| -> Vec<String> {
            let contents = shown.0.screen().contents();
            contents.trim_end().lines().map(|row| row.trim_end().to_owned()).collect()
        };
        self.wait_for(what, |shown| Some(rows(shown)).filter(|rows| wanted(rows)))
    }

    /// Waits until the terminal was given these bytes, after the first `from`.
    pub fn expect_bytes(&self, from: usize, bytes: &str) {
        let is_there = |all: &[u8]| all.windows(bytes.len()).any(|part| part == bytes.as_bytes());
        self.wait_for(bytes, |shown| is_there(&shown.1[from..]).then_some(()));
    }

    fn wait_for<T>(&self, what: &str, find: impl Fn(&Shown) -> Option<T>) -> T {
        let began = Instant::now();
        let mut shown = self.shown.0.lock().expect("no panic");
        loop {
            if let Some(found) = find(&shown) {
                return found;
            }
            let rows = shown.0.screen().contents();
            assert!(began.elapsed() < TIMEOUT, "{what:?} does not come: {}", rows.trim_end());
            // How the terminal is set changes without a byte.
            let wait = self.shown.1.wait_timeout(shown, Duration::from_millis(50));
            shown = wait.expect("no panic").0;
        }
    }

    /// Waits for a row that contains this.
    pub fn expect_row(&self, text: &str) -> Vec<String> {
        self.expect(text, |rows| rows.iter().any(|row| row.contains(text)))
    }

    /// Waits until the last row is this one.
    pub fn expect_last(&self, row: &str) -> Vec<String> {
        self.expect(row, |rows| rows.last().is_some_and(|last| last == row))
    }

    /// Waits until the cursor is in this column.
    pub fn expect_column(&self, column: u16) {
        let at = |shown: &Shown| shown.0.screen().cursor_position().1;
        self.wait_for("the cursor", |shown| (at(shown) == column).then_some(()));
    }

    /// How many bytes the terminal was given.
    pub fn count(&self) -> usize {
        self.shown.0.lock().expect("no panic").1.len()
    }

    /// Everything that the terminal was given.
    pub fn bytes(&self) -> String {
        self.bytes_from(0)
    }

    /// What the terminal was given after the first `from` bytes.
    pub fn bytes_from(&self, from: usize) -> String {
        let shown = self.shown.0.lock().expect("no panic");
        String::from_utf8_lossy(&shown.1[from..]).into_owned()
    }

    /// How the terminal is set.
    pub fn modes(&self) -> Termios {
        termios::tcgetattr(&self.keys).expect("a terminal")
    }

    /// Waits for the end; the exit code.
    pub fn ended(&mut self) -> Option<i32> {
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
pub fn friends(server: &Server, args: &[&str], env: &[(&str, &str)]) -> (Person, Script) {
    let mut alice = Script::start(server.address);
    alice.register("alice");
    let mut bob = Person::start(server.address, args, env);
    bob.register("bob");
    alice.ask("add bob", "friends now");
    bob.expect_row("* alice and you are friends now.");
    (bob, alice)
}
