//! The stdin client as a script drives it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::server::wait;
use super::{PASSWORD, TIMEOUT};

/// A `p2sp` process and everything that it printed.
pub struct Script {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
    reader: Option<thread::JoinHandle<()>>,
    seen: usize,
}

/// How a script ended.
pub struct Ended {
    /// The exit code.
    pub code: Option<i32>,
    /// Every line of its output.
    pub lines: Vec<String>,
    /// What it said on standard error.
    pub stderr: String,
}

impl Script {
    /// A client of the server at this address, in English.
    pub fn start(address: SocketAddr) -> Script {
        Script::start_in(address, "en")
    }

    /// The same in a language.
    pub fn start_in(address: SocketAddr, lang: &str) -> Script {
        Script::start_with(&[&address.to_string(), "--lang", lang], &[])
    }

    /// A client with these arguments, and nothing but these variables.
    pub fn start_with(args: &[&str], env: &[(&str, &str)]) -> Script {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2sp"));
        command.env_clear().envs(env.iter().copied()).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("a process");
        let stdout = process.stdout.take().expect("an output");
        let lines = Arc::<(Mutex<Vec<String>>, Condvar)>::default();
        let shared = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                shared.0.lock().expect("no panic").push(line.expect("a line of text"));
                shared.1.notify_all();
            }
        });
        let stdin = process.stdin.take();
        Script { process, stdin, lines, reader: Some(reader), seen: 0 }
    }

    /// Types lines. A process that has ended already does not read them.
    pub fn say(&mut self, lines: &str) {
        let stdin = self.stdin.as_mut().expect("an open input");
        let written = stdin.write_all(format!("{lines}\n").as_bytes());
        let is_gone = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
        assert!(is_gone || written.is_ok(), "{written:?}");
    }

    /// Waits for a line that contains this, after those that were waited for before.
    pub fn expect(&mut self, text: &str) -> String {
        let (lock, changed) = &*self.lines;
        let lines = lock.lock().expect("no panic");
        let from = self.seen;
        let find = |lines: &Vec<String>| lines[from..].iter().position(|l| l.contains(text));
        let wanted = |lines: &mut Vec<String>| find(lines).is_none();
        let (lines, _) = changed.wait_timeout_while(lines, TIMEOUT, wanted).expect("no panic");
        let found = find(&lines);
        assert!(found.is_some(), "{text:?} does not come behind line {from}: {lines:#?}");
        self.seen = from + found.unwrap_or_default() + 1;
        lines[self.seen - 1].clone()
    }

    /// Types lines and waits for a line that contains this.
    pub fn ask(&mut self, lines: &str, text: &str) -> String {
        self.say(lines);
        self.expect(text)
    }

    /// Registers, which signs in.
    pub fn register(&mut self, name: &str) {
        self.ask(&format!("reg {name}\n{PASSWORD}\n{PASSWORD}"), name);
        self.expect("send sendgroup");
    }

    /// Ends the input and waits for the end.
    pub fn finish(mut self) -> Ended {
        self.stdin = None;
        let status = wait(&mut self.process);
        self.reader.take().expect("once").join().expect("no panic");
        let mut stderr = String::new();
        let mut pipe = self.process.stderr.take().expect("an output");
        pipe.read_to_string(&mut stderr).expect("text");
        let lines = self.lines.0.lock().expect("no panic").clone();
        Ended { code: status.code(), lines, stderr }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ended {
    /// How many lines are this one.
    pub fn count(&self, line: &str) -> usize {
        self.lines.iter().filter(|printed| *printed == line).count()
    }
}
