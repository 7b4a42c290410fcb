//! One connection as a witness at the edge sees it: what was asked on it, and every byte that the
//! loop wrote to it, whether or not the peer has taken it yet.
//!
//! What holds on every connection, whoever speaks on it, is checked as frames come: answers in
//! the order of the requests, pushes only to a session, in order, with an unbroken chain (P8),
//! never one's own, nothing behind the end.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use p2sp::limits::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_SECONDS_MAX, Limits, SEND_HIGH_BYTES,
};
use p2sp::wire::frame;
use serde::Deserialize;

use super::ledger::Check;

/// The most that a connection's send buffer may hold: what it had below the high mark, and what a
/// tick adds to it at most once it is there (P20).
pub const UNSENT_MAX: usize = SEND_HIGH_BYTES + 2 * FRAME_BYTES_MAX;

/// A frame of the server.
#[derive(Debug, Deserialize)]
pub struct Message {
    #[serde(rename = "type")]
    pub kind: String,
    pub payload: Payload,
}

/// What may stand in it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Payload {
    pub message: String,
    pub re: Option<i64>,
    pub code: Option<String>,
    pub data: Option<serde_json::Value>,
    pub auth_token: Option<String>,
    pub user_id: i64,
    pub cursor: i64,
    pub event: Option<String>,
    pub username: Option<String>,
    pub groupname: Option<String>,
    pub creator: Option<String>,
    pub fromusername: Option<String>,
    pub system: bool,
    pub seq: Option<i64>,
    pub prev: Option<i64>,
}

/// Only what is there, and of a long text its beginning.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let names = [&self.code, &self.event, &self.fromusername, &self.username, &self.groupname];
        let names: Vec<String> = names.into_iter().map(text).collect();
        let begin: String = self.message.chars().take(24).collect();
        write!(f, "{}", names.join(" ").trim())?;
        for (name, number) in [("re", self.re), ("seq", self.seq), ("prev", self.prev)] {
            if let Some(number) = number {
                write!(f, " {name}={number}")?;
            }
        }
        if self.auth_token.is_some() {
            write!(f, " user={} cursor={}", self.user_id, self.cursor)?;
        }
        let data = self.data.as_ref().map(ToString::to_string).unwrap_or_default();
        write!(f, " {begin:?} {}", data.chars().take(60).collect::<String>())
    }
}

impl Payload {
    /// A number of the data.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.data.as_ref()?.get(name)?.as_i64()
    }
}

/// What a request is about, as far as its answer matters.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Sign in as a user: with the right password, or with a key.
    SignIn { user: i64, acks: bool, key: Option<String> },
    /// A message, by its tag.
    Say(String),
    /// Something that a notice tells of.
    Change(String),
    /// Block or unblock a user.
    Block(i64, bool),
    /// Confirm.
    Ack(i64),
    /// A new password.
    Passwd(String),
    /// The end of a session.
    Logout,
    /// Figures.
    Stats,
    /// What was said with a user.
    History(i64),
    /// Whatever: it is answered.
    Other,
    /// What must not be done: only these codes may answer it.
    Lie(&'static [&'static str]),
}

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: Option<i64>,
    pub what: Ask,
    /// How many things had happened when it was asked.
    pub at: u64,
    /// The greatest seq that anyone had seen then.
    pub head: i64,
    /// The session was over then.
    pub over: bool,
}

/// A session, and what was pushed to it.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: i64,
    pub key: String,
    pub acks: bool,
    pub cursor: i64,
    pub pushed: i64,
    /// The sign-in was asked for then.
    pub asked_at: u64,
    /// Pushes that were not compared with the log yet.
    pub pushes: Vec<Rc<Message>>,
    /// How many of the user's visible entries were pushed or lie behind the cursor, once known.
    pub through: Option<usize>,
    /// `caught_up` was told when so much was pushed, and the log had reached so far at sign-in.
    pub caught_up: Option<(i64, i64)>,
    pub caught_up_checked: bool,
    /// The greatest seq that anyone had seen when the sign-in was asked for.
    pub head: i64,
    /// Pushes behind this place in the stream are not to be.
    pub revoked_from: Option<usize>,
    /// Where the last push begins.
    pub last_push: usize,
}

