//! What the start and the operator's commands need of the system: the time, random bytes, frames
//! from a socket, and the operator's text for a fault of a file.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use p2sp::files::FileFault;
use p2sp::locale::operator::Text;
use p2sp::wire::frame;
use rand::TryRng;
use rand::rngs::SysRng;

/// The wall clock, in unix seconds.
pub fn unix_now() -> i64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH);
    age.map_or(0, |age| age.as_secs() as i64)
}

/// A new epoch for a database.
pub fn random_epoch() -> Result<String, Text> {
    Ok(random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Sixteen random letters and digits. The 32 that are used do not look alike, and each stands for
/// five bits.
pub fn code() -> Result<String, Text> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(random::<16>()?.iter().map(letter).collect())
}

/// Random bytes from the system's generator.
pub fn random<const COUNT: usize>() -> Result<[u8; COUNT], Text> {
    let mut bytes = [0; COUNT];
    let filled = SysRng.try_fill_bytes(&mut bytes);
    filled.map_err(|error| Text::SystemRefuses { why: error.to_string() })?;
    Ok(bytes)
}

/// Reads until `received` has a whole frame, and takes it out.
///
/// # Errors
/// `UnexpectedEof` at the end of the stream, `InvalidData` where no frame can begin, or what the
/// system said.
pub fn read_frame(stream: &mut impl Read, received: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(frame) = frame::take(received).map_err(|_| ErrorKind::InvalidData)? {
            return Ok(frame);
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => received.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The operator's text for a fault of a file: what is wrong, and what to do.
pub fn file_fault(fault: FileFault) -> Text {
    let show = |path: PathBuf| path.display().to_string();
    match fault {
        FileFault::System(path, why) => Text::CannotWrite { path: show(path), why },
        FileFault::Exists(path) => Text::FileExists { path: show(path) },
        FileFault::InTheWay(path, owner) => Text::InTheWay { path: show(path), owner },
        FileFault::Foreign(path, owner) => Text::Foreign { path: show(path), owner },
        FileFault::Exposed(path, mode) => Text::Exposed { path: show(path), mode },
        FileFault::Shared(path, mode) => Text::Shared { path: show(path), mode },
        FileFault::ParentExposed(path, mode) => Text::ParentExposed { path: show(path), mode },
    }
}
