//! Files that a thread keeps in memory: those below a directory that it named. A file system in
//! memory would do, but each of its calls goes through the kernel, and a third of what a simulated
//! world cost were those.
//!
//! ```text
//! keep(dir)          from here on SQLite's files below `dir` are but names on the disk
//! write, read, size  what they hold; of any other file, what is on the disk
//! release()          all is forgotten
//! ```
//!
//! A name stays a file, an empty one: what looks for it finds it, and its locks are the system's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a file holds.
pub(crate) type Bytes = Rc<RefCell<Vec<u8>>>;

#[derive(Default)]
struct Memory {
    below: Option<PathBuf>,
    files: HashMap<PathBuf, Bytes>,
}

impl Memory {
    fn keeps(&self, path: &Path) -> bool {
        self.below.as_ref().is_some_and(|below| path.starts_with(below))
    }
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// From now on this thread keeps all files below a directory in memory. The path is a canonical
/// one, for SQLite's are, and there is no file there yet.
pub fn keep(below: &Path) {
    with(|memory| memory.below = Some(below.to_owned()));
}

/// What this thread kept is forgotten.
pub fn release() {
    with(|memory| *memory = Memory::default());
}

/// All that a file holds.
///
/// # Errors
/// It cannot be read, or is not there.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    match with(|memory| memory.keeps(path).then(|| memory.files.get(path).cloned())).flatten() {
        None => fs::read(path),
        Some(kept) => kept.map(|bytes| bytes.borrow().clone()).ok_or(ErrorKind::NotFound.into()),
    }
}

/// Makes a file that holds these bytes.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match with(|memory| memory.keeps(path)) {
        Some(true) => {
            if kept_size(path).is_none() {
                File::create(path)?;
            }
            // Where it is open it holds something else from here on.
            if let Some(file) = opened(path) {
                file.replace(bytes.into());
            }
            Ok(())
        }
        _ => fs::write(path, bytes),
    }
}

/// Takes a file away, if it is there.
///
/// # Errors
/// It stays.
pub fn remove(path: &Path) -> io::Result<()> {
    forget(path);
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// How many bytes a file holds; none if it is not there.
pub fn size(path: &Path) -> u64 {
    kept_size(path).unwrap_or_else(|| fs::metadata(path).map_or(0, |file| file.len()))
}

/// How many bytes a file holds that is kept in memory.
pub(crate) fn kept_size(path: &Path) -> Option<u64> {
    with(|memory| memory.files.get(path).map(|bytes| bytes.borrow().len() as u64)).flatten()
}

/// What a file holds that SQLite opens, if it is kept in memory.
pub(crate) fn opened(path: &Path) -> Option<Bytes> {
    with(|memory| {
        let kept = memory.keeps(path);
        kept.then(|| Rc::clone(memory.files.entry(path.to_owned()).or_default()))
    })
    .flatten()
}

/// A file is no more.
pub(crate) fn forget(path: &Path) {
    with(|memory| memory.files.remove(path));
}

/// Nothing is kept any more when the thread ends and its last files are closed.
fn with<T>(act: impl FnOnce(&mut Memory) -> T) -> Option<T> {
    MEMORY.try_with(|memory| act(&mut memory.borrow_mut())).ok()
}
