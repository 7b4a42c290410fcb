//! The model: what was promised, and whether it is so.
//!
//! It knows what was asked and answered, and reads the log; nothing of the server's memory or of
//! its tables of memberships. From the log alone, entry by entry, it follows who is in which
//! group and whose friend, and so who may see what: the notices say it, and where they stand.
//!
//! ```text
//! asked, answered ─┐
//!                  ├─► absorb: does each entry have a right to be there, is each promise kept?
//! the log ─────────┘        └─► visible: what each user is to be shown, in order
//! ```

mod reading;

use std::collections::{BTreeMap, BTreeSet};

use super::snapshot::{Entry, GroupRow, Snapshot};
use crate::support::pipe_net::PeerId;

/// What fails names the promise.
pub type Check = Result<(), String>;

/// A message that somebody wants said.
#[derive(Clone, Debug)]
pub struct Said {
    /// The sender's id.
    pub sender: i64,
    /// For whom.
    pub target: Target,
    /// What.
    pub text: String,
    /// The sender's name for it.
    pub mid: Option<String>,
    /// In the system's name.
    pub system: bool,
    /// Its place among all that its sender said.
    issue: u64,
    /// It was refused once: if it is said again, it may stand behind what was said later.
    was_refused: bool,
    /// How far the log was known when it was said.
    head: i64,
    /// The seq it was acknowledged with.
    seq: Option<i64>,
    /// The peers to which it was acknowledged.
    acknowledged_to: Vec<PeerId>,
    /// Requests for it that may still be served.
    open: u64,
    /// All of them were refused: it is never to appear.
    refused: bool,
    /// Asked for by a session that was over: it is never to appear.
    ghost: bool,
}

/// Who a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A user, by id.
    User(i64),
    /// A group, by its creator's id and its name.
    Group(i64, String),
    /// All.
    Everyone,
}

/// How often something was done for certain, and how often it is not known whether it was.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    done: u64,
    open: u64,
    /// Being told that it is done does not mean that anything was.
    lax: bool,
}

/// The model.
#[derive(Debug, Default)]
pub struct Ledger {
    ids: BTreeMap<String, i64>,
    names: BTreeMap<i64, String>,
    admins: BTreeSet<i64>,
    entries: Vec<Entry>,
    /// The head before anyone came.
    begun: i64,
    visible: BTreeMap<i64, Vec<i64>>,
    to_everyone: Vec<i64>,
    groups: BTreeMap<i64, Group>,
    friends: BTreeSet<(i64, i64)>,
    said: BTreeMap<String, Said>,
    issues: u64,
    /// What was said and is not in the log, in the order in which it was said.
    unlogged: BTreeMap<(i64, u64), String>,
    /// What stands in the log though something was said before it that there was no reason to
    /// refuse: that must not come any more.
    overtaken: BTreeSet<String>,
    /// The last seq at which it changed whether something may be said to a user or in a group.
    changed: BTreeMap<Subject, i64>,
    may_refuse_all: bool,
    /// Bytes that a user may have stored a day, …
    pub quota: u64,
    /// … how often the wall clock jumped, and each time a day may begin once more, …
    pub clock_jumps: u64,
    /// … and what stands in the log, by sender and day.
    stored: BTreeMap<(i64, i64), u64>,
    /// Nobody is brought into a group by who is no friend.
    pub only_friends_bring_in: bool,
    /// Acknowledged and not seen in the log yet.
    unproven: Vec<String>,
    /// Refused because their `mid` was used, and not compared with the log yet.
    used: Vec<String>,
    tallies: BTreeMap<String, Tally>,
    counted: BTreeMap<String, u64>,
    /// Whether a user is blocked, as far as the answers tell.
    blocks: BTreeMap<i64, Block>,
    /// Who went out of a group in what was read last, and where.
    departed: Vec<(i64, i64)>,
    /// The group's half of an addition, whose other half must follow at once.
    half_added: Option<(i64, String, String)>,
}

/// What the right to say something depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Friends(i64, i64),
    Group(i64),
}

/// Whether a user is blocked.
#[derive(Debug, Default)]
struct Block {
    /// If that is certain.
    certain: Option<bool>,
    /// Requests about it that are under way.
    open: u64,
    /// Some of them were under way together: the one heard last need not be the one decided last.
    have_met: bool,
}

#[derive(Debug)]
struct Group {
    creator: i64,
    name: String,
    members: BTreeSet<i64>,
    blocked: bool,
    deleted: bool,
}

