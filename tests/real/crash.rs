//! kill -9 under load, with the clients' own journals as the oracle.
//!
//! People write to one another and into a group, and read what comes. Again and again the
//! server is killed in the middle of it and started anew on the same data. Everyone keeps to
//! the book: sign in with the key, send again, in order and under the same `mid`, what was not
//! answered, show a push only if its seq is new, confirm what was shown. What each was
//! answered and shown stands in a journal outside the server; in the end the journals must
//! agree with one another (P1, P5–P10, P13, P15, P25).
//!
//! `P2SP_CRASH_CYCLES` asks for more kills than the usual sixty. They come in rounds, each on data
//! and with journals of its own, checked and counted on a line when it ends; a round fills more
//! than one slice of the log, so that kills meet the sealing of slices too. A run that was broken
//! off goes on with `P2SP_CRASH_FROM`, the cycles that are done.

mod oracle;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use oracle::{Tally, check};
use serde_json::{Value, json};

use crate::support::{Peer, Server, TIMEOUT, frame_of};

/// Messages of one writer that wait for their answer.
const WINDOW: usize = 8;
/// Kills without further wishes, and of a round of a longer run.
const CYCLES: usize = 60;
/// Messages that are acknowledged in every cycle before the kill …
const ACKNOWLEDGED_PER_CYCLE: usize = 200;
/// … which does not come before this either.
const LOAD: Duration = Duration::from_millis(40);
/// Every so many cycles the kill comes so late that cursors are on disk.
const LATE_EVERY: usize = 6;

/// More than the second within which a cursor is written.
const CURSORS_ON_DISK: Duration = Duration::from_millis(1_000);

/// The request id of `resume`; those of messages are their places in the journal.
const RESUME: i64 = -1;

/// Everyone's name, whether they write, and whether they confirm.
const CAST: [(&str, bool, bool); 5] = [
    ("ann", true, true),
    ("ben", true, true),
    ("cho", true, true),
    ("dan", false, true),
    ("eve", false, false),
];

/// What everyone is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// Writing and reading.
    Load,
    /// No new messages; the answers are awaited.
    Settle,
    /// One more connection to read what may still wait.
    Close,
}

