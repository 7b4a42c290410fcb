//! Between SQLite and its file system: a copy of the "unix" one in which a few functions look
//! at [`control`](crate::control) first.
//!
//! ```text
//! sqlite3_file ─► │ what the real one keeps │ Extra: our table, the real table, the path │
//!     pMethods ───────────────────────────────► ┘
//! ```
//!
//! The real file system fills its own structure in its place, at the front. Then the pointer to
//! its table of functions is turned to a copy in which seven are ours; all others, locks and
//! shared memory among them, find what they expect.
#![expect(unsafe_code)] // and nowhere else

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{ptr, slice};

use rusqlite::ffi::{
    self, SQLITE_OK, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
};

use crate::control::{Call, Failure, note, verdict};
use crate::journal::Op;
use crate::memory::{self, Bytes};

/// The file system that SQLite brought.
static REAL: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// What stands behind the real file system's own structure of an open file.
struct Extra {
    /// The real table, but for our functions.
    ours: sqlite3_io_methods,
    real: &'static sqlite3_io_methods,
    path: PathBuf,
    /// What it holds, if that is in memory.
    memory: Option<Bytes>,
    is_log: bool,
    /// None of its calls fails, and none is counted.
    is_sound: bool,
    /// The next sync puts the file's name on the disk, too, as the real one does for journals.
    syncs_names: bool,
}

impl Extra {
    fn verdict(&self, call: Call) -> Option<Failure> {
        if self.is_sound { None } else { verdict(call) }
    }
}

/// The name of the same file system without faults.
pub const SOUND: &CStr = c"p2sp-sound";

/// Makes this the file system of all databases that the process opens from now on, unless they ask
/// for [`SOUND`].
///
/// # Panics
/// If SQLite has no file system, or takes no other.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: SQLite initializes itself first.
        let found = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        assert!(!found.is_null(), "SQLite has a file system");
        REAL.store(found, Ordering::Release);
        let real = real();
        let ours = sqlite3_vfs {
            szOsFile: (extra_offset(real) + size_of::<Extra>()) as c_int,
            zName: c"p2sp-test".as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            // The other functions of "unix" look at nothing but what is copied here.
            ..*real
        };
        let sound = sqlite3_vfs {
            zName: SOUND.as_ptr(),
            xOpen: Some(open_sound),
            xDelete: Some(delete_sound),
            ..ours
        };
        for (table, is_default) in [(sound, 0), (ours, 1)] {
            // SAFETY: the table is complete and lives as long as the process.
            let taken =
                unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(table)), is_default) };
            assert_eq!(taken, SQLITE_OK, "SQLite takes a file system");
        }
    });
}

/// Where [`Extra`] stands, from the beginning of an open file.
fn extra_offset(real: &sqlite3_vfs) -> usize {
    (real.szOsFile as usize).next_multiple_of(align_of::<Extra>())
}

fn real() -> &'static sqlite3_vfs {
    // SAFETY: `install` stored SQLite's own table, which is never freed, before any of us could be
    // called. It changes only while another one is registered, and nobody registers one later.
    unsafe { &*REAL.load(Ordering::Acquire) }
}

fn extra(file: *mut sqlite3_file) -> *mut Extra {
    // SAFETY: SQLite has made `szOsFile` bytes room at `file`, aligned to eight.
    unsafe { file.cast::<u8>().add(extra_offset(real())).cast() }
}

/// The path that SQLite gave; none for a file without a name.
fn path_of(name: *const c_char) -> PathBuf {
    if name.is_null() {
        return PathBuf::new();
    }
    // SAFETY: SQLite's names end in a zero byte.
    let name = unsafe { CStr::from_ptr(name) };
    Path::new(OsStr::from_bytes(name.to_bytes())).to_owned()
}

fn code(how: Failure, error: c_int) -> c_int {
    match how {
        Failure::Error => error,
        Failure::Full => ffi::SQLITE_FULL,
        Failure::ShortRead => ffi::SQLITE_IOERR_SHORT_READ,
    }
}

