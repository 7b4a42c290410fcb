//! `p2sp-server restore`: a backup in the place of the database, while the server is stopped.
//!
//! The backup is checked, copied beside the database, brought up to date there, and gets a new
//! epoch, for its seqs will be given again. Only then does it take the database's place, in one
//! step; the old one is kept under another name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use p2sp::locale::operator::Text;
use p2sp::store::{DATABASE, Opening, Store, Synchronous, check_copy, put_in_place};

use super::ask::Asked;
use super::check::{check_whole, refuse_violated};
use super::{broken, refusal, refusal_of_copy, say, secure};
use crate::options::Options;
use crate::system::{random, random_epoch, unix_now};

/// Puts the backup in place. Fails if a server runs, the file is no whole database, or files cannot
/// be written; the database is not changed then.
pub fn run(options: &Options, file: &Path) -> Result<ExitCode, Text> {
    let data = &options.data;
    if Asked::running(options)?.is_some() {
        return Err(Text::InUse { path: data.display().to_string() });
    }
    check_whole(file)?;
    // Before it is upgraded: an upgrade could hide what is missing.
    let found = check_copy(file).map_err(|error| refusal_of_copy(error, file))?;
    refuse_violated(&found)?;
    secure(data, options.rules.lang)?;
    let staging = Staging(data.join("restoring"));
    // Left by a restore that was killed.
    let _ = fs::remove_dir_all(&staging.0);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&staging.0);
    made.map_err(|error| cannot(&staging.0, &error))?;
    let copy = staging.0.join(DATABASE);
    copy_into(file, &copy)?;
    prepare(&staging.0, file)?;
    let aside = data.join(format!("{DATABASE}.before-restore-{}", unix_now()));
    put_in_place(data, &copy, &aside).map_err(|error| refusal(error, data))?;
    let aside = aside.exists().then(|| aside.display().to_string());
    say(&[Text::Restored { aside }], options.rules.lang);
    Ok(ExitCode::SUCCESS)
}

/// Copies a file into a new one that only we can read.
fn copy_into(from: &Path, to: &Path) -> Result<(), Text> {
    let unreadable = |why: String| Text::CannotRead { path: from.display().to_string(), why };
    let mut file = File::open(from).map_err(|error| unreadable(error.to_string()))?;
    let mut copy = OpenOptions::new();
    let copy = copy.write(true).create_new(true).mode(0o600).open(to);
    let mut copy = copy.map_err(|error| cannot(to, &error))?;
    io::copy(&mut file, &mut copy).map_err(|error| cannot(to, &error))?;
    copy.sync_all().map_err(|error| cannot(to, &error))
}

/// Brings the copy up to date, checks it and gives it a new epoch.
fn prepare(dir: &Path, file: &Path) -> Result<(), Text> {
    let epoch = random_epoch()?;
    let opening =
        Opening { dir, epoch: &epoch, mid_key: &random()?, synchronous: Synchronous::Full };
    let (mut store, _) = Store::open(&opening).map_err(|error| refusal(error, file))?;
    refuse_violated(&store.check().map_err(broken)?)?;
    store.renew_epoch(&epoch).map_err(broken)?;
    store.close().map_err(broken)
}

/// A directory that is removed in the end.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Text {
    Text::NotWritable { path: path.display().to_string(), why: error.to_string() }
}
