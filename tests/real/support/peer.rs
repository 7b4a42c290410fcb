//! One connection, seen from its other end.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use p2sp::wire::frame;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use super::TIMEOUT;

/// A connection and what came over it.
pub struct Peer {
    /// The socket.
    pub stream: TcpStream,
    bytes: Vec<u8>,
    id_last: i64,
    /// Pushes that came before an answer that was waited for.
    pushes: VecDeque<Value>,
    /// The login key.
    pub key: Option<String>,
    /// The seq of the last push taken, from the cursor on.
    pub seq: i64,
}

/// A request as a frame.
pub fn frame_of(type_name: &str, payload: &Value) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    let message = json!({"type": type_name, "timestamp": now, "payload": payload});
    framed(message.to_string().as_bytes())
}

/// Any bytes as a frame.
pub fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::append(&mut bytes, |out| out.extend_from_slice(payload));
    bytes
}

impl Peer {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Peer {
        Peer::try_connect(address).expect("a connection")
    }

    /// Connects, if the server is there.
    pub fn try_connect(address: SocketAddr) -> io::Result<Peer> {
        Peer::over(TcpStream::connect(address)?)
    }

    /// Connects with so little room in the kernel that what is not read soon waits with the
    /// server.
    pub fn connect_narrow(address: SocketAddr) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a size");
        socket.connect(&address.into()).expect("a connection");
        Peer::over(socket.into()).expect("a connection")
    }

    fn over(stream: TcpStream) -> io::Result<Peer> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Peer {
            stream,
            bytes: Vec::new(),
            id_last: 0,
            pushes: VecDeque::new(),
            key: None,
            seq: 0,
        })
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    /// A request with an id and the key, not sent yet.
    pub fn request(&mut self, type_name: &str, mut args: Value) -> (i64, Vec<u8>) {
        self.id_last += 1;
        args["id"] = self.id_last.into();
        if let (Some(key), None) = (&self.key, args.get("auth_token")) {
            args["auth_token"] = key.as_str().into();
        }
        (self.id_last, frame_of(type_name, &args))
    }

    /// Sends a request; its answer is still to come.
    pub fn send(&mut self, type_name: &str, args: Value) -> i64 {
        let (id, bytes) = self.request(type_name, args);
        self.raw(&bytes);
        id
    }

    /// The next message, or nothing at the end of the stream.
    ///
    /// # Errors
    /// The connection was cut, or brings nothing.
    pub fn try_message(&mut self) -> io::Result<Option<Value>> {
        let broken = |what: &'static str| io::Error::new(ErrorKind::InvalidData, what);
        let mut chunk = [0; 16 * 1024];
        loop {
            let length = frame::frame_len(&self.bytes).map_err(|_| broken("no frame"))?;
            if let Some(length) = length.filter(|&length| length <= self.bytes.len()) {
                let frame: Vec<u8> = self.bytes.drain(..length).collect();
                let payload = frame::payload(&frame).map_err(|_| broken("no checksum"))?;
                let message = serde_json::from_slice(payload).map_err(|_| broken("no JSON"))?;
                return Ok(Some(message));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) if self.bytes.is_empty() => return Ok(None),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next message, which must come.
    pub fn message(&mut self) -> Value {
        self.try_message().expect("a message").expect("a message before the end")
    }

    /// The payload of the answer to a request; pushes before it are kept.
    pub fn answer(&mut self, id: i64) -> Value {
        loop {
            let mut message = self.message();
            match message["type"].as_str() {
                Some("normalmsg" | "login_success") => {
                    assert_eq!(message["payload"]["re"], id, "{message}");
                    return message["payload"].take();
                }
                _ => self.pushes.push_back(message),
            }
        }
    }

    /// Asks and waits for the answer's payload.
    pub fn ask(&mut self, type_name: &str, args: Value) -> Value {
        let id = self.send(type_name, args);
        self.answer(id)
    }

    /// Asks for what must be done; returns the answer's payload.
    pub fn ok(&mut self, type_name: &str, args: Value) -> Value {
        let answer = self.ask(type_name, args);
        assert_eq!((&answer["code"], &answer["status"]), (&json!("ok"), &json!(200)), "{answer}");
        answer
    }

    /// Asks for what must be refused with this code.
    pub fn refused(&mut self, type_name: &str, args: Value, code: &str) -> Value {
        let answer = self.ask(type_name, args);
        assert_eq!(answer["code"], code, "{answer}");
        answer
    }

    /// The next push. Those of the log must follow the one before without a gap (P8).
    pub fn push(&mut self) -> Value {
        let push = self.pushes.pop_front().unwrap_or_else(|| self.message());
        if let Some(seq) = push["payload"]["seq"].as_i64() {
            assert_eq!(push["payload"]["prev"], self.seq, "{push}");
            assert!(seq > self.seq, "{push}");
            self.seq = seq;
        }
        push
    }

    /// Whether a push came before an answer and was not taken yet.
    pub fn has_push(&self) -> bool {
        !self.pushes.is_empty()
    }

    /// The next push, which must be of a friend and say this. Returns its seq.
    pub fn expect_text(&mut self, from: &str, text: &str) -> i64 {
        let push = self.push();
        let payload = &push["payload"];
        let got = (&payload["fromusername"], &payload["message"]);
        assert_eq!(got, (&json!(from), &json!(text)), "{push}");
        payload["seq"].as_i64().expect("a seq")
    }

    /// The next push, which must be of the system and about this event; its payload.
    pub fn expect_event(&mut self, event: &str) -> Value {
        let mut push = self.push();
        assert_eq!((&push["type"], &push["payload"]["event"]), (&json!("sysmsg"), &json!(event)));
        push["payload"].take()
    }

    /// The stream must end here, perhaps after what the system tells every connection.
    pub fn expect_end(&mut self) {
        let rest = self.try_message().expect("an end of the stream");
        assert_eq!(rest, None);
        assert!(self.pushes.is_empty(), "{:?}", self.pushes);
    }

    /// Signs in with a password.
    pub fn sign_in(&mut self, name: &str, password: &str, acks: bool) -> Value {
        let args = json!({"username": name, "password": password, "ack": acks});
        let mut welcome = self.ask("login", args.clone());
        // Behind a wrong password the next one waits, on loopback as well.
        while let Some(seconds) = welcome["data"]["retry_after"].as_u64() {
            std::thread::sleep(std::time::Duration::from_secs(seconds));
            welcome = self.ask("login", args.clone());
        }
        assert_eq!(welcome["code"], "ok", "{welcome}");
        self.welcome(&welcome);
        welcome
    }

    /// Signs in with a key.
    pub fn resume(&mut self, key: &str, acks: bool) -> Value {
        let welcome = self.ok("resume", json!({"auth_token": key, "ack": acks}));
        self.welcome(&welcome);
        welcome
    }

    /// Signs in again on another connection, with the same key.
    pub fn resume_again(&mut self, server: &super::Server) -> Value {
        let key = self.key();
        *self = server.peer();
        self.resume(&key, true)
    }

    fn welcome(&mut self, welcome: &Value) {
        self.key = welcome["auth_token"].as_str().map(str::to_owned);
        self.seq = welcome["cursor"].as_i64().expect("a cursor");
    }

    /// The key, to sign in with elsewhere.
    pub fn key(&self) -> String {
        self.key.clone().expect("signed in")
    }

    /// Confirms every push taken so far.
    pub fn confirm(&mut self) {
        self.ok("ack", json!({"seq": self.seq}));
    }

    /// Sends no more; answers can still come.
    pub fn finish_writing(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("a connection");
    }

    /// Leaves, and waits until the server has seen it.
    pub fn leave(mut self) {
        self.finish_writing();
        while self.try_message().expect("an end").is_some() {}
    }
}
