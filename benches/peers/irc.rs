//! IRC, as ngircd speaks it: lines; a group is a channel, and nothing is answered.
//!
//! The configuration takes away what would slow a client down on purpose: penalties, look-ups of
//! names and identities, limits a host.

use std::io::Write;

use p2sp_bench::Outcome;
use p2sp_bench::crowd::Cut;
use p2sp_bench::sizes::Over;
use p2sp_bench::tls::{CERTIFICATE, KEY};
use p2sp_bench::world::HOSTS;

use super::dialect::{Dialect, Place, Program, Said, line_len, refused};

/// ngircd.
pub struct Irc;

impl Program for Irc {
    fn program(&self) -> Option<&'static str> {
        Some("ngircd")
    }

    fn config(&self, port: u16, data: &str, over: Over) -> String {
        let listen = HOSTS.join(",");
        let ports = match over {
            Over::Tls => format!(
                "[SSL]\nCertFile = {data}/{CERTIFICATE}\nKeyFile = {data}/{KEY}\nPorts = {port}\n"
            ),
            _ => format!("Ports = {port}\n"),
        };
        format!(
            "[Global]\nName = bench.local\nInfo = bench\nMotdPhrase = bench\n\
             Listen = {listen}\n{ports}\
             [Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\n\
             MaxNickLength = 16\nMaxPenaltyTime = 0\nPingTimeout = 3600\nPongTimeout = 3600\n\
             [Options]\nDNS = no\nIdent = no\nPAM = no\n"
        )
    }

    fn flags(&self) -> &'static [&'static str] {
        &["--nodaemon", "--config"]
    }
}

impl Dialect for Irc {
    fn cut(&self) -> Cut {
        |bytes| Ok(line_len(bytes))
    }

    fn answers(&self) -> bool {
        false
    }

    fn sign_in(&self, out: &mut Vec<u8>, user: usize) {
        let _ = write!(out, "NICK user{user}\r\nUSER user{user} 0 * :bench\r\n");
    }

    fn listen(&self, out: &mut Vec<u8>, at: Place) {
        if at == Place::Group {
            out.extend_from_slice(b"JOIN #bench\r\n");
        }
    }

    fn send(&self, out: &mut Vec<u8>, to: Place, _number: u64, text: &[u8]) {
        let _ = match to {
            Place::User(user) => write!(out, "PRIVMSG user{user} :"),
            Place::Group => write!(out, "PRIVMSG #bench :"),
        };
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    }

    fn understand<'a>(&self, frame: &'a [u8], reply: &mut Vec<u8>) -> Outcome<Said<'a>> {
        let line = frame.trim_ascii_end();
        if let Some(token) = line.strip_prefix(b"PING ") {
            let _ = reply.write_all(&[b"PONG ", token, b"\r\n"].concat());
            return Ok(Said::Nothing);
        }
        // `:sender COMMAND target :text`; what has no sender is a last word before the close.
        let Some(end) = line.iter().position(|&byte| byte == b' ') else { return refused(frame) };
        let command = &line[end + 1..];
        match command {
            _ if line[0] != b':' => Ok(Said::Nothing),
            [b'P', b'R', b'I', b'V', ..] => {
                let text = command.windows(2).position(|pair| pair == b" :");
                text.map_or_else(|| refused(frame), |at| Ok(Said::Message(&command[at + 2..])))
            }
            // Welcome; the end of the names in a channel that was joined.
            [b'0', b'0', b'1', ..] | [b'3', b'6', b'6', ..] => Ok(Said::Done),
            // All of them refuse something, but for "there is no message of the day".
            [b'4', b'2', b'2', ..] => Ok(Said::Nothing),
            [b'4', ..] => refused(frame),
            _ => Ok(Said::Nothing),
        }
    }
}
