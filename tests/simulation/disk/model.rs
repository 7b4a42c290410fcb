//! What was promised: a chat of a few people in a few lines, which only the answers move.
//!
//! It knows no table and no tick. [`Model::expects`] says which answer a request must get,
//! [`Model::done`] what a granted one has changed for good, and [`Model::check`] whether a
//! database holds exactly that. What was asked and not answered may have happened or not:
//! [`Model::worlds`] are the models of all that may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use p2sp::password::{KeyHash, Outcome, Task};
use serde_json::{Map, Value, json};

use super::found::Found;
use crate::support::pipe_net::CHEAP;

/// A person; all of them are in [`CAST`].
pub type Name = &'static str;

/// Everyone. The first is the administrator, whom the first start makes.
pub const CAST: [Name; 5] = ["admin", "ann", "bob", "cem", "dan"];

/// A group: its creator and what it is called.
pub type Club = (Name, &'static str);

/// A message and what its sender calls it.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    pub text: String,
    pub mid: String,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes", self.mid, self.text.len())
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Register(String),
    Login(String),
    Resume(String),
    Logout,
    Password { old: String, new: String },
    Send(Name, Post),
    SendGroup(Club, Post),
    AdminSend(Name, Post),
    Broadcast(Post),
    Befriend(Name),
    Unfriend(Name),
    NewGroup(Club),
    DeleteGroup(Club),
    Bring(Club, Name),
    Remove(Club, Name),
    Leave(Club),
    Block(Name),
    Unblock(Name),
    BlockGroup(Club),
    UnblockGroup(Club),
    History(Name),
    Friends,
    Groups,
}

/// A login key, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    None,
    Known(String),
    /// A new one was asked for, and the answer did not come.
    Unknown,
}

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    pub password: String,
    pub key: Key,
    pub blocked: bool,
    /// What others said to them: seqs and texts.
    pub visible: Vec<(i64, String)>,
}

/// A message that was said.
#[derive(Clone, Debug)]
pub struct Said {
    /// As it was answered, if it was.
    pub seq: Option<i64>,
    /// `bob`, `ann/team`, or `*` for everyone.
    pub to: String,
    /// Which of the groups of that name it was.
    made: u32,
    pub from: Name,
    pub post: Post,
}

/// A group's members, and whether it is blocked.
#[derive(Clone, Debug, Default)]
pub struct Members {
    pub blocked: bool,
    pub names: BTreeSet<Name>,
    /// Whoever is or was in it.
    known_to: BTreeSet<Name>,
    /// Which of the groups of that name it is.
    made: u32,
}

/// What was promised so far.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub people: BTreeMap<Name, Person>,
    pub friends: BTreeSet<(Name, Name)>,
    pub groups: BTreeMap<Club, Members>,
    pub said: Vec<Said>,
    /// Groups that were made so far.
    made: u32,
}

/// Two friends, in the order in which they stand in the model.
fn pair(a: Name, b: Name) -> (Name, Name) {
    if a < b { (a, b) } else { (b, a) }
}

fn label((creator, name): Club) -> String {
    format!("{creator}/{name}")
}

impl Ask {
    /// The request on the wire: its type and its arguments.
    pub fn request(&self, who: Name) -> (&'static str, Map<String, Value>) {
        let post = |p: &Post| json!({"message": p.text, "mid": p.mid});
        let (kind, mut args, more) = match self {
            Ask::Register(password) => ("reg", json!({"password": password}), json!({})),
            Ask::Login(password) => ("login", json!({"password": password}), json!({})),
            Ask::Resume(key) => ("resume", json!({"auth_token": key}), json!({})),
            Ask::Logout => ("logout", json!({}), json!({})),
            Ask::Password { old, new } => {
                ("passwd", json!({"password": old, "newpassword": new}), json!({}))
            }
            Ask::Send(to, p) => ("send", post(p), json!({"username": to})),
            Ask::SendGroup(club, p) => ("sendgroup", post(p), of(*club)),
            Ask::AdminSend(to, p) => ("adminsend", post(p), json!({"username": to})),
            Ask::Broadcast(p) => ("broadcast", post(p), json!({})),
            Ask::Befriend(other) => ("add", json!({}), json!({"username": other})),
            Ask::Unfriend(other) => ("del", json!({}), json!({"username": other})),
            Ask::NewGroup(club) => ("newgroup", json!({}), json!({"groupname": club.1})),
            Ask::DeleteGroup(club) => ("delgroup", json!({}), of(*club)),
            Ask::Bring(club, other) => ("addgroupuser", json!({"username": other}), of(*club)),
            Ask::Remove(club, other) => ("delgroupuser", json!({"username": other}), of(*club)),
            Ask::Leave(club) => ("leavegroup", json!({}), of(*club)),
            Ask::Block(other) => ("blockuser", json!({}), json!({"username": other})),
            Ask::Unblock(other) => ("unblockuser", json!({}), json!({"username": other})),
            Ask::BlockGroup(club) => ("blockgroup", json!({}), of(*club)),
            Ask::UnblockGroup(club) => ("unblockgroup", json!({}), of(*club)),
            Ask::History(other) => ("history", json!({"count": 3}), json!({"username": other})),
            Ask::Friends => ("friends", json!({}), json!({})),
            Ask::Groups => ("groups", json!({}), json!({})),
        };
        if matches!(self, Ask::Register(_) | Ask::Login(_)) {
            args["username"] = json!(who);
            args["auth_token"] = Value::Null;
        }
        let (Value::Object(mut args), Value::Object(more)) = (args, more) else {
            unreachable!("both are objects")
        };
        args.extend(more);
        (kind, args)
    }

