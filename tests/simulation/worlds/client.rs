//! A model client: keeps the book that the protocol asks of a client, and does as people do.
//!
//! ```text
//! away ──► connected ── resume with the key, or the password ──► signed in ──► cut, told off …
//!   ▲                                                                             │
//!   └───────── what was not answered is said again, in order, same mid ───────────┘
//! ```
//!
//! It shows each (epoch, seq) once, and confirms on the connection that brought it. What it was
//! shown is compared with what is visible to its user, entry by entry (P15).

mod habits;

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::coverage::Happening;
use super::ledger::{Check, Ledger};
use super::scene::Scene;
use super::stream::{Ask, Message, Payload};
use crate::support::pipe_net::PeerId;
use crate::support::test_server::PASSWORD;

/// Requests under way at once, at most.
const ASKED_MAX: usize = 24;
/// An answer that takes longer is not waited for, in microseconds.
const ANSWER_MICROS_MAX: u64 = 20_000_000;

/// With nothing broken, and even over one's rate, an answer takes less, in microseconds.
const LATE_MICROS: u64 = 12_000_000;

/// A message that was said and not answered.
#[derive(Clone, Debug)]
struct Draft {
    tag: String,
    kind: &'static str,
    args: Map<String, Value>,
}

/// What an answer will be about.
#[derive(Clone, Debug)]
enum Mine {
    SignIn,
    Draft(String),
    Passwd(String),
    Logout,
    /// What must be refused.
    Lie,
    Other,
}

#[derive(Debug)]
struct Link {
    peer: PeerId,
    online: bool,
    /// How many of the drafts were said on this connection.
    said: usize,
    asked: VecDeque<(i64, Mine)>,
    pushed: i64,
    acked: i64,
    /// Nothing else is asked until this is answered: who speaks is being decided.
    waits: bool,
    /// The sign-in was refused.
    failed: bool,
    since: u64,
}

/// A person with a client.
#[derive(Debug)]
pub struct Client {
    pub user: i64,
    pub name: String,
    pub admin: bool,
    /// Whether it confirms.
    pub acks: bool,
    /// It takes nothing that comes.
    pub stalled: bool,
    /// In the calm, an answer did not come in time.
    pub late: bool,
    /// It says things that are long.
    pub verbose: bool,
    calm: bool,
    password: String,
    /// It may be this instead: the answer was lost.
    doubt: Option<String>,
    key: Option<String>,
    link: Option<Link>,
    /// A connection that another has taken the place of, and that is still open.
    old: Option<PeerId>,
    drafts: VecDeque<Draft>,
    refused: Vec<Draft>,
    not_before: u64,
    counter: u64,
    /// The cursor of the first sign-in.
    begun: Option<i64>,
    last_shown: i64,
    /// Shown, and not compared yet.
    shown: Vec<i64>,
    through: Option<usize>,
}

impl Client {
    /// Somebody who has not come yet.
    pub fn new(user: i64, name: &str, admin: bool, acks: bool) -> Client {
        Client {
            user,
            name: name.to_owned(),
            admin,
            acks,
            stalled: false,
            late: false,
            verbose: false,
            calm: false,
            password: PASSWORD.to_owned(),
            doubt: None,
            key: None,
            link: None,
            old: None,
            drafts: VecDeque::new(),
            refused: Vec::new(),
            not_before: 0,
            counter: 0,
            begun: None,
            last_shown: 0,
            shown: Vec::new(),
            through: None,
        }
    }

    /// Where it is connected.
    pub fn peer(&self) -> Option<PeerId> {
        self.link.as_ref().map(|link| link.peer)
    }

    /// Signed in, everything answered, nothing left to say.
    pub fn is_settled(&self) -> bool {
        let settled = |link: &Link| link.online && !link.waits && link.asked.is_empty();
        self.drafts.is_empty() && self.link.as_ref().is_some_and(settled)
    }

    // --- what people do ---

    /// From here on nothing breaks: it says nothing new, and takes all that comes.
    pub fn calm_down(&mut self, scene: &Scene) {
        (self.calm, self.stalled) = (true, false);
        if let Some(link) = &mut self.link {
            link.since = scene.now();
            scene.net.set_capacity(link.peer, 1 << 20);
        }
    }

    /// Does one thing.
    pub fn act(&mut self, scene: &mut Scene) {
        let now = scene.now();
        let Some(link) = &self.link else {
            if now >= self.not_before && (self.calm || scene.choices.chance(70)) {
                self.come(scene);
            }
            return;
        };
        if link.online && link.asked.is_empty() && link.waits {
            // Signed out: another sign-in on the same connection, or none.
            if scene.choices.chance(50) {
                self.sign_in(scene)
            } else {
                self.cut(scene)
            }
            return;
        }
        if !link.online || link.waits {
            if now > link.since + ANSWER_MICROS_MAX {
                self.cut(scene);
            }
            return;
        }
        self.late |= self.calm && !link.asked.is_empty() && now > link.since + LATE_MICROS;
        self.say_what_waits(scene);
        let busy = self.link.as_ref().map_or(0, |link| link.asked.len()) >= ASKED_MAX;
        if self.calm || busy {
            return;
        }
        let choice = scene.choices.weighted(&[
            (50, Client::talk as fn(&mut Client, &mut Scene)),
            (16, Client::change),
            (3, Client::let_in_again),
            (8, Client::look),
            (8, Client::confirm),
            (3, Client::say_refused_again),
            (2, Client::go_elsewhere),
            (2, Client::change_password),
            (1, Client::sign_out),
            (2, Client::use_old_key),
            (if self.admin { 12 } else { 0 }, Client::moderate),
        ]);
        choice(self, scene);
        if scene.choices.chance(60) {
            self.push_out(scene);
        }
    }

