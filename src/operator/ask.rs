//! Requests of the operator's commands: to the running server through its control socket, or to a
//! temporary one over the same data. Both answer with the same handlers.

use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use p2sp::control::{self, ControlFault};
use p2sp::event_loop::app::{App, Came, Job, Peer, Share};
use p2sp::id::{ConnId, ListenerKind, Moment, Now};
use p2sp::limits::{FRAME_BYTES_MAX, OPERATOR_ANSWER_SECONDS_MAX};
use p2sp::locale::operator::Text;
use p2sp::server::{Fatal, Server};
use p2sp::wire::{MessageType, frame, request};
use serde_json::{Value, json};

use super::open_existing;
use crate::options::Options;
use crate::system::{random, read_frame, unix_now};

/// A server that takes requests of the operator.
pub struct Asked {
    server: Target,
    lang: &'static str,
}

enum Target {
    Running(UnixStream),
    /// A temporary server without sockets: its phases are called for one connection, [`CONN`].
    Stopped(Box<Server>),
}

const CONN: ConnId = ConnId { slot: 0, generation: 1 };

impl Asked {
    /// The running server, or a temporary one. Fails if the data cannot be used.
    pub fn any(options: &Options) -> Result<Asked, Text> {
        match Asked::running(options)? {
            Some(running) => Ok(running),
            None => Asked::stopped(options),
        }
    }

    /// Lets the server take so long to answer, and no longer.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn within(self, span: Duration) -> Result<Asked, Text> {
        if let Target::Running(stream) = &self.server {
            stream.set_read_timeout(Some(span)).map_err(gone)?;
        }
        Ok(self)
    }

    /// The running server, if there is one; fails if it cannot be asked.
    pub fn running(options: &Options) -> Result<Option<Asked>, Text> {
        let path = options.data.display().to_string();
        let connected = control::connect(&options.data).map_err(|fault| match fault {
            ControlFault::System(error) if error.kind() == ErrorKind::PermissionDenied => {
                Text::NotWritable { path, why: error.to_string() }
            }
            ControlFault::System(error) => gone(error),
            ControlFault::ForeignDirectory(owner) => Text::Foreign { path, owner },
            ControlFault::ForeignServer(owner) => {
                let path = options.data.join(control::NAME).display().to_string();
                Text::Impostor { path, owner }
            }
        });
        let Some(stream) = connected? else { return Ok(None) };
        stream
            .set_read_timeout(Some(Duration::from_secs(OPERATOR_ANSWER_SECONDS_MAX)))
            .map_err(gone)?;
        Ok(Some(Asked { server: Target::Running(stream), lang: options.rules.lang.tag() }))
    }

    fn stopped(options: &Options) -> Result<Asked, Text> {
        let store = open_existing(options)?;
        // `()` reports no full disk: these requests are served though it is nearly full.
        let machine = Box::new(());
        let rules = options.rules.clone();
        let mut server = Server::new(store, rules, machine, random()?, Moment::default());
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        server.accepted(CONN, Peer { address, listener: ListenerKind::Control }, now());
        let server = Target::Stopped(Box::new(server));
        Ok(Asked { server, lang: options.rules.lang.tag() })
    }

    /// Sends a request and returns the payload of the answer. Fails if it is refused.
    pub fn ask(&mut self, kind: MessageType, mut args: Value) -> Result<Value, Text> {
        args["lang"] = self.lang.into();
        let mut bytes = Vec::new();
        request::append(&mut bytes, kind.name(), unix_now(), &args);
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(Text::TooLong);
        }
        let answer = match &mut self.server {
            Target::Running(stream) => exchange(stream, &bytes)?,
            Target::Stopped(server) => serve(server, &bytes)?,
        };
        let payload = frame::payload(&answer).map_err(|_| Text::ServerGone { why: None })?;
        let mut message: Value =
            serde_json::from_slice(payload).map_err(|_| Text::ServerGone { why: None })?;
        let payload = message["payload"].take();
        match payload["code"].as_str() {
            Some("ok") => Ok(payload),
            Some(_) => Err(Text::Refused { message: text(&payload) }),
            // The server stops: this is its notice.
            None => Err(Text::ServerGone { why: None }),
        }
    }

    /// What the running server tells about itself. Fails if its version is too old for that.
    pub fn about(&mut self) -> Result<Value, Text> {
        Ok(self.ask(MessageType::Config, json!({}))?["data"]["server"].take())
    }

    /// Ends it. Fails if what was done may not be on the disk.
    pub fn close(self) -> Result<(), Text> {
        match self.server {
            Target::Running(_) => Ok(()),
            Target::Stopped(server) => server.finish(now()).map_err(fatal),
        }
    }
}

/// The text for people in an answer.
pub fn text(payload: &Value) -> String {
    payload["message"].as_str().unwrap_or_default().to_owned()
}

/// Sends a frame to the running server and receives one.
fn exchange(stream: &mut UnixStream, bytes: &[u8]) -> Result<Vec<u8>, Text> {
    stream.write_all(bytes).map_err(gone)?;
    read_frame(stream, &mut Vec::new()).map_err(gone)
}

/// The phases of a tick for one frame; once more if it needs a password hash.
fn serve(server: &mut Server, bytes: &[u8]) -> Result<Vec<u8>, Text> {
    let now = now();
    if let Ok(room) = server.room(CONN, Share::Full) {
        room[..bytes.len()].copy_from_slice(bytes);
        server.came(CONN, Came::Bytes(bytes.len()), now);
    }
    server.decode(now);
    loop {
        server.serve(now, &|| now.mono).map_err(fatal)?;
        let committed = server.commit(now).map_err(fatal)?;
        let jobs = server.deliver(committed, now).map_err(fatal)?;
        if jobs.is_empty() {
            break;
        }
        for (conn, job) in jobs {
            server.done(conn, job.run());
        }
    }
    let answer = server.to_write(CONN).to_vec();
    server.sent(CONN, answer.len(), now);
    Ok(answer)
}

/// Monotonic time stands still: no timeout applies to a temporary server.
fn now() -> Now {
    Now { mono: Moment::default(), unix: unix_now() }
}

fn fatal(error: Fatal) -> Text {
    Text::Broken { why: error.0 }
}

fn gone(error: std::io::Error) -> Text {
    let why = match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => None,
        _ => Some(error.to_string()),
    };
    Text::ServerGone { why }
}
