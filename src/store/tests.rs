//! What no single file of the store can promise: that the file is opened by one server only, that
//! earlier versions become this one, and that a full disk undoes the transaction.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::names::{Name, group_key};
use crate::password::{Cost, Outcome, Task};

pub(crate) const ANN: UserId = UserId(1);
pub(crate) const BOB: UserId = UserId(2);
pub(crate) const CEM: UserId = UserId(3);
const EPOCH: &str = "0123456789abcdef";
const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// A store in a directory that is removed with it.
pub(crate) struct Temp {
    pub(crate) store: Store,
    dir: TempDir,
}

/// A text of a user.
pub(crate) fn text(sender: UserId, to: Conversation, body: &str) -> NewEntry<'_> {
    let (sender, kind) = (Some(sender), EntryKind::Text);
    NewEntry { conversation: to, sender, unix: 1, kind, body, mid: None }
}

/// A user says something.
pub(crate) fn say(store: &mut Store, sender: UserId, to: Conversation, body: &str) -> Seq {
    store.log_mut().append(&text(sender, to, body)).expect("append")
}

/// A user creates a group.
pub(crate) fn add_group(store: &mut Store, owner: UserId, name: &str) -> GroupId {
    let name = Name::group(name).expect("a name");
    store.people_mut().add_group(owner, &name, 1).expect("a group")
}

impl Temp {
    fn open(dir: TempDir) -> (Temp, Opened) {
        let (store, opened) = open(dir.path()).expect("open");
        (Temp { store, dir }, opened)
    }

    /// Users 1, 2, … of those names.
    pub(crate) fn with_users(names: &[&str]) -> Temp {
        let (mut temp, _) = Temp::open(tempfile::tempdir().expect("a directory"));
        temp.transact(|store| {
            for name in names {
                let name = Name::user(name).expect("name");
                store.people_mut().add_user(&name, "!", false, 1).expect("user");
            }
        });
        temp
    }

    pub(crate) fn transact(&mut self, work: impl FnOnce(&mut Store)) {
        self.store.begin().expect("begin");
        work(&mut self.store);
        self.store.commit(()).expect("commit").into_inner();
    }

    pub(crate) fn reopen(self) -> Temp {
        self.store.close().expect("close");
        let (temp, opened) = Temp::open(self.dir);
        assert_eq!(opened, Opened { created: false, migrated_from: None, old_passwords: 0 });
        temp
    }

    /// The number that a query tells.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.store.sqlite().query_row(sql, (), |row| row.get(0)).expect("a number")
    }

    /// The first of the entries that a user may see.
    pub(crate) fn page(&self, reader: UserId) -> Vec<Entry> {
        let page = self.store.reads().page(reader, Seq(0), 99);
        page.expect("a page").entries
    }
}

fn open(dir: &Path) -> std::result::Result<(Store, Opened), OpenError> {
    Store::open(&Opening { dir, epoch: EPOCH, mid_key: &[1; 16], synchronous: Synchronous::Off })
}

fn append_text(store: &mut Store, body: &str) -> Result<Seq> {
    let (conversation, kind) = (Conversation::Everyone, EntryKind::Text);
    store.log_mut().append(&NewEntry { conversation, sender: None, unix: 1, kind, body, mid: None })
}

#[test]
fn p26_a_second_server_fails_at_once_and_touches_nothing() {
    let temp = Temp::with_users(&["ann"]);
    let path = temp.dir.path().join("p2sp.db");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("chmod");
    let traces = || {
        let file = |name| {
            let meta = fs::metadata(temp.dir.path().join(name)).expect("file");
            (meta.len(), meta.mode(), meta.mtime_nsec(), meta.ctime_nsec())
        };
        (file("p2sp.db"), file("p2sp.db-wal"), fs::read_dir(temp.dir.path()).expect("dir").count())
    };
    let (before, started) = (traces(), Instant::now());
    assert_eq!(open(temp.dir.path()).err(), Some(OpenError::InUse));
    assert!(started.elapsed() < Duration::from_secs(1), "within a second");
    assert_eq!(traces(), before);
    temp.reopen();
}

