//! The file system under real databases.

use std::fs;
use std::path::Path;
use std::thread;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::{Connection, ErrorCode};

use crate::*;

/// A database as p2sp has it, over this file system.
fn open(dir: &Path) -> rusqlite::Result<Connection> {
    install();
    let db = Connection::open(dir.join("p2sp.db"))?;
    db.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT)",
    )?;
    Ok(db)
}

fn add(db: &Connection, text: &str) -> rusqlite::Result<usize> {
    db.execute("INSERT INTO t (text) VALUES (?1)", [text])
}

fn rows(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).expect("count")
}

/// The rows of the database that an image holds.
fn rows_of(image: &Image) -> i64 {
    let dir = tempfile::tempdir().expect("a directory");
    image.lay_out(dir.path()).expect("lay out");
    rows(&open(dir.path()).expect("an image opens"))
}

/// A journal of ten rows, with a mark behind each, and the files in the end.
fn ten_rows() -> (Journal, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    install();
    record(dir.path());
    let db = open(dir.path()).expect("open");
    for row in 0..10 {
        add(&db, &"x".repeat(3_000)).expect("add");
        mark(row);
    }
    let journal = stop();
    // It stays open: what a close does is not in the journal.
    std::mem::forget(db);
    (journal, dir)
}

#[test]
fn what_is_recorded_is_what_is_done() {
    let (journal, dir) = ten_rows();
    let mut disk = Disk::new(&journal);
    disk.run_to(journal.ops.len());
    assert_eq!(journal.ops.last(), Some(&Op::Mark(9)));
    let copy = tempfile::tempdir().expect("a directory");
    disk.whole().lay_out(copy.path()).expect("lay out");
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.path()).expect("the directory") {
        let entry = entry.expect("an entry");
        let bytes = |dir: &Path| fs::read(dir.join(entry.file_name())).expect("a file");
        assert!(bytes(dir.path()) == bytes(copy.path()), "{:?}", entry.file_name());
        names.push(entry.file_name());
    }
    assert_eq!(fs::read_dir(copy.path()).expect("the copy").count(), names.len());
    assert!(names.iter().any(|name| name == "p2sp.db-wal"), "{names:?}");
}

#[test]
fn a_power_cut_leaves_what_was_synced_and_any_part_of_the_rest() {
    let (journal, _dir) = ten_rows();
    let mut rng = StdRng::seed_from_u64(1);
    let (mut disk, mut different) = (Disk::new(&journal), 0);
    for op in 0..=journal.ops.len() {
        disk.run_to(op);
        let image = disk.image(&mut rng);
        let is_mark = |op: &&Op| matches!(op, Op::Mark(_));
        let marks = journal.ops[..op].iter().filter(is_mark).count() as i64;
        different += u32::from(image != disk.whole());
        assert!(disk.pending() > 0 || image == disk.whole(), "what is synced is there");
        let rows = rows_of(&image);
        assert!((marks..=marks + 1).contains(&rows), "step {op}: {rows} rows, {marks} marks");
    }
    assert!(different > 10, "{different} of the images lack something");
}

#[test]
fn a_sector_is_there_or_not() {
    let write = |at, bytes: Vec<u8>| Op::Write { file: 0, at, bytes: bytes.into() };
    let journal = Journal {
        names: vec!["p2sp.db".into()],
        base: vec![Some(vec![1; 2_000])],
        ops: vec![write(100, vec![2; 1_000]), write(1_900, vec![3; 200])],
    };
    let (mut disk, mut seen) = (Disk::new(&journal), std::collections::BTreeSet::new());
    disk.run_to(2);
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..500 {
        let dir = tempfile::tempdir().expect("a directory");
        disk.image(&mut rng).lay_out(dir.path()).expect("lay out");
        let bytes = fs::read(dir.path().join("p2sp.db")).expect("the file");
        let all = |range: std::ops::Range<usize>, byte| bytes[range].iter().all(|b| *b == byte);
        assert!(all(0..100, 1) && all(1_100..1_900, 1), "nothing is damaged beside a write");
        for piece in [100..512, 512..1_024, 1_024..1_100] {
            assert!(all(piece.clone(), 1) || all(piece, 2), "a sector is in one piece");
        }
        seen.insert((bytes[100], bytes[512], bytes[1_024], bytes.len()));
    }
    assert!(seen.len() > 20, "{} kinds", seen.len());
}

