//! `p2sp-server backup`: a copy of the database, whether the server runs or not.
//!
//! ```text
//! running   backup ─► the server copies its write-ahead log into the file, and holds it still
//!                     ─► this process copies the file ─► release: it stood still until now
//! stopped   SQLite writes the copy
//! then      the copy is checked, and only then gets its name
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::store::{Synchronous, check_copy};
use p2sp::wire::MessageType;
use serde_json::json;

use super::ask::Asked;
use super::{open, refusal, say};
use crate::options::Options;

/// Makes the copy.
///
/// # Errors
/// There is such a file already, it cannot be written, or what was copied is not whole.
pub fn run(options: &Options, file: &Path) -> Result<ExitCode, Startup> {
    let display = file.display().to_string();
    if file.exists() {
        return Err(Operating::FileExists { path: display }.into());
    }
    let part = Part(file.with_added_extension("part"));
    // Left by a backup that was killed.
    let _ = fs::remove_file(&part.0);
    match Asked::running(options)? {
        Some(server) => copy_held(server, &options.data.join("p2sp.db"), &part.0)?,
        None => copy_stopped(options, &part.0)?,
    }
    let found = check_copy(&part.0).map_err(|error| refusal(error, &part.0))?;
    if let Some(first) = found.first() {
        return Err(super::check::violated(first).into());
    }
    // Not a rename: that would replace a file that came into being meanwhile.
    fs::hard_link(&part.0, file).map_err(|error| cannot(file, &error))?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let synced = File::open(parent.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all());
    synced.map_err(|error| cannot(file, &error))?;
    say(&[Operating::BackedUp { path: display }.into()], options.rules.lang);
    Ok(ExitCode::SUCCESS)
}

/// A file that is taken away in the end, whatever the end is.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn copy_held(mut server: Asked, database: &Path, part: &Path) -> Result<(), Startup> {
    server.ask(MessageType::Backup, json!({}))?;
    let copy = || -> io::Result<()> {
        let mut from = File::open(database)?;
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    };
    copy().map_err(|error| cannot(part, &error))?;
    // Without this answer the copy may be a mixture.
    server.ask(MessageType::Release, json!({})).map_err(|_| Operating::HoldLost)?;
    server.close()
}

fn copy_stopped(options: &Options, part: &Path) -> Result<(), Startup> {
    let (store, _) = open(options, Synchronous::Full)?;
    store.copy_into(part).map_err(|error| refusal(error, part))?;
    store.close().map_err(super::broken)
}

fn cannot(path: &Path, error: &io::Error) -> Startup {
    Operating::CannotWrite { path: path.display().to_string(), why: error.to_string() }.into()
}