#[test]
fn the_write_ahead_log_of_a_newer_database_is_left_as_it_is() {
    let temp = Temp::with_users(&["ann"]);
    temp.store.sqlite().pragma_update(None, "user_version", 7).expect("version");
    let copy = tempfile::tempdir().expect("a directory");
    let (from, to) = (temp.dir.path().join("."), copy.path());
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
    // Not while a store of this process has it open: to read the file would drop SQLite's locks.
    let files = || ["p2sp.db", "p2sp.db-wal"].map(|name| fs::read(to.join(name)).expect("a file"));
    let before = files();
    assert_eq!(open(to).err(), Some(OpenError::Newer { found: 7, known: 6 }));
    assert!(files() == before);
}

#[test]
fn tables_that_are_not_ours_are_no_database_of_ours() {
    for tables in [
        "CREATE TABLE users (name TEXT)",
        "CREATE TABLE recipes (name TEXT); PRAGMA user_version = 1",
    ] {
        assert_eq!(open(made_of(&[tables]).path()).err(), Some(OpenError::NotADatabase));
    }
}

#[test]
fn a_database_keeps_its_epoch_and_syncs_as_it_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, opened) = open(dir.path()).expect("open");
    assert_eq!(opened, Opened { created: true, migrated_from: None, old_passwords: 0 });
    assert_eq!((store.epoch(), store.head(), store.people().user_count()), (EPOCH, Seq(0), 0));
    store.close().expect("close");
    let (dir, epoch, mid_key) = (dir.path(), "another", &[1; 16]);
    let other = Opening { dir, epoch, mid_key, synchronous: Synchronous::Full };
    let (store, opened) = Store::open(&other).expect("open");
    assert_eq!((store.epoch(), opened.created), (EPOCH, false));
    let level = store.sqlite().pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
    assert_eq!(level, Ok(2));
}

#[test]
fn a_full_disk_undoes_the_transaction_and_no_more() {
    let mut temp = Temp::with_users(&["ann"]);
    temp.transact(|store| assert_eq!(append_text(store, "kept"), Ok(Seq(1))));
    temp.store.fill_disk();
    let store = &mut temp.store;
    store.begin().expect("begin");
    let name = Name::user("bob").expect("name");
    store.people_mut().add_user(&name, "!", false, 1).expect("a small row fits");
    store.savepoint().expect("savepoint");
    let long = "x".repeat(8_000);
    let written =
        (0..9).map(|_| append_text(store, &long).and_then(|_| store.log_mut().write_rows()));
    let full = written.into_iter().find(std::result::Result::is_err);
    assert_eq!(full, Some(Err(StoreError::Full)));
    store.rollback_to_savepoint().expect("whatever SQLite has undone by itself");
    store.rollback().expect("rollback");
    assert_eq!((store.head(), store.people().user_count()), (Seq(1), 1));
    let space = i64::from(u32::MAX - 1);
    let set = store.sqlite().pragma_update_and_check(None, "max_page_count", space, |_| Ok(()));
    set.expect("space");
    temp.transact(|store| assert_eq!(append_text(store, &long), Ok(Seq(2))));
}

#[test]
fn a_transaction_that_sqlite_ended_takes_no_further_statement() {
    let mut temp = Temp::with_users(&["ann"]);
    let store = &mut temp.store;
    store.begin().expect("begin");
    append_text(store, "lost").expect("append");
    store.savepoint().expect("savepoint");
    store.sqlite().execute_batch("ROLLBACK").expect("as SQLite does by itself");
    assert_eq!(append_text(store, "never alone"), Err(StoreError::Full));
    assert_eq!(store.release(), Err(StoreError::Full));
    store.rollback_to_savepoint().expect("nothing left to undo");
    assert_eq!(store.commit(()).err(), Some(StoreError::Full));
    assert!(!store.in_transaction());
    assert_eq!(store.head(), Seq(0));
    temp.transact(|store| assert_eq!(append_text(store, "first"), Ok(Seq(1))));
}

