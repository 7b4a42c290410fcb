//! `p2sp-server backup`: a copy of the database, whether the server runs or not.
//!
//! ```text
//! running   backup ─► the server copies its write-ahead log into the file, and changes it no more
//!                     ─► this process copies the file ─► release: it was not changed until now
//! stopped   this process opens the database, and copies the file
//! then      the copy is checked, and gets its name
//! ```
//!
//! Others may write to the folder: the copy goes into a file that this process made.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use p2sp::files::{FileFault, Part};
use p2sp::locale::operator::Text;
use p2sp::store::{DATABASE, check_copy};
use p2sp::wire::MessageType;
use serde_json::json;

use super::ask::Asked;
use super::check::refuse_violated;
use super::{open_existing, refusal, say};
use crate::options::Options;
use crate::system::file_fault;

/// Makes the copy. Fails if the file exists, cannot be written, or is not whole in the end.
pub fn run(options: &Options, file: &Path) -> Result<ExitCode, Text> {
    if file.symlink_metadata().is_ok() {
        return Err(file_fault(FileFault::Exists(file.to_owned())));
    }
    let part = match Asked::running(options)? {
        Some(server) => {
            let mut part = Part::begin(file).map_err(file_fault)?;
            copy_held(server, &options.data.join(DATABASE), &mut part)?;
            part
        }
        None => {
            let store = open_existing(options)?;
            let mut part = Part::begin(file).map_err(file_fault)?;
            store.copy_and_close(part.file()).map_err(|error| refusal(error, part.path()))?;
            part
        }
    };
    let found = check_copy(part.path()).map_err(|error| refusal(error, part.path()))?;
    refuse_violated(&found)?;
    part.name_new().map_err(file_fault)?;
    let path = file.display().to_string();
    say(&[Text::BackedUp { path }], options.rules.lang);
    Ok(ExitCode::SUCCESS)
}

fn copy_held(mut server: Asked, database: &Path, part: &mut Part) -> Result<(), Text> {
    server.ask(MessageType::Backup, json!({}))?;
    let copied = File::open(database).and_then(|mut from| {
        io::copy(&mut from, part.file())?;
        part.file().sync_all()
    });
    copied.map_err(|error| {
        file_fault(FileFault::System(part.path().to_owned(), error.to_string()))
    })?;
    // Without this answer the copy may be a mixture.
    server.ask(MessageType::Release, json!({})).map_err(|_| Text::HoldLost)?;
    server.close()
}