    /// The message that it is about.
    pub fn post(&self) -> Option<&Post> {
        match self {
            Ask::Send(_, p) | Ask::SendGroup(_, p) | Ask::AdminSend(_, p) | Ask::Broadcast(p) => {
                Some(p)
            }
            _ => None,
        }
    }

    /// Who the message is for.
    fn to(&self) -> String {
        match self {
            Ask::Send(to, _) | Ask::AdminSend(to, _) => (*to).into(),
            Ask::SendGroup(club, _) => label(*club),
            _ => "*".into(),
        }
    }
}

fn of((creator, name): Club) -> Value {
    json!({"creator": creator, "groupname": name})
}

impl Model {
    /// Before anybody has come: the first start has made the administrator.
    pub fn new(password: &str) -> Model {
        let mut model = Model::default();
        model.meet(CAST[0], password);
        model
    }

    fn meet(&mut self, who: Name, password: &str) {
        let person = Person {
            password: password.to_owned(),
            key: Key::None,
            blocked: false,
            visible: Vec::new(),
        };
        self.people.insert(who, person);
    }

    /// What was said before under that `mid`.
    pub fn posted(&self, who: Name, mid: &str) -> Option<&Said> {
        self.said.iter().find(|said| said.from == who && said.post.mid == mid)
    }