#[test]
fn a_message_alone_writes_one_page_and_a_checkpoint_empties_the_count_of_pages() {
    let mut temp = Temp::with_users(&["ann"]);
    temp.transact(|store| _ = append_text(store, "first"));
    let before = temp.store.wal_pages();
    temp.transact(|store| _ = append_text(store, "second"));
    assert_eq!(temp.store.wal_pages(), before + 1);
    temp.store.checkpoint().expect("checkpoint");
    assert_eq!(temp.store.wal_pages(), 0);
    temp.transact(|store| _ = append_text(store, "third"));
    let pages = temp.store.wal_pages();
    assert!((1..9).contains(&pages), "{pages}: begun anew");
}

#[test]
fn p27_an_error_tells_nothing_of_the_data() {
    let mut temp = Temp::with_users(&["ann"]);
    let store = &mut temp.store;
    store.begin().expect("begin");
    let error = store
        .people_mut()
        .add_user(&Name::user("ann").expect("name"), "!", false, 1)
        .expect_err("a name is taken once");
    let StoreError::Broken(why) = error else { unreachable!("{error:?}") };
    assert!(why.contains("onstraint") && !why.contains("ann"), "{why}");
    store.rollback().expect("rollback");
}

const FIRST_VERSION: &str = "
    CREATE TABLE users (userid INTEGER PRIMARY KEY, username VARCHAR(20), userpassword CHAR(32),
        userstatus, createtime DATETIME, isadmin BOOLEAN, authtoken TEXT);
    CREATE UNIQUE INDEX users_by_key ON users (username);
    CREATE TABLE user_login_log (userid, username, lastlogintime, lastloginip);
    CREATE TABLE groups (groupid INTEGER PRIMARY KEY, groupname, createuserid, createtime,
        groupusercount);
    CREATE TABLE group_users (id INTEGER PRIMARY KEY, groupid REFERENCES groups (groupid), userid);
    CREATE TRIGGER old AFTER INSERT ON users BEGIN SELECT 1; END;
    INSERT INTO users VALUES
        (3, 'Ann', '0B4E7A0E5FE84AD35FB5F95B9CEEAC79', 1, '2001-09-09 01:46:40', 1, 'key'),
        (5, 'ann', 'd8578edf8458ce06fbc5bb76a58c5ca4', '1', 1000000000, 0, NULL),
        (7, 'B b!', 'not a digest', 0, NULL, NULL, NULL),
        (8, 'eve' || char(10) || '* hi', '', 1, 0, 0, NULL),
        (9, NULL, '', 1, 0, 0, NULL);
    INSERT INTO groups VALUES (1, 'Team', 3, 1000000000, 99), (2, 'team', '3', 0, 0),
        (4, 'orphan', 6, 0, 0);
    INSERT INTO group_users VALUES (1, 1, 5), (2, 1, 3), (3, 1, 5), (4, 1, 6), (5, 4, 3), (6, 2, 7);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 105)
        INSERT INTO user_login_log SELECT 3, 'Ann', 1000000000 + i, '127.0.0.1' FROM n;
";

