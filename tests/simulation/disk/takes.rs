//! Takes: work that is recorded while it is done, with what is promised meanwhile.
//!
//! Most are scenes, from the making of the database on; in some of them the texts are long, so
//! that the write-ahead log is copied and overwritten. The others are what a server does beside
//! its work: it brings older databases up to date, and seals slices of the log, which takes more
//! messages than a scene has.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use p2sp::id::{Conversation, UserId};
use p2sp::names::Name;
use p2sp::store::{EntryKind, NewEntry, Opening, Store, StoreError, Synchronous};
use p2sp_test_vfs::{Journal, mark, record, stop};
use rusqlite::Connection;

use super::model::Model;
use super::scene::{Batch, End, SPOKEN, Scene, Step, TICK};
use crate::support::pipe_net::CHEAP;
use crate::support::test_server::{EPOCH, temp_dir};

/// Steps of a scene behind its prologue, and of one with long texts.
const STEPS: usize = 45;
const STEPS_LONG: usize = 90;
/// Entries of a slice of the log; before the sealing begins so many are missing.
const SLICE: i64 = 65_536;
const MISSING: i64 = 2_000;
/// Transactions in which the slice is sealed, and entries in each.
const SEALING: usize = 7;
const SEALING_ENTRIES: usize = 8_500;

/// Something that was recorded, and what was promised meanwhile.
pub struct Take {
    pub synchronous: Synchronous,
    pub journal: Journal,
    /// Where everything had happened that could, and what was promised by then.
    pub settled: Vec<(usize, Model)>,
    /// What was asked in which part of the journal.
    pub asked: Vec<(Range<usize>, Batch)>,
    /// How many images are worth their time.
    pub images: usize,
}

impl Take {
    /// The take of that number.
    ///
    /// # Errors
    /// What went wrong without any cut.
    pub fn of(number: u64, synchronous: Synchronous) -> Result<Take, String> {
        let taken = match number % 12 {
            9 => upgrade(synchronous, include_str!("../../../src/store/earlier/1.sql"), VERSION_1),
            10 => upgrade(synchronous, FIRST_VERSION, ""),
            11 => sealing(synchronous),
            4 | 8 => Take::of_scene(number, synchronous, STEPS_LONG),
            _ => Take::of_scene(number, synchronous, STEPS),
        };
        taken.map_err(|why| format!("without a cut: {why}"))
    }

    fn of_scene(seed: u64, synchronous: Synchronous, steps: usize) -> Result<Take, String> {
        let dir = temp_dir();
        record(dir.path());
        mark(TICK);
        let mut scene = Scene::new(dir.path(), synchronous, seed);
        scene.long = steps == STEPS_LONG;
        let played = play(&mut scene, steps);
        // What a close does is not to be in the journal.
        let journal = stop();
        let (settled, asked) = played.map_err(|end| format!("{end:?}"))?;
        Ok(Take { synchronous, journal, settled, asked, images: 230 })
    }

    /// What is done in a directory, without people.
    fn of_work(
        synchronous: Synchronous,
        dir: &Path,
        images: usize,
        work: impl FnOnce(&mut Store) -> Result<(), StoreError>,
    ) -> Result<Take, String> {
        record(dir);
        mark(TICK);
        let opened = Store::open(&Opening { dir, epoch: EPOCH, mid_key: &[7; 16], synchronous });
        let worked = opened.map_err(|error| error.to_string()).and_then(|(mut store, _)| {
            mark(TICK);
            work(&mut store).map_err(|error| error.to_string())?;
            store.close().map_err(|error| error.to_string())
        });
        mark(TICK);
        let journal = stop();
        worked?;
        let (settled, asked) = (Vec::new(), Vec::new());
        Ok(Take { synchronous, journal, settled, asked, images })
    }
}

/// What was promised when, and what was asked when.
type Played = (Vec<(usize, Model)>, Vec<(Range<usize>, Batch)>);

/// Plays a scene to its end.
fn play(scene: &mut Scene, steps: usize) -> Result<Played, End> {
    let (mut settled, mut asked) = (Vec::new(), Vec::new());
    scene.begin()?;
    let mut prologue = Scene::prologue().into_iter();
    for _ in 0..prologue.len() + steps {
        let step = prologue.next().unwrap_or_else(|| scene.draw());
        let begun = mark(TICK);
        scene.play(&step)?;
        let ended = mark(TICK);
        settled.push((ended, scene.model.clone()));
        if let Step::Act(batch) = step {
            asked.push((begun..ended, batch));
        }
    }
    Ok((settled, asked))
}

