//! Bytes of telnet or nc are cut into lines.
//!
//! ```text
//! CR LF │ LF │ CR NUL │ CR  ─► one end of a line
//! FF …  telnet's commands   ─► taken out; what the peer offers or asks for is declined
//! ```
//!
//! A line is kept as it comes, at most [`LINE_BYTES_MAX`] of it; the rest of a longer one is
//! dropped. Nothing is kept between two lines.

use memchr::{memchr, memchr3};

use crate::limits::LINE_BYTES_MAX;

/// Telnet's escape, and what may follow it (RFC 854).
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
/// The option of repeating what is typed (RFC 857).
const ECHO: u8 = 1;

/// Asks the peer not to show what is typed: a password.
pub const HIDE: &[u8] = &[IAC, WILL, ECHO];
/// Lets the peer show again what is typed.
pub const SHOW: &[u8] = &[IAC, WONT, ECHO];

/// Where in a command the peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Text,
    /// After the escape.
    Command,
    /// After one of WILL, WONT, DO, DONT.
    Option(u8),
    /// Within what was begun with SB.
    Sub,
    /// After an escape in there.
    SubCommand,
}

/// A line that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Its bytes, without the end of the line.
    Whole(Vec<u8>),
    /// It was too long, and its bytes were dropped.
    TooLong,
}

/// What came and is not read yet.
#[derive(Default)]
pub struct Telnet {
    /// Text with each end of a line as LF, read up to `at`.
    text: Vec<u8>,
    at: usize,
    within: Within,
    after_cr: bool,
    /// The rest of a line that was too long is on its way.
    skipping: bool,
    /// The peer speaks telnet: it would understand [`HIDE`].
    pub negotiates: bool,
    /// The peer's lines end in CR, so ours do, too.
    pub sends_cr: bool,
}

impl Telnet {
    /// Takes in bytes. The answers that telnet's commands need are appended to `answers`.
    pub fn take_in(&mut self, bytes: &[u8], answers: &mut Vec<u8>) {
        self.forget_read();
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            // The meaning of a NUL depends on the byte before it.
            let plain = match self.within {
                Within::Text if !self.after_cr => {
                    memchr3(IAC, b'\r', b'\n', rest).unwrap_or(rest.len())
                }
                _ => 0,
            };
            if plain > 0 {
                self.text.extend_from_slice(&rest[..plain]);
                rest = &rest[plain..];
                continue;
            }
            rest = &rest[1..];
            self.within = match (self.within, byte) {
                (Within::Text, IAC) => Within::Command,
                (Within::Text, byte) => {
                    self.take_text(byte);
                    Within::Text
                }
                (Within::Command, IAC) => {
                    self.take_text(IAC);
                    Within::Text
                }
                (Within::Command, WILL | WONT | DO | DONT) => Within::Option(byte),
                (Within::Command, SB) => Within::Sub,
                (Within::Command, _) => Within::Text,
                (Within::Option(asked), option) => {
                    self.negotiates = true;
                    decline(asked, option, answers);
                    Within::Text
                }
                (Within::Sub, IAC) => Within::SubCommand,
                (Within::SubCommand, SE) => Within::Text,
                (Within::Sub | Within::SubCommand, _) => Within::Sub,
            };
        }
    }

    fn take_text(&mut self, byte: u8) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        self.sends_cr |= byte == b'\r';
        match byte {
            b'\n' | 0 if after_cr => {}
            b'\r' => self.text.push(b'\n'),
            byte => self.text.push(byte),
        }
    }

    /// The next line that is whole, or too long to become one.
    pub fn next(&mut self) -> Option<Line> {
        loop {
            let rest = &self.text[self.at..];
            let end = memchr(b'\n', rest);
            let too_long = end.unwrap_or(rest.len()) > LINE_BYTES_MAX;
            if end.is_none() && !too_long && !self.skipping {
                break;
            }
            let line = &rest[..end.unwrap_or(rest.len())];
            let was_skipping = std::mem::replace(&mut self.skipping, end.is_none());
            let line = match too_long {
                true => Line::TooLong,
                false => Line::Whole(line.to_vec()),
            };
            self.at += end.map_or(rest.len(), |end| end + 1);
            if !was_skipping {
                return Some(line);
            }
            if end.is_none() {
                break;
            }
        }
        self.forget_read();
        self.text.shrink_to_fit();
        None
    }

    fn forget_read(&mut self) {
        self.text.drain(..self.at);
        self.at = 0;
    }

    /// Whether [`Telnet::next`] has one.
    pub fn has_line(&self) -> bool {
        let rest = &self.text[self.at..];
        rest.len() > LINE_BYTES_MAX || rest.contains(&b'\n')
    }

    /// Whether a line was begun.
    pub fn is_within_line(&self) -> bool {
        self.at < self.text.len()
    }

    /// Whether more is kept than the longest line.
    pub fn is_full(&self) -> bool {
        self.text.len() - self.at > LINE_BYTES_MAX
    }
}

/// Declines what the peer offers or asks for. An answer to our own offer needs no answer.
fn decline(asked: u8, option: u8, answers: &mut Vec<u8>) {
    match (asked, option) {
        (WILL, _) => answers.extend([IAC, DONT, option]),
        (DO, option) if option != ECHO => answers.extend([IAC, WONT, option]),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(telnet: &mut Telnet) -> Vec<Line> {
        std::iter::from_fn(|| telnet.next()).collect()
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.into())
    }

    #[test]
    fn every_end_of_a_line_is_one_wherever_it_is_cut() {
        let bytes = b"a\r\nb\nc\r\0d\re\xff\xfd\x03f\xff\xfa\x18\0\r\n\xff\xf0g\xff\xff\n\r\n";
        for cut in 0..=bytes.len() {
            let mut telnet = Telnet::default();
            let mut answers = Vec::new();
            telnet.take_in(&bytes[..cut], &mut answers);
            let mut read = lines(&mut telnet);
            telnet.take_in(&bytes[cut..], &mut answers);
            read.extend(lines(&mut telnet));
            let last = Line::Whole(b"efg\xff".into());
            let expected = [whole("a"), whole("b"), whole("c"), whole("d"), last, whole("")];
            assert_eq!(read, expected, "cut at {cut}");
            assert_eq!(answers, [IAC, WONT, 3]);
            assert!(telnet.negotiates && !telnet.is_within_line());
            assert_eq!(telnet.text.capacity(), 0, "nothing is kept");
        }
    }

    #[test]
    fn only_what_is_asked_is_declined() {
        let mut telnet = Telnet::default();
        let mut answers = Vec::new();
        let asked = [IAC, WILL, 31, IAC, DO, ECHO, IAC, DONT, 3, IAC, WONT, 31, IAC, 241];
        telnet.take_in(&asked, &mut answers);
        assert_eq!(answers, [IAC, DONT, 31]);
        assert!(!telnet.is_within_line());
    }

    #[test]
    fn p20_a_long_line_is_told_once_and_not_kept() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        for piece in [1_000, 100_000] {
            let mut telnet = Telnet::default();
            let text = format!("{longest}\n{longest}x\n{longest}{longest}{longest}\nshort\n");
            let mut read = Vec::new();
            for bytes in text.as_bytes().chunks(piece) {
                telnet.take_in(bytes, &mut Vec::new());
                read.extend(lines(&mut telnet));
                assert!(telnet.text.len() <= LINE_BYTES_MAX);
            }
            let expected = [whole(&longest), Line::TooLong, Line::TooLong, whole("short")];
            assert_eq!(read, expected);
        }
    }
}
