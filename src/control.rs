//! The control socket: a Unix socket in the data directory, for the operator's commands.
//!
//! A process that can open it is the operator's, so only its owner can open it (0600), and only its
//! owner can enter the directory. Before any byte is sent, both ends check which user the other
//! process belongs to. The protocol is frames, as on any connection. A socket's path may have
//! only about a hundred bytes. The path of a directory may be longer, so the socket is reached
//! through the directory's descriptor.

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

/// Why the running server of a directory cannot be asked.
#[derive(Debug)]
pub enum ControlFault {
    /// An error of the system.
    System(io::Error),
    /// The directory belongs to another user, of this number.
    ForeignDirectory(u32),
    /// The process that listens belongs neither to root nor to the owner of the directory, but to
    /// the user of this number.
    ForeignServer(u32),
}

impl From<io::Error> for ControlFault {
    fn from(error: io::Error) -> ControlFault {
        ControlFault::System(error)
    }
}

/// The path of a data directory's socket. It is valid until this is dropped.
pub struct SocketPath {
    /// The path leads through its descriptor.
    dir: File,
    path: PathBuf,
}

impl SocketPath {
    /// The path in a directory.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn in_dir(dir: &Path) -> io::Result<SocketPath> {
        let dir = File::open(dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(NAME);
        Ok(SocketPath { dir, path })
    }
}

/// Makes the socket. One that exists was left by a server that was killed.
///
/// # Errors
/// The socket cannot be made.
pub fn listen(socket: &SocketPath) -> io::Result<UnixListener> {
    match fs::remove_file(&socket.path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&socket.path)?;
    fs::set_permissions(&socket.path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to the running server of the directory; `None` if no server runs. Its process must
/// belong to root or to the owner of the directory, or nothing is sent to it.
///
/// # Errors
/// The server cannot be reached, or must not be trusted.
pub fn connect(dir: &Path) -> Result<Option<UnixStream>, ControlFault> {
    let socket = match SocketPath::in_dir(dir) {
        Err(error) if is_absent(&error) => return Ok(None),
        socket => socket?,
    };
    let meta = socket.dir.metadata()?;
    // Root may command the servers of other users.
    if let Some(owner) = foreign_owner(&meta).filter(|_| !geteuid().is_root()) {
        return Err(ControlFault::ForeignDirectory(owner));
    }
    let stream = match UnixStream::connect(&socket.path) {
        Err(error) if is_absent(&error) => return Ok(None),
        stream => stream?,
    };
    match peer_of(&stream)? {
        peer if peer == 0 || peer == meta.uid() => Ok(Some(stream)),
        peer => Err(ControlFault::ForeignServer(peer)),
    }
}

/// Whether the process at the other end may command the server: it belongs to root or to our user.
///
/// # Errors
/// It belongs to another user, or an error of the system.
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

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
    )
}
