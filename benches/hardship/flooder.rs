//! A peer that does its worst: a process of its own, which takes what the people leave of the
//! core. It ends when its standard input does.
//!
//! It obeys nothing and expects nothing: when it is thrown out, it comes back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use p2sp::wire::request;
use p2sp_bench::Outcome;
use p2sp_bench::words::{self, key_of, name_of};
use serde_json::{Value, json};
use socket2::SockRef;

/// The user that it is where it has to be one.
pub const USER: usize = 100;
/// Connections on which passwords are tried: each waits for its hash. All else is done by one
/// thread, for many would take the core from those who measure, however humble each of them is.
const CONNECTIONS: usize = 32;
/// A frame that is nearly as long as one may be.
const LONG: usize = 65_000;
/// How long somebody who reads nothing stays.
const DEAF: Duration = Duration::from_millis(300);

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Pings at full speed, without signing in
    Pings,
    /// The dearest request there is at full speed, signed in
    Requests,
    /// The longest frames at full speed
    Frames,
    /// Opens and closes connections
    Connections,
    /// Tries passwords
    Passwords,
    /// Signs in again and again to a full mailbox, asks a lot, and reads nothing
    Deaf,
}

/// The process, seen from who started it.
pub struct Flooder(Child);

impl Flooder {
    /// Begins.
    pub fn start(kind: Kind, server: SocketAddr) -> Outcome<Flooder> {
        let name = kind.to_possible_value().ok_or("a flood without a name")?;
        Flooder::spawn(["--flooder", name.get_name()], server)
    }

    /// Another process of the kind: so many connections with a vice each.
    pub fn visitors(count: usize, server: SocketAddr) -> Outcome<Flooder> {
        Flooder::spawn(["--hostile", &count.to_string()], server)
    }

    fn spawn(args: [&str; 2], server: SocketAddr) -> Outcome<Flooder> {
        // What measures comes first on the core that they share.
        let mut command = Command::new("chrt");
        command.args(["--idle", "0"]).arg(std::env::current_exe()?).arg("--bench");
        command.args(["--server", &server.to_string()]);
        command.args(args);
        Ok(Flooder(command.stdin(Stdio::piped()).spawn()?))
    }
}

impl Drop for Flooder {
    fn drop(&mut self) {
        // Of no effect on one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process's own life.
pub fn run(kind: Kind, server: SocketAddr) -> Outcome<()> {
    let threads = if kind == Kind::Passwords { CONNECTIONS } else { 1 };
    for number in 0..threads {
        thread::spawn(move || {
            loop {
                // Thrown out or turned away: it tries again.
                let _ = flood(kind, server, number);
            }
        });
    }
    let _ = io::stdin().read(&mut [0]);
    Ok(())
}

fn flood(kind: Kind, server: SocketAddr, number: usize) -> io::Result<()> {
    let user = json!({"auth_token": key_of(USER), "username": name_of(USER + 1), "count": 200});
    match kind {
        Kind::Pings => pour(server, &requests("ping", &json!({"id": 1}), 256)),
        Kind::Frames => pour(server, &requests("ping", &json!({"x": "x".repeat(LONG)}), 1)),
        Kind::Requests => {
            let mut bytes = Vec::new();
            words::resume(&mut bytes, USER);
            bytes.extend(requests("history", &user, 256));
            pour(server, &bytes)
        }
        Kind::Connections => {
            // Reset: ports that wait for their time to pass would soon be all there are.
            let stream = TcpStream::connect(server)?;
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))
        }
        Kind::Passwords => {
            let mut stream = TcpStream::connect(server)?;
            for turn in 0_u64.. {
                // Another name each time: behind a wrong password an account waits.
                let name = format!("nobody{number}-{turn}");
                let args = json!({"username": name, "password": "not the password"});
                stream.write_all(&requests("login", &args, 1))?;
                if stream.read(&mut [0; 4096])? == 0 {
                    break;
                }
            }
            Ok(())
        }
        Kind::Deaf => {
            let mut stream = TcpStream::connect(server)?;
            let mut bytes = Vec::new();
            words::resume(&mut bytes, USER);
            bytes.extend(requests("history", &user, 64));
            stream.write_all(&bytes)?;
            thread::sleep(DEAF);
            Ok(())
        }
    }
}

/// Sends the same again and again, and reads whatever comes.
fn pour(server: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    let mut answers = stream.try_clone()?;
    thread::spawn(move || io::copy(&mut answers, &mut io::sink()));
    loop {
        stream.write_all(bytes)?;
    }
}

fn requests(kind: &str, args: &Value, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    request::append(&mut bytes, kind, 0, args);
    bytes.repeat(count)
}