/// What the people and the one who kills share.
struct Stage {
    /// The act, and where the server is while it is up.
    scene: Mutex<(Act, Option<SocketAddr>)>,
    changed: Condvar,
    acknowledged: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Stage {
    fn set(&self, act: Act, address: Option<SocketAddr>) {
        *self.scene.lock().expect("no panic") = (act, address);
        self.changed.notify_all();
    }

    fn act(&self) -> Act {
        self.scene.lock().expect("no panic").0
    }

    /// Where the server is, as soon as it is up.
    fn address(&self) -> SocketAddr {
        let scene = self.scene.lock().expect("no panic");
        let down = |scene: &mut (Act, Option<SocketAddr>)| scene.1.is_none();
        let waited = self.changed.wait_timeout_while(scene, TIMEOUT, down).expect("no panic");
        waited.0.1.expect("the server comes back")
    }

    fn wait_until(&self, what: &str, wanted: impl Fn(&Stage) -> bool) {
        let began = Instant::now();
        while !wanted(self) {
            assert!(began.elapsed() < TIMEOUT, "{what}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A message as its writer knows it.
struct Sent {
    to: Option<&'static str>,
    text: String,
    /// What it was answered, once or, after a repetition, more often.
    seqs: Vec<i64>,
}

/// A message as it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    seq: i64,
    from: String,
    in_group: bool,
    text: String,
}

/// What one connection brought.
#[derive(Debug)]
struct Log {
    /// What had been confirmed before it.
    confirmed: i64,
    /// Where it began.
    cursor: i64,
    /// The seq pushed last.
    got: i64,
    /// Messages pushed, shown before or not.
    pushes: usize,
}

/// A person and their journal.
struct Person {
    name: &'static str,
    writes: bool,
    acks: bool,
    key: String,
    epoch: Option<String>,
    sent: Vec<Sent>,
    shown: Vec<Shown>,
    /// The newest seq that was shown, and that was confirmed.
    shown_last: i64,
    confirmed: i64,
    /// Messages sent again because the answer was cut off, and pushes that came again.
    resent: usize,
    repeated: usize,
    /// A line for each connection on which the session went on.
    visits: Vec<Log>,
}

/// One connection of a person.
struct Visit {
    peer: Peer,
    /// The seq pushed last, once the session goes on.
    got: Option<i64>,
}

impl Person {
    fn new(name: &'static str, writes: bool, acks: bool, peer: Peer) -> Person {
        Person {
            name,
            writes,
            acks,
            key: peer.key(),
            epoch: None,
            sent: Vec::new(),
            shown: Vec::new(),
            shown_last: peer.seq,
            confirmed: peer.seq,
            resent: 0,
            repeated: 0,
            visits: Vec::new(),
        }
    }

    /// Plays the part to its end.
    fn play(mut self, stage: &Stage) -> Person {
        loop {
            let closing = stage.act() == Act::Close;
            if closing && !self.acks {
                return self;
            }
            let Ok(peer) = Peer::try_connect(stage.address()) else { continue };
            if self.visit(peer, stage, closing).is_break() {
                return self;
            }
        }
    }

    /// One connection, until it is cut. Breaks when the last one has brought everything.
    fn visit(&mut self, peer: Peer, stage: &Stage, closing: bool) -> ControlFlow<()> {
        let mut visit = Visit { peer, got: None };
        let short = Some(Duration::from_millis(10));
        visit.peer.stream.set_read_timeout(short).expect("a socket");
        let resume = json!({"id": RESUME, "auth_token": self.key, "ack": self.acks});
        self.say(&mut visit, "resume", &resume);
        loop {
            if visit.got.is_some() && stage.act() == Act::Load {
                self.write_more(&mut visit, stage);
            }
            if stage.act() == Act::Close && !closing {
                return ControlFlow::Continue(());
            }
            match visit.peer.try_message() {
                Ok(Some(message)) => {
                    if self.hear(&mut visit, &message, stage) && closing {
                        return ControlFlow::Break(());
                    }
                }
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    ErrorKind::UnexpectedEof => return ControlFlow::Continue(()),
                    kind => {
                        assert_eq!(kind, ErrorKind::ConnectionReset, "{}: {error}", self.name);
                        return ControlFlow::Continue(());
                    }
                },
            }
        }
    }

    /// A connection that is cut meanwhile is seen when it is read.
    fn say(&self, visit: &mut Visit, type_name: &str, args: &Value) {
        let _ = std::io::Write::write_all(&mut visit.peer.stream, &frame_of(type_name, args));
    }

    fn write_more(&mut self, visit: &mut Visit, stage: &Stage) {
        while self.writes && self.waiting() < WINDOW {
            let number = self.sent.len();
            let others: Vec<_> =
                CAST.iter().filter(|(name, _, acks)| *name != self.name && *acks).collect();
            // In turn into the group and to each of those who keep a journal of everything.
            let to = (number % 2 == 1).then(|| others[number / 2 % others.len()].0);
            let text = format!("{} {number}", self.name);
            self.sent.push(Sent { to, text, seqs: Vec::new() });
            stage.unanswered.fetch_add(1, Ordering::SeqCst);
            self.send(visit, number);
        }
    }

    fn waiting(&self) -> usize {
        self.sent.iter().rev().take_while(|sent| sent.seqs.is_empty()).count()
    }

    fn send(&self, visit: &mut Visit, number: usize) {
        let Sent { to, text, .. } = &self.sent[number];
        let mut args = json!({"id": number, "mid": format!("mid-{number}"), "message": text,
                              "auth_token": self.key});
        match to {
            Some(name) => {
                args["username"] = json!(name);
                self.say(visit, "send", &args);
            }
            None => {
                args["groupname"] = json!("all");
                args["creator"] = json!("ann");
                self.say(visit, "sendgroup", &args);
            }
        }
    }

    /// Takes a message in. True: everything that waited has come.
    fn hear(&mut self, visit: &mut Visit, message: &Value, stage: &Stage) -> bool {
        let payload = &message["payload"];
        match message["type"].as_str() {
            Some("login_success") => self.signed_in(visit, payload),
            Some("normalmsg") => self.answered(payload, stage),
            _ if payload["seq"].is_null() => return payload["event"] == "caught_up",
            _ => self.pushed(visit, payload),
        }
        false
    }

    fn signed_in(&mut self, visit: &mut Visit, welcome: &Value) {
        let epoch = welcome["epoch"].as_str().expect("an epoch").to_owned();
        assert_eq!(self.epoch.get_or_insert_with(|| epoch.clone()), &epoch);
        let cursor = welcome["cursor"].as_i64().expect("a cursor");
        self.visits.push(Log { confirmed: self.confirmed, cursor, got: cursor, pushes: 0 });
        visit.got = Some(cursor);
        // In order: the last that was answered, which must not count twice, and all after it.
        self.resent += self.waiting();
        let first = (self.sent.len() - self.waiting()).saturating_sub(1);
        for number in first..self.sent.len() {
            self.send(visit, number);
        }
    }

    fn answered(&mut self, payload: &Value, stage: &Stage) {
        assert_eq!(payload["code"], "ok", "{}: {payload}", self.name);
        let number = payload["re"].as_u64().expect("a number") as usize;
        let sent = &mut self.sent[number];
        if sent.seqs.is_empty() {
            stage.unanswered.fetch_sub(1, Ordering::SeqCst);
            stage.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        sent.seqs.push(payload["data"]["seq"].as_i64().expect("a seq"));
    }

    fn pushed(&mut self, visit: &mut Visit, payload: &Value) {
        let seq = payload["seq"].as_i64().expect("a seq");
        assert_eq!(payload["prev"].as_i64(), visit.got, "{}: {payload}", self.name);
        assert!(Some(seq) > visit.got, "{}: {payload}", self.name);
        visit.got = Some(seq);
        let log = self.visits.last_mut().expect("signed in");
        log.got = seq;
        log.pushes += usize::from(payload["fromusername"].is_string());
        if seq <= self.shown_last {
            self.repeated += 1;
        } else {
            let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
            let in_group = payload["groupname"].is_string();
            let (from, text) = (text("fromusername"), text("message"));
            self.shown.push(Shown { seq, from, in_group, text });
            self.shown_last = seq;
        }
        // Not each of them: confirming is cumulative.
        if self.acks && seq % 3 == 0 {
            self.confirmed = self.confirmed.max(seq);
            self.say(visit, "ack", &json!({"seq": seq, "auth_token": self.key}));
        }
    }
}

/// Everyone a friend of everyone, and in one group.
fn cast(server: &Server) -> Vec<Person> {
    let mut peers = server.friends(CAST.map(|(name, ..)| name));
    peers[0].ok("newgroup", json!({"groupname": "all"}));
    for (name, ..) in &CAST[1..] {
        peers[0].ok("addgroupuser", json!({"groupname": "all", "username": name}));
    }
    // The notices of that are read, so that only messages are in the journals.
    for peer in &mut peers {
        peer.ok("newgroup", json!({"groupname": "own"}));
    }
    let people = peers.into_iter().zip(CAST).map(|(mut peer, (name, writes, acks))| {
        peer.ok("whoami", json!({}));
        while peer.has_push() {
            peer.push();
        }
        peer.confirm();
        Person::new(name, writes, acks, peer)
    });
    people.collect()
}

/// One kill after the other, under load. The server that is left.
fn kill_again_and_again(mut server: Server, stage: &Stage, cycles: Range<usize>) -> Server {
    for cycle in cycles {
        let goal = stage.acknowledged.load(Ordering::SeqCst) + ACKNOWLEDGED_PER_CYCLE;
        // At another moment each time, and now and then so late that cursors are on disk.
        let late = if cycle % LATE_EVERY == 0 { CURSORS_ON_DISK } else { Duration::ZERO };
        thread::sleep(LOAD + late + Duration::from_millis(cycle as u64 * 7 % 50));
        stage.wait_until("nothing is acknowledged any more", |stage| {
            stage.acknowledged.load(Ordering::SeqCst) >= goal
        });
        stage.set(Act::Load, None);
        server = server.again(false);
        if cycle % 5 == 4 {
            // Killed again before anyone could come back.
            server = server.again(false);
        }
        stage.set(Act::Load, Some(server.address));
    }
    server
}

fn play_round(cycles: Range<usize>) -> Tally {
    let server = Server::unlimited(&["--limit", "waiting_per_user=0,waiting_per_sender=0"]);
    let people = cast(&server);
    let stage = Arc::new(Stage {
        scene: Mutex::new((Act::Load, Some(server.address))),
        changed: Condvar::new(),
        acknowledged: AtomicUsize::new(0),
        unanswered: AtomicUsize::new(0),
    });
    let threads: Vec<_> = people
        .into_iter()
        .map(|person| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || person.play(&stage))
        })
        .collect();
    let server = kill_again_and_again(server, &stage, cycles.clone());
    stage.set(Act::Settle, Some(server.address));
    stage.wait_until("an answer never comes", |stage| stage.unanswered.load(Ordering::SeqCst) == 0);
    stage.set(Act::Close, Some(server.address));
    let people: Vec<Person> =
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let tally = Tally::of(&people, cycles.len());
    check(&people, &tally);
    tally
}

#[test]
fn p1_p15_kills_lose_repeat_and_reorder_nothing() {
    let number = |name: &str| -> Option<usize> {
        std::env::var(name).ok().map(|text| text.parse().expect("a number of cycles"))
    };
    let cycles = number("P2SP_CRASH_CYCLES").unwrap_or(CYCLES);
    let mut all = Tally::default();
    for first in (number("P2SP_CRASH_FROM").unwrap_or(0)..cycles).step_by(CYCLES) {
        let tally = play_round(first..cycles.min(first + CYCLES));
        println!("from cycle {first}: {}", tally.line());
        all.add(&tally);
    }
    println!("in all: {}", all.line());
}