#[test]
fn a_first_version_is_migrated() {
    let dir = made_of(&[FIRST_VERSION]);
    let path = dir.path().join("p2sp.db");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("chmod");
    let (temp, opened) = Temp::open(dir);
    assert_eq!(opened, Opened { created: false, migrated_from: Some(0), old_passwords: 2 });
    assert_eq!(fs::metadata(&path).expect("file").mode() & 0o777, 0o600);
    let store = &temp.store;
    assert_eq!((store.epoch(), store.head(), store.people().user_count()), (EPOCH, Seq(0), 4));

    let users = store.people().users_page(UserId(0), 9).expect("users");
    let user =
        |id, name: &str, blocked, admin| User { id: UserId(id), name: name.into(), blocked, admin };
    let (ann, second) = (user(3, "Ann", false, true), user(5, "ann-2", false, false));
    let eve = user(8, "eve-* hi", false, false);
    assert_eq!(users, [ann.clone(), second.clone(), user(7, "B b!", true, false), eve]);
    assert_eq!(store.people().user_by_key("ann"), Ok(Some(ann)));
    assert_eq!(store.people().user_by_key("ann-2"), Ok(Some(second)));
    assert_eq!(store.people().password(UserId(7)), Ok(Some("!".into())));
    assert_eq!(store.people().cursor(UserId(3)), Ok(Seq(0)));

    let group = store.people().group_by_name(UserId(3), "team").expect("read").expect("group");
    assert_eq!((group.name.as_str(), group.members), ("Team", 2));
    let members = store.people().members_page(group.id, 0, 9).expect("members");
    let ids: Vec<i64> = members.iter().map(|member| member.user.0).collect();
    assert_eq!(ids, [3, 5], "the creator first");
    let second = store.people().group_by_name(UserId(3), "team 2").expect("read").expect("group");
    assert_eq!(second.members, 2);
    assert_eq!(store.people().all_groups(GroupId(0), 9).expect("groups").len(), 2);

    let count = |sql: &str| temp.count(sql);
    assert_eq!(count("SELECT count(*) FROM user_login_log"), 100);
    assert_eq!(count("SELECT min(lastlogintime) FROM user_login_log"), 1_000_000_006);
    assert_eq!(count("SELECT count(*) FROM users WHERE createtime = 1000000000"), 2);
    assert_eq!(count("SELECT count(*) FROM users WHERE authtoken IS NOT NULL"), 0);
    assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old%'"), 0);
    assert_eq!(store.check(), Ok(Vec::new()));
}

#[test]
fn the_least_first_version_is_migrated() {
    let users = "CREATE TABLE users (userid TEXT, username)";
    let (temp, opened) = Temp::open(made_of(&[users, "INSERT INTO users VALUES ('1', 'ann')"]));
    assert_eq!(opened.migrated_from, Some(0));
    let temp = temp.reopen();
    assert_eq!(temp.store.people().username(UserId(1)), Ok(Some("ann".into())));
}

#[test]
fn p5_a_log_with_indexes_becomes_one_without() {
    let rows = "INSERT INTO meta VALUES ('epoch', '0123456789abcdef');
        INSERT INTO users (username, namekey, userpassword, createtime)
            VALUES ('ann', 'ann', '!', 1), ('bob', 'bob', '!', 1);
        INSERT INTO cursors VALUES (1, 0), (2, 0);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
            INSERT INTO log (conversation, sender, at, kind, body, mid)
            SELECT 4, 1, 1, 0, 'text ' || i, 'm' || (i * 7 % 41) FROM n;
        INSERT INTO log (conversation, sender, at, kind, body) VALUES (4, 1, 1, 0, 'pruned');
        DELETE FROM log WHERE seq = 41;
        PRAGMA user_version = 1";
    let (mut temp, opened) = Temp::open(made_of(&[shape::schema_of(1).expect("a schema"), rows]));
    assert_eq!(opened, Opened { created: false, migrated_from: Some(1), old_passwords: 0 });
    let store = &mut temp.store;
    assert_eq!(store.head(), Seq(41));
    let page = store.reads().page(BOB, Seq(0), 99).expect("page");
    assert_eq!((page.entries.len(), page.through), (40, Seq(41)));
    for i in 1..=40 {
        let posted = store.log_mut().find_mid(ANN, &format!("m{}", i * 7 % 41)).expect("look");
        assert_eq!(posted.map(|posted| posted.seq), Some(Seq(i)));
    }
    assert_eq!(store.log_mut().find_mid(ANN, "m0"), Ok(None));
    assert_eq!(store.log_mut().find_mid(ANN, "m99"), Ok(None));
    assert_eq!(store.check(), Ok(Vec::new()));
    // What it was before is kept.
    let copy = Connection::open(temp.dir.path().join(COPY_BEFORE_UPGRADE)).expect("a copy");
    let version: i64 = copy.pragma_query_value(None, "user_version", |row| row.get(0)).expect("1");
    let rows: i64 = copy.query_row("SELECT count(*) FROM log", (), |row| row.get(0)).expect("40");
    assert_eq!((version, rows), (1, 40));
    temp.reopen();
}