#[test]
fn a_call_fails_once_or_for_ever() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(dir.path()).expect("open");
    let sync = Fault { calls: &[Call::Sync], nth: 1, lasting: false, how: Failure::Error };
    fail(sync);
    let outcomes: Vec<bool> = (0..4).map(|_| add(&db, "x").is_ok()).collect();
    assert_eq!((outcomes.iter().filter(|ok| !**ok).count(), rows(&db)), (1, 3));
    assert!(matches!(heal(), Toll { seen: 4.., failed: 1 }));

    fail(Fault { calls: &[Call::Write], nth: 0, lasting: true, how: Failure::Full });
    for _ in 0..3 {
        let error = add(&db, "x").expect_err("full");
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
    }
    assert_eq!(heal().failed, 3);
    add(&db, "x").expect("space");

    // Not even a close gets through when everything fails.
    let before = fs::read(dir.path().join("p2sp.db-wal")).expect("the log");
    fail(Fault { calls: ALL, nth: 0, lasting: true, how: Failure::Error });
    add(&db, "x").expect_err("an error");
    drop(db);
    assert!(heal().failed > 1);
    assert_eq!(fs::read(dir.path().join("p2sp.db-wal")).expect("the log"), before);
    assert_eq!(rows(&open(dir.path()).expect("open")), 4);
}

#[test]
fn a_threads_wishes_are_its_own() {
    fail(Fault { calls: ALL, nth: 0, lasting: true, how: Failure::Error });
    let other = thread::spawn(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let db = open(dir.path()).expect("open");
        add(&db, "x").expect("add");
        rows(&db)
    });
    assert_eq!(other.join().expect("no panic"), 1);
    let dir = tempfile::tempdir().expect("a directory");
    assert!(open(dir.path()).is_err());
    assert!(heal().failed > 0);
}

/// Three rows, and the files copied before the database is closed. Says how many calls there were.
fn three_rows(dir: &Path, copy: &Path) -> u64 {
    install();
    fail(Fault { calls: ALL, nth: u64::MAX, lasting: false, how: Failure::Error });
    let db = open(dir).expect("open");
    for _ in 0..3 {
        add(&db, &"x".repeat(3_000)).expect("add");
    }
    for name in ["p2sp.db", "p2sp.db-wal"] {
        let bytes = read(&dir.join(name)).expect("a file");
        assert_eq!(size(&dir.join(name)), bytes.len() as u64);
        write(&copy.join(name), &bytes).expect("a copy");
    }
    drop(db);
    heal().seen
}

#[test]
fn what_is_kept_in_memory_is_what_would_be_on_the_disk() {
    let place = tempfile::tempdir().expect("a directory");
    let root = place.path().canonicalize().expect("a path");
    let dirs = ["disk", "copy of disk", "memory", "copy of memory"].map(|name| root.join(name));
    dirs.iter().for_each(|dir| fs::create_dir(dir).expect("a directory"));
    let on_disk = three_rows(&dirs[0], &dirs[1]);
    assert_eq!(rows(&open(&dirs[1]).expect("a crash image")), 3);
    keep(&root);
    let in_memory = three_rows(&dirs[2], &dirs[3]);
    assert_eq!(in_memory, on_disk, "the same calls");
    assert_eq!(rows(&open(&dirs[3]).expect("a crash image")), 3);
    assert_eq!(rows(&open(&dirs[2]).expect("it was closed in good order")), 3);
    let file = dirs[2].join("p2sp.db");
    assert_eq!((fs::metadata(&file).expect("a name").len(), size(&file) > 0), (0, true));
    remove(&file).expect("removed");
    assert!(read(&file).is_err() && !file.exists());
    release();
}

#[test]
fn a_sound_file_system_has_no_faults() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()).expect("open"));
    fail(Fault { calls: ALL, nth: 0, lasting: true, how: Failure::Error });
    let path = dir.path().join("p2sp.db");
    let db = Connection::open_with_flags_and_vfs(&path, Default::default(), SOUND).expect("open");
    assert_eq!(rows(&db), 0);
    assert_eq!(heal().seen, 0);
}
