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
use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::server::{Fatal, Server};
use p2sp::wire::{MessageType, frame, request};
use serde_json::{Value, json};

use super::open_existing;
use crate::options::Options;
use crate::system::{random, read_frame, unix_now};

/// A server that takes requests of the operator.
pub struct Asked {
    line: Line,
    lang: &'static str,
}

enum Line {
    Running(UnixStream),
    Stopped(Box<Stopped>),
}

/// A temporary server without sockets: its phases are called for one connection.
struct Stopped {
    server: Server,
    conn: ConnId,
}

impl Asked {
    /// The running server, or a temporary one. Fails if the data cannot be used.
    pub fn any(options: &Options) -> Result<Asked, Startup> {
        match Asked::running(options)? {
            Some(running) => Ok(running),
            None => Asked::stopped(options),
        }
    }

    /// Lets the server take so long to answer, and no longer.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn within(self, span: Duration) -> Result<Asked, Startup> {
        if let Line::Running(stream) = &self.line {
            stream.set_read_timeout(Some(span)).map_err(gone)?;
        }
        Ok(self)
    }

    /// The running server, if there is one; fails if it cannot be asked.
    pub fn running(options: &Options) -> Result<Option<Asked>, Startup> {
        let path = options.data.display().to_string();
        let connected = control::connect(&options.data).map_err(|fault| match fault {
            ControlFault::System(error) if error.kind() == ErrorKind::PermissionDenied => {
                Startup::NotWritable { path, why: error.to_string() }
            }
            ControlFault::System(error) => gone(error),
            ControlFault::ForeignDirectory(owner) => Operating::Foreign { path, owner }.into(),
            ControlFault::ForeignServer(owner) => {
                let path = options.data.join(control::NAME).display().to_string();
                Operating::Impostor { path, owner }.into()
            }
        });
        let Some(stream) = connected? else { return Ok(None) };
        stream
            .set_read_timeout(Some(Duration::from_secs(OPERATOR_ANSWER_SECONDS_MAX)))
            .map_err(gone)?;
        Ok(Some(Asked { line: Line::Running(stream), lang: options.rules.lang.tag() }))
    }

    fn stopped(options: &Options) -> Result<Asked, Startup> {
        let store = open_existing(options)?;
        // `()` reports no full disk: these requests are served though it is nearly full.
        let machine = Box::new(());
        let rules = options.rules.clone();
        let mut server = Server::new(store, rules, machine, random()?, Moment::default());
        let conn = ConnId { slot: 0, generation: 1 };
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        server.accepted(conn, Peer { address, listener: ListenerKind::Control }, now());
        let stopped = Stopped { server, conn };
        let line = Line::Stopped(Box::new(stopped));
        Ok(Asked { line, lang: options.rules.lang.tag() })
    }

    /// Sends a request and returns the payload of the answer. Fails if it is refused.
    pub fn ask(&mut self, kind: MessageType, mut args: Value) -> Result<Value, Startup> {
        args["lang"] = self.lang.into();
        let mut bytes = Vec::new();
        request::append(&mut bytes, kind.name(), unix_now(), &args);
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(Operating::TooLong.into());
        }
        let answer = match &mut self.line {
            Line::Running(stream) => exchange(stream, &bytes)?,
            Line::Stopped(stopped) => stopped.exchange(&bytes)?,
        };
        let payload = frame::payload(&answer).map_err(|_| Operating::ServerGone { why: None })?;
        let mut message: Value =
            serde_json::from_slice(payload).map_err(|_| Operating::ServerGone { why: None })?;
        let payload = message["payload"].take();
        match payload["code"].as_str() {
            Some("ok") => Ok(payload),
            Some(_) => Err(Operating::Refused { message: text(&payload) }.into()),
            // The server stops: this is its notice.
            None => Err(Operating::ServerGone { why: None }.into()),
        }
    }

    /// What the running server tells about itself. Fails if its version is too old for that.
    pub fn about(&mut self) -> Result<Value, Startup> {
        Ok(self.ask(MessageType::Config, json!({}))?["data"]["server"].take())
    }

    /// Ends it. Fails if what was done may not be on the disk.
    pub fn close(self) -> Result<(), Startup> {
        match self.line {
            Line::Running(_) => Ok(()),
            Line::Stopped(stopped) => stopped.server.finish(now()).map_err(fatal),
        }
    }
}

/// The text for people in an answer.
pub fn text(payload: &Value) -> String {
    payload["message"].as_str().unwrap_or_default().to_owned()
}

/// Sends a frame to the running server and receives one.
fn exchange(stream: &mut UnixStream, bytes: &[u8]) -> Result<Vec<u8>, Startup> {
    stream.write_all(bytes).map_err(gone)?;
    read_frame(stream, &mut Vec::new()).map_err(gone)
}

impl Stopped {
    /// The phases of a tick for one frame; once more if it needs a password hash.
    fn exchange(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Startup> {
        let (server, now) = (&mut self.server, now());
        if let Ok(room) = server.room(self.conn, Share::Full) {
            room[..bytes.len()].copy_from_slice(bytes);
            server.came(self.conn, Came::Bytes(bytes.len()), now);
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
        let answer = server.to_write(self.conn).to_vec();
        server.sent(self.conn, answer.len(), now);
        Ok(answer)
    }
}

/// Monotonic time stands still: no timeout applies to a temporary server.
fn now() -> Now {
    Now { mono: Moment::default(), unix: unix_now() }
}

fn fatal(error: Fatal) -> Startup {
    Startup::Broken { why: error.0 }
}

fn gone(error: std::io::Error) -> Startup {
    let why = match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => None,
        _ => Some(error.to_string()),
    };
    Operating::ServerGone { why }.into()
}
