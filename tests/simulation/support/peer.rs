//! One end of a connection as a client has it: requests out, answers and pushes in.
//!
//! Whatever a test is about, these hold on every connection and are checked as frames come: the
//! `prev` chain is unbroken and begins at the cursor (P8), every request with an id has exactly
//! one answer, and the answers come in the order of the requests.

use std::collections::VecDeque;

use p2sp::wire::typed::GroupRef;
use p2sp::wire::{frame, request};
use serde_json::{Map, Value, json};

use super::pipe_net::{PeerId, PipeNet};
use super::secure::Secure;
use super::socket::Socket;

/// A person at a connection.
#[derive(Debug, Default)]
pub struct Peer {
    /// Its end of the pipe, once it has connected.
    pub end: Option<PeerId>,
    /// Whether it confirms: `login` and `resume` say so.
    pub acks: bool,
    /// It takes nothing that comes.
    pub paused: bool,
    /// The server has closed.
    pub ended: bool,
    /// What came and was not looked at yet.
    pub inbox: VecDeque<Value>,
    /// The login key.
    pub key: Option<String>,
    /// The groups of the last `groups`, by number.
    pub mine: Vec<GroupRef>,
    /// The groups of the last `allgroup`, by number.
    pub all: Vec<GroupRef>,
    /// The last seq that was pushed, at first the cursor.
    pub pushed: i64,
    /// Its TLS, if it speaks that.
    pub secure: Option<Secure>,
    /// It speaks in lines, `raw` ones.
    pub lines: bool,
    /// Its WebSocket, if it speaks that.
    pub socket: Option<Socket>,
    bytes: Vec<u8>,
    next_id: i64,
    awaited: VecDeque<(Value, String)>,
}

impl Peer {
    /// At the end of a new connection.
    pub fn connect(&mut self, end: PeerId) {
        self.end = Some(end);
        self.ended = false;
        self.secure = None;
        self.socket = None;
        self.lines = false;
        self.bytes.clear();
        self.awaited.clear();
    }

    /// The connection is no more.
    pub fn disconnected(&mut self) {
        self.end = None;
        self.ended = true;
    }

    /// The frame of a request. The key, an id and `ack` are filled in where `args` leaves them
    /// out; null leaves them out for good.
    pub fn request(&mut self, kind: &str, mut args: Map<String, Value>) -> Vec<u8> {
        if kind != "ack" && !args.contains_key("id") {
            self.next_id += 1;
            args.insert("id".into(), json!(self.next_id));
        }
        if !args.contains_key("auth_token") {
            args.insert("auth_token".into(), json!(self.key));
        }
        if self.acks && matches!(kind, "login" | "resume") && !args.contains_key("ack") {
            args.insert("ack".into(), json!(true));
        }
        if let Some(id) = args.get("id").filter(|id| !id.is_null()) {
            self.awaited.push_back((id.clone(), kind.to_owned()));
        }
        if self.lines {
            return format!("{}\n", json!({"type": kind, "payload": args})).into_bytes();
        }
        let mut out = Vec::new();
        request::append(&mut out, kind, 0, &Value::Object(args));
        out
    }

    /// Takes what came. True: there was something.
    pub fn receive(&mut self, net: &PipeNet) -> Result<bool, String> {
        let Some(end) = self.end.filter(|_| !self.paused) else { return Ok(false) };
        let bytes = net.take(end);
        let plain = match &mut self.secure {
            None => bytes.clone(),
            Some(secure) => secure.open(&bytes)?,
        };
        match &mut self.socket {
            None => self.bytes.extend_from_slice(&plain),
            Some(socket) => {
                for payload in socket.open(&plain)? {
                    let message = serde_json::from_slice(&payload);
                    self.take_in(message.map_err(|error| error.to_string())?)?;
                }
            }
        }
        let goes = self.socket.as_mut().map(Socket::goes).unwrap_or_default();
        let answer = self.secure.as_mut().map_or(goes.clone(), |secure| secure.seal(&goes));
        if !answer.is_empty() {
            net.send(end, &answer);
        }
        while self.lines
            && let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n')
        {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let message = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
            self.take_in(message)?;
        }
        while let Some(length) = frame::frame_len(&self.bytes).map_err(|f| format!("{f:?}"))? {
            if length > self.bytes.len() {
                break;
            }
            let whole: Vec<u8> = self.bytes.drain(..length).collect();
            let payload = frame::payload(&whole).map_err(|fault| format!("{fault:?}"))?;
            let message = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
            self.take_in(message)?;
        }
        if net.has_ended(end) && !self.ended {
            self.ended = true;
            let cut = |secure: &Secure| !secure.told_end && !secure.tls.is_handshaking();
            if self.secure.as_ref().is_some_and(cut) {
                return Err("the stream is cut off: TLS was not told its end".into());
            }
            if self.socket.as_ref().is_some_and(Socket::is_cut_off) {
                return Err("the stream is cut off: WebSocket was not told its end".into());
            }
            if !self.bytes.is_empty() {
                return Err("the stream ends in the middle of a frame".into());
            }
        }
        Ok(!bytes.is_empty())
    }

    fn take_in(&mut self, message: Value) -> Result<(), String> {
        let payload = &message["payload"];
        if payload.get("code").is_some() {
            self.check_answer(payload)?;
        }
        if message["type"] == "login_success" {
            self.key = payload["auth_token"].as_str().map(str::to_owned);
            self.pushed = payload["cursor"].as_i64().ok_or("no cursor")?;
        }
        if let Some(key) = payload["data"]["auth_token"].as_str() {
            self.key = Some(key.to_owned());
        }
        if let Some(seq) = payload.get("seq").and_then(Value::as_i64) {
            let prev = payload["prev"].as_i64();
            if prev != Some(self.pushed) || seq <= self.pushed {
                let pushed = self.pushed;
                return Err(format!("P8: {pushed} was pushed last, and now {message}"));
            }
            self.pushed = seq;
        }
        self.inbox.push_back(message);
        Ok(())
    }

    fn check_answer(&mut self, payload: &Value) -> Result<(), String> {
        let Some(re) = payload.get("re") else { return Ok(()) };
        match self.awaited.pop_front() {
            Some((id, kind)) if id == *re => self.note_groups(&kind, payload),
            awaited => return Err(format!("{awaited:?} was to be answered, not {payload}")),
        }
        Ok(())
    }

    fn note_groups(&mut self, kind: &str, payload: &Value) {
        let list = match kind {
            "groups" => &mut self.mine,
            "allgroup" => &mut self.all,
            _ => return,
        };
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let rows = payload["data"]["groups"].as_array();
        *list = rows
            .into_iter()
            .flatten()
            .map(|row| GroupRef {
                creator: text(row, "creator"),
                groupname: text(row, "groupname"),
                group_id: row["group_id"].as_i64(),
            })
            .collect();
    }
}
