//! Everyone's shared ground: the edge, the connections over it, and what is known of what was
//! promised on them.
//!
//! Whoever acts asks through the scene, so that each request is known before its first byte
//! leaves. [`Scene::hear`] takes what the loop wrote in a tick, frame by frame, in the order in
//! which it was written; [`Scene::absorb`] compares all of it with the database.

mod answers;

use std::collections::BTreeMap;
use std::rc::Rc;

use p2sp::id::Moment;
use p2sp::limits::SEND_HIGH_BYTES;
use p2sp::wire::request;
use serde_json::{Map, Value, json};

use super::choices::Choices;
use super::coverage::{Coverage, Happening};
use super::ledger::{Check, Ledger};
use super::snapshot::Snapshot;
use super::stream::{Ask, Asked, Message, Session, Stream, UNSENT_MAX};
use super::trace::Trace;
use crate::support::pipe_net::{PeerId, PipeNet};

/// A login key that was seen.
#[derive(Debug)]
struct Key {
    user: i64,
    known_at: u64,
    /// Since when it is certain that it is worth nothing.
    dead_at: Option<u64>,
}

/// What is known of how far the log reached a user.
#[derive(Debug, Default)]
struct Reach {
    /// The last cursor that they were told, or that must be on the disk since.
    told: i64,
    /// The most that they confirmed, or that was written to a session that does not confirm.
    most: i64,
    /// Confirmations that were answered, and when.
    confirmed: Vec<(Moment, i64)>,
    /// Of the sign-ins that were answered with `ok`, when the last one was asked for.
    signed_in_asked: u64,
}

/// Beyond this a confirmation that was answered is on the disk, in microseconds.
const CURSOR_DURABLE_MICROS: u64 = 1_100_000;

/// The ground.
pub struct Scene {
    pub net: PipeNet,
    pub choices: Choices,
    pub coverage: Coverage,
    pub ledger: Ledger,
    pub streams: Vec<Stream>,
    pub trace: Trace,
    /// Sessions of connections that are no more.
    past: Vec<Session>,
    keys: BTreeMap<String, Key>,
    reaches: BTreeMap<i64, Reach>,
    /// Users of whom it is certain that they are blocked, and since when.
    blocked_since: BTreeMap<i64, u64>,
    /// Cursors told: user, cursor, and how far they may have been.
    claims: Vec<(i64, i64, i64)>,
    /// How much has happened.
    events: u64,
    /// The greatest seq that was written to anybody.
    pub head_seen: i64,
    /// The disk is full: a cursor may have to wait until it is not.
    cursors_wait: bool,
    /// The last user who was there at first: nothing had been said then.
    users_at_first: i64,
    /// The log's head then.
    begun: i64,
    /// Rows of the log, as `stats` last told.
    pub figure: Option<i64>,
    /// Histories that were shown and not compared yet: whose, with whom, the seqs.
    histories: Vec<(i64, i64, Vec<i64>)>,
    /// Refusals heard since the server started, by code.
    pub refusals: BTreeMap<String, u64>,
    /// The wall clock has jumped at least once.
    pub clock_jumped: bool,
}

impl Scene {
    /// The ground of a world that begins.
    pub fn new(net: PipeNet, choices: Choices, coverage: Coverage, ledger: Ledger) -> Scene {
        let users_at_first = ledger.users().last().copied().unwrap_or_default();
        let begun = ledger.head();
        Scene {
            net,
            begun,
            users_at_first,
            choices,
            coverage,
            ledger,
            streams: Vec::new(),
            trace: Trace::default(),
            past: Vec::new(),
            keys: BTreeMap::new(),
            reaches: BTreeMap::new(),
            blocked_since: BTreeMap::new(),
            claims: Vec::new(),
            events: 0,
            head_seen: begun,
            cursors_wait: false,
            figure: None,
            histories: Vec::new(),
            refusals: BTreeMap::new(),
            clock_jumped: false,
        }
    }

    /// Whether confirmations may have to wait for the disk from here on.
    pub fn let_cursors_wait(&mut self, wait: bool) {
        self.cursors_wait = wait;
        let now = self.net.now();
        for reach in self.reaches.values_mut().filter(|_| wait) {
            reach.confirmed.retain(|confirmed| is_durable(confirmed, now));
        }
    }

