//! The control socket: a Unix socket in the data directory, for the operator's commands.
//!
//! Whoever can open it is the operator, so it is its owner's alone (0600), and the directory is,
//! too. Frames travel on it as on any connection. A socket's path may only have about a hundred
//! bytes; a directory may be deeper than that, so the socket is reached through the directory's
//! descriptor.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The socket's name in the data directory.
pub const NAME: &str = "control";

/// Where the socket of a data directory is, as long as this lives.
pub struct Place {
    /// Keeps the path below alive.
    _dir: File,
    path: PathBuf,
}

impl Place {
    /// The place in a directory.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn in_dir(dir: &Path) -> io::Result<Place> {
        let dir = File::open(dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(NAME);
        Ok(Place { _dir: dir, path })
    }
}

/// Makes the socket. One that is there already was left by a server that is no more.
///
/// # Errors
/// The socket cannot be made.
pub fn listen(place: &Place) -> io::Result<UnixListener> {
    match fs::remove_file(&place.path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&place.path)?;
    fs::set_permissions(&place.path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to the server that runs on the directory. `None`: there is none.
///
/// # Errors
/// There may be one, and it cannot be reached.
pub fn connect(dir: &Path) -> io::Result<Option<UnixStream>> {
    let connected = Place::in_dir(dir).and_then(|place| UnixStream::connect(&place.path));
    match connected {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}
