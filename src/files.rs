//! Files that only their owner can access, also in directories where others can write.
//!
//! ```text
//! Part    TARGET.part, made by us alone ─► written and synced ─► gets the name TARGET
//! secure  the data directory and its files: refused if not ours, closed to others if open
//! look    the same checks, and nothing is changed
//! ```
//!
//! A file is written through the descriptor that made it, never through its name. If another user
//! puts a file under that name, nothing is written to it. Root is trusted: root can do anything.
//! Nothing here knows what a file is for; the texts for people are in `locale`.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{error, fmt};

use rustix::fs::{AtFlags, CWD, linkat};
use rustix::process::geteuid;

/// The files of the data directory that are used, and whether each is secret.
const USED: [(&str, bool); 6] = [
    ("p2sp.db", true),
    ("p2sp.db-wal", true),
    ("tls.pem", true),
    ("tls.pem.before", true),
    ("invite", true),
    ("p2sp.toml", false),
];
/// Other files that may be there, ours or the file system's. Names with `p2sp.` at their beginning
/// are ours as well.
const OURS: [&str; 6] =
    ["control", "restoring", "tls.pem.part", "tls.pem.before.part", "invite.part", "lost+found"];

/// Others may write.
const WRITE: u32 = 0o022;
/// Others may do anything at all.
const ANY: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// Why a file or a directory is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// An error of the system, and its text.
    System(PathBuf, String),
    /// The file exists already.
    Exists(PathBuf),
    /// The file that we would write exists, and belongs to the user of this number.
    InTheWay(PathBuf, u32),
    /// It belongs neither to us nor to root but to the user of this number.
    Foreign(PathBuf, u32),
    /// Others can write to it, or read a secret in it, and we cannot change that; its mode.
    Exposed(PathBuf, u32),
    /// The directory is open to others, and has files that are not ours; its mode.
    Shared(PathBuf, u32),
    /// Everybody can replace the files of this directory, which is above the data; its mode.
    ParentExposed(PathBuf, u32),
}

/// For the log and the client; the operator reads it in the operator's language.
impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileFault::System(path, why) => write!(f, "{}: {why}", path.display()),
            FileFault::Exists(path) => write!(f, "{} exists already", path.display()),
            FileFault::Foreign(path, owner) | FileFault::InTheWay(path, owner) => {
                write!(f, "{} belongs to another user (uid {owner})", path.display())
            }
            FileFault::Exposed(path, mode) | FileFault::Shared(path, mode) => {
                write!(f, "{} is open to others (mode {mode:03o})", path.display())
            }
            FileFault::ParentExposed(path, mode) => {
                write!(f, "anybody can write to {} (mode {mode:03o})", path.display())
            }
        }
    }
}

impl error::Error for FileFault {}

/// A file or directory that others have, or had, access to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Its path.
    pub path: PathBuf,
    /// Its mode as it was found.
    pub mode: u32,
    /// The mode that is right. After a change it is the new mode, which is still the old one if the
    /// file system or root wants it so.
    pub right: u32,
}