impl Ledger {
    /// Begins with what a database holds before anyone comes.
    pub fn new(begin: &Snapshot, admins: &[i64]) -> Ledger {
        let mut ledger = Ledger {
            admins: admins.iter().copied().collect(),
            begun: begin.head,
            ..Ledger::default()
        };
        ledger.meet(begin);
        ledger.changed.clear();
        ledger.friends.clone_from(&begin.friends);
        for (group, user) in &begin.members {
            ledger.groups.entry(*group).and_modify(|group| _ = group.members.insert(*user));
        }
        let groups = begin.groups.iter().map(new_group_key);
        let users = begin.users.values().map(|(name, _)| format!("reg {name}"));
        for key in groups.chain(users) {
            ledger.tallies.entry(key).or_default().done += 1;
        }
        ledger
    }

    /// The id of a user.
    pub fn id(&self, name: &str) -> Option<i64> {
        self.ids.get(name).copied()
    }

    /// The name of a user.
    pub fn name(&self, id: i64) -> &str {
        self.names.get(&id).map_or("", String::as_str)
    }

    /// Everyone's id.
    pub fn users(&self) -> Vec<i64> {
        self.names.keys().copied().collect()
    }

    /// The last seq that is known.
    pub fn head(&self) -> i64 {
        self.entries.last().map_or(self.begun, |entry| entry.seq)
    }

    /// What others said that a user is to be shown.
    pub fn visible(&self, user: i64) -> &[i64] {
        self.visible.get(&user).map_or(&[], Vec::as_slice)
    }

