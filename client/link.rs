//! The connection: made, read, written, and made again when it is cut.
//!
//! Two threads share the [`Session`] under one lock: the one in `shell`, and [`Link::run`], which
//! reads. While a connection stands, a third one writes, because a write may block: the server does
//! not read from a client that does not read. No lock is held during a read, a write or a wait. The
//! session knows what the bytes mean, the [`Channel`] how they are encrypted, and the [`Judge`]
//! whether the server is the right one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use p2sp::limits::PING_SECONDS;
use p2sp::locale::client::Text;
use p2sp::wire::{Fingerprint, frame};
use rustls::pki_types::ServerName;
use serde_json::Value;

use crate::address::Address;
use crate::channel::Channel;
use crate::known::KnownServers;
use crate::lock::lock;
use crate::output::{Output, complain};
use crate::session::{Session, Step};
use crate::trust::{Judge, Verdict};

/// The exit code when the server is not the one that it should be.
pub const EXIT_UNTRUSTED: u8 = 3;

/// How long a server may take to accept a connection, and to answer the first time.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// A ping is sent when nothing came for so long.
const PING_AFTER: Duration = Duration::from_secs(PING_SECONDS);
/// The pause before the first attempt to connect again. It doubles with each attempt.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// The longest pause. After a connection that lasted longer, the pauses begin anew.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// For how long connecting is tried again before the sign-in.
const RETRY_MAX: Duration = Duration::from_secs(2);
/// The same for a script that is signed in. For a person it is tried until they leave.
const RETRY_MAX_SCRIPTED: Duration = Duration::from_secs(60);

/// When a connection uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Unless the address was written as this machine's own, and no key is known for it.
    Elsewhere,
    /// Always.
    Tls,
    /// Never.
    Plaintext,
}

/// The connection to the server, or the attempts to make one.
pub struct Link {
    address: Address,
    security: Security,
    judge: Arc<Judge>,
    known: Option<KnownServers>,
    scripted: bool,
    output: Output,
    session: Mutex<Session>,
    /// The session has changed.
    changed: Condvar,
}

/// How a connection ended.
struct End {
    /// At least one message came.
    heard: bool,
    /// The server asked not to be connected to again before this.
    pause: Duration,
    why: String,
}

impl Link {
    /// A link, for [`Link::run`]. Newly trusted keys are kept in `known`.
    pub fn new(
        (address, security): (Address, Security),
        judge: Judge,
        known: Option<KnownServers>,
        (scripted, output): (bool, Output),
        session: Session,
    ) -> Link {
        let (judge, session, changed) = (Arc::new(judge), Mutex::new(session), Condvar::new());
        Link { address, security, judge, known, scripted, output, session, changed }
    }

    /// The server's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The standard output.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Calls `act` with the session, and shows the session's new items.
    pub fn with<T>(&self, act: impl FnOnce(&mut Session) -> T) -> T {
        let mut session = self.lock();
        let result = act(&mut session);
        // Under the lock, so that the items are in the right order.
        self.output.show(session.take_items(), session.lang());
        self.changed.notify_all();
        result
    }

