//! Where this bench was built: the server beside it, and a folder on the same disk.
//!
//! Cargo puts a bench into the folder `deps` of the build's folder, and the server of the same
//! build into that folder itself. Data directories stand in the folder `tmp` beside it.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::Outcome;

/// The server's program.
///
/// # Errors
/// This program does not stand in cargo's folder.
pub fn server() -> Outcome<PathBuf> {
    Ok(ancestor(2)?.join("p2sp-server"))
}

/// The name of the folder of the build: `release`, or `debug`.
///
/// # Errors
/// This program does not stand in cargo's folder.
pub fn build() -> Outcome<String> {
    let folder = ancestor(2)?;
    let name = folder.file_name().ok_or("a program in no folder")?;
    Ok(name.to_string_lossy().into_owned())
}

/// A new directory on a real disk, where an fsync costs what it costs. It is removed when it is
/// dropped.
///
/// # Errors
/// It cannot be made.
pub fn directory(prefix: &str) -> Outcome<TempDir> {
    let folder = ancestor(3)?.join("tmp");
    fs::create_dir_all(&folder)?;
    let closed = Permissions::from_mode(0o700);
    Ok(tempfile::Builder::new().prefix(prefix).permissions(closed).tempdir_in(folder)?)
}

fn ancestor(generation: usize) -> Outcome<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.ancestors().nth(generation).ok_or("a program in no folder of cargo")?;
    Ok(folder.to_owned())
}