    /// What time it is.
    pub fn now(&self) -> u64 {
        self.net.now().0
    }

    /// It happened.
    pub fn saw(&self, happening: Happening) {
        self.coverage.saw(happening);
    }

    // --- the peers' side ---

    /// A peer connects, from a place that is theirs alone: one who guesses at another's password
    /// makes nobody wait but themselves. The same name is at the same place.
    pub fn connect(&mut self, name: &str) -> PeerId {
        let place = crc32fast::hash(name.as_bytes()).to_le_bytes();
        let peer = self.net.connect(([127, place[0], place[1], place[2]], 1).into());
        assert_eq!(peer.0, self.streams.len(), "a stream for each peer");
        self.streams.push(Stream::default());
        peer
    }

    /// The connection of a peer.
    pub fn stream(&mut self, peer: PeerId) -> &mut Stream {
        &mut self.streams[peer.0]
    }

    /// Makes a request, and puts its bytes where [`Scene::push_out`] takes them. Says its id.
    pub fn ask(
        &mut self,
        peer: PeerId,
        kind: &str,
        key: Option<&str>,
        mut args: Map<String, Value>,
        what: Ask,
    ) -> i64 {
        self.events += 1;
        let at = self.events;
        self.trace.note(|| format!("#{} asks {kind} {args:?} {key:?}", peer.0));
        match &what {
            Ask::Block(user, _) => {
                self.blocked_since.remove(user);
                self.ledger.block_asked(*user);
            }
            Ask::Say(tag) => self.ledger.say_asked(tag),
            Ask::Change(change) => {
                let lax = kind == "blockgroup" || kind == "unblockgroup";
                self.ledger.asked(change, lax);
            }
            _ => {}
        }
        if let Ask::Ack(seq) = what {
            let session = self.streams[peer.0].session.as_ref();
            if let Some(session) = session.filter(|session| session.acks) {
                let reach = self.reaches.entry(session.user).or_default();
                reach.most = reach.most.max(seq);
            }
        }
        let stream = &mut self.streams[peer.0];
        let session = stream.session.as_ref();
        let over = session.is_some_and(|session| session.revoked_from.is_some());
        let id = stream.next_id();
        let silent = kind == "ack" && !args.contains_key("id");
        if !silent {
            args.insert("id".into(), json!(id));
        }
        args.insert("auth_token".into(), json!(key));
        let head = self.head_seen;
        stream.asked.push_back(Asked { id: (!silent).then_some(id), what, at, head, over });
        request::append(&mut stream.outgoing, kind, 0, &Value::Object(args));
        id
    }

    /// At most `most` bytes of what a peer has to send are on their way.
    pub fn push_out(&mut self, peer: PeerId, most: usize) {
        let now = self.now();
        let stream = &mut self.streams[peer.0];
        let count = most.min(stream.outgoing.len());
        if count > 0 {
            self.trace.note(|| format!("#{} sends {count} bytes", peer.0));
            self.trace.bytes(&stream.outgoing[..count]);
            self.net.send(peer, &stream.outgoing[..count]);
            stream.send(count, now);
        }
    }

    /// A peer takes at most `most` bytes of what came: the messages that are whole then.
    pub fn read(&mut self, peer: PeerId, most: usize) -> Vec<Rc<Message>> {
        let count = self.net.take_some(peer, most).len();
        self.streams[peer.0].read(count)
    }

    /// A peer has nothing more to do with its connection.
    pub fn leave(&mut self, peer: PeerId) {
        self.events += 1;
        let stream = &mut self.streams[peer.0];
        stream.gone = true;
        stream.outgoing = Vec::new();
        let asked = std::mem::take(&mut stream.asked);
        self.are_lost(asked);
    }

    /// Peers that sent their last byte take all that still comes, and then go.
    pub fn read_what_is_left(&mut self) {
        for at in 0..self.streams.len() {
            if self.streams[at].finished && self.net.is_accepted(PeerId(at)) {
                self.net.set_capacity(PeerId(at), 1 << 20);
                self.read(PeerId(at), usize::MAX);
            }
        }
    }

