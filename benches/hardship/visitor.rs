//! Visitors with a vice each, all in one process and one thread: ten times a second each does what
//! it does. Thrown out, it comes back.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use p2sp::wire::{frame, request};
use p2sp_bench::Outcome;
use p2sp_bench::words::{self, key_of, name_of};
use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::json;
use socket2::SockRef;

/// The first user that a visitor may be; those before are people who talk.
pub const FIRST_USER: usize = 100;
/// How often each does something.
const PACE: Duration = Duration::from_millis(100);
/// How long one may wait to be let in: the others would wait with it.
const TIMEOUT: Duration = Duration::from_millis(100);
/// More than a frame may have.
const TOO_LONG: u32 = 65_537;

/// What is wrong with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vice {
    /// Says nothing
    Silent,
    /// Sends the longest frame, a byte at a time
    Dripping,
    /// Claims four gigabytes
    Claiming,
    /// Sends a frame that is a byte too long, with all its bytes
    TooLong,
    /// Sends a line without an end
    Endless,
    /// Begins a TLS handshake and stops in the middle
    HalfAHandshake,
    /// Shakes hands a byte at a time
    SlowHandshake,
    /// Sends TLS records with nonsense in them
    Garbage,
    /// Sends nonsense
    Noise,
    /// Tries passwords
    Guessing,
    /// Tries keys, to sign in and without
    WrongKeys,
    /// Asks for a lot, signed in, and reads nothing of it
    Deaf,
    /// Comes and goes at once
    Fleeting,
}

impl Vice {
    const ALL: [Vice; 13] = [
        Vice::Silent,
        Vice::Dripping,
        Vice::Claiming,
        Vice::TooLong,
        Vice::Endless,
        Vice::HalfAHandshake,
        Vice::SlowHandshake,
        Vice::Garbage,
        Vice::Noise,
        Vice::Guessing,
        Vice::WrongKeys,
        Vice::Deaf,
        Vice::Fleeting,
    ];

    /// That of the n-th visitor.
    pub fn of(number: usize) -> Vice {
        Vice::ALL[number % Vice::ALL.len()]
    }
}

/// One of them.
struct Visitor {
    number: usize,
    vice: Vice,
    server: SocketAddr,
    stream: Option<TcpStream>,
    /// How often it has said something on this connection.
    turns: usize,
}

/// The life of the process that they live in.
pub fn run(visitors: usize, server: SocketAddr) -> Outcome<()> {
    let hello = hello()?;
    let visitor = |number| {
        let vice = Vice::of(number);
        Visitor { number, vice, server, stream: None, turns: 0 }
    };
    let mut all: Vec<Visitor> = (0..visitors).map(visitor).collect();
    thread::spawn(move || {
        loop {
            let began = Instant::now();
            for visitor in &mut all {
                // Thrown out, or turned away.
                if visitor.act(&hello).is_err() {
                    visitor.stream = None;
                }
            }
            thread::sleep(PACE.saturating_sub(began.elapsed()));
        }
    });
    let _ = io::stdin().read(&mut [0]);
    Ok(())
}

impl Visitor {
    fn act(&mut self, hello: &[u8]) -> io::Result<()> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect_timeout(&self.server, TIMEOUT)?;
                stream.set_nonblocking(true)?;
                self.turns = 0;
                stream
            }
        };
        let said = stream.write(&self.says(hello));
        self.turns += 1;
        match said {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if self.vice == Vice::Fleeting {
            // Reset: ports that wait for their time to pass would soon be all there are.
            return SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        if self.vice != Vice::Deaf {
            match stream.read(&mut [0; 16 * 1024]) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        self.stream = Some(stream);
        Ok(())
    }

    /// What it says at this turn.
    fn says(&self, hello: &[u8]) -> Vec<u8> {
        let (user, first) = (FIRST_USER + self.number, self.turns == 0);
        let at_first = |bytes: &[u8]| if first { bytes.to_vec() } else { Vec::new() };
        let mut out = Vec::new();
        match self.vice {
            Vice::Silent => {}
            Vice::Dripping => out.push(*claim(65_536).get(self.turns).unwrap_or(&b' ')),
            Vice::Claiming => out = claim(u32::MAX),
            Vice::TooLong => {
                out = claim(TOO_LONG);
                out.resize(out.len() + TOO_LONG as usize, b' ');
            }
            Vice::Endless => out = vec![b'x'; TOO_LONG as usize],
            Vice::HalfAHandshake => out = at_first(&hello[..hello.len() / 2]),
            Vice::SlowHandshake => out.extend(hello.get(self.turns)),
            Vice::Garbage => {
                out = vec![0x16, 3, 1, 0x10, 0];
                out.extend(self.noise(4_096));
            }
            Vice::Noise => out = self.noise(4_096),
            Vice::Guessing => {
                let guess = json!({"username": name_of(user), "password": "not the password"});
                request::append(&mut out, "login", 0, &guess);
            }
            Vice::WrongKeys => {
                let wrong = json!({"auth_token": key_of(usize::MAX), "username": name_of(0),
                                   "message": "x"});
                request::append(&mut out, "resume", 0, &wrong);
                request::append(&mut out, "send", 0, &wrong);
            }
            Vice::Deaf => {
                if first {
                    words::resume(&mut out, user);
                }
                let ask = json!({"auth_token": key_of(user), "username": name_of(0), "count": 200});
                request::append(&mut out, "history", 0, &ask);
            }
            Vice::Fleeting => request::append(&mut out, "ping", 0, &json!({"id": 1})),
        }
        out
    }

    /// Nonsense, another at every turn.
    fn noise(&self, bytes: usize) -> Vec<u8> {
        let mut state = (self.number * 1_000 + self.turns + 1) as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }
}

/// The header of a frame that long.
fn claim(length: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::append(&mut bytes, |_| {});
    bytes[8..12].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// A client's first bytes.
fn hello() -> Outcome<Vec<u8>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut tls = ClientConnection::new(Arc::new(config), "p2sp".try_into()?)?;
    let mut bytes = Vec::new();
    tls.write_tls(&mut bytes)?;
    Ok(bytes)
}
