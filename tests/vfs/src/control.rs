//! What a thread has asked for: a fault, a journal, or nothing.
//!
//! The shim asks here before each call and tells after it. Connections stay on one thread, so
//! a thread's wishes are about its own files alone.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::journal::{Journal, Op};

/// What SQLite may ask of its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// To open a file.
    Open,
    /// To read from one.
    Read,
    /// To read from a write-ahead log.
    ReadLog,
    /// To write to one.
    Write,
    /// To cut one short.
    Truncate,
    /// To put one on the disk.
    Sync,
    /// How long one is.
    Size,
    /// To delete one.
    Delete,
}

/// Every call.
pub const ALL: &[Call] =
    &[Call::Open, Call::Read, Call::Write, Call::Truncate, Call::Sync, Call::Size, Call::Delete];

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// With the I/O error of its kind, having done nothing.
    Error,
    /// The disk is full; of a write, a first half is there.
    Full,
    /// A read brings its first half, and zeros for the rest: the file ends there. Of a database
    /// SQLite believes it, so that is worth asking for only of a write-ahead log.
    ShortRead,
}

/// What is to fail.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Calls of these kinds are counted.
    pub calls: &'static [Call],
    /// This one fails, counted from 0.
    pub nth: u64,
    /// And all that are counted after it.
    pub lasting: bool,
    /// How.
    pub how: Failure,
}

/// What a fault has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// Calls that were counted.
    pub seen: u64,
    /// Calls that failed.
    pub failed: u64,
}

#[derive(Default)]
struct Control {
    fault: Option<(Fault, Toll)>,
    frozen: bool,
    recording: Option<(PathBuf, Journal)>,
}

thread_local! {
    static CONTROL: RefCell<Control> = RefCell::default();
}

/// From now on calls of this thread fail. An earlier fault is forgotten.
pub fn fail(fault: Fault) {
    with(|control| control.fault = Some((fault, Toll::default())));
}

/// From now on none fails. Says what the fault has met.
pub fn heal() -> Toll {
    with(|control| control.fault.take()).flatten().map_or(Toll::default(), |(_, toll)| toll)
}

/// Nothing gets through to the files any more, and nothing is counted, until that ends: what the
/// thread closes meanwhile is left as a kill -9 would leave it.
pub fn freeze(frozen: bool) {
    with(|control| control.frozen = frozen);
}

/// From now on what this thread does to the files of a directory is written down. What they hold
/// already is taken to be on the disk; nobody may have one open.
///
/// # Panics
/// If the directory or a file cannot be read.
pub fn record(dir: &Path) {
    let dir = dir.canonicalize().expect("the directory is there");
    let journal = Journal::begin(&dir);
    with(|control| control.recording = Some((dir, journal)));
}

/// Notes that the test has come to a point that it calls so, and says how many steps were written
/// down. Nothing, if this thread does not record.
pub fn mark(name: u64) -> usize {
    with(|control| {
        let (_, journal) = control.recording.as_mut()?;
        journal.ops.push(Op::Mark(name));
        Some(journal.ops.len())
    })
    .flatten()
    .unwrap_or(0)
}

/// Ends the recording of this thread.
///
/// # Panics
/// If there was none.
pub fn stop() -> Journal {
    let recording = with(|control| control.recording.take()).flatten();
    recording.expect("something was recorded").1
}

/// Whether the call is to fail, and how.
pub(crate) fn verdict(call: Call) -> Option<Failure> {
    with(|control| {
        if control.frozen {
            return Some(Failure::Error);
        }
        let (fault, toll) = control.fault.as_mut()?;
        if !fault.calls.contains(&call) {
            return None;
        }
        let number = toll.seen;
        toll.seen += 1;
        let fails = number == fault.nth || (fault.lasting && number > fault.nth);
        toll.failed += u64::from(fails);
        fails.then_some(fault.how)
    })
    .flatten()
}

/// Writes down what was done to a file, if it is one of those.
pub(crate) fn note(path: &Path, op: impl FnOnce(usize) -> Op) {
    with(|control| {
        let Some((dir, journal)) = &mut control.recording else { return };
        if path.parent() == Some(dir)
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            let file = journal.file(name);
            journal.ops.push(op(file));
        }
    });
}

/// Nothing is asked for any more when the thread ends and its last files are closed.
fn with<T>(act: impl FnOnce(&mut Control) -> T) -> Option<T> {
    CONTROL.try_with(|control| act(&mut control.borrow_mut())).ok()
}
