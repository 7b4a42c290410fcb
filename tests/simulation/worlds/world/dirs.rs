//! Where a world's database is, where the next one will be, and where a copy is looked at.

use std::fs;
use std::io;
use std::path::PathBuf;

use p2sp_test_vfs as vfs;
use tempfile::TempDir;

use crate::support::test_server::temp_dir;

/// The directories of a world, and what is in them.
pub(super) struct Dirs {
    _place: TempDir,
    /// Its canonical path.
    root: PathBuf,
    number: usize,
}

impl Dirs {
    /// Empty ones. What SQLite writes there stays in memory, or on a disk.
    pub(super) fn new(in_memory: bool) -> io::Result<Dirs> {
        let place = temp_dir();
        let root = place.path().canonicalize()?;
        if in_memory {
            vfs::keep(&root);
        }
        let dirs = Dirs { _place: place, root, number: 0 };
        for dir in [dirs.database(), dirs.image(), dirs.scratch()] {
            fs::create_dir(dir)?;
        }
        Ok(dirs)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join(format!("{}", self.number))
    }

    pub(super) fn image(&self) -> PathBuf {
        self.root.join(format!("{}", self.number + 1))
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// The image is the database from here on.
    pub(super) fn go_on_from_image(&mut self) -> io::Result<()> {
        self.number += 1;
        fs::create_dir_all(self.image())
    }
}

impl Drop for Dirs {
    fn drop(&mut self) {
        vfs::release();
    }
}
