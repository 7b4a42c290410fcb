//! MQTT 3.1.1, as mosquitto speaks it, with either quality of service.
//!
//! QoS 0 keeps nothing and answers nothing. With QoS 1 a sender gets a PUBACK and each reader owes
//! one; sessions are persistent and the database is saved every second, which is after the
//! PUBACK: an answer does not mean "on disk".

use p2sp_bench::Outcome;
use p2sp_bench::crowd::Cut;
use p2sp_bench::sizes::Over;
use p2sp_bench::world::HOSTS;

use super::dialect::{Dialect, Place, Program, Said, refused};

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
/// The refusal of one subscription.
const SUBACK_FAILURE: u8 = 0x80;
/// Seconds; as long as can be said.
const KEEP_ALIVE: u16 = u16::MAX;

/// mosquitto, with a quality of service of 0 or 1.
pub struct Mqtt {
    /// The quality.
    pub qos: u8,
}

impl Program for Mqtt {
    fn program(&self) -> Option<&'static str> {
        Some("mosquitto")
    }

    fn config(&self, port: u16, data: &str, _over: Over) -> String {
        let persistence = match self.qos {
            0 => "persistence false\n".to_owned(),
            _ => format!(
                "persistence true\npersistence_location {data}/\nautosave_interval 1\n\
                 autosave_on_changes false\n"
            ),
        };
        let listeners: String =
            HOSTS.iter().map(|host| format!("listener {port} {host}\n")).collect();
        // Started by root it would become another user, who may not write here.
        format!(
            "user root\nallow_anonymous true\nlog_type error\nsys_interval 0\n{persistence}\
             max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n{listeners}"
        )
    }

    fn flags(&self) -> &'static [&'static str] {
        &["-c"]
    }
}

impl Dialect for Mqtt {
    fn cut(&self) -> Cut {
        cut
    }

    fn answers(&self) -> bool {
        self.qos > 0
    }

    fn sign_in(&self, out: &mut Vec<u8>, user: usize) {
        let clean_session = if self.qos == 0 { 0b10 } else { 0 };
        let [high, low] = KEEP_ALIVE.to_be_bytes();
        let name = Place::User(user).to_string();
        let head = [0, 4, b'M', b'Q', b'T', b'T', 4, clean_session, high, low];
        append(out, CONNECT, &[&head, &length(&name), name.as_bytes()]);
    }

    fn listen(&self, out: &mut Vec<u8>, at: Place) {
        let topic = at.to_string();
        append(out, SUBSCRIBE, &[&[0, 1], &length(&topic), topic.as_bytes(), &[self.qos]]);
    }

    fn send(&self, out: &mut Vec<u8>, to: Place, number: u64, text: &[u8]) {
        let topic = to.to_string();
        let id = (number % u64::from(u16::MAX)) as u16 + 1;
        let id = if self.qos == 0 { Vec::new() } else { id.to_be_bytes().to_vec() };
        let kind = PUBLISH | self.qos << 1;
        append(out, kind, &[&length(&topic), topic.as_bytes(), &id, text]);
    }

    fn understand<'a>(&self, frame: &'a [u8], reply: &mut Vec<u8>) -> Outcome<Said<'a>> {
        let body = frame.iter().skip(1).position(|byte| byte & 0x80 == 0).unwrap_or(0) + 2;
        match (frame[0] & 0xf0, &frame[body..]) {
            (CONNACK, [_, 0]) | (PUBACK, [_, _]) => Ok(Said::Done),
            (SUBACK, [_, _, granted]) if *granted != SUBACK_FAILURE => Ok(Said::Done),
            (PUBLISH, [high, low, rest @ ..]) => {
                let rest = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
                match (frame[0] >> 1 & 0b11, rest) {
                    (0, text) => Ok(Said::Message(text)),
                    (1, [high, low, text @ ..]) => {
                        reply.extend_from_slice(&[PUBACK, 2, *high, *low]);
                        Ok(Said::Message(text))
                    }
                    _ => refused(frame),
                }
            }
            _ => refused(frame),
        }
    }
}

fn length(text: &str) -> [u8; 2] {
    (text.len() as u16).to_be_bytes()
}

fn append(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    out.push(kind);
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

fn cut(bytes: &[u8]) -> Outcome<Option<usize>> {
    let (mut length, mut shift) = (0, 0);
    for (index, &byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(Some(2 + index + length));
        }
        shift += 7;
    }
    Ok(None)
}