/// Calls a function of the real file system.
macro_rules! real {
    ($table:expr, $name:ident, $($argument:expr),+) => {
        match $table.$name {
            // SAFETY: the arguments are those that SQLite gave to us, for this function.
            Some(function) => unsafe { function($($argument),+) },
            None => ffi::SQLITE_IOERR,
        }
    };
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    if verdict(Call::Open).is_some() {
        // SAFETY: SQLite's room for the file; without a table it counts as closed.
        unsafe { (*file).pMethods = ptr::null() };
        return ffi::SQLITE_CANTOPEN;
    }
    open_as(false, name, file, flags, flags_out)
}

unsafe extern "C" fn open_sound(
    _: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    open_as(true, name, file, flags, flags_out)
}

fn open_as(
    is_sound: bool,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let path = path_of(name);
    let is_new = flags & ffi::SQLITE_OPEN_CREATE != 0 && !path.exists();
    let opened = real!(real(), xOpen, REAL.load(Ordering::Acquire), name, file, flags, flags_out);
    // SAFETY: the real one has set the pointer, to null or to one of its tables, which are
    // constants.
    let table: Option<&'static sqlite3_io_methods> = unsafe { (*file).pMethods.as_ref() };
    let Some(table) = table.filter(|_| opened == SQLITE_OK) else { return opened };
    if is_new {
        note(&path, |file| Op::Create { file });
    }
    let journals =
        ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
    let syncs_names = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & journals != 0;
    let is_log = flags & ffi::SQLITE_OPEN_WAL != 0;
    let ours = sqlite3_io_methods {
        xClose: Some(close),
        xRead: Some(read),
        xWrite: Some(write),
        xTruncate: Some(truncate),
        xSync: Some(sync),
        xFileSize: Some(size),
        ..*table
    };
    let (extra, memory) = (extra(file), memory::opened(&path));
    // SAFETY: the room behind the real structure is ours; `close` drops what is put there.
    unsafe {
        extra.write(Extra { ours, real: table, path, memory, is_log, is_sound, syncs_names });
        (*file).pMethods = &raw const (*extra).ours;
    }
    SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, syncs: c_int) -> c_int {
    if verdict(Call::Delete).is_some() {
        return ffi::SQLITE_IOERR_DELETE;
    }
    delete_at(name, syncs)
}

unsafe extern "C" fn delete_sound(_: *mut sqlite3_vfs, name: *const c_char, syncs: c_int) -> c_int {
    delete_at(name, syncs)
}