/// The store after an upgrade, as if version 4 had written it.
fn upgraded_from_4(temp: Temp) -> Temp {
    temp.store.close().expect("close");
    sql(temp.dir.path(), VERSION_4);
    let (temp, opened) = Temp::open(temp.dir);
    assert_eq!(opened.migrated_from, Some(4));
    assert_eq!(temp.store.check(), Ok(Vec::new()));
    temp
}

/// The tables of version 4 that version 5 has in another form, filled from those.
const VERSION_4: &str = "
    CREATE TABLE old_past (userid INTEGER NOT NULL, groupid INTEGER NOT NULL,
        from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
        PRIMARY KEY (userid, groupid, to_seq), CHECK (from_seq < to_seq)) STRICT, WITHOUT ROWID;
    INSERT INTO old_past SELECT userid, groupid, from_seq, to_seq FROM group_past;
    DROP TABLE group_past;
    ALTER TABLE old_past RENAME TO group_past;
    CREATE INDEX group_past_by_end ON group_past (userid, to_seq, from_seq);
    DROP TABLE group_stay_out;
    DROP TABLE audit;
    DELETE FROM meta WHERE name = 'mid_key';
    CREATE TABLE old_mids (block INTEGER NOT NULL, sender INTEGER NOT NULL,
        slice INTEGER NOT NULL, rising INTEGER, mids BLOB NOT NULL,
        PRIMARY KEY (block, sender, slice)) STRICT, WITHOUT ROWID;
    INSERT INTO old_mids SELECT block, sender, slice, max(rising),
            unhex(group_concat(hex(mids), '')) FROM mid_slices GROUP BY block, sender, slice;
    DROP TABLE mid_slices;
    ALTER TABLE old_mids RENAME TO mid_slices;
    PRAGMA user_version = 4";

#[test]
fn p12_p21_an_upgrade_forgets_memberships_that_tell_nothing_and_keeps_what_was_said() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let mid = |number: i64| format!("{:x}", number * 7_919 % 1_009);
    let mut said = Vec::new();
    temp.transact(|store| {
        let group = add_group(store, ANN, "team");
        for number in 0..200 {
            let mid = mid(number);
            let hello = text(ANN, Conversation::Group(group), "hello");
            let hello = NewEntry { mid: Some(&mid), ..hello };
            let mut from = store.head().next();
            let seq = store.log_mut().append(&hello).expect("append");
            if number % 10 == 0 {
                said.push(seq);
            } else {
                from = seq.next();
                append_text(store, "nothing of the group").expect("append");
            }
            let past = "INSERT INTO group_past (userid, groupid, from_seq, to_seq)
                VALUES (2, ?1, ?2, ?3)";
            let values = (group.0, from.0, store.head().next().0);
            store.sqlite().execute(past, values).expect("a membership");
        }
    });
    let mut temp = upgraded_from_4(temp);
    let past = |store: &Store| {
        let sql = "SELECT from_seq FROM group_past WHERE userid = 2 ORDER BY from_seq";
        let mut past = store.sqlite().prepare(sql).expect("SQL");
        let rows = past.query_map((), |row| row.get(0).map(Seq)).expect("rows");
        rows.map(|row| row.expect("a row")).collect::<Vec<Seq>>()
    };
    assert_eq!(past(&temp.store), said);
    let before = Part::Before(Seq(i64::MAX));
    let history = temp.store.reads().history_of_group(BOB, GroupId(1), before, 99);
    let history = history.expect("history");
    assert!(history.iter().map(|entry| entry.seq).eq(said.iter().rev().copied()));
    for number in 0..200 {
        let posted = temp.store.log_mut().find_mid(ANN, &mid(number)).expect("look");
        assert!(posted.is_some(), "{number}");
    }
    assert_eq!(temp.store.log_mut().find_mid(ANN, "zzz"), Ok(None));
    assert_eq!(past(&temp.reopen().store), said);
}

