//! A transcript: what several people do, and what each of them must see.
//!
//! ```text
//! limit messages_burst=5          options stand first: limit, keep-days, friend-approval,
//!                                 language, tls, websocket: everybody speaks it, and pieces:
//!                                 bytes travel one or three at a time
//! people alice bob                connect, register, sign in; they confirm. plain: they do not
//! connect root control            through the control socket
//! befriend alice bob              group OWNER NAME MEMBER…: makes one and skips what is said
//! alice: send bob hello           a line as it is typed; alice[m1]: … with the mid m1
//! alice! ack {"seq":$a}           a request of that type with these arguments
//! alice= {"type":7}               a frame with this payload;  alice~ …  the same, checksum zero
//! alice% abcd                     bare bytes, in hex
//! alice< ok seq=$a online=true    the next frame: a code, an event or a push type, and fields
//! alice< message~"text" !mid      ~ contains, < <= > >= compare, ! is absent, $a binds once
//! alice< nothing | end            nothing more came; the stream ended
//! alice< skip | last PATTERN      whatever came; whatever came before the last
//! repeat 300 alice: send bob m$n  several lines with ; $n counts from 1
//! ack alice · wait 5s · cut alice · finish alice · pause alice · read alice · connect alice
//! crash · stop · hashes hold|go · disk BYTES · files out|back · capacity alice BYTES
//! calm 10s 50                     as wait, and the loop wakes at most so often
//! together … go                   what stands between arrives in one tick
//! text $x 8000 · nest $x 200      binds a text of so many bytes, or so many nested arrays
//! ```
//!
//! After each act the loop turns until it rests, with the clock standing still. At the end
//! nothing may be left that nobody expected. What a pattern may say is in `expect`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::locale::Lang;
use p2sp::wire::command::GroupList;
use p2sp::wire::frame;
use p2sp::wire::typed::{self, Parsed};
use serde_json::{Map, Value, json};

use super::expect::{self, Bound};
use super::peer::Peer;
use super::secure::Secure;
use super::socket::{self, Socket};
use super::test_server::{PASSWORD, TestServer, certificate};

/// What a line of a script comes to; an error says what was expected and what came.
type Done = Result<(), String>;