/// A connection.
#[derive(Debug, Default)]
pub struct Stream {
    /// Bytes that the peer sends and that are not under way yet.
    pub outgoing: Vec<u8>,
    pub asked: VecDeque<Asked>,
    pub session: Option<Session>,
    /// Why nothing more is to come.
    pub over: Option<String>,
    /// An answer that never came, though a later one did.
    pub skipped: Option<String>,
    /// When it was accepted, or signed out, in microseconds.
    pub accepted_at: Option<u64>,
    /// The peer will not be there any more.
    pub gone: bool,
    /// It sends no more: its session may be over long before all is sent that was said to it.
    pub finished: bool,
    /// When the peer last sent something, when the loop last wrote something, and when the frame
    /// began of which the peer owes `owed` bytes; in microseconds.
    sent_at: u64,
    pub written_at: u64,
    begun_at: u64,
    owed: usize,
    /// A deadline may have ended the connection before the session was known to be over.
    may_have_timed_out: bool,
    /// A push that came behind the end of the session. It is right only if the session had ended
    /// before: by its `logout`, in front of whose answer leaves what was pushed before it, however
    /// slow the peer is; or with the connection, by a deadline or because the peer sends no more:
    /// of that it is told nothing.
    late: Option<String>,
    partial: Vec<u8>,
    /// Bytes of whole frames so far.
    framed: usize,
    /// Bytes written before this tick.
    pub before_tick: usize,
    read: usize,
    inbox: VecDeque<(usize, Rc<Message>)>,
    next_id: i64,
}

impl Stream {
    /// The number of the next request.
    pub fn next_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// The peer sends the first `count` bytes of what is outgoing.
    pub fn send(&mut self, count: usize, now: u64) {
        let mut at = 0;
        while at < count {
            if self.owed == 0 {
                // Behind what is no frame there is none.
                let length = frame::frame_len(&self.outgoing[at..]).ok().flatten();
                (self.owed, self.begun_at) = (length.unwrap_or(usize::MAX), now);
            }
            let sent = self.owed.min(count - at);
            (self.owed, at) = (self.owed - sent, at + sent);
        }
        self.outgoing.drain(..count);
        self.sent_at = now;
    }

    /// Whether a deadline may have ended the connection by now: the peer owes the rest of a frame,
    /// or sends or takes nothing, for too long (P23).
    fn is_past_deadline(&self, now: u64) -> bool {
        let is_past = |since: u64, seconds: u64| now >= since + seconds * 1_000_000;
        let idle = is_past(self.sent_at.min(self.written_at), Limits::default().idle_seconds);
        idle || (self.owed > 0 && is_past(self.begun_at, FRAME_SECONDS_MAX))
    }

    /// Bytes written so far.
    pub fn written(&self) -> usize {
        self.framed + self.partial.len()
    }

    /// The loop wrote: the frames that are whole now, each with where it begins.
    pub fn hear(&mut self, bytes: &[u8]) -> Result<Vec<(usize, Rc<Message>)>, String> {
        self.partial.extend_from_slice(bytes);
        let (mut at, mut whole) = (0, Vec::new());
        while let Some(length) =
            frame::frame_len(&self.partial[at..]).map_err(|fault| format!("{fault:?}"))?
        {
            if length > self.partial.len() - at {
                break;
            }
            let payload = frame::payload(&self.partial[at..at + length])
                .map_err(|fault| format!("{fault:?}"))?;
            assert_eq!(payload.len(), length - FRAME_HEADER_BYTES);
            let message: Message =
                serde_json::from_slice(payload).map_err(|error| error.to_string())?;
            let message = Rc::new(message);
            whole.push((self.framed + at, Rc::clone(&message)));
            at += length;
            self.inbox.push_back((self.framed + at, message));
        }
        self.framed += at;
        self.partial.drain(..at);
        Ok(whole)
    }

    /// The stream was ended in good order: with a whole frame, and who was signed in knows why.
    pub fn check_end(&self) -> Check {
        let is_over = self.session.as_ref().is_some_and(|session| session.revoked_from.is_some());
        if !self.partial.is_empty() {
            return Err("P17: the stream ends in a frame".into());
        }
        if is_over && self.over.is_none() && !self.gone && !self.may_have_timed_out {
            return Err("P17: a session was over, and nobody said so".into());
        }
        self.check_late()?;
        self.check_skipped()
    }

