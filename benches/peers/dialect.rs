//! What is peculiar to one kind of server: how it is started, and how one speaks to it.
//!
//! The works are written once, in these terms: sign in, listen, send; an answer, a delivery. A
//! dialect knows neither sockets nor time. It parses no more than it must: where a frame ends,
//! what kind it is, and where the text of a delivery stands.

use std::fmt;

use p2sp_bench::Outcome;
use p2sp_bench::crowd::Cut;
use p2sp_bench::sizes::Over;

/// A server program.
pub trait Program {
    /// The program, which Debian has in a package of the same name; none is this very program.
    fn program(&self) -> Option<&'static str>;

    /// Its configuration: loopback, no limits, its files in a directory of its own.
    fn config(&self, port: u16, data: &str, over: Over) -> String;

    /// The flags that stand before the name of the configuration's file.
    fn flags(&self) -> &'static [&'static str];

    /// How many of [`HOSTS`](p2sp_bench::world::HOSTS) it can listen on.
    fn hosts(&self) -> usize {
        3
    }
}

/// The protocol of a program.
pub trait Dialect: Program {
    /// How many connections may sign in at once: of those that found no room in a queue the kernel
    /// resets some.
    fn at_once(&self) -> usize {
        24
    }

    /// How its frames are told from one another.
    fn cut(&self) -> Cut;

    /// Whether a sender hears that a message was taken.
    fn answers(&self) -> bool;

    /// Appends a sign-in, which is [done](Said::Done) once.
    fn sign_in(&self, out: &mut Vec<u8>, user: usize);

    /// Appends what makes a user hear what is sent there, which is done once. Nothing, if a
    /// sign-in is enough.
    fn listen(&self, out: &mut Vec<u8>, at: Place);

    /// Appends a message.
    fn send(&self, out: &mut Vec<u8>, to: Place, number: u64, text: &[u8]);

    /// Understands a frame, and appends what the protocol demands in return, or what the reader
    /// must say to get the next messages.
    ///
    /// # Errors
    /// A refusal, or a message that was not asked for.
    fn understand<'a>(&self, frame: &'a [u8], reply: &mut Vec<u8>) -> Outcome<Said<'a>>;
}

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A user's own place.
    User(usize),
    /// The place of all who listen there.
    Group,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::User(user) => write!(f, "user{user}"),
            Place::Group => f.write_str("bench"),
        }
    }
}

/// What a frame says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// What was asked for last, or the oldest message not yet answered, is done.
    Done,
    /// A message with this text.
    Message(&'a [u8]),
    /// Messages with these texts, in order.
    Messages(Vec<&'a [u8]>),
    /// Of no interest.
    Nothing,
}

/// What a server says that cannot be gone on with.
pub fn refused(frame: &[u8]) -> Outcome<Said<'_>> {
    Err(format!("it says {:?}", String::from_utf8_lossy(frame).trim_end()).into())
}

/// The length of the line that the bytes begin with, its end included.
pub fn line_len(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n').map(|end| end + 1)
}

/// The number that stands at the end of a line.
pub fn number_at_end(line: &[u8]) -> Option<usize> {
    let digits = line.trim_ascii_end();
    let start = digits.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    str::from_utf8(&digits[start..]).ok()?.parse().ok()
}
