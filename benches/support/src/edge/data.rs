//! A database made beforehand: users, friends, groups and a log, written through the store.
//!
//! One password hash serves all users, for nobody signs in with it; login keys follow from the
//! user's number. The log is what 100,000 people said to one another and to 1,000 groups, and at
//! its end what those said who will go on talking, so that what the server does later for an entry
//! is done for entries like theirs. All of it was said before any user was made, so nothing waits
//! for them. The index of words has all of it.
//!
//! Filling does not wait for the disk. What was filled is on it before anything is measured, and
//! stands below cargo's target directory: a real disk, where an fsync costs what it costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use p2sp::id::{Conversation, GroupId, UserId};
use p2sp::limits::WAL_PAGES_MAX;
use p2sp::names::Name;
use p2sp::password::{self, KeyHash};
use p2sp::store::{EntryKind, NewEntry, Opening, Store, Synchronous};
use tempfile::TempDir;

use crate::words::{GROUP, key_of, name_of};
use crate::{Outcome, place};

/// Rows of one transaction of the filling.
const ROWS: usize = 50_000;
/// Inboxes and groups that the log is spread over, and one message of so many is to a group.
const INBOXES: u64 = 100_000;
const GROUPS: u64 = 1_000;
const GROUP_SHARE: u64 = 5;
/// A text as people write it: 64 bytes of ten words.
pub const BODY: &str = "we meet at nine by the old bridge and bring tea for all of them";

/// Who and what is in a database.
#[derive(Clone, Default)]
pub struct Filling {
    /// Messages that all the world said.
    pub log: u64,
    /// Messages that the friends said last, in turn.
    pub newest: u64,
    /// Users 0, 1, 2 …
    pub users: usize,
    /// Users 0 and 1, 2 and 3 … are friends, up to this one.
    pub friends: usize,
    /// Groups of so many members; the n-th belongs to user n, who is in no other.
    pub groups: Vec<usize>,
    /// This user is behind.
    pub late: Option<Late>,
}

/// A user for whom much waits.
#[derive(Clone)]
pub struct Late {
    /// Which.
    pub user: usize,
    /// Groups that they are in.
    pub groups: usize,
    /// Messages that wait for them, spread over those groups.
    pub messages: usize,
}

/// A data directory that nobody has open.
pub struct Data {
    dir: PathBuf,
    /// Removes the directory in the end, where it was made by this process.
    _made: Option<TempDir>,
}

impl Data {
    /// Makes it.
    pub fn fill(filling: &Filling) -> Outcome<Data> {
        let data = Data::vacant()?;
        data.add(filling)?;
        Ok(data)
    }

    /// Adds to it, as long as it has no users.
    pub fn add(&self, filling: &Filling) -> Outcome<()> {
        let mut store = open(self.path(), Synchronous::Off)?;
        let unix = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
        let mut filler = Filler { store: &mut store, rows: 0, unix, body: BODY.into() };
        filler.store.begin()?;
        filler.fill(filling)?;
        filler.commit()?;
        store.close()?;
        // Closed, so that no lock of SQLite's is lost by it.
        Ok(fs::File::open(self.path().join("p2sp.db"))?.sync_all()?)
    }

    /// One that another process made, and keeps until this one has ended.
    pub fn of_another(dir: PathBuf) -> Data {
        Data { dir, _made: None }
    }

    /// The same once more.
    pub fn copy(&self) -> Outcome<Data> {
        let copy = Data::vacant()?;
        let file = copy.path().join("p2sp.db");
        fs::copy(self.path().join("p2sp.db"), &file)?;
        fs::File::open(file)?.sync_all()?;
        Ok(copy)
    }

    /// The store in it, as a server opens it.
    pub fn open(&self) -> Outcome<Store> {
        open(self.path(), Synchronous::Full)
    }