    /// Bytes that were held back leave.
    pub fn push_out(&mut self, scene: &mut Scene) {
        let Some(link) = &self.link else { return };
        let pending = scene.stream(link.peer).outgoing.len();
        if pending == 0 {
            return;
        }
        let most = match self.calm || scene.choices.chance(70) {
            true => pending,
            false => 1 + scene.choices.below(pending),
        };
        if most < pending {
            scene.saw(Happening::FrameSplit);
        }
        scene.push_out(link.peer, most);
    }

    /// Connects and signs in; what was not answered may follow in the same segment.
    fn come(&mut self, scene: &mut Scene) {
        let peer = scene.connect(&self.name);
        self.link = Some(Link {
            peer,
            online: false,
            said: 0,
            asked: VecDeque::new(),
            pushed: 0,
            acked: 0,
            waits: true,
            failed: false,
            since: scene.now(),
        });
        self.sign_in(scene);
    }

    fn sign_in(&mut self, scene: &mut Scene) {
        let mut args = Map::new();
        if self.acks {
            args.insert("ack".into(), json!(true));
        }
        let key = self.key.clone();
        if key.is_none() {
            args.insert("username".into(), json!(self.name));
            args.insert("password".into(), json!(self.password));
        }
        let kind = if key.is_some() { "resume" } else { "login" };
        let what = Ask::SignIn { user: self.user, acks: self.acks, key: key.clone() };
        self.ask(scene, kind, args, what, Mine::SignIn);
        if key.is_some() && !self.drafts.is_empty() && scene.choices.chance(30) {
            scene.saw(Happening::RetriesBehindResume);
            self.say_what_waits(scene);
        }
        self.push_out(scene);
    }

    /// Drops the connection without a word, or goes on listening for nothing.
    pub fn cut(&mut self, scene: &mut Scene) {
        let Some(link) = self.link.take() else { return };
        if !scene.stream(link.peer).outgoing.is_empty() {
            scene.saw(Happening::CutInFrame);
        }
        scene.leave(link.peer);
        scene.net.cut(link.peer);
        self.note_lost(&link);
    }

    /// Sends no more, and has the server end the connection.
    pub fn finish(&mut self, scene: &mut Scene) {
        let Some(link) = self.link.take() else { return };
        let pending = scene.stream(link.peer).outgoing.len();
        scene.push_out(link.peer, pending);
        scene.net.finish(link.peer);
        let stream = scene.stream(link.peer);
        (stream.gone, stream.finished) = (true, true);
        self.note_lost(&link);
    }

    /// The server is no more.
    pub fn lost(&mut self) {
        self.old = None;
        if let Some(link) = self.link.take() {
            self.note_lost(&link);
        }
    }

    /// What was under way may have been done.
    fn note_lost(&mut self, link: &Link) {
        for (_, mine) in &link.asked {
            match mine {
                Mine::Passwd(password) => {
                    self.doubt = Some(password.clone());
                    self.key = None;
                }
                Mine::Logout => self.key = None,
                _ => {}
            }
        }
    }

    fn ask(
        &mut self,
        scene: &mut Scene,
        kind: &str,
        args: Map<String, Value>,
        what: Ask,
        mine: Mine,
    ) {
        let Some(link) = &mut self.link else { return };
        let id = scene.ask(link.peer, kind, self.key.as_deref(), args, what);
        if link.asked.is_empty() {
            link.since = scene.now();
        }
        link.asked.push_back((id, mine));
    }

    /// Says, in order, what was not said on this connection yet.
    fn say_what_waits(&mut self, scene: &mut Scene) {
        while let Some(link) = &mut self.link
            && link.asked.len() < ASKED_MAX
            && let Some(draft) = self.drafts.get(link.said).cloned()
        {
            link.said += 1;
            let what = Ask::Say(draft.tag.clone());
            self.ask(scene, draft.kind, draft.args, what, Mine::Draft(draft.tag));
        }
    }

    // --- what comes ---

