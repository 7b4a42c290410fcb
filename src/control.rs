//! The control socket: a Unix socket in the data directory, for the operator's commands.
//!
//! Whoever can open it is the operator, so it is its owner's alone (0600), and the directory is,
//! too. Both ends look whose process the other is, before a byte is said. Frames travel on it as on
//! any connection. A socket's path may only have about a hundred bytes; a directory may be deeper
//! than that, so the socket is reached through the directory's descriptor.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use crate::files::foreign_owner;

/// The socket's name in the data directory.
pub const NAME: &str = "control";

/// Why the server that runs on a directory cannot be asked.
#[derive(Debug)]
pub enum ControlFault {
    /// The system does not do it.
    System(io::Error),
    /// The directory belongs to another user, of this number.
    ForeignDirectory(u32),
    /// Who listens is neither root nor the owner of the directory, but the user of this number.
    ForeignServer(u32),
}

impl From<io::Error> for ControlFault {
    fn from(error: io::Error) -> ControlFault {
        ControlFault::System(error)
    }
}

/// Where the socket of a data directory is, as long as this lives.
pub struct Place {
    /// Keeps the path below alive.
    dir: File,
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
        Ok(Place { dir, path })
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

/// Connects to the server that runs on the directory, if its process is root's or belongs to the
/// owner of the directory: nothing is said to anybody else. `None`: there is none.
///
/// # Errors
/// There may be one, and it cannot be reached or must not be trusted.
pub fn connect(dir: &Path) -> Result<Option<UnixStream>, ControlFault> {
    let place = match Place::in_dir(dir) {
        Err(error) if is_nobody(&error) => return Ok(None),
        place => place?,
    };
    let meta = place.dir.metadata()?;
    // Root looks after the servers of others.
    if let Some(owner) = foreign_owner(&meta).filter(|_| !geteuid().is_root()) {
        return Err(ControlFault::ForeignDirectory(owner));
    }
    let stream = match UnixStream::connect(&place.path) {
        Err(error) if is_nobody(&error) => return Ok(None),
        stream => stream?,
    };
    match peer_of(&stream)? {
        peer if peer == 0 || peer == meta.uid() => Ok(Some(stream)),
        peer => Err(ControlFault::ForeignServer(peer)),
    }
}

/// Whether the process at the other end may command the server: it is root's, or our own user's.
///
/// # Errors
/// The user of that process, or what the system said.
pub fn check_operator(stream: &impl AsFd) -> io::Result<()> {
    let peer = peer_of(stream)?;
    if peer == 0 || peer == geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, format!("it is user {peer}'s")))
}

/// The number of the user whose process is at the other end of a Unix socket.
fn peer_of(stream: &impl AsFd) -> io::Result<u32> {
    Ok(socket_peercred(stream)?.uid.as_raw())
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
    )
}