/// A file that is written under a temporary name, and removed unless it gets its final one.
pub struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl Part {
    /// Makes `TARGET.part` beside the target, which only its owner can access. One that we left
    /// there before is replaced.
    ///
    /// # Errors
    /// It cannot be made, another user's file has its name, or the file system opens it to others.
    pub fn begin(target: &Path) -> Result<Part, FileFault> {
        let path = target.with_added_extension("part");
        let new = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).clone();
        let file = match new().open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // An earlier run that was killed may have left it.
                let found = fs::symlink_metadata(&path).map_err(|e| system(&path, &e))?;
                if !found.is_file() || found.uid() != geteuid().as_raw() {
                    return Err(FileFault::InTheWay(path, found.uid()));
                }
                fs::remove_file(&path).and_then(|()| new().open(&path))
            }
            opened => opened,
        };
        let file = file.map_err(|error| system(&path, &error))?;
        let made = file.metadata().map_err(|error| system(&path, &error))?;
        let part = Part { file, path, target: target.to_owned() };
        if made.uid() != geteuid().as_raw() {
            return Err(FileFault::InTheWay(part.path.clone(), made.uid()));
        }
        if made.mode() & ANY != 0 {
            return Err(FileFault::Exposed(part.path.clone(), made.mode() & 0o777));
        }
        Ok(part)
    }

    /// The file to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Its temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs it and gives it its final name, which no file may have.
    ///
    /// # Errors
    /// A file has the name, or an error of the system.
    pub fn name_new(self) -> Result<(), FileFault> {
        self.file.sync_all().map_err(|error| system(&self.path, &error))?;
        // The file that we wrote, whichever file has its temporary name now.
        let ours = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match linkat(CWD, &*ours, CWD, &self.target, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => sync_place(&self.target),
            Err(rustix::io::Errno::EXIST) => Err(FileFault::Exists(self.target.clone())),
            Err(error) => Err(system(&self.target, &error.into())),
        }
    }

    /// Syncs it and gives it its final name. A file that has it is replaced in one step.
    ///
    /// # Errors
    /// An error of the system, or another user put a file in its place.
    pub fn replace(self) -> Result<(), FileFault> {
        let fault = |error: io::Error| system(&self.target, &error);
        self.file.sync_all().map_err(fault)?;
        fs::rename(&self.path, &self.target).map_err(fault)?;
        let there = fs::symlink_metadata(&self.target).map_err(fault)?;
        let ours = self.file.metadata().map_err(fault)?;
        if (there.dev(), there.ino()) != (ours.dev(), ours.ino()) {
            return Err(FileFault::InTheWay(self.target.clone(), there.uid()));
        }
        sync_place(&self.target)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a data directory, if it exists, and the files in it accessible to us alone. Returns what
/// others had access to.
///
/// # Errors
/// Something belongs to another user, or others can still write to it.
pub fn secure(dir: &Path) -> Result<Vec<Exposure>, FileFault> {
    see_to(dir, tighten)
}

/// What of a data directory others have access to. Nothing is changed.
///
/// # Errors
/// Something belongs to another user, or must not be closed to the others.
pub fn look(dir: &Path) -> Result<Vec<Exposure>, FileFault> {
    see_to(dir, |path, meta, is_secret| Ok(exposure(path, meta, is_secret)))
}

/// Checks a data directory and calls `see` for it and each file that is used.
fn see_to(
    dir: &Path,
    see: impl Fn(&Path, &Metadata, bool) -> Result<Option<Exposure>, FileFault>,
) -> Result<Vec<Exposure>, FileFault> {
    check_above(dir)?;
    // If it is no directory, SQLite gives the better message.
    let Some(meta) = metadata(dir)?.filter(Metadata::is_dir) else { return Ok(Vec::new()) };
    check_owner(dir, &meta)?;
    check_shared(dir, &meta)?;
    let mut found = Vec::from_iter(see(dir, &meta, true)?);
    for (name, is_secret) in USED {
        let path = dir.join(name);
        let Some(meta) = metadata(&path)? else { continue };
        check_owner(&path, &meta)?;
        found.extend(see(&path, &meta, is_secret)?);
    }
    Ok(found)
}

/// Whether everybody can read the operator's own key file. Such a file is never changed.
///
/// # Errors
/// Everybody can write to it.
pub fn look_at_key(path: &Path) -> Result<Option<Exposure>, FileFault> {
    const EVERYBODY_WRITES: u32 = 0o002;
    const EVERYBODY: u32 = 0o007;
    let Some(meta) = metadata(path)? else { return Ok(None) };
    let mode = meta.mode() & 0o777;
    if mode & EVERYBODY_WRITES != 0 {
        return Err(FileFault::Exposed(path.to_owned(), mode));
    }
    let right = mode & !EVERYBODY;
    Ok((mode != right).then(|| Exposure { path: path.to_owned(), mode, right }))
}

/// Reads a file of our own that others must not write to; its mode is changed if they could.
///
/// # Errors
/// It cannot be read, or is not ours.
pub fn read_own(path: &Path) -> io::Result<String> {
    let meta = fs::metadata(path)?;
    check_owner(path, &meta)
        .and_then(|()| tighten(path, &meta, false))
        .map_err(|fault| io::Error::new(ErrorKind::PermissionDenied, fault))?;
    fs::read_to_string(path)
}

/// The number of the user that owns a file, if it is neither ours nor root's.
pub fn foreign_owner(meta: &Metadata) -> Option<u32> {
    let owner = meta.uid();
    (owner != 0 && owner != geteuid().as_raw()).then_some(owner)
}

fn check_owner(path: &Path, meta: &Metadata) -> Result<(), FileFault> {
    let ours = geteuid().as_raw();
    match meta.uid() {
        // A file of root's is fine; but root must not use a user's file as its own.
        0 => Ok(()),
        owner if owner == ours => Ok(()),
        owner => Err(FileFault::Foreign(path.to_owned(), owner)),
    }
}

/// Closes to others what is open to them, as far as possible, and returns what it was.
fn tighten(path: &Path, meta: &Metadata, is_secret: bool) -> Result<Option<Exposure>, FileFault> {
    let Some(found) = exposure(path, meta, is_secret) else { return Ok(None) };
    // If it cannot be changed, the mode below tells.
    let _ = fs::set_permissions(path, Permissions::from_mode(found.right));
    let Some(now) = metadata(path)? else { return Ok(None) };
    // A volume of root's that our group may use has the mode that root wants.
    let by_others = if now.uid() == geteuid().as_raw() { WRITE } else { 0o002 };
    match now.mode() & by_others {
        0 => Ok(Some(Exposure { right: now.mode() & 0o777, ..found })),
        _ => Err(FileFault::Exposed(path.to_owned(), now.mode() & 0o777)),
    }
}

fn exposure(path: &Path, meta: &Metadata, is_secret: bool) -> Option<Exposure> {
    let mode = meta.mode() & 0o777;
    let right = mode & !if is_secret { ANY } else { WRITE };
    (mode != right).then(|| Exposure { path: path.to_owned(), mode, right })
}

/// Fails if others use an open directory as well: it must not be closed to them.
fn check_shared(dir: &Path, meta: &Metadata) -> Result<(), FileFault> {
    match meta.is_dir() && meta.mode() & ANY != 0 && is_shared(dir, meta) {
        true => Err(FileFault::Shared(dir.to_owned(), meta.mode() & 0o777)),
        false => Ok(()),
    }
}

fn is_shared(dir: &Path, meta: &Metadata) -> bool {
    if meta.mode() & STICKY != 0 {
        return true;
    }
    let Ok(entries) = fs::read_dir(dir) else { return false };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    let is_ours = |name: &str| {
        name.starts_with("p2sp.") || OURS.contains(&name) || USED.iter().any(|(n, _)| *n == name)
    };
    let has_database = names.iter().any(|name| name == "p2sp.db");
    !has_database && names.iter().any(|name| !name.to_str().is_some_and(is_ours))
}

/// Fails if everybody can replace this directory, or one above it. A group that can do it was made
/// by the operator.
fn check_above(dir: &Path) -> Result<(), FileFault> {
    const EVERYBODY_WRITES: u32 = 0o002;
    let dir = std::path::absolute(dir).map_err(|error| system(dir, &error))?;
    // The part of the path that exists, with its links resolved.
    let there = dir.ancestors().find_map(|place| Some((place, place.canonicalize().ok()?)));
    let Some((found, real)) = there else { return Ok(()) };
    let above = if found == dir { 1 } else { 0 };
    for place in real.ancestors().skip(above) {
        let Some(meta) = metadata(place)? else { continue };
        if meta.mode() & (EVERYBODY_WRITES | STICKY) == EVERYBODY_WRITES && meta.is_dir() {
            return Err(FileFault::ParentExposed(place.to_owned(), meta.mode() & 0o777));
        }
    }
    Ok(())
}

/// Of the target, if it is a link. `None`: it does not exist.
fn metadata(path: &Path) -> Result<Option<Metadata>, FileFault> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(system(path, &error)),
    }
}

/// Syncs the directory of a file, so that its name is on the disk.
fn sync_place(path: &Path) -> Result<(), FileFault> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(|error| system(parent, &error))
}

fn system(path: &Path, error: &io::Error) -> FileFault {
    FileFault::System(path.to_owned(), error.to_string())
}

#[cfg(test)]
mod tests;
