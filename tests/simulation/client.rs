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

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::coverage::Happening;
use super::ledger::{Check, Ledger, Target};
use super::scene::Scene;
use super::stream::{Ask, Message, Payload};
use crate::support::house::PASSWORD;
use crate::support::pipe_net::PeerId;

/// Requests under way at once, at most.
const ASKED_MAX: usize = 24;
/// An answer that takes longer is not waited for, in microseconds.
const PATIENCE_MICROS: u64 = 20_000_000;

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

    /// Whether it is signed in, as far as it knows.
    pub fn is_online(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.online)
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
            if now > link.since + PATIENCE_MICROS {
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
        let peer = scene.connect();
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
        scene.stream(link.peer).gone = true;
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

    /// Signs in on another connection while this one is open.
    fn go_elsewhere(&mut self, scene: &mut Scene) {
        if scene.choices.chance(40) {
            // In the tick of the takeover, if both come in time.
            scene.saw(Happening::AckBesideTakeover);
            self.confirm(scene);
            self.push_out(scene);
        }
        let Some(link) = self.link.take() else { return };
        if let Some(old) = self.old.replace(link.peer) {
            scene.leave(old);
            scene.net.cut(old);
        }
        self.note_lost(&link);
        if self.key.is_some() && scene.choices.chance(50) {
            self.key = None;
        }
        scene.saw(Happening::Takeover);
        self.come(scene);
    }

    /// On a connection whose session is over for certain: this must cause nothing.
    pub fn haunt(&mut self, scene: &mut Scene) {
        let Some(old) = self.old else { return };
        let session = scene.stream(old).session.as_ref();
        let Some(key) = session.filter(|s| s.revoked_from.is_some()).map(|s| s.key.clone()) else {
            return;
        };
        let friends = friends_of(&scene.ledger, self.user);
        let Some(&friend) = friends.first() else { return };
        scene.saw(Happening::Ghost);
        let (draft, target) = self.draft_to_user(scene, friend, "send");
        let text = draft.args["message"].as_str().unwrap_or_default().to_owned();
        scene.ledger.say(self.user, target, &text, draft.args["mid"].as_str(), true);
        scene.ask(old, "send", Some(&key), draft.args, Ask::Say(draft.tag));
        let pending = scene.stream(old).outgoing.len();
        scene.push_out(old, pending);
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

    // --- talking ---

    fn talk(&mut self, scene: &mut Scene) {
        let many = if scene.choices.chance(10) { 1 + scene.choices.below(12) } else { 1 };
        for _ in 0..many {
            let (draft, target) = match scene.choices.below(10) {
                0..5 => {
                    let friends = friends_of(&scene.ledger, self.user);
                    let user = match friends.is_empty() || scene.choices.chance(8) {
                        true => 1 + scene.choices.below(6) as i64,
                        false => *scene.choices.pick(&friends),
                    };
                    if scene.ledger.name(user).is_empty() {
                        return;
                    }
                    self.draft_to_user(scene, user, "send")
                }
                _ => {
                    let groups = groups_of(&scene.ledger, self.user, scene.choices.chance(90));
                    if groups.is_empty() {
                        return;
                    }
                    let (creator, name) = scene.choices.pick(&groups).clone();
                    self.draft_to_group(scene, creator, &name, "sendgroup")
                }
            };
            self.say(scene, draft, target, false);
        }
    }

    fn say(&mut self, scene: &mut Scene, draft: Draft, target: Target, system: bool) {
        let text = draft.args["message"].as_str().unwrap_or_default().to_owned();
        let mid = draft.args.get("mid").and_then(Value::as_str);
        scene.ledger.say(self.user, target, &text, mid, false);
        if system {
            scene.ledger.says_as_system(&draft.tag);
        }
        self.drafts.push_back(draft);
        self.say_what_waits(scene);
    }

    fn draft_to_user(
        &mut self,
        scene: &mut Scene,
        user: i64,
        kind: &'static str,
    ) -> (Draft, Target) {
        let name = scene.ledger.name(user).to_owned();
        let args = Map::from_iter([("username".to_owned(), json!(name))]);
        (self.draft(scene, kind, args), Target::User(user))
    }

    fn draft_to_group(
        &mut self,
        scene: &mut Scene,
        creator: i64,
        name: &str,
        kind: &'static str,
    ) -> (Draft, Target) {
        let creator_name = scene.ledger.name(creator).to_owned();
        let args = Map::from_iter([
            ("creator".to_owned(), json!(creator_name)),
            ("groupname".to_owned(), json!(name)),
        ]);
        (self.draft(scene, kind, args), Target::Group(creator, name.to_owned()))
    }

    fn draft(&mut self, scene: &Scene, kind: &'static str, mut args: Map<String, Value>) -> Draft {
        self.counter += 1;
        let tag = format!("{}#{}", self.name, self.counter);
        let filler = match scene.choices.weighted(&[(90, 0), (8, 300), (2, 7_900)]) {
            0 => 0,
            most => scene.choices.below(most),
        };
        // Mids need not rise: some are in no order at all.
        let mid = match scene.choices.chance(85) {
            true => format!("{:08}", self.counter),
            false => format!("{:x}-{}", scene.choices.below(1 << 30), self.counter),
        };
        // As JSON a control character is six bytes: a few of these fill a send buffer.
        let filler = match self.verbose && scene.choices.chance(25) {
            true => "\u{1}".repeat(7_900),
            false => "x".repeat(filler),
        };
        args.insert("message".into(), json!(format!("{tag} {filler}")));
        args.insert("mid".into(), json!(mid));
        Draft { tag, kind, args }
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

    /// What was refused may be said again, under the same mid.
    fn say_refused_again(&mut self, scene: &mut Scene) {
        if let Some(draft) = self.refused.pop() {
            scene.saw(Happening::RefusedSaidAgain);
            self.drafts.push_back(draft);
            self.say_what_waits(scene);
        }
    }

    // --- friends and groups ---

    fn change(&mut self, scene: &mut Scene) {
        let users = scene.ledger.users();
        let other = *scene.choices.pick(&users);
        let to = scene.ledger.name(other).to_owned();
        let (me, name) = (self.user, self.name.clone());
        let own: Vec<String> = scene
            .ledger
            .live_groups()
            .filter(|(_, creator, ..)| *creator == me)
            .map(|(_, _, name, _)| name.to_owned())
            .collect();
        let joined = groups_of(&scene.ledger, me, true);
        let group = match own.is_empty() || scene.choices.chance(10) {
            true => format!("g{}", scene.choices.below(3)),
            false => scene.choices.pick(&own).clone(),
        };
        let args = |pairs: &[(&str, &str)]| -> Map<String, Value> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
        };
        let (kind, args, key) = match scene.choices.below(14) {
            0..2 => ("add", args(&[("username", &to)]), format!("befriend {me} {other}")),
            2 => ("del", args(&[("username", &to)]), format!("friend_removed {me} {other}")),
            3 => ("accept", args(&[("username", &to)]), format!("befriend {me} {other}")),
            4 => ("reject", args(&[("username", &to)]), format!("friend_rejected {me} {other}")),
            5 => ("newgroup", args(&[("groupname", &group)]), format!("newgroup {me} {group}")),
            6 => (
                "delgroup",
                args(&[("groupname", &group)]),
                format!("group_deleted {me} {name}/{group}"),
            ),
            7..10 => (
                "addgroupuser",
                args(&[("groupname", &group), ("username", &to)]),
                format!("group_added {me} {name}/{group} {other}"),
            ),
            10..12 => (
                "delgroupuser",
                args(&[("groupname", &group), ("username", &to)]),
                format!("group_removed {me} {name}/{group} {other}"),
            ),
            _ => {
                if joined.is_empty() {
                    return;
                }
                let (creator, group) = scene.choices.pick(&joined).clone();
                let creator = scene.ledger.name(creator).to_owned();
                (
                    "leavegroup",
                    args(&[("creator", &creator), ("groupname", &group)]),
                    format!("group_left {me} {creator}/{group}"),
                )
            }
        };
        self.ask(scene, kind, args, Ask::Change(key), Mine::Other);
    }

    /// Takes somebody out of a group, says something there, and lets them in again.
    fn let_in_again(&mut self, scene: &mut Scene) {
        let me = self.user;
        let own = scene.ledger.live_groups().filter(|(_, creator, ..)| *creator == me);
        let others = own.flat_map(|(_, _, name, members)| {
            members.iter().filter(|user| **user != me).map(|user| (name.to_owned(), *user))
        });
        let others: Vec<(String, i64)> = others.collect();
        if others.is_empty() {
            return;
        }
        let (group, other) = scene.choices.pick(&others).clone();
        scene.saw(Happening::LetInAgain);
        let to = scene.ledger.name(other).to_owned();
        let edge = |kind: &'static str, event: &str| {
            let args = [("groupname", &group), ("username", &to)];
            let args = args.map(|(name, value)| (name.to_owned(), json!(value)));
            (kind, Map::from_iter(args), format!("{event} {me} {}/{group} {other}", self.name))
        };
        let out = edge("delgroupuser", "group_removed");
        let back = edge("addgroupuser", "group_added");
        self.ask(scene, out.0, out.1, Ask::Change(out.2), Mine::Other);
        let (draft, target) = self.draft_to_group(scene, me, &group, "sendgroup");
        self.say(scene, draft, target, false);
        self.ask(scene, back.0, back.1, Ask::Change(back.2), Mine::Other);
    }

    fn look(&mut self, scene: &mut Scene) {
        let mut args = Map::new();
        let users = scene.ledger.users();
        let kind = *scene.choices.pick(&["ping", "friends", "groups", "whoami", "history"]);
        let mut what = Ask::Other;
        if kind == "history" {
            let other = *scene.choices.pick(&users);
            args.insert("username".into(), json!(scene.ledger.name(other)));
            what = Ask::History(other);
        }
        self.ask(scene, kind, args, what, Mine::Other);
    }

    /// Confirms what it was shown.
    fn confirm(&mut self, scene: &mut Scene) {
        let Some(link) = &mut self.link else { return };
        if !self.acks || !link.online || link.waits || link.pushed == link.acked {
            return;
        }
        link.acked = link.pushed;
        let (peer, seq) = (link.peer, link.pushed);
        let mut args = Map::from_iter([("seq".to_owned(), json!(seq))]);
        if self.calm || scene.choices.chance(50) {
            // The scene puts the number in.
            args.insert("id".into(), json!(0));
            self.ask(scene, "ack", args, Ask::Ack(seq), Mine::Other);
        } else {
            scene.ask(peer, "ack", self.key.as_deref(), args, Ask::Ack(seq));
        }
    }

    // --- keys ---

    fn change_password(&mut self, scene: &mut Scene) {
        self.counter += 1;
        let password = format!("long enough {}", self.counter);
        let args = Map::from_iter([
            ("password".to_owned(), json!(self.password)),
            ("newpassword".to_owned(), json!(password)),
        ]);
        if let Some(link) = &mut self.link {
            link.waits = true;
        }
        let what = Ask::Passwd(password.clone());
        self.ask(scene, "passwd", args, what, Mine::Passwd(password));
    }

    fn sign_out(&mut self, scene: &mut Scene) {
        if !self.acks {
            return;
        }
        if let Some(link) = &mut self.link {
            link.waits = true;
        }
        self.ask(scene, "logout", Map::new(), Ask::Logout, Mine::Logout);
    }

    /// With a key that was revoked, or another's, nothing is done.
    fn use_old_key(&mut self, scene: &mut Scene) {
        let (dead, foreign) = (scene.dead_key(), scene.foreign_key(self.user));
        let Some(key) = (if scene.choices.chance(50) { dead } else { foreign }) else { return };
        let Some(link) = &mut self.link else { return };
        if Some(&key) == self.key.as_ref() {
            return;
        }
        scene.saw(Happening::WrongKey);
        let args = Map::from_iter([("groupname".to_owned(), json!("stolen"))]);
        let id = scene.ask(link.peer, "newgroup", Some(&key), args, Ask::Lie(&["bad_key"]));
        link.asked.push_back((id, Mine::Lie));
    }

    // --- administrators ---

    fn moderate(&mut self, scene: &mut Scene) {
        let users = scene.ledger.users();
        let other = *scene.choices.pick(&users);
        let name = scene.ledger.name(other).to_owned();
        let groups = groups_of(&scene.ledger, 0, false);
        match scene.choices.below(9) {
            0..2 => {
                let draft = self.draft(scene, "broadcast", Map::new());
                self.say(scene, draft, Target::Everyone, true);
            }
            2 => {
                let (draft, target) = self.draft_to_user(scene, other, "adminsend");
                self.say(scene, draft, target, true);
            }
            3 if !groups.is_empty() => {
                let (creator, group) = scene.choices.pick(&groups).clone();
                let (draft, target) = self.draft_to_group(scene, creator, &group, "adminsendgroup");
                self.say(scene, draft, target, true);
            }
            4..6 if !groups.is_empty() => {
                let (creator, group) = scene.choices.pick(&groups).clone();
                self.block_group(scene, creator, &group);
            }
            _ if other != self.user => {
                let blocked = scene.choices.chance(50);
                self.block(scene, other, &name, blocked);
            }
            _ => {}
        }
    }

    fn block_group(&mut self, scene: &mut Scene, creator: i64, group: &str) {
        let creator = scene.ledger.name(creator).to_owned();
        let blocks = scene.choices.chance(40);
        let args = Map::from_iter([
            ("creator".to_owned(), json!(creator)),
            ("groupname".to_owned(), json!(group)),
        ]);
        let (kind, event) = match blocks {
            true => ("blockgroup", "group_blocked"),
            false => ("unblockgroup", "group_unblocked"),
        };
        let key = format!("{event} {} {creator}/{group}", self.user);
        self.ask(scene, kind, args, Ask::Change(key), Mine::Other);
    }

    fn block(&mut self, scene: &mut Scene, user: i64, name: &str, blocked: bool) {
        scene.saw(if blocked { Happening::UserBlocked } else { Happening::UserUnblocked });
        let args = Map::from_iter([("username".to_owned(), json!(name))]);
        let kind = if blocked { "blockuser" } else { "unblockuser" };
        self.ask(scene, kind, args, Ask::Block(user, blocked), Mine::Other);
    }

    /// Lets everyone in again of whom it is not certain that they may.
    pub fn unblock_all(&mut self, scene: &mut Scene) {
        for user in scene.ledger.users() {
            if scene.ledger.is_blocked(user) != Some(false) && user != self.user {
                let name = scene.ledger.name(user).to_owned();
                self.block(scene, user, &name, false);
            }
        }
    }

    /// Asks how the server is doing. The answer is read where it is heard.
    pub fn ask_figures(&mut self, scene: &mut Scene) {
        self.ask(scene, "stats", Map::new(), Ask::Stats, Mine::Other);
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

fn friends_of(ledger: &Ledger, user: i64) -> Vec<i64> {
    ledger.users().into_iter().filter(|other| ledger.are_friends(user, *other)).collect()
}

/// Groups by creator and name: those of a user, or all.
fn groups_of(ledger: &Ledger, user: i64, only_joined: bool) -> Vec<(i64, String)> {
    ledger
        .live_groups()
        .filter(|(.., members)| !only_joined || members.contains(&user))
        .map(|(_, creator, name, _)| (creator, name.to_owned()))
        .collect()
}