    /// Waits until the session is as wanted.
    pub fn wait_until(&self, wanted: impl Fn(&Session) -> bool) {
        let wait = self.changed.wait_while(self.lock(), |session| !wanted(session));
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// The same, but not longer than this.
    pub fn wait_for(&self, longest: Duration, wanted: impl Fn(&Session) -> bool) {
        let wait = self.changed.wait_timeout_while(self.lock(), longest, |s| !wanted(s));
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends the connection, and waits until it is closed.
    pub fn hang_up(&self) {
        self.with(Session::leave);
        self.wait_for(ANSWER_WAIT, Session::is_down);
    }

    /// Keeps a connection while the session wants one; never returns.
    pub fn run(&self) {
        loop {
            self.wait_until(Session::wants_connection);
            self.stay_connected();
        }
    }

    /// Connects again and again, until the session wants no connection or the time is over.
    fn stay_connected(&self) {
        let mut pause = PAUSE_MIN;
        let mut heard_last = Instant::now();
        while self.lock().wants_connection() {
            let began = Instant::now();
            let end = match self.connect() {
                Ok((stream, channel)) => self.converse(&stream, &Mutex::new(channel)),
                Err(why) => End { heard: false, pause: Duration::ZERO, why },
            };
            if end.heard {
                heard_last = Instant::now();
            }
            if began.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            let left = self.retry_max().map(|longest| longest.saturating_sub(heard_last.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                self.with(|session| session.give_up(&self.address.to_string(), &end.why));
                return;
            }
            thread::sleep(left.map_or(pause, |left| pause.min(left)).max(end.pause));
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn retry_max(&self) -> Option<Duration> {
        match (self.lock().is_admin(), self.scripted) {
            (None, _) => Some(RETRY_MAX),
            (Some(_), true) => Some(RETRY_MAX_SCRIPTED),
            (Some(_), false) => None,
        }
    }

    fn connect(&self) -> Result<(TcpStream, Channel), String> {
        let mut failure = io::Error::from(ErrorKind::NotFound);
        let host = self.address.host.as_str();
        let found = (host, self.address.port).to_socket_addrs().map_err(|e| e.to_string())?;
        for address in found {
            match TcpStream::connect_timeout(&address, ANSWER_WAIT) {
                Ok(stream) => return Ok((stream, self.channel(address.ip())?)),
                Err(error) => failure = error,
            }
        }
        Err(failure.to_string())
    }

    /// Plaintext is used only if the address was written as local, and no key is known for it. A
    /// name server could resolve any host to a loopback address, so that alone is not enough.
    fn channel(&self, ip: IpAddr) -> Result<Channel, String> {
        let ip = ip.to_canonical();
        let is_here = self.address.is_local() && ip.is_loopback();
        match self.security {
            Security::Plaintext => Ok(Channel::plain()),
            Security::Elsewhere if is_here && !self.judge.expects_a_key() => Ok(Channel::plain()),
            _ => {
                let config = self.judge.config().map_err(|error| error.to_string())?;
                let name = ServerName::try_from(self.address.host.clone());
                Channel::secure(config, name.unwrap_or(ServerName::IpAddress(ip.into())))
            }
        }
    }

    /// One connection, from its first byte to its last.
    fn converse(&self, stream: &TcpStream, channel: &Mutex<Channel>) -> End {
        self.with(Session::connected);
        thread::scope(|scope| {
            scope.spawn(|| self.write(stream, channel));
            let end = self.read(stream, channel);
            // Both end the writing thread.
            let _ = stream.shutdown(Shutdown::Both);
            self.with(Session::cut);
            end
        })
    }

    fn read(&self, mut stream: &TcpStream, channel: &Mutex<Channel>) -> End {
        let mut received = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        let mut heard = false;
        let lang = self.lock().lang();
        let end = |heard, pause, why: String| End { heard, pause, why };
        // Without it a small frame waits until the previous one is acknowledged.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(ANSWER_WAIT));
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => return end(heard, Duration::ZERO, Text::Silent.say(lang)),
                Ok(bytes) => match self.open(channel, &chunk[..bytes]) {
                    Ok(plain) => received.extend(plain),
                    Err(why) => return end(heard, Duration::ZERO, why),
                },
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    if !heard || self.with(Session::idle) != Step::GoOn {
                        return end(heard, Duration::ZERO, Text::Silent.say(lang));
                    }
                }
                Err(error) => return end(heard, Duration::ZERO, error.to_string()),
            }
            let batch = self.with(|session| receive(session, &mut received, &mut heard));
            match batch {
                None => return end(heard, Duration::ZERO, Text::NotP2sp.say(lang)),
                Some(Step::Drop(pause)) => return end(heard, pause, String::new()),
                Some(Step::GoOn) => {}
            }
            if heard {
                // Only now: a message is confirmed after it was printed.
                self.output.wait_shown();
                self.with(Session::confirm);
                let _ = stream.set_read_timeout(Some(PING_AFTER));
            }
        }
    }

    /// Decrypts what came, and ends the program if the server is not the right one.
    fn open(&self, channel: &Mutex<Channel>, raw: &[u8]) -> Result<Vec<u8>, String> {
        let (opened, proven) = {
            let mut channel = lock(channel);
            (channel.open(raw), !channel.is_handshaking())
        };
        match self.judge.verdict() {
            Some(verdict @ (Verdict::Refused { .. } | Verdict::Forged)) => {
                self.refuse_server(verdict);
            }
            Some(Verdict::New(fingerprint)) if proven && opened.is_ok() => {
                self.trust_key(fingerprint);
            }
            _ => {}
        }
        opened.map_err(|why| {
            let text = match self.judge.expects_a_key() {
                true => Text::NotSecureAnyMore { why: &why },
                false => Text::NotSecure { why: &why },
            };
            text.say(self.lock().lang())
        })
    }

    /// Ends the program: the server has not the key that it should have.
    fn refuse_server(&self, verdict: Verdict) -> ! {
        let (address, lang) = (self.address.to_string(), self.lock().lang());
        let address = &*address;
        let text = match verdict {
            Verdict::Refused { expected, found } => {
                let (expected, found) = (&*expected.to_string(), &*found.to_string());
                match self.judge.was_told() {
                    true => Text::AnotherKeyThanGiven { address, expected, found }.say(lang),
                    false => Text::KeyChanged { address, expected, found }.say(lang),
                }
            }
            _ => Text::KeyNotProven { address }.say(lang),
        };
        complain(&text);
        self.output.exit(EXIT_UNTRUSTED)
    }

    /// Trusts a new key that the handshake has proven: the server must have it from now on.
    fn trust_key(&self, fingerprint: Fingerprint) {
        self.judge.remember(fingerprint);
        let kept = match &self.known {
            Some(known) => known.set(&self.address, fingerprint).map_err(|error| error.to_string()),
            None => Err("HOME is not set".to_owned()),
        };
        let (address, fingerprint) = (self.address.to_string(), fingerprint.to_string());
        let (address, fingerprint) = (&*address, &*fingerprint);
        self.with(|session| {
            if !self.judge.was_told() {
                session.notice(Text::FirstContact { address, fingerprint });
            }
            if let Err(why) = &kept {
                session.notice(Text::KeyNotKept { why, fingerprint });
            }
        });
    }

    fn write(&self, mut stream: &TcpStream, channel: &Mutex<Channel>) {
        loop {
            let nothing = |s: &mut Session| {
                !s.is_down() && !s.is_leaving() && !s.has_frames() && !lock(channel).wants_write()
            };
            let wait = self.changed.wait_while(self.lock(), nothing);
            let mut session = wait.unwrap_or_else(PoisonError::into_inner);
            if session.is_down() {
                return;
            }
            let (frames, last) = (session.take_frames(), session.is_leaving());
            drop(session);
            let bytes = lock(channel).seal(frames, last);
            if stream.write_all(&bytes).is_err() || last {
                // The reading thread receives the end, and the bytes before it.
                let _ = stream.shutdown(Shutdown::Write);
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }
}

/// Hands every whole frame to the session. `None`: the bytes are no frames.
fn receive(session: &mut Session, received: &mut Vec<u8>, heard: &mut bool) -> Option<Step> {
    while let Some(frame) = frame::take(received).ok()? {
        let message: Value = serde_json::from_slice(frame::payload(&frame).ok()?).ok()?;
        *heard = true;
        let step = session.received(message);
        if step != Step::GoOn {
            return Some(step);
        }
    }
    Some(Step::GoOn)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