fn delete_at(name: *const c_char, syncs: c_int) -> c_int {
    let deleted = real!(real(), xDelete, REAL.load(Ordering::Acquire), name, syncs);
    if deleted == SQLITE_OK {
        let path = path_of(name);
        memory::forget(&path);
        note(&path, |file| Op::Delete { file });
        if syncs & 1 != 0 {
            note(&path, |_| Op::SyncNames);
        }
    }
    deleted
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    what: c_int,
    answer: *mut c_int,
) -> c_int {
    // As the real one sees it, an empty file is none.
    if what == ffi::SQLITE_ACCESS_EXISTS
        && let Some(size) = memory::kept_size(&path_of(name))
    {
        // SAFETY: SQLite's room for the answer.
        unsafe { *answer = c_int::from(size > 0) };
        return SQLITE_OK;
    }
    real!(real(), xAccess, REAL.load(Ordering::Acquire), name, what, answer)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: `open` has put it there, and SQLite closes a file once.
    let extra = unsafe { extra(file).read() };
    // Some of the real functions look at the table that the file has.
    // SAFETY: the file is open.
    unsafe { (*file).pMethods = extra.real };
    real!(extra.real, xClose, file)
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, so `open` has put it there.
    let extra = unsafe { &*extra(file) };
    let how = extra.verdict(if extra.is_log { Call::ReadLog } else { Call::Read });
    if let Some(how @ (Failure::Error | Failure::Full)) = how {
        return code(how, ffi::SQLITE_IOERR_READ);
    }
    let done = match &extra.memory {
        None => real!(extra.real, xRead, file, to, count, at),
        Some(bytes) => {
            let (bytes, wanted) = (bytes.borrow(), count as usize);
            let there = bytes.get(at as usize..).unwrap_or_default();
            let there = &there[..wanted.min(there.len())];
            // SAFETY: SQLite's room for `count` bytes.
            unsafe {
                to.cast::<u8>().copy_from_nonoverlapping(there.as_ptr(), there.len());
                to.cast::<u8>().add(there.len()).write_bytes(0, wanted - there.len());
            }
            if there.len() < wanted { ffi::SQLITE_IOERR_SHORT_READ } else { SQLITE_OK }
        }
    };
    if how.is_none() {
        return done;
    }
    // SAFETY: SQLite's room for `count` bytes, which the real one has filled.
    let room = unsafe { slice::from_raw_parts_mut(to.cast::<u8>(), count as usize) };
    room[count as usize / 2..].fill(0);
    ffi::SQLITE_IOERR_SHORT_READ
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, so `open` has put it there.
    let extra = unsafe { &*extra(file) };
    let how = extra.verdict(Call::Write);
    // A disk that is full has taken what it could.
    let taken = match how {
        None => count,
        Some(Failure::Full) => count / 2,
        Some(_) => return ffi::SQLITE_IOERR_WRITE,
    };
    // SAFETY: SQLite has at least so many bytes there, and lends them for this call.
    let bytes = unsafe { slice::from_raw_parts(from.cast::<u8>(), taken as usize) };
    let done = match &extra.memory {
        None => real!(extra.real, xWrite, file, from, taken, at),
        Some(file) => {
            let (mut file, at) = (file.borrow_mut(), at as usize);
            let end = file.len().max(at + bytes.len());
            file.resize(end, 0);
            file[at..at + bytes.len()].copy_from_slice(bytes);
            SQLITE_OK
        }
    };
    if done != SQLITE_OK {
        return done;
    }
    note(&extra.path, |file| Op::Write { file, at: at as usize, bytes: bytes.into() });
    how.map_or(SQLITE_OK, |how| code(how, ffi::SQLITE_IOERR_WRITE))
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: the file is open, so `open` has put it there.
    let extra = unsafe { &*extra(file) };
    if let Some(how) = extra.verdict(Call::Truncate) {
        return code(how, ffi::SQLITE_IOERR_TRUNCATE);
    }
    let done = match &extra.memory {
        None => real!(extra.real, xTruncate, file, size),
        Some(file) => {
            file.borrow_mut().resize(size as usize, 0);
            SQLITE_OK
        }
    };
    if done == SQLITE_OK {
        note(&extra.path, |file| Op::Truncate { file, size: size as usize });
    }
    done
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open, so `open` has put it there; nothing else refers to it now.
    let extra = unsafe { &mut *extra(file) };
    if let Some(how) = extra.verdict(Call::Sync) {
        return code(how, ffi::SQLITE_IOERR_FSYNC);
    }
    let done = match &extra.memory {
        None => real!(extra.real, xSync, file, flags),
        Some(_) => SQLITE_OK,
    };
    if done == SQLITE_OK {
        note(&extra.path, |file| Op::Sync { file });
        if std::mem::take(&mut extra.syncs_names) {
            note(&extra.path, |_| Op::SyncNames);
        }
    }
    done
}

unsafe extern "C" fn size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: the file is open, so `open` has put it there.
    let extra = unsafe { &*extra(file) };
    if let Some(how) = extra.verdict(Call::Size) {
        return code(how, ffi::SQLITE_IOERR_FSTAT);
    }
    match &extra.memory {
        None => real!(extra.real, xFileSize, file, size),
        Some(file) => {
            // SAFETY: SQLite's room for the answer.
            unsafe { *size = file.borrow().len() as sqlite3_int64 };
            SQLITE_OK
        }
    }
}
