//! A seeded bug as a file: the promise that it breaks, what notices it, and where what is put.
//!
//! ```text
//! promise: P19
//! bug: A member may call what only administrators may.
//! noticed by: worlds
//!
//! in src/handlers/mod.rs
//! find:
//!             if !admin {
//! put:
//!             if !admin && !MUTANT {
//! ```
//!
//! `MUTANT` is true while the bug is switched on. What is to be found must be there exactly once.

use std::fs;
use std::path::{Path, PathBuf};

/// A seeded bug.
pub struct Patch {
    /// The name of its file.
    pub name: String,
    /// The promise that it breaks.
    pub promise: String,
    /// What notices it: `worlds`, `power cuts`, or `transcript NAME`.
    pub noticed_by: String,
    hunks: Vec<Hunk>,
}

struct Hunk {
    file: String,
    find: String,
    put: String,
}

impl Patch {
    /// All the patches of a folder, in the order of their names.
    ///
    /// # Panics
    /// A file cannot be read, or is not written as shown above.
    pub fn all(folder: &Path) -> Vec<Patch> {
        let files = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension() == Some("txt".as_ref())).collect();
        files.sort();
        let read = |path: &PathBuf| Patch::parse(path).ok_or(path.clone());
        files.iter().map(read).collect::<Result<_, _>>().expect("a patch")
    }

    fn parse(path: &Path) -> Option<Patch> {
        let text = fs::read_to_string(path).ok()?;
        let mut hunks = text.split("\nin ");
        let head = hunks.next()?;
        let value = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned)
        };
        value("bug")?;
        Some(Patch {
            name: path.file_stem()?.to_str()?.to_owned(),
            promise: value("promise")?,
            noticed_by: value("noticed by")?,
            hunks: hunks.map(Hunk::parse).collect::<Option<Vec<Hunk>>>()?,
        })
    }

    /// Puts the bug into the tree under `root`, to be switched on.
    ///
    /// # Errors
    /// What is to be found is not there, or more than once.
    pub fn apply(&self, root: &Path) -> Result<(), String> {
        let switch = format!("crate::mutant::is_on({:?})", self.name);
        for hunk in &self.hunks {
            let path = root.join(&hunk.file);
            let text = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
            let count = text.matches(&hunk.find).count();
            if count != 1 {
                let Hunk { file, find, .. } = hunk;
                return Err(format!("{}: {file} has {count} times, not once:\n{find}", self.name));
            }
            let put = hunk.put.replace("MUTANT", &switch);
            fs::write(&path, text.replace(&hunk.find, &put)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Hunk {
    fn parse(text: &str) -> Option<Hunk> {
        let (file, text) = text.split_once("\nfind:\n")?;
        let (find, put) = text.split_once("put:\n")?;
        Some(Hunk { file: file.to_owned(), find: find.to_owned(), put: put.to_owned() })
    }
}