    /// The entry at a seq.
    pub fn entry(&self, seq: i64) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        Some(&self.entries[at])
    }

    /// The groups that are alive as far as the log is known: id, creator, name, members.
    pub fn live_groups(&self) -> impl Iterator<Item = (i64, i64, &str, &BTreeSet<i64>)> {
        let alive = self.groups.iter().filter(|(_, group)| !group.deleted);
        alive.map(|(id, group)| (*id, group.creator, group.name.as_str(), &group.members))
    }

    /// Whether two are friends as far as the log is known.
    pub fn are_friends(&self, a: i64, b: i64) -> bool {
        self.friends.contains(&(a, b))
    }

    // --- what is asked and answered ---

    /// Somebody says something for the first time.
    pub fn say(&mut self, sender: i64, target: Target, text: &str, mid: Option<&str>, ghost: bool) {
        self.issues += 1;
        let said = Said {
            sender,
            target,
            text: text.to_owned(),
            mid: mid.map(str::to_owned),
            system: false,
            issue: self.issues,
            was_refused: false,
            head: self.head(),
            seq: None,
            acknowledged_to: Vec::new(),
            open: 0,
            refused: false,
            ghost,
        };
        self.unlogged.insert((sender, said.issue), tag(text).to_owned());
        self.said.insert(tag(text).to_owned(), said);
    }

    /// It is said in the system's name.
    pub fn says_as_system(&mut self, tag: &str) {
        if let Some(said) = self.said.get_mut(tag) {
            said.system = true;
        }
    }

    /// It is asked for.
    pub fn say_asked(&mut self, tag: &str) {
        if let Some(said) = self.said.get_mut(tag) {
            said.open += 1;
            said.refused = false;
        }
    }

    /// A request for it will not be served any more, if it was not.
    pub fn say_lost(&mut self, tag: &str) {
        if let Some(said) = self.said.get_mut(tag) {
            said.open -= 1;
        }
    }

    /// A message was acknowledged.
    pub fn acknowledged(&mut self, tag: &str, seq: i64, peer: PeerId) -> Check {
        let said = self.said.get_mut(tag).ok_or("an answer to nothing")?;
        if said.ghost {
            return Err(format!("P17: {tag} was asked for by a session that was over"));
        }
        said.open -= 1;
        said.acknowledged_to.push(peer);
        match said.seq.replace(seq) {
            Some(before) if before != seq => {
                Err(format!("P5: {tag} was acknowledged as {before} and as {seq}"))
            }
            _ => {
                self.unproven.push(tag.to_owned());
                Ok(())
            }
        }
    }

    /// Whether a message was acknowledged before.
    pub fn was_acknowledged(&self, tag: &str) -> bool {
        self.said.get(tag).is_some_and(|said| said.seq.is_some())
    }

    /// Whether a message was acknowledged before, to other peers alone.
    pub fn was_acknowledged_elsewhere(&self, tag: &str, peer: PeerId) -> bool {
        self.said
            .get(tag)
            .is_some_and(|said| said.seq.is_some() && !said.acknowledged_to.contains(&peer))
    }

    /// Whether it could be said anew, as far as the log is known.
    pub fn may_still_say(&self, tag: &str) -> bool {
        self.said.get(tag).is_some_and(|said| self.may_say(said))
    }

    /// A message was refused for good, as it is now.
    pub fn refused(&mut self, tag: &str) -> Check {
        let said = self.said.get_mut(tag).ok_or("an answer to nothing")?;
        if let Some(seq) = said.seq {
            return Err(format!("P5: {tag} is acknowledged as {seq}, and refused when repeated"));
        }
        said.open -= 1;
        said.refused = said.open == 0;
        said.was_refused = true;
        Ok(())
    }

    /// A message was refused because its `mid` stands for another.
    pub fn refused_as_used(&mut self, tag: &str) -> Check {
        self.said.get_mut(tag).ok_or("an answer to nothing")?.open -= 1;
        self.used.push(tag.to_owned());
        Ok(())
    }

    /// Something is asked for whose doing is told by a notice. `lax`: it may be done already.
    pub fn asked(&mut self, key: &str, lax: bool) {
        let tally = self.tallies.entry(key.to_owned()).or_default();
        tally.open += 1;
        tally.lax |= lax;
    }

    /// The answer to it.
    pub fn answered(&mut self, key: &str, done: bool) {
        let tally = self.tallies.entry(key.to_owned()).or_default();
        tally.open -= 1;
        tally.done += u64::from(done);
    }

    /// A user is to be blocked or unblocked.
    pub fn block_asked(&mut self, user: i64) {
        let block = self.blocks.entry(user).or_default();
        block.have_met |= block.open > 0;
        (block.certain, block.open) = (None, block.open + 1);
    }

    /// The answer to it. True: it is certain now.
    pub fn block_answered(&mut self, user: i64, blocked: Option<bool>) -> bool {
        let block = self.blocks.entry(user).or_default();
        block.open -= 1;
        block.certain = blocked.filter(|_| block.open == 0 && !block.have_met);
        block.have_met &= block.open > 0;
        block.certain.is_some()
    }

    /// Requests about blocking that were under way are decided, nobody knows how.
    pub fn block_lost(&mut self, user: i64) {
        let block = self.blocks.entry(user).or_default();
        block.open -= 1;
        block.certain = None;
        block.have_met &= block.open > 0;
    }

    /// Whether it is certain that nobody is blocked.
    pub fn blocks_nobody(&self) -> bool {
        self.blocks.values().all(|block| block.certain == Some(false))
    }

    /// Whether a user is blocked, if that is certain.
    pub fn is_blocked(&self, user: i64) -> Option<bool> {
        self.blocks.get(&user).map_or(Some(false), |block| block.certain)
    }

    // --- what is so ---

    /// Who went out of a group in what was absorbed last, and where that stands.
    pub fn departures(&mut self) -> Vec<(i64, i64)> {
        std::mem::take(&mut self.departed)
    }

    /// A history of two users is a piece of what they said to each other, without a gap.
    pub fn check_history(&self, user: i64, other: i64, seqs: &[i64]) -> Check {
        let Some(first) = seqs.first() else { return Ok(()) };
        let theirs = |entry: &&Entry| {
            let (from, to) = (entry.sender, entry.conversation);
            entry.kind != 3
                && ((from == user && to == other * 2) || (from == other && to == user * 2))
        };
        let at = self.entries.partition_point(|entry| entry.seq < *first);
        let said = self.entries[at..].iter().filter(theirs).map(|entry| entry.seq);
        let said: Vec<i64> = said.take(seqs.len()).collect();
        if said == seqs { Ok(()) } else { Err(format!("P16: history {seqs:?}, said was {said:?}")) }
    }

    /// Goes on with what a database holds now, of whose log `after` is known.
    pub fn absorb(&mut self, now: &Snapshot) -> Check {
        self.meet(now);
        for entry in &now.entries {
            self.read(entry)?;
        }
        if self.half_added.is_some() {
            return Err("P3: a member was announced and not added".into());
        }
        if now.head > self.head() {
            return Err(format!("P6: the log ends at {}, its head is {}", self.head(), now.head));
        }
        for tag in std::mem::take(&mut self.unproven) {
            self.is_proven(&tag)?;
        }
        for tag in std::mem::take(&mut self.used) {
            self.check_used(&tag)?;
        }
        self.check_tallies(now)?;
        self.check_state(now)
    }

    /// The log read anew from its beginning is the one that is known.
    pub fn check_unchanged(&self, whole: &Snapshot) -> Check {
        match self.entries.iter().zip(&whole.entries).find(|(known, found)| known != found) {
            Some((known, found)) => Err(format!("P6: {known:?} became {found:?}")),
            None if self.entries.len() != whole.entries.len() => {
                Err("P1: the log is shorter than it was".into())
            }
            None => Ok(()),
        }
    }

    /// New users and groups: who they are is no promise.
    fn meet(&mut self, now: &Snapshot) {
        for (id, (name, _)) in &now.users {
            if self.names.insert(*id, name.clone()).is_none() {
                self.ids.insert(name.clone(), *id);
                self.visible.insert(*id, self.to_everyone.clone());
            }
        }
        for row in &now.groups {
            let head = self.head();
            self.groups.entry(row.id).or_insert_with(|| {
                self.changed.insert(Subject::Group(row.id), head + 1);
                Group {
                    creator: row.creator,
                    name: row.name.clone(),
                    members: BTreeSet::from([row.creator]),
                    blocked: false,
                    deleted: false,
                }
            });
        }
    }

    fn is_proven(&self, tag: &str) -> Check {
        let said = &self.said[tag];
        let seq = said.seq.unwrap_or_default();
        let entry = self.entry(seq);
        if entry.is_some_and(|entry| entry.body == said.text && entry.sender == said.sender) {
            return Ok(());
        }
        Err(format!("P1: {tag} was acknowledged as {seq}, where the log has {entry:?}"))
    }

    /// A message is another's only where it was said in a group that is deleted, and that
    /// shares its name with another.
    fn check_used(&self, tag: &str) -> Check {
        let said = &self.said[tag];
        let is_it = |entry: &&Entry| entry.sender == said.sender && entry.body == said.text;
        let there = self.entries.iter().find(is_it).filter(|entry| entry.conversation % 2 == 1);
        let group = there.and_then(|entry| self.groups.get(&(entry.conversation / 2)));
        let named =
            |other: &&Group| Target::Group(other.creator, other.name.clone()) == said.target;
        let names = self.groups.values().filter(named).count();
        if group.is_some_and(|group| group.deleted) && names > 1 {
            return Ok(());
        }
        Err(format!("P5: {tag} was never another message, {there:?}"))
    }

    /// What was done is told, and what was refused is not.
    fn check_tallies(&mut self, now: &Snapshot) -> Check {
        self.counted.retain(|key, _| !key.starts_with("newgroup ") && !key.starts_with("reg "));
        let groups = now.groups.iter().map(new_group_key);
        let users = now.users.values().map(|(name, _)| format!("reg {name}"));
        for key in groups.chain(users) {
            *self.counted.entry(key).or_default() += 1;
        }
        for (key, tally) in &self.tallies {
            let count = self.counted.get(key).copied().unwrap_or_default();
            let least = if tally.lax { 0 } else { tally.done };
            if count < least {
                return Err(format!("P1: {key} was done {least} times, and told {count} times"));
            }
            if count > tally.done + tally.open {
                return Err(format!("P4: {key} was told {count} times, of {tally:?}"));
            }
        }
        match self.counted.keys().find(|key| !self.tallies.contains_key(*key)) {
            Some(key) if !key.starts_with("group_joined") => Err(format!("nobody asked for {key}")),
            _ => Ok(()),
        }
    }

    /// The tables say what follows from the log.
    fn check_state(&self, now: &Snapshot) -> Check {
        let members = self
            .groups
            .iter()
            .flat_map(|(id, group)| group.members.iter().map(|user| (*id, *user)));
        let members: BTreeSet<(i64, i64)> = members.collect();
        if let Some(differs) = members.symmetric_difference(&now.members).next() {
            return Err(format!("P3, P12: the log and the table differ about member {differs:?}"));
        }
        if let Some(differs) = self.friends.symmetric_difference(&now.friends).next() {
            return Err(format!("P3: the log and the table differ about friends {differs:?}"));
        }
        for row in &now.groups {
            let group = &self.groups[&row.id];
            let status = if group.deleted { 2 } else { i64::from(!group.blocked) };
            if (status, group.members.len() as i64) != (row.status, row.count) {
                return Err(format!("P3: the log and the table differ about {row:?}: {group:?}"));
            }
        }
        for (user, Block { certain, .. }) in &self.blocks {
            let is = now.users.get(user).map(|user| user.1);
            if certain.is_some() && *certain != is {
                return Err(format!("P18: {user} is blocked: {certain:?} and {is:?}"));
            }
        }
        Ok(())
    }
}

/// What names a text: it begins with it, and no two are the same.
pub fn tag(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn new_group_key(row: &GroupRow) -> String {
    format!("newgroup {} {}", row.creator, row.name)
}