#[test]
fn groups_whose_names_kept_no_rule_before_are_found_by_them_after_an_upgrade() {
    let temp = Temp::with_users(&["ann", "bob"]);
    let groups = "INSERT INTO groups
            (groupid, createuserid, groupname, namekey, createtime, groupstatus)
        VALUES (1, 1, '#Team', '#team', 1, 1), (2, 1, 'team', 'team', 1, 1),
            (3, 1, '#team', '#team', 1, 2), (4, 1, 'ａ！', 'ａ！', 1, 1), (5, 1, 'a/b', 'a/b', 1, 1),
            (6, 2, '#Team', '#team', 1, 1), (7, 1, 'Plain', 'plain', 1, 1);
        INSERT INTO group_users (groupid, userid, from_seq)
            SELECT groupid, createuserid, 1 FROM groups WHERE groupstatus <> 2;
        UPDATE groups SET groupusercount = 1 WHERE groupstatus <> 2";
    temp.store.sqlite().execute_batch(groups).expect("SQL");
    let temp = upgraded_from_4(temp);
    let found = |creator, name| {
        let group =
            temp.store.people().group_by_name(UserId(creator), &group_key(name)).expect("read");
        group.map(|group| (group.id.0, group.name))
    };
    assert_eq!(found(1, "#team"), Some((2, "team".into())), "it had the name already");
    assert_eq!(found(1, "Team 2"), Some((1, "Team 2".into())));
    assert_eq!(found(1, "ａ！"), Some((4, "a!".into())));
    assert_eq!(found(1, "a/b"), Some((5, "a/b".into())), "an old name that keeps no rule still");
    assert_eq!(found(2, "#team"), Some((6, "Team".into())));
    assert_eq!(found(1, "plain"), Some((7, "Plain".into())));
}

#[test]
fn every_earlier_version_becomes_exactly_this_one() {
    for version in 1..shape::VERSION {
        let rows = format!(
            "INSERT INTO meta VALUES ('epoch', '{EPOCH}');
            INSERT INTO users (username, namekey, userpassword, createtime)
                VALUES ('ann', 'ann', '!', 1);
            INSERT INTO cursors VALUES (1, 0);
            PRAGMA user_version = {version}"
        );
        let dir = made_of(&[shape::schema_of(version).expect("a schema"), &rows]);
        assert_eq!(check_copy(&dir.path().join("p2sp.db")), Ok(Vec::new()), "{version}");
        let (temp, opened) = Temp::open(dir);
        assert_eq!(opened.migrated_from, Some(version));
        assert_eq!(temp.store.check(), Ok(Vec::new()), "{version}");
        // A program that knows only that version does not open what this one writes (P6).
        assert_eq!(temp.count("PRAGMA user_version"), shape::VERSION);
    }
}

#[test]
fn p5_mids_that_were_hashed_without_a_key_are_found_after_an_upgrade() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    // They do not rise, so each is looked for; the first slices are sealed.
    let mid = |number: i64| format!("{:02}", 99 - number);
    let mut seqs = Vec::new();
    for number in 0..60 {
        let mid = mid(number);
        let hello = NewEntry { mid: Some(&mid), ..text(ANN, Conversation::Inbox(BOB), "hello") };
        temp.transact(|store| seqs.push(store.log_mut().append(&hello).expect("append")));
    }
    let sealed = temp.count("SELECT sealed FROM log_state");
    assert!(sealed > 2, "{sealed}");
    temp.store.close().expect("close");
    let version_5 = "DROP TABLE audit;
        DELETE FROM meta WHERE name = 'mid_key';
        UPDATE mid_slices SET mids = zeroblob(length(mids)) WHERE part = -1;
        PRAGMA user_version = 5";
    sql(temp.dir.path(), version_5);
    let (mut temp, opened) = Temp::open(temp.dir);
    assert_eq!(opened.migrated_from, Some(5));
    assert_eq!(temp.store.check(), Ok(Vec::new()));
    for (number, seq) in seqs.iter().enumerate() {
        let posted = temp.store.log_mut().find_mid(ANN, &mid(number as i64)).expect("look");
        assert_eq!(posted.map(|posted| posted.seq), Some(*seq), "{number}");
    }
    assert_eq!(temp.store.log_mut().find_mid(ANN, "zz"), Ok(None));
}