    /// The code that the answer must have.
    pub fn expects(&self, who: Name, ask: &Ask) -> &'static str {
        if let Some(said) = ask.post().and_then(|post| self.posted(who, &post.mid)) {
            // Only what was said so before is asked for again; but another group may have the
            // name by now.
            return match ask {
                Ask::SendGroup(club, _)
                    if self.groups.get(club).is_some_and(|group| group.made != said.made) =>
                {
                    "mid_reused"
                }
                _ => "ok",
            };
        }
        let members = |club: &Club| self.groups.get(club);
        let owned = |club: &Club, then: &'static str| {
            if self.groups.contains_key(club) { then } else { "no_such_group" }
        };
        let outside = |club: &Club| match members(club) {
            Some(group) if who == CAST[0] || group.known_to.contains(who) => "not_member",
            _ => "no_such_group",
        };
        let is_in = |club, who: Name| members(club).is_some_and(|group| group.names.contains(who));
        match ask {
            Ask::Send(to, _) if !self.friends.contains(&pair(who, to)) => "not_friends",
            Ask::SendGroup(club, _) => match members(club) {
                None => "no_such_group",
                Some(group) if !group.names.contains(who) => outside(club),
                Some(group) if group.blocked => "group_blocked",
                Some(_) => "ok",
            },
            Ask::Befriend(to) if self.friends.contains(&pair(who, to)) => "already_friends",
            Ask::Unfriend(to) if !self.friends.contains(&pair(who, to)) => "not_friends",
            Ask::NewGroup(club) if self.groups.contains_key(club) => "group_exists",
            Ask::DeleteGroup(club) | Ask::BlockGroup(club) | Ask::UnblockGroup(club) => {
                owned(club, "ok")
            }
            Ask::Bring(club, other) => {
                owned(club, if is_in(club, other) { "already_member" } else { "ok" })
            }
            Ask::Remove(club, other) => {
                owned(club, if is_in(club, other) { "ok" } else { "not_member" })
            }
            Ask::Leave(club) => owned(club, if is_in(club, who) { "ok" } else { outside(club) }),
            Ask::Login(_) if self.people[who].blocked => "user_blocked",
            _ => "ok",
        }
    }

    /// It was granted, with that in the answer's payload.
    pub fn done(&mut self, who: Name, ask: &Ask, answer: &Value) -> Result<(), String> {
        let key = [&answer["auth_token"], &answer["data"]["auth_token"]]
            .into_iter()
            .find_map(|key| key.as_str().map(str::to_owned));
        self.change(who, ask, key.map_or(Key::Unknown, Key::Known));
        match ask {
            Ask::History(other) => self.check_history(who, other, &answer["data"]),
            Ask::Friends => {
                let shown = names(&answer["data"]["friends"], "username");
                let is_friend = |name: &&Name| self.friends.contains(&pair(who, name));
                let friends = self.people.keys().filter(is_friend).map(|name| (*name).to_owned());
                same("friends", &friends.collect(), &shown)
            }
            Ask::Groups => {
                let mine = self.groups.iter().filter(|(_, group)| group.names.contains(who));
                let mine = mine.map(|(club, _)| club.1.to_owned()).collect();
                same("groups", &mine, &names(&answer["data"]["groups"], "groupname"))
            }
            _ => match (ask.post(), answer["data"]["seq"].as_i64()) {
                (Some(_), None) => Err("a message without its seq".into()),
                (Some(post), Some(seq)) => self.say(who, ask, post, Some(seq)),
                (None, _) => Ok(()),
            },
        }
    }

    /// The world in which that was granted, though the answer did not come.
    fn perhaps(&self, who: Name, ask: &Ask) -> Model {
        let mut model = self.clone();
        if model.expects(who, ask) == "ok" {
            model.change(who, ask, Key::Unknown);
            if let Some(post) = ask.post() {
                _ = model.say(who, ask, post, None);
            }
        }
        model
    }

    /// Every world in which some of that was granted and the answers did not come: a part from the
    /// beginning, in each order in which the people may have had their turns.
    pub fn worlds(&self, unanswered: &[(Name, Vec<Ask>)]) -> Vec<Model> {
        let mut worlds = vec![self.clone()];
        for (index, (who, asks)) in unanswered.iter().enumerate() {
            let mut world = self.clone();
            for ask in asks {
                world = world.perhaps(who, ask);
                worlds.push(world.clone());
            }
            let others = [&unanswered[..index], &unanswered[index + 1..]].concat();
            worlds.extend(world.worlds(&others));
        }
        worlds
    }

    /// All but messages and what is only asked.
    fn change(&mut self, who: Name, ask: &Ask, key: Key) {
        match ask {
            Ask::Register(password) => self.meet(who, password),
            Ask::Login(_) => self.person(who).key = key,
            Ask::Password { new, .. } => {
                self.person(who).password.clone_from(new);
                self.person(who).key = key;
            }
            Ask::Logout => self.person(who).key = Key::None,
            Ask::Befriend(other) => _ = self.friends.insert(pair(who, other)),
            Ask::Unfriend(other) => _ = self.friends.remove(&pair(who, other)),
            Ask::NewGroup(club) => {
                self.made += 1;
                let (names, made) = (BTreeSet::from([who]), self.made);
                *self.group(*club) =
                    Members { known_to: names.clone(), names, made, blocked: false };
            }
            Ask::DeleteGroup(club) => _ = self.groups.remove(club),
            Ask::Bring(club, other) => {
                let group = self.group(*club);
                group.names.insert(other);
                group.known_to.insert(other);
            }
            Ask::Remove(club, other) => _ = self.group(*club).names.remove(other),
            Ask::Leave(club) => _ = self.group(*club).names.remove(who),
            Ask::Block(other) => {
                self.person(other).blocked = true;
                self.person(other).key = Key::None;
            }
            Ask::Unblock(other) => self.person(other).blocked = false,
            Ask::BlockGroup(club) => self.group(*club).blocked = true,
            Ask::UnblockGroup(club) => self.group(*club).blocked = false,
            _ => {}
        }
    }

    fn person(&mut self, who: Name) -> &mut Person {
        self.people.get_mut(who).expect("everyone registers first")
    }

    fn group(&mut self, club: Club) -> &mut Members {
        self.groups.entry(club).or_default()
    }

    fn say(&mut self, who: Name, ask: &Ask, post: &Post, seq: Option<i64>) -> Result<(), String> {
        if let Some(said) = self.posted(who, &post.mid) {
            return match said.seq == seq || said.seq.is_none() || seq.is_none() {
                true => Ok(()),
                false => Err(format!("P5: {} is {:?} and now {seq:?}", post.mid, said.seq)),
            };
        }
        if let Some(last) = self.said.last().and_then(|said| said.seq)
            && seq.is_some_and(|seq| seq <= last)
        {
            return Err(format!("P6: {seq:?} comes after {last}"));
        }
        let made = match ask {
            Ask::SendGroup(club, _) => self.groups.get(club).map_or(0, |group| group.made),
            _ => 0,
        };
        self.said.push(Said { seq, to: ask.to(), made, from: who, post: post.clone() });
        let readers: Vec<Name> = match ask {
            Ask::Send(to, _) => vec![*to],
            Ask::SendGroup(club, _) => self.groups[club].names.iter().copied().collect(),
            _ => Vec::new(),
        };
        for reader in readers.into_iter().filter(|reader| *reader != who) {
            self.person(reader).visible.push((seq.unwrap_or_default(), post.text.clone()));
        }
        Ok(())
    }

    fn check_history(&self, who: Name, other: Name, data: &Value) -> Result<(), String> {
        let ours = |said: &&Said| {
            (said.from == who && said.to == other) || (said.from == other && said.to == who)
        };
        let mut last: Vec<i64> = self.said.iter().filter(ours).filter_map(|s| s.seq).collect();
        let mut last = last.split_off(last.len().saturating_sub(3));
        let shown: Vec<i64> = data["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|message| message["payload"]["seq"].as_i64())
            .collect();
        // Long texts can fill an answer before all three are in it.
        last.drain(..last.len().saturating_sub(shown.len().max(1)));
        if last == shown { Ok(()) } else { Err(format!("history: {last:?}, not {shown:?}")) }
    }

    /// Whether a database holds what was promised, and nothing else.
    pub fn check(&self, found: &Found) -> Result<(), String> {
        let owned = |names: &BTreeSet<Name>| names.iter().map(|name| (*name).to_owned()).collect();
        same("users", &owned(&self.people.keys().copied().collect()), &found.names())?;
        for (name, person) in &self.people {
            let stored = &found.people[*name];
            let task = Task::Verify {
                password: person.password.as_str().into(),
                stored: stored.password.clone(),
                salt: [0; 16],
            };
            let key = match &person.key {
                Key::None => stored.key.is_none(),
                Key::Known(key) => stored.key == Some(KeyHash::of(key).0),
                Key::Unknown => stored.key.is_some(),
            };
            let right = matches!(task.run(CHEAP), Outcome::Verified { ok: true, .. });
            if (stored.blocked, key, right) != (person.blocked, true, true) {
                return Err(format!("{name}: key {key}, password {right}, {}", stored.blocked));
            }
        }
        let friends = self.friends.iter().map(|(a, b)| format!("{a} {b}")).collect();
        same("friends", &friends, &found.friends)?;
        let groups = self.groups.iter().map(|(club, group)| {
            let names: BTreeSet<String> = owned(&group.names);
            format!("{} {} {names:?}", label(*club), group.blocked)
        });
        same("groups", &groups.collect(), &found.groups)?;
        self.check_said(found)
    }

    /// Whether it holds the messages that were said, each once and in their places.
    pub fn check_said(&self, found: &Found) -> Result<(), String> {
        if self.said.len() != found.said.len() {
            let (said, found) = (self.said.len(), found.said.len());
            return Err(format!("{said} messages were said, {found} are there"));
        }
        for (said, found) in self.said.iter().zip(&found.said) {
            let promised = (said.to.as_str(), said.from, said.post.mid.as_str(), &said.post.text);
            let stored = (found.to.as_str(), found.from.as_str(), found.mid.as_str(), &found.text);
            if promised != stored || said.seq.is_some_and(|seq| seq != found.seq) {
                let (to, mid) = (&said.to, &said.post.mid);
                return Err(format!(
                    "{mid} to {to} at {:?}, not {} at {}",
                    said.seq, found.mid, found.seq
                ));
            }
        }
        Ok(())
    }
}

fn names(rows: &Value, field: &str) -> BTreeSet<String> {
    let rows = rows.as_array().into_iter().flatten();
    rows.filter_map(|row| row[field].as_str().map(str::to_owned)).collect()
}

fn same(what: &str, promised: &BTreeSet<String>, found: &BTreeSet<String>) -> Result<(), String> {
    if promised == found {
        return Ok(());
    }
    Err(format!("{what}: {promised:?} were promised, and there are {found:?}"))
}
