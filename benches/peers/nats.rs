//! The protocol of nats: lines, and a text after those that carry one. Core only, which keeps
//! nothing and answers nothing (`verbose` is off, as in all its clients).

use std::io::Write;

use p2sp_bench::Outcome;
use p2sp_bench::crowd::Cut;
use p2sp_bench::sizes::Over;
use p2sp_bench::world::HOSTS;

use super::dialect::{Dialect, Place, Program, Said, line_len, number_at_end, refused};

/// nats-server.
pub struct Nats;

impl Program for Nats {
    fn program(&self) -> Option<&'static str> {
        Some("nats-server")
    }

    fn config(&self, port: u16, _data: &str, _over: Over) -> String {
        format!(
            "host: \"{}\"\nport: {port}\nmax_connections: 1000000\nmax_pending: 1GB\n\
             write_deadline: \"60s\"\nping_interval: \"1h\"\n",
            HOSTS[0]
        )
    }

    fn flags(&self) -> &'static [&'static str] {
        &["-c"]
    }

    fn hosts(&self) -> usize {
        1
    }
}

impl Dialect for Nats {
    fn cut(&self) -> Cut {
        |bytes| {
            Ok(line_len(bytes).and_then(|head| match bytes {
                [b'M', ..] => Some(head + number_at_end(&bytes[..head])? + 2),
                _ => Some(head),
            }))
        }
    }

    fn answers(&self) -> bool {
        false
    }

    fn sign_in(&self, out: &mut Vec<u8>, user: usize) {
        let _ = write!(
            out,
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\
             \"version\":\"1\",\"name\":\"user{user}\"}}\r\nPING\r\n"
        );
    }

    fn listen(&self, out: &mut Vec<u8>, at: Place) {
        let _ = write!(out, "SUB {at} 1\r\nPING\r\n");
    }

    fn send(&self, out: &mut Vec<u8>, to: Place, _number: u64, text: &[u8]) {
        let _ = write!(out, "PUB {to} {}\r\n", text.len());
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    }

    fn understand<'a>(&self, frame: &'a [u8], reply: &mut Vec<u8>) -> Outcome<Said<'a>> {
        match frame {
            [b'M', ..] => {
                let text = line_len(frame).and_then(|head| frame.get(head..frame.len() - 2));
                text.map_or_else(|| refused(frame), |text| Ok(Said::Message(text)))
            }
            [b'P', b'O', ..] => Ok(Said::Done),
            [b'P', b'I', ..] => {
                reply.extend_from_slice(b"PONG\r\n");
                Ok(Said::Nothing)
            }
            [b'I', ..] | [b'+', ..] => Ok(Said::Nothing),
            _ => refused(frame),
        }
    }
}
