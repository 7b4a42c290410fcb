//! What was done to the files of a directory, in order.

use std::fs;
use std::path::Path;

/// One step. Files go by their place in [`Journal::names`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A file was made. That it has a name is not on the disk yet.
    Create {
        /// Which.
        file: usize,
    },
    /// Bytes were written.
    Write {
        /// Where to.
        file: usize,
        /// From which byte on.
        at: usize,
        /// What.
        bytes: Box<[u8]>,
    },
    /// A file was cut short.
    Truncate {
        /// Which.
        file: usize,
        /// To so many bytes.
        size: usize,
    },
    /// What was done to a file is on the disk.
    Sync {
        /// Which.
        file: usize,
    },
    /// A file was deleted. That is not on the disk yet.
    Delete {
        /// Which.
        file: usize,
    },
    /// Which names there are is on the disk.
    SyncNames,
    /// The test came to a point that it calls so.
    Mark(u64),
}

/// What was on the disk, and what was done then.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// The names of all files.
    pub names: Vec<String>,
    /// What they held; nothing, if there was no such file.
    pub base: Vec<Option<Vec<u8>>>,
    /// What was done.
    pub ops: Vec<Op>,
}

impl Journal {
    /// Nothing was done yet.
    pub(crate) fn begin(dir: &Path) -> Journal {
        let mut journal = Journal::default();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if let Some(name) = entry.file_name().to_str() {
                let bytes = fs::read(entry.path()).expect("a file of the directory");
                journal.names.push(name.to_owned());
                journal.base.push(Some(bytes));
            }
        }
        journal
    }

    /// The file of that name.
    pub(crate) fn file(&mut self, name: &str) -> usize {
        if let Some(file) = self.names.iter().position(|known| known == name) {
            return file;
        }
        self.names.push(name.to_owned());
        self.base.push(None);
        self.names.len() - 1
    }
}