    /// The peer has taken so many bytes more: the frames that it knows now.
    pub fn read(&mut self, bytes: usize) -> Vec<Rc<Message>> {
        self.read += bytes;
        let read = self.read;
        let known = self.inbox.iter().take_while(|(end, _)| *end <= read).count();
        self.inbox.drain(..known).map(|(_, message)| message).collect()
    }

    /// Takes the request that an answer is to, and those before it that never will be answered: a
    /// session that ends in this tick gets only the answers of this tick (P17).
    pub fn answered(&mut self, payload: &Payload) -> Result<(Asked, Vec<Asked>), String> {
        // A confirmation without an id is only answered when it is refused.
        let is_it = |asked: &Asked| asked.id == payload.re;
        let Some(at) = self.asked.iter().position(is_it) else {
            return Err(format!("P24: {payload:?} answers nothing of {:?}", self.asked));
        };
        let mut skipped: Vec<Asked> = self.asked.drain(..=at).collect();
        let asked = skipped.pop().ok_or("at least one is taken")?;
        skipped.retain(|asked| asked.id.is_some());
        if let Some(skipped) = skipped.first() {
            self.skipped.get_or_insert(format!("{skipped:?} was passed over by {payload:?}"));
        }
        Ok((asked, skipped))
    }

    /// Whoever is passed over was told that their session is over.
    fn check_skipped(&self) -> Check {
        let told = matches!(self.over.as_deref(), Some("signed_in_elsewhere" | "blocked"));
        match &self.skipped {
            Some(why) if !told => Err(format!("P17: {why}, on a session that goes on")),
            _ => Ok(()),
        }
    }

    /// A push came that begins at `start`: it goes on from where the session was.
    pub fn pushed(&mut self, start: usize, message: &Rc<Message>, own_name: &str) -> Check {
        let payload = &message.payload;
        self.check_skipped()?;
        let Some(session) = &mut self.session else {
            return Err(format!("P19: a push to nobody: {payload:?}"));
        };
        let seq = payload.seq.unwrap_or_default();
        if payload.prev != Some(session.pushed) || seq <= session.pushed {
            return Err(format!("P8: {} was pushed last, now {payload:?}", session.pushed));
        }
        if payload.fromusername.as_deref() == Some(own_name) {
            return Err(format!("P9: {own_name}'s own message is pushed to them: {payload:?}"));
        }
        let is_late = session.revoked_from.is_some_and(|from| start >= from);
        (session.pushed, session.last_push) = (seq, start);
        session.pushes.push(Rc::clone(message));
        if is_late {
            let why = format!("P17, P18: a push to a session that was over: {payload:?}");
            return self.comes_late(why);
        }
        Ok(())
    }

    /// A push came behind the end of the session: a fault, unless the session may have ended
    /// before.
    fn comes_late(&mut self, why: String) -> Check {
        let signs_out = self.asked.iter().any(|asked| asked.what == Ask::Logout);
        if !signs_out && !self.may_have_ended() {
            return Err(why);
        }
        self.late.get_or_insert(why);
        Ok(())
    }

    /// Whether the connection may have ended, and its session with it, before something else ended
    /// the session.
    fn may_have_ended(&self) -> bool {
        self.may_have_timed_out || self.finished
    }

    /// The session had ended by its own `logout`, so what came late was pushed before.
    pub fn signed_out(&mut self) {
        self.late = None;
    }

    /// Nothing came late but in front of the answer to a `logout`, or of the end of a connection
    /// that may have ended before. What else ends a session is told.
    pub fn check_late(&self) -> Check {
        match &self.late {
            Some(why) if self.over.is_some() || !self.may_have_ended() => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// The session was over before what this tick wrote: nothing of it is a push.
    pub fn revoke(&mut self, now: u64) -> Check {
        let from = self.before_tick;
        self.may_have_timed_out |= self.is_past_deadline(now);
        let Some(session) = &mut self.session else { return Ok(()) };
        session.revoked_from.get_or_insert(from);
        if session.pushed > session.cursor && session.last_push >= from && from > 0 {
            let why = "P17, P18: pushed in the tick in which the session ended";
            return self.comes_late(why.into());
        }
        Ok(())
    }
}
