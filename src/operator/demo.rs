//! `p2sp-server demo`: a server with users and messages, to try p2sp out. Its data is in a
//! temporary directory, which is removed at the end.
//!
//! A thread makes the users and messages through the protocol, as any client could: it registers
//! three people and a bot, makes them friends, and sends what they say. Then it stays connected as
//! the bot, which repeats what it is told. Nothing here knows more of the server than the protocol.

use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use p2sp::event_loop::bound::Bound;
use p2sp::id::ListenerKind;
use p2sp::limits::{DEMO_PASSWORD_CHARS, PING_SECONDS};
use p2sp::locale::Lang;
use p2sp::locale::demo;
use p2sp::locale::operator::Text;
use p2sp::wire::{MessageType, frame, request};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{bind, local, run_loop, say};
use crate::options::{Options, client_command};
use crate::system::{code, read_frame, unix_now};

/// The directory whose files are in memory, on systems that have one.
const IN_MEMORY: &str = "/dev/shm";

/// Runs the demonstration until it is stopped.
pub fn run(options: &Options) -> Result<ExitCode, Text> {
    let place = place().map_err(|error| Text::SystemRefuses { why: error.to_string() })?;
    let mut options = options.in_directory(place.path());
    let bound = bind_somewhere(&mut options)?;
    let (addresses, lang) = (bound.addresses(ListenerKind::Public), options.rules.lang);
    let (store, entrance, welcome) = super::open_for_serving(&options, &addresses, None)?;
    let event_loop = super::event_loop(&options, bound, store, entrance)?;

    let password: String = code()?.chars().take(DEMO_PASSWORD_CHARS).collect();
    let shown = |line: &Text| matches!(line, Text::Listening { .. } | Text::AdminPassword { .. });
    let mut lines: Vec<Text> = welcome.into_iter().filter(shown).collect();
    lines.push(Text::Demo { password: password.clone() });
    if let Some(address) = addresses.first() {
        let client = client_command().to_owned();
        lines.push(Text::DemoDoors { address: local(address).to_string(), client });
    }
    lines.push(Text::HowToStop);
    let address = addresses.first().map(local);
    thread::spawn(move || {
        let acted = address.map(|address| act(address, &password, lang, || say(&lines, lang)));
        if let Some(Err(error)) = acted {
            log::warn!("the demonstration's people are gone: {error}");
        }
    });
    Ok(run_loop(event_loop))
}

fn place() -> std::io::Result<TempDir> {
    const PREFIX: &str = "p2sp-demo-";
    let ours = Permissions::from_mode(0o700);
    let mut place = tempfile::Builder::new();
    place.prefix(PREFIX).permissions(ours);
    match Path::new(IN_MEMORY).is_dir() {
        true => place.tempdir_in(IN_MEMORY).or_else(|_| place.tempdir()),
        false => place.tempdir(),
    }
}

/// Binds the default addresses or, if a server has them already, any free port.
fn bind_somewhere(options: &mut Options) -> Result<Bound, Text> {
    match bind(options) {
        Err(_) if options.listen_is_default => {
            options.listen = vec![([127, 0, 0, 1], 0).into()];
            bind(options)
        }
        bound => bound,
    }
}

/// Makes the users and messages, calls `open`, and stays as the bot.
fn act(
    address: SocketAddr,
    password: &str,
    lang: Lang,
    open: impl FnOnce(),
) -> std::io::Result<()> {
    let mut people = Vec::new();
    for name in demo::NAMES {
        let mut person = Person::connect(address)?;
        let account = json!({"username": name, "password": password, "lang": lang.tag()});
        person.ask(MessageType::Reg, account.clone())?;
        person.sign_in(account)?;
        people.push(person);
    }
    for (at, kind, args) in demo::script(lang) {
        people[at].ask(kind, args)?;
    }
    let Some(bot) = people.pop() else { return Ok(()) };
    drop(people);
    open();
    bot.repeat()
}

/// The connection of one user.
struct Person {
    stream: TcpStream,
    key: Value,
    received: Vec<u8>,
}

impl Person {
    fn connect(address: SocketAddr) -> std::io::Result<Person> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Person { stream, key: Value::Null, received: Vec::new() })
    }

    fn sign_in(&mut self, mut account: Value) -> std::io::Result<()> {
        account["ack"] = true.into();
        let welcome = self.ask(MessageType::Login, account)?;
        self.key = welcome["auth_token"].clone();
        Ok(())
    }

    fn send(&mut self, kind: MessageType, mut args: Value) -> std::io::Result<()> {
        args["auth_token"] = self.key.clone();
        let mut bytes = Vec::new();
        request::append(&mut bytes, kind.name(), unix_now(), &args);
        self.stream.write_all(&bytes)
    }

    /// Asks, confirms what is pushed in front of the answer, and returns the answer.
    fn ask(&mut self, kind: MessageType, mut args: Value) -> std::io::Result<Value> {
        args["id"] = 1.into();
        self.send(kind, args)?;
        loop {
            let Some(payload) = self.hear()? else { continue };
            match payload["code"].as_str() {
                Some("ok") => return Ok(payload),
                Some(code) => {
                    return Err(std::io::Error::other(format!("{}: {code}", kind.name())));
                }
                None => self.confirm(&payload)?,
            }
        }
    }

    fn confirm(&mut self, push: &Value) -> std::io::Result<()> {
        match &push["seq"] {
            Value::Null => Ok(()),
            seq => self.send(MessageType::Ack, json!({"seq": seq})),
        }
    }

    /// The payload of the next message; `None` if none came for a while.
    fn hear(&mut self) -> std::io::Result<Option<Value>> {
        let frame = match read_frame(&mut self.stream, &mut self.received) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            frame => frame?,
        };
        let payload = frame::payload(&frame).map_err(|_| ErrorKind::InvalidData)?;
        let mut message: Value = serde_json::from_slice(payload)?;
        Ok(Some(message["payload"].take()))
    }

    /// Repeats each message to its sender, until the server ends.
    fn repeat(mut self) -> std::io::Result<()> {
        self.stream.set_read_timeout(Some(Duration::from_secs(PING_SECONDS)))?;
        loop {
            let push = match self.hear() {
                Ok(Some(push)) => push,
                Ok(None) => {
                    self.send(MessageType::Ping, json!({}))?;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            };
            if push["groupname"].is_null() && !push["fromusername"].is_null() {
                // A `mid` of the message's seq: if it comes twice, one answer is sent.
                let mid = format!("again-{}", push["seq"]);
                let (to, text) = (&push["fromusername"], &push["message"]);
                let again = json!({"username": to, "message": text, "mid": mid});
                self.send(MessageType::Send, again)?;
            }
            self.confirm(&push)?;
        }
    }
}