    /// Nobody will ever be told what came of these.
    fn are_lost(&mut self, asked: impl IntoIterator<Item = Asked>) {
        for asked in asked {
            match asked.what {
                Ask::Block(user, _) => self.ledger.block_lost(user),
                Ask::Say(tag) => self.ledger.say_lost(&tag),
                _ => {}
            }
        }
    }

    /// Every connection is gone, and the server with them; a killed one may have forgotten what
    /// it was not to forget a second ago.
    pub fn all_is_gone(&mut self, killed: bool) {
        let now = self.net.now();
        for at in 0..self.streams.len() {
            self.leave(PeerId(at));
        }
        let streams = std::mem::take(&mut self.streams);
        self.past.extend(streams.into_iter().filter_map(|stream| stream.session));
        for reach in self.reaches.values_mut().filter(|_| killed) {
            reach.confirmed.retain(|confirmed| is_durable(confirmed, now));
            reach.told = reach.confirmed.iter().map(|confirmed| confirmed.1).max().unwrap_or(0);
        }
        self.refusals.clear();
    }

    // --- the loop's side ---

    /// Takes what the loop wrote in a tick.
    pub fn hear(&mut self) -> Check {
        let mut heard = Vec::new();
        for (peer, bytes) in self.net.tapped() {
            self.trace.note(|| format!("#{} gets {} bytes", peer.0, bytes.len()));
            self.trace.bytes(&bytes);
            self.streams[peer.0].written_at = self.now();
            for (start, message) in self.streams[peer.0].hear(&bytes)? {
                self.trace.note(|| format!("#{} gets {:?}", peer.0, message.payload));
                self.events += 1;
                self.take(peer, start, &message)
                    .map_err(|why| format!("{why}\n    on connection #{}", peer.0))?;
            }
            heard.push(peer);
        }
        for peer in heard {
            let stream = &mut self.streams[peer.0];
            stream.before_tick = stream.written();
            let unsent = self.net.offered_max(peer);
            if unsent > SEND_HIGH_BYTES {
                self.coverage.saw(Happening::AboveHighMark);
            }
            if unsent > UNSENT_MAX {
                return Err(format!("P20: {unsent} bytes waited for #{}", peer.0));
            }
        }
        self.net.shut().into_iter().try_for_each(|peer| self.streams[peer.0].check_end())
    }

    fn take(&mut self, peer: PeerId, start: usize, message: &Rc<Message>) -> Check {
        let payload = &message.payload;
        if let Some(why) = &self.streams[peer.0].over {
            return Err(format!("P17: {payload:?} behind {why}"));
        }
        if payload.code.is_some() {
            return self.take_answer(peer, payload);
        }
        if let Some(seq) = payload.seq {
            self.head_seen = self.head_seen.max(seq);
            let stream = &mut self.streams[peer.0];
            let user = stream.session.as_ref().map_or(0, |session| session.user);
            stream.pushed(start, message, self.ledger.name(user))?;
            let plain = stream.session.as_ref().is_some_and(|session| !session.acks);
            if plain {
                let reach = self.reaches.entry(user).or_default();
                reach.most = reach.most.max(seq);
            }
            return Ok(());
        }
        let event = payload.event.clone().unwrap_or_default();
        let stream = &mut self.streams[peer.0];
        if event == "caught_up" {
            let session = stream.session.as_mut().filter(|session| session.acks);
            let session = session.ok_or("P16: nobody asked whether they are caught up")?;
            if session.caught_up.replace((session.pushed, session.head)).is_some() {
                return Err("P16: caught up twice".into());
            }
            return Ok(());
        }
        stream.over = Some(event);
        stream.check_late()
    }

    /// A login key that certainly is worth nothing.
    pub fn dead_key(&self) -> Option<String> {
        let dead: Vec<&String> =
            self.keys.iter().filter(|(_, key)| key.dead_at.is_some()).map(|(key, _)| key).collect();
        (!dead.is_empty()).then(|| (*self.choices.pick(&dead)).clone())
    }

