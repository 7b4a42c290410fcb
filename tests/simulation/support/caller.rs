//! Somebody who speaks TLS, or does not, a byte at a time if need be: for tests of what lies below
//! the frames. `peer` is for those of what is said in them.

use std::net::SocketAddr;

use p2sp::wire::{Fingerprint, frame, request};
use serde_json::{Value, json};

use super::pipe_net::PeerId;
use super::secure::Secure;
use super::test_server::{PASSWORD, TestServer};

/// One end of a connection.
pub struct Caller {
    /// Its end of the pipe.
    pub end: PeerId,
    /// Its TLS.
    pub secure: Option<Secure>,
    /// What came and was not looked at.
    pub plain: Vec<u8>,
    key: Option<String>,
}

impl Caller {
    /// Connects; with a key to trust it speaks TLS.
    pub fn connect(server: &TestServer, address: &str, trusts: Option<Fingerprint>) -> Caller {
        let address: SocketAddr = address.parse().expect("an address");
        let secure = trusts.map(Secure::trusting);
        Caller { end: server.net.connect(address), secure, plain: Vec::new(), key: None }
    }

    /// The operator, at the control socket.
    pub fn operator(server: &TestServer) -> Caller {
        let end = server.net.connect_operator();
        Caller { end, secure: None, plain: Vec::new(), key: None }
    }

    /// The bytes of a request, and of whatever TLS has to say.
    pub fn request(&mut self, kind: &str, mut args: Value) -> Vec<u8> {
        if let Some(key) = &self.key {
            args["auth_token"] = key.as_str().into();
        }
        let mut bytes = Vec::new();
        request::append(&mut bytes, kind, 0, &args);
        self.seal(&bytes)
    }

    /// As it travels.
    pub fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.secure.as_mut().map_or(bytes.to_vec(), |secure| secure.seal(bytes))
    }

    /// Takes what came, and says what TLS wants said.
    pub fn receive(&mut self, server: &TestServer) -> Result<usize, String> {
        let bytes = server.net.take(self.end);
        match &mut self.secure {
            None => self.plain.extend_from_slice(&bytes),
            Some(secure) => self.plain.append(&mut secure.open(&bytes)?),
        }
        let answer = self.seal(&[]);
        server.net.send(self.end, &answer);
        Ok(bytes.len() + answer.len())
    }

    /// Until nothing more comes.
    pub fn converse(&mut self, server: &mut TestServer) {
        loop {
            server.settle();
            if self.receive(server).expect("TLS") == 0 {
                return;
            }
        }
    }

    /// Asks, and returns the answer's payload.
    pub fn ask(&mut self, server: &mut TestServer, kind: &str, args: Value) -> Value {
        let bytes = self.request(kind, args);
        server.net.send(self.end, &bytes);
        self.converse(server);
        self.answer().expect("an answer")
    }

    /// The payload of the next answer that came.
    pub fn answer(&mut self) -> Option<Value> {
        loop {
            let length = frame::frame_len(&self.plain).expect("a frame")?;
            let whole: Vec<u8> = self.plain.drain(..length).collect();
            let payload = frame::payload(&whole).expect("a checksum");
            let mut message: Value = serde_json::from_slice(payload).expect("JSON");
            if message["payload"].get("code").is_some() {
                return Some(message["payload"].take());
            }
        }
    }

    /// The codes of all that came.
    pub fn codes(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.answer()).map(|mut answer| answer["code"].take()).collect()
    }

    /// Takes what came; whether nothing more will.
    pub fn has_ended(&mut self, server: &TestServer) -> bool {
        self.receive(server).expect("TLS");
        server.net.has_ended(self.end)
    }

    /// Signs in.
    pub fn sign_in(&mut self, server: &mut TestServer, name: &str) {
        let args = json!({"username": name, "password": PASSWORD});
        let welcome = self.ask(server, "login", args);
        self.key = welcome["auth_token"].as_str().map(str::to_owned);
        assert!(self.key.is_some(), "{welcome}");
    }
}