    /// Takes what came: all of it, or a piece.
    pub fn listen(&mut self, scene: &mut Scene) -> Check {
        if let Some(old) = self.old.filter(|_| self.calm || scene.choices.chance(15)) {
            scene.read(old, usize::MAX);
            if scene.net.has_ended(old) {
                scene.leave(old);
                scene.net.cut(old);
                self.old = None;
            }
        }
        let Some(link) = self.link.as_ref().filter(|_| !self.stalled) else { return Ok(()) };
        let peer = link.peer;
        let most = match self.calm || scene.choices.chance(80) {
            true => usize::MAX,
            false => 1 + scene.choices.below(400),
        };
        for message in scene.read(peer, most) {
            if !self.link.as_ref().is_some_and(|link| link.failed) {
                self.take(&message, scene)?;
            }
        }
        if self.link.as_ref().is_some_and(|link| link.failed) {
            self.cut(scene);
        } else if scene.net.has_ended(peer) {
            let told_off = matches!(
                scene.stream(peer).over.as_deref(),
                Some("signed_in_elsewhere" | "blocked" | "shutdown")
            );
            let wait = if told_off && !self.calm { 2_000_000 } else { 0 };
            self.not_before = self.not_before.max(scene.now() + wait);
            self.cut(scene);
        }
        if self.calm {
            self.confirm(scene);
        }
        Ok(())
    }

    fn take(&mut self, message: &Message, scene: &Scene) -> Check {
        let payload = &message.payload;
        let now = scene.now();
        let Some(link) = &mut self.link else { return Ok(()) };
        if let Some(seq) = payload.seq {
            link.pushed = seq;
            self.show(seq, scene);
            return Ok(());
        }
        let Some(id) = payload.re else { return Ok(()) };
        link.since = now;
        let Some((asked, mine)) = link.asked.pop_front() else { return Ok(()) };
        if asked != id {
            // An answer was dropped with the end of the session: nothing counts that comes now.
            link.failed = true;
            return Ok(());
        }
        let code = payload.code.as_deref().unwrap_or_default();
        if code == "bad_key" && !matches!(mine, Mine::Lie) {
            // It has expired: the password is asked for.
            scene.saw(Happening::KeyExpired);
            self.key = None;
            link.failed = true;
            return Ok(());
        }
        match mine {
            Mine::SignIn => return self.take_sign_in(payload, now),
            Mine::Draft(tag) => {
                if let Some(link) = &mut self.link {
                    link.said = link.said.saturating_sub(1);
                }
                let draft = self.drafts.pop_front();
                if draft.as_ref().is_none_or(|draft| draft.tag != tag) {
                    return Err(format!("{}: {tag} is answered, {draft:?} was said", self.name));
                }
                // One that the server has no place for now is said again, later.
                self.refused.extend(draft.filter(|_| code != "ok"));
            }
            Mine::Passwd(password) => {
                link.waits = false;
                if code == "ok" {
                    let key = payload.data.as_ref().and_then(|data| data["auth_token"].as_str());
                    self.key = key.map(str::to_owned);
                    self.password = password;
                }
            }
            Mine::Logout if code == "ok" => {
                self.key = None;
            }
            Mine::Logout => link.waits = false,
            Mine::Lie | Mine::Other => {}
        }
        Ok(())
    }

    fn take_sign_in(&mut self, payload: &Payload, now: u64) -> Check {
        let Some(link) = &mut self.link else { return Ok(()) };
        let seconds = payload.number("retry_after").unwrap_or(0) as u64;
        match payload.code.as_deref().unwrap_or_default() {
            "ok" => {
                (link.online, link.waits) = (true, false);
                link.since = now;
                (link.pushed, link.acked) = (payload.cursor, payload.cursor);
                self.key.clone_from(&payload.auth_token);
                self.doubt = None;
                if self.begun.is_none() {
                    self.begun = Some(payload.cursor);
                    self.last_shown = payload.cursor;
                }
                return Ok(());
            }
            "bad_credentials" => match self.doubt.take() {
                Some(password) => {
                    self.doubt = Some(std::mem::replace(&mut self.password, password));
                }
                None => return Err(format!("P18: {}'s right password is refused", self.name)),
            },
            "user_blocked" => self.not_before = now + 500_000,
            "busy" | "storage_full" => self.not_before = now + 100_000,
            "slow_down" => self.not_before = now + seconds * 1_000_000,
            // What stood behind a sign-in that failed.
            other => return Err(format!("{}: signing in is answered {other}", self.name)),
        }
        link.failed = true;
        Ok(())
    }

    /// A message is shown once (P15).
    fn show(&mut self, seq: i64, scene: &Scene) {
        if seq > self.last_shown {
            self.last_shown = seq;
            self.shown.push(seq);
        } else {
            scene.saw(Happening::PushedAgain);
        }
    }

    /// What was shown is what is visible, without a gap; at the end all of it (P14).
    pub fn check_shown(&mut self, ledger: &Ledger, all: bool) -> Check {
        let Some(begun) = self.begun.filter(|_| self.acks) else { return Ok(()) };
        let visible = ledger.visible(self.user);
        let first = || visible.partition_point(|seq| *seq <= begun);
        let mut through = self.through.unwrap_or_else(first);
        for seq in self.shown.drain(..) {
            if visible.get(through) != Some(&seq) {
                let due = visible.get(through);
                return Err(format!("P15: {} was shown {seq}, {due:?} was due", self.name));
            }
            through += 1;
        }
        self.through = Some(through);
        match visible.get(through) {
            Some(missing) if all => Err(format!("P14: {missing} never reached {}", self.name)),
            _ => Ok(()),
        }
    }
}