    /// A login key that may well be worth something, of another user.
    pub fn foreign_key(&self, user: i64) -> Option<String> {
        let foreign = |key: &Key| key.user != user && key.dead_at.is_none();
        let foreign: Vec<&String> =
            self.keys.iter().filter(|(_, key)| foreign(key)).map(|(key, _)| key).collect();
        (!foreign.is_empty()).then(|| (*self.choices.pick(&foreign)).clone())
    }

    // --- the database ---

    /// Compares all that was heard with what the database holds.
    pub fn absorb(&mut self, snapshot: &Snapshot) -> Check {
        self.ledger.absorb(snapshot)?;
        for (user, seq) in self.ledger.departures() {
            let sessions = self.streams.iter().filter_map(|stream| stream.session.as_ref());
            let here = sessions.rev().find(|session| session.user == user);
            let visible = self.ledger.visible(user);
            let last = visible[..visible.partition_point(|of| *of < seq)].last();
            if let (Some(session), Some(last)) = (here, last)
                && session.pushed < *last
            {
                self.coverage.saw(Happening::LeftWhileBehind);
            }
        }
        if self.ledger.head() < self.head_seen {
            let (seen, head) = (self.head_seen, self.ledger.head());
            return Err(format!("P1, P2: {seen} was seen, and the log ends at {head}"));
        }
        for (user, cursor, reach) in std::mem::take(&mut self.claims) {
            let visible = self.ledger.visible(user);
            let next = visible.get(visible.partition_point(|seq| *seq <= reach));
            if next.is_some_and(|next| *next <= cursor) {
                return Err(format!("P13: {user}'s cursor is {cursor}, they had only {reach}"));
            }
        }
        let ledger = &self.ledger;
        for (user, other, seqs) in std::mem::take(&mut self.histories) {
            ledger.check_history(user, other, &seqs)?;
        }
        let sessions = self.streams.iter_mut().filter_map(|stream| stream.session.as_mut());
        for session in sessions.chain(&mut self.past) {
            check_session(ledger, session)?;
        }
        self.past.clear();
        Ok(())
    }
}

/// Whether a confirmation is on the disk by now.
fn is_durable(confirmed: &(Moment, i64), now: Moment) -> bool {
    now.since(confirmed.0).as_micros() as u64 >= CURSOR_DURABLE_MICROS
}

/// What was pushed is what is visible, from the cursor on, and says what the log says.
fn check_session(ledger: &Ledger, session: &mut Session) -> Check {
    let visible = ledger.visible(session.user);
    let cursor = session.cursor;
    let begun = || visible.partition_point(|seq| *seq <= cursor);
    let mut through = session.through.unwrap_or_else(begun);
    for push in session.pushes.drain(..) {
        let seq = push.payload.seq.unwrap_or_default();
        if visible.get(through) != Some(&seq) {
            let due = visible.get(through);
            return Err(format!("P9, P12: {due:?} was due to {}, not {push:?}", session.user));
        }
        check_content(ledger, &push, session.user)?;
        through += 1;
    }
    session.through = Some(through);
    if let Some((pushed, head)) = session.caught_up
        && !std::mem::replace(&mut session.caught_up_checked, true)
    {
        let next = visible.get(visible.partition_point(|seq| *seq <= pushed));
        if next.is_some_and(|next| *next <= head) {
            return Err(format!("P16: {} is not caught up, {next:?} is due", session.user));
        }
    }
    Ok(())
}

fn check_content(ledger: &Ledger, push: &Message, user: i64) -> Check {
    let payload = &push.payload;
    let Some(entry) = ledger.entry(payload.seq.unwrap_or_default()) else {
        return Err(format!("P2: {payload:?} is not in the log"));
    };
    let from = payload.fromusername.as_deref().or(payload.username.as_deref());
    let is_said = entry.kind == 3
        || (payload.message == entry.body
            && from == Some(ledger.name(entry.sender))
            && (entry.kind == 1) == payload.system);
    let kind = match (entry.kind, entry.conversation % 2) {
        (2 | 3, _) => "sysmsg",
        (_, 1) => "groupsend",
        _ => "usersend",
    };
    if is_said && push.kind == kind {
        return Ok(());
    }
    Err(format!("P10: {user} is shown {push:?}, and the log has {entry:?}"))
}