/// A transaction has been committed, and somebody is told.
fn told() {
    mark(SPOKEN);
    mark(TICK);
}

/// Rows of version 1: a log with gaps at its end, and `mid`s that rise and do not.
const VERSION_1: &str = "INSERT INTO meta VALUES ('epoch', '0123456789abcdef');
    INSERT INTO users (username, namekey, userpassword, createtime)
        VALUES ('ann', 'ann', '!', 1), ('bob', 'bob', '!', 1);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO log (conversation, sender, at, kind, body, mid)
        SELECT 4, 1, 1, 0, 'text ' || i, 'm' || (i * 7 % 401) FROM n;
    INSERT INTO log (conversation, sender, at, kind, body) VALUES (4, 1, 1, 0, 'pruned');
    DELETE FROM log WHERE seq = 401;
    PRAGMA user_version = 1";

/// A first version's database, with passwords for three batches.
const FIRST_VERSION: &str = "CREATE TABLE users (userid INTEGER PRIMARY KEY, username TEXT,
        userpassword TEXT, userstatus INTEGER, createtime TEXT);
    CREATE TABLE groups (groupid INTEGER PRIMARY KEY, groupname TEXT, createuserid INTEGER);
    CREATE TABLE group_users (id INTEGER PRIMARY KEY, groupid INTEGER, userid INTEGER);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO users SELECT i, 'user' || i, printf('%032x', i), 1, '2020-01-01' FROM n;
    INSERT INTO groups VALUES (1, 'team', 1);
    INSERT INTO group_users (groupid, userid) SELECT 1, userid FROM users";

/// An older database becomes one of this version, and its passwords are wrapped.
fn upgrade(synchronous: Synchronous, schema: &str, rows: &str) -> Result<Take, String> {
    let dir = temp_dir();
    let old = Connection::open(dir.path().join("p2sp.db")).map_err(|error| error.to_string())?;
    old.execute_batch(schema).map_err(|error| error.to_string())?;
    old.execute_batch(rows).map_err(|error| error.to_string())?;
    drop(old);
    Take::of_work(synchronous, dir.path(), 60, |store| {
        store.wrap_old_passwords(CHEAP, &mut || [7; 16], &mut |_, _| told())
    })
}

/// A slice of the log is full and sealed, in far fewer transactions than it would be.
fn sealing(synchronous: Synchronous) -> Result<Take, String> {
    static FILLED: OnceLock<Vec<u8>> = OnceLock::new();
    let dir = temp_dir();
    let path = dir.path().join("p2sp.db");
    let filled = FILLED.get_or_init(|| fill().expect("a database is filled"));
    fs::write(&path, filled).map_err(|error| error.to_string())?;
    Take::of_work(synchronous, dir.path(), 12, |store| {
        for _ in 0..SEALING {
            store.begin()?;
            (0..SEALING_ENTRIES).try_for_each(|_| append(store))?;
            store.commit(())?;
            told();
            store.checkpoint()?;
        }
        Ok(())
    })
}

/// The file of a database in which a slice is nearly full.
fn fill() -> Result<Vec<u8>, StoreError> {
    let dir = temp_dir();
    let opening =
        Opening { dir: dir.path(), epoch: EPOCH, mid_key: &[7; 16], synchronous: Synchronous::Off };
    let (mut store, _) = Store::open(&opening).expect("a new database");
    store.begin()?;
    for number in 1..=50 {
        let name = Name::user(&format!("user{number}")).expect("a name");
        store.people_mut().add_user(&name, "!", false, 1)?;
    }
    while store.head().0 < SLICE - MISSING {
        append(&mut store)?;
    }
    store.commit(())?;
    store.close()?;
    Ok(fs::read(dir.path().join("p2sp.db")).expect("the file"))
}

/// The next message of many people to many others, under a `mid`.
fn append(store: &mut Store) -> Result<(), StoreError> {
    let seq = store.head().0 + 1;
    let (from, to) = (UserId(seq % 50 + 1), UserId(seq * 7 % 50 + 1));
    store.log_mut().append(&NewEntry {
        conversation: Conversation::Inbox(to),
        sender: Some(from),
        unix: 1,
        kind: EntryKind::Text,
        body: "hello",
        mid: Some(&format!("{seq}")),
    })?;
    Ok(())
}