    fn vacant() -> Outcome<Data> {
        let made = place::directory("edge-")?;
        Ok(Data { dir: made.path().into(), _made: Some(made) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.dir
    }
}

fn open(dir: &Path, synchronous: Synchronous) -> Outcome<Store> {
    Ok(Store::open(&Opening { dir, epoch: "0123456789abcdef", mid_key: &[7; 16], synchronous })?.0)
}

/// Writes in transactions of a bearable size.
struct Filler<'a> {
    store: &'a mut Store,
    rows: usize,
    unix: i64,
    body: String,
}

impl Filler<'_> {
    fn fill(&mut self, filling: &Filling) -> Outcome<()> {
        (0..filling.log).try_for_each(|number| self.say(number))?;
        for number in 0..filling.newest as usize {
            let pair = 2 * number % filling.friends;
            self.append(Conversation::Inbox(id_of(pair + 1)), id_of(pair))?;
        }
        let password = password::decoy(Default::default());
        for user in 0..filling.users {
            let name = Name::user(&name_of(user)).map_err(|_| "a bad name")?;
            let id = self.store.people_mut().add_user(&name, &password, false, self.unix)?;
            self.store.people_mut().set_key(id, Some(&KeyHash::of(&key_of(user)).0), self.unix)?;
            if id != id_of(user) {
                return Err("the database was not empty".into());
            }
            self.count()?;
        }
        for user in (0..filling.friends).step_by(2) {
            self.store.people_mut().befriend(id_of(user), id_of(user + 1))?;
            self.count()?;
        }
        for (owner, &members) in filling.groups.iter().enumerate() {
            let group =
                self.store.people_mut().add_group(id_of(owner), &group_name(GROUP)?, self.unix)?;
            let others = filling.groups.len()..;
            for user in others.take(members - 1) {
                self.store.people_mut().join(group, id_of(user))?;
                self.count()?;
            }
        }
        filling.late.as_ref().map_or(Ok(()), |late| self.keep_waiting(late))
    }

    /// One message of the log, to whom its number says.
    fn say(&mut self, number: u64) -> Outcome<()> {
        // Spread, but the same in every run.
        let dice = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let sender = 1 + dice % INBOXES;
        let conversation = match number % GROUP_SHARE {
            0 => Conversation::Group(GroupId((1 + dice % GROUPS) as i64)),
            _ => Conversation::Inbox(UserId((1 + (dice / INBOXES) % INBOXES) as i64)),
        };
        self.append(conversation, UserId(sender as i64))
    }

    /// A user joins groups, and what is said there they have not read yet.
    fn keep_waiting(&mut self, late: &Late) -> Outcome<()> {
        let owner = id_of(0);
        let mut groups = Vec::with_capacity(late.groups);
        for number in 0..late.groups {
            let name = group_name(&format!("late{number}"))?;
            let group = self.store.people_mut().add_group(owner, &name, self.unix)?;
            self.store.people_mut().join(group, id_of(late.user))?;
            groups.push(group);
        }
        for number in 0..late.messages {
            self.append(Conversation::Group(groups[number % groups.len()]), owner)?;
        }
        Ok(())
    }

    fn append(&mut self, conversation: Conversation, sender: UserId) -> Outcome<()> {
        // It counts up, as those of all clients do, and stays below those that come later.
        let mid = format!("{:032x}", self.store.head().0);
        self.store.log_mut().append(&NewEntry {
            conversation,
            sender: Some(sender),
            unix: self.unix,
            kind: EntryKind::Text,
            body: &self.body,
            mid: Some(&mid),
        })?;
        self.count()
    }

    fn commit(&mut self) -> Outcome<()> {
        while !self.store.is_indexed() {
            self.store.log_mut().index_some(ROWS)?;
        }
        self.store.commit(())?;
        Ok(())
    }

    /// One row more: now and then a commit, and a checkpoint when a server would make one.
    fn count(&mut self) -> Outcome<()> {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS) {
            self.commit()?;
            if self.store.wal_pages() >= WAL_PAGES_MAX {
                self.store.checkpoint()?;
            }
            self.store.begin()?;
        }
        Ok(())
    }
}

/// The database counts from 1.
fn id_of(user: usize) -> UserId {
    UserId(user as i64 + 1)
}

fn group_name(text: &str) -> Outcome<Name> {
    Ok(Name::group(text).map_err(|_| "a bad name")?)
}