/// Acts out a script.
///
/// # Errors
/// The first line that fails, with its number, and why.
pub fn run(script: &str) -> Result<(), String> {
    let mut stage = Stage::default();
    for (index, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        stage.act(line).map_err(|why| format!("line {}: {line}\n    {why}", index + 1))?;
    }
    stage.nothing_is_left().map_err(|why| format!("at the end: {why}"))?;
    match stage.server {
        Some(mut server) => server.compare_with_replica(),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Stage {
    rules: Rules,
    server: Option<TestServer>,
    people: BTreeMap<String, Peer>,
    bound: Bound,
    together: bool,
    pieces: bool,
    tls: bool,
    websocket: bool,
    recorded: bool,
}

impl Stage {
    fn act(&mut self, line: &str) -> Done {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "limit" | "keep-days" | "friend-approval" | "language" | "pieces" | "tls"
            | "websocket" | "recorded" => {
                return self.set_option(word, rest);
            }
            "repeat" => return self.repeat(rest),
            _ => {}
        }
        if self.server.is_none() {
            let certificate = self.tls.then(certificate);
            let rules = self.rules.clone();
            self.server = Some(match self.recorded {
                true => TestServer::recorded(rules),
                false => TestServer::with(rules, certificate),
            });
        }
        let sign = word.find([':', '!', '<', '=', '~', '%', '[']);
        match sign.map(|at| (&word[..at], &word[at..])) {
            Some((name, "<")) => self.expect(name, rest),
            Some((name, sign)) => {
                self.say(name, sign, rest)?;
                self.settle()
            }
            None => {
                self.happen(word, rest)?;
                self.settle()
            }
        }
    }

    fn set_option(&mut self, word: &str, rest: &str) -> Done {
        assert!(self.server.is_none(), "options stand first");
        match word {
            "friend-approval" => self.rules.friend_approval = true,
            "pieces" => self.pieces = true,
            "tls" => self.tls = true,
            "websocket" => self.websocket = true,
            "recorded" => self.recorded = true,
            "keep-days" => self.rules.keep_days = rest.parse().map_err(|_| "not a number")?,
            "language" => self.rules.lang = Lang::from_tag(rest),
            _ => {
                for setting in rest.split_whitespace() {
                    let (name, value) = setting.split_once('=').ok_or("NAME=VALUE")?;
                    let limit = self.rules.limits.get_mut(name).ok_or("no such limit")?;
                    *limit = value.parse().map_err(|_| "not a number")?;
                }
            }
        }
        Ok(())
    }

    fn repeat(&mut self, rest: &str) -> Done {
        let (times, line) = rest.split_once(' ').ok_or("repeat TIMES LINE")?;
        for n in 1..=times.parse::<u32>().map_err(|_| "not a number")? {
            for line in line.replace("$n", &n.to_string()).split(" ; ") {
                self.act(line.trim()).map_err(|why| format!("number {n}: {line}: {why}"))?;
            }
        }
        Ok(())
    }

    // --- acts ---

    fn server(&mut self) -> &mut TestServer {
        self.server.as_mut().expect("made before the first act")
    }

    fn person(&mut self, name: &str) -> Result<&mut Peer, String> {
        self.people.get_mut(name).ok_or_else(|| format!("who is {name}?"))
    }

    /// Something happens that is no request.
    fn happen(&mut self, word: &str, rest: &str) -> Done {
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (word, words.as_slice()) {
            ("people", names) => names.iter().try_for_each(|name| self.enter(name, true)),
            ("plain", names) => names.iter().try_for_each(|name| self.enter(name, false)),
            ("connect", [name]) => self.connect(name, "127.0.0.1:1", true),
            ("connect", [name, "plain"]) => self.connect(name, "127.0.0.1:1", false),
            ("connect", [name, address]) => self.connect(name, address, true),
            ("befriend", [one, other]) => {
                self.act(&format!("{one}: add {other}"))?;
                self.act(&format!("{one}< ok"))?;
                self.act(&format!("{other}< friend_added username={one}"))
            }
            ("group", [owner, name, members @ ..]) => self.make_group(owner, name, members),
            ("wait", [span]) => {
                let span = read_span(span)?;
                self.server().pass(span);
                Ok(())
            }
            ("clock", ["ahead", span]) => self.jump(span, 1),
            ("clock", ["back", span]) => self.jump(span, -1),
            ("calm", [span, most]) => self.stay_calm(span, most),
            ("crash", []) => {
                self.server().crash();
                self.start_again();
                Ok(())
            }
            ("together", []) => {
                self.together = true;
                Ok(())
            }
            ("go", []) => {
                self.together = false;
                Ok(())
            }
            ("text" | "nest", [name, count]) => {
                let count = count.parse().map_err(|_| "not a number")?;
                let value = if word == "text" { json!("x".repeat(count)) } else { nested(count) };
                self.bound.insert(name.trim_start_matches('$').to_owned(), value);
                Ok(())
            }
            ("stop", []) => {
                self.server().stop();
                self.collect()?;
                self.start_again();
                Ok(())
            }
            ("hashes", [what]) => {
                self.server().net.hold_hashes(*what == "hold");
                Ok(())
            }
            ("disk", [bytes]) => {
                let bytes = bytes.parse().map_err(|_| "not a number")?;
                self.server().net.set_disk_free(bytes);
                Ok(())
            }
            ("files", [what]) => {
                self.server().net.set_out_of_files(*what == "out");
                Ok(())
            }
            (_, [name, ..]) => self.happen_to(word, name, &words[1..]),
            _ => Err("no such act".into()),
        }
    }

    fn happen_to(&mut self, word: &str, name: &str, more: &[&str]) -> Done {
        let end = self.person(name)?.end;
        let net = self.server().net.clone();
        match (word, end, more) {
            ("pause", ..) => self.person(name)?.paused = true,
            ("read", ..) => self.person(name)?.paused = false,
            ("ack", ..) => {
                let args = Map::from_iter([("seq".to_owned(), json!(self.person(name)?.pushed))]);
                return self.send(name, "ack", args);
            }
            ("cut", Some(end), []) => {
                net.cut(end);
                self.person(name)?.disconnected();
            }
            ("finish", Some(end), []) => {
                let person = self.person(name)?;
                let mut bytes = person.socket.as_mut().map(Socket::end).unwrap_or_default();
                if let Some(secure) = &mut person.secure {
                    bytes = [secure.seal(&bytes), secure.end()].concat();
                }
                net.send(end, &bytes);
                net.finish(end);
            }
            ("capacity", Some(end), [bytes]) => {
                net.set_capacity(end, bytes.parse().map_err(|_| "not a number")?);
            }
            _ => return Err("no such act".into()),
        }
        Ok(())
    }

    /// A new person connects, registers and signs in.
    fn enter(&mut self, name: &str, acks: bool) -> Done {
        self.connect(name, "127.0.0.1:1", acks)?;
        if name != "admin" {
            self.act(&format!("{name}: reg {name}"))?;
            self.act(&format!("{name}< ok"))?;
        }
        self.act(&format!("{name}: login {name}"))?;
        self.act(&format!("{name}< login_success username={name}"))?;
        if acks { self.act(&format!("{name}< caught_up")) } else { Ok(()) }
    }

    fn connect(&mut self, name: &str, address: &str, acks: bool) -> Done {
        let end = match address {
            "control" => self.server().net.connect_operator(),
            address => {
                let address: SocketAddr = address.parse().map_err(|_| "not an address")?;
                self.server().net.connect(address)
            }
        };
        if self.pieces {
            self.server().net.set_capacity(end, 3);
        }
        let person = self.people.entry(name.to_owned()).or_default();
        person.acks = acks;
        person.connect(end);
        if self.tls && address != "control" {
            person.secure = Some(Secure::trusting(certificate().fingerprint));
        }
        // Whoever comes through the operator's door speaks frames.
        if self.websocket && address != "control" {
            person.socket = Some(Socket::default());
            return self.send_plain(name, socket::REQUEST.as_bytes());
        }
        self.send_plain(name, &[])
    }

    /// The wall clock goes on from another time.
    fn jump(&mut self, span: &str, sign: i64) -> Done {
        let seconds = read_span(span)?.as_secs() as i64;
        self.server().net.jump(sign * seconds);
        Ok(())
    }

    /// So long nothing happens, and the loop wakes up at most so often.
    fn stay_calm(&mut self, span: &str, most: &str) -> Done {
        let most = most.parse().map_err(|_| "not a number")?;
        let span = read_span(span)?;
        let begun = self.server().net.waits();
        self.server().pass(span);
        let woken = self.server().net.waits() - begun;
        if woken > most { Err(format!("P22: woken {woken} times")) } else { Ok(()) }
    }

    fn make_group(&mut self, owner: &str, name: &str, members: &[&str]) -> Done {
        self.act(&format!("{owner}: newgroup {name}"))?;
        self.act(&format!("{owner}< ok"))?;
        for member in members {
            self.act(&format!("{owner}: addgroupuser {name} {member}"))?;
            self.act(&format!("{owner}< ok"))?;
            self.act(&format!("{member}< group_added groupname={name} username={owner}"))?;
        }
        for member in &members[..members.len().saturating_sub(1)] {
            self.act(&format!("{member}< skip"))?;
        }
        Ok(())
    }

    fn start_again(&mut self) {
        for person in self.people.values_mut() {
            person.disconnected();
        }
        self.server().start();
    }

    /// A person sends something.
    fn say(&mut self, name: &str, sign: &str, rest: &str) -> Done {
        let rest = self.fill_in(rest);
        match sign {
            ":" => self.command(name, None, &rest),
            "!" => {
                let (kind, args) = rest.split_once(' ').unwrap_or((&rest, "{}"));
                let args = serde_json::from_str(args).map_err(|error| error.to_string())?;
                self.send(name, kind, args)
            }
            "=" | "~" => {
                let mut out = Vec::new();
                frame::append(&mut out, |out| out.extend_from_slice(rest.as_bytes()));
                if sign == "~" {
                    out[4..8].fill(0);
                }
                self.send_bytes(name, &out)
            }
            "%" => self.send_bytes(name, &from_hex(&rest)?),
            _ => match sign.strip_prefix('[').and_then(|sign| sign.strip_suffix("]:")) {
                Some(mid) => self.command(name, Some(mid), &rest),
                None => Err("no such act".into()),
            },
        }
    }

    /// A line as a person types it; passwords are asked for.
    fn command(&mut self, name: &str, mid: Option<&str>, line: &str) -> Done {
        let person = self.person(name)?;
        let group = |list, number: usize| {
            let groups = if list == GroupList::Mine { &person.mine } else { &person.all };
            groups.get(number.checked_sub(1)?).cloned()
        };
        let parsed = typed::parse(line, None, &group).map_err(|fault| format!("{fault:?}"))?;
        let Parsed::Request { kind, mut args } = parsed else { return Err("a request".into()) };
        if matches!(kind.name(), "reg" | "login") && !args.contains_key("password") {
            args.insert("password".into(), json!(PASSWORD));
        }
        if let Some(mid) = mid {
            args.insert("mid".into(), json!(mid));
        }
        self.send(name, kind.name(), args)
    }

    fn send(&mut self, name: &str, kind: &str, args: Map<String, Value>) -> Done {
        let bytes = self.person(name)?.request(kind, args);
        self.send_bytes(name, &bytes)
    }

    fn send_bytes(&mut self, name: &str, bytes: &[u8]) -> Done {
        let person = self.person(name)?;
        let wrapped = person.socket.as_mut().map(|socket| socket.wrap(bytes));
        self.send_plain(name, wrapped.as_deref().unwrap_or(bytes))
    }

    fn send_plain(&mut self, name: &str, bytes: &[u8]) -> Done {
        let person = self.person(name)?;
        let end = person.end.ok_or("not connected")?;
        let sealed = person.secure.as_mut().map(|secure| secure.seal(bytes));
        let bytes = sealed.as_deref().unwrap_or(bytes);
        if !self.pieces {
            self.server().net.send(end, bytes);
            return Ok(());
        }
        for byte in bytes {
            self.server().net.send(end, std::slice::from_ref(byte));
            self.server().settle();
        }
        Ok(())
    }

    /// Turns until the loop rests and nothing more comes.
    fn settle(&mut self) -> Done {
        while !self.together {
            self.server().settle();
            if !self.collect()? {
                break;
            }
        }
        Ok(())
    }

    fn collect(&mut self) -> Result<bool, String> {
        let net = self.server().net.clone();
        let mut came = false;
        for (name, person) in &mut self.people {
            came |= person.receive(&net).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(came)
    }

    // --- expectations ---

    fn expect(&mut self, name: &str, pattern: &str) -> Done {
        let person = self.person(name)?;
        if let Some(pattern) = pattern.strip_prefix("last ") {
            person.inbox.drain(..person.inbox.len().saturating_sub(1));
            return self.expect(name, pattern);
        }
        let next = person.inbox.front().cloned();
        match (pattern, &next) {
            ("nothing", None) => return Ok(()),
            ("end", None) if person.ended => return Ok(()),
            ("end", None) => return Err("the stream goes on".into()),
            ("nothing" | "end", Some(next)) => return Err(format!("there is {next}")),
            ("skip", _) => {
                person.inbox.clear();
                return Ok(());
            }
            _ => {}
        }
        let next = next.ok_or("nothing came")?;
        expect::check(pattern, &next, &mut self.bound)
            .map_err(|why| format!("{why}\n    in {next}"))?;
        self.person(name)?.inbox.pop_front();
        Ok(())
    }

    /// Puts what is bound in place of its name.
    fn fill_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.bound.iter().rev() {
            text = text.replace(&format!("${name}"), &value.to_string());
        }
        text
    }

    fn nothing_is_left(&self) -> Done {
        for (name, person) in &self.people {
            if let Some(next) = person.inbox.front() {
                return Err(format!("nobody expected that {name} gets {next}"));
            }
        }
        Ok(())
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| Value::Array(vec![inner]))
}

fn read_span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let count: u64 = digits.parse().map_err(|_| "not a number")?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        "m" => Ok(Duration::from_secs(count * 60)),
        "d" => Ok(Duration::from_secs(count * 86_400)),
        other => Err(format!("no unit {other:?}")),
    }
}

/// The bytes that hexadecimal digits stand for; spaces do not count.
///
/// # Errors
/// They are not pairs of hexadecimal digits.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| "not hexadecimal".into())
}
