//! What the start and the operator's commands ask of the system: the time, randomness, and what is
//! wrong with a file, in the operator's words.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use p2sp::files::FileFault;
use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use rand::TryRng;
use rand::rngs::SysRng;

/// The wall clock, in unix seconds.
pub fn unix_now() -> i64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH);
    age.map_or(0, |age| age.as_secs() as i64)
}

/// A name for a database.
pub fn random_epoch() -> Result<String, Startup> {
    Ok(random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Sixteen random letters and digits that cannot be taken for one another; 32 of them, so that
/// each stands for five bits.
pub fn code() -> Result<String, Startup> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(random::<16>()?.iter().map(letter).collect())
}

/// Bytes from the system's generator.
pub fn random<const COUNT: usize>() -> Result<[u8; COUNT], Startup> {
    let mut bytes = [0; COUNT];
    let filled = SysRng.try_fill_bytes(&mut bytes);
    filled.map_err(|error| Startup::SystemRefuses { why: error.to_string() })?;
    Ok(bytes)
}

/// What is wrong with a file, and what to do.
pub fn said(fault: FileFault) -> Startup {
    let show = |path: PathBuf| path.display().to_string();
    match fault {
        FileFault::System(path, why) => Operating::CannotWrite { path: show(path), why },
        FileFault::Exists(path) => Operating::FileExists { path: show(path) },
        FileFault::InTheWay(path, owner) => Operating::InTheWay { path: show(path), owner },
        FileFault::Foreign(path, owner) => Operating::Foreign { path: show(path), owner },
        FileFault::Exposed(path, mode) => Operating::Exposed { path: show(path), mode },
        FileFault::Shared(path, mode) => Operating::Shared { path: show(path), mode },
        FileFault::ParentExposed(path, mode) => Operating::ParentExposed { path: show(path), mode },
    }
    .into()
}