#[test]
fn an_index_that_parted_words_at_marks_is_made_anew() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let body = "हिन्दी";
    temp.transact(|store| _ = say(store, ANN, Conversation::Inbox(BOB), body));
    let of_version_4 = "DROP TABLE words;
        CREATE VIRTUAL TABLE words USING fts5 (who, text, content = '', contentless_delete = 1,
            tokenize = 'unicode61 remove_diacritics 0');
        INSERT INTO words (rowid, who, text) VALUES (1, 'u2 u1', 'हिन्दी');
        INSERT INTO meta VALUES ('indexed', '1')";
    temp.store.sqlite().execute_batch(of_version_4).expect("SQL");
    let mut temp = upgraded_from_4(temp);
    assert!(!temp.store.is_indexed());
    for line in ["हिन्दी", "दी"] {
        let wanted = Wanted::parse(line).expect("a word");
        let count = |store: &mut Store| {
            store.search(UserId(2), &wanted, None, 9).expect("search").entries.len()
        };
        let expected = usize::from(line == body);
        assert_eq!(count(&mut temp.store), expected, "{line}");
        temp.transact(|store| store.log_mut().index_some(9).expect("index"));
        assert_eq!(count(&mut temp.store), expected, "{line}");
    }
    assert!(temp.store.is_indexed());
    assert_eq!(temp.store.check(), Ok(Vec::new()));
}

#[test]
fn old_passwords_are_wrapped_in_batches_that_resume() {
    let mut temp = Temp::with_users(&[]);
    let digest = format!("{:x}", md5::compute("correct horse"));
    temp.transact(|store| {
        for n in 1..=40 {
            let name = Name::user(&format!("user{n}")).expect("name");
            store.people_mut().add_user(&name, &digest, false, 1).expect("user");
        }
    });
    // A second salt of the third batch never comes: the program dies there.
    let mut salts = 0;
    let crash = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut salt = || {
            salts += 1;
            assert!(salts < 34, "killed");
            [7; 16]
        };
        temp.store.wrap_old_passwords(CHEAP, &mut salt, &mut |_, _| {})
    }));
    assert!(crash.is_err());
    drop(temp.store);
    let (mut temp, opened) = Temp::open(temp.dir);
    assert_eq!(opened.old_passwords, 8);

    let mut told = Vec::new();
    let wrapped = temp.store.wrap_old_passwords(CHEAP, &mut || [7; 16], &mut |done, total| {
        told.push((done, total));
    });
    wrapped.expect("wrapped");
    assert_eq!(told, [(8, 8)]);
    assert_eq!(temp.store.old_passwords(), Ok(0));
    for id in [1, 16, 33, 40] {
        let stored = temp.store.people().password(UserId(id)).expect("read").expect("user");
        let task = Task::Verify { password: "correct horse".into(), stored, salt: [7; 16] };
        assert!(matches!(task.run(CHEAP), Outcome::Verified { ok: true, renewed: Some(_) }));
    }
}

/// A data directory with a database that another program made.
fn made_of(statements: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    statements.iter().for_each(|statement| sql(dir.path(), statement));
    dir
}

/// What another program does to the database of a data directory.
fn sql(dir: &Path, sql: &str) {
    let db = Connection::open(dir.join("p2sp.db")).expect("open");
    db.execute_batch(sql).expect("SQL");
}
