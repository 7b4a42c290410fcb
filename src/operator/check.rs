//! `p2sp-server check`: whether the database, or a copy of one, is whole.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::store::{Violation, check_copy, check_in_place};

use super::{refusal, refusal_of_copy, say};
use crate::options::Options;

/// Prints each violation. The exit code is 1 if there is one.
pub fn run(options: &Options, copy: Option<&Path>) -> Result<ExitCode, Startup> {
    let found = match copy {
        Some(copy) => {
            check_whole(copy)?;
            check_copy(copy).map_err(|error| refusal_of_copy(error, copy))?
        }
        None => {
            let data = &options.data;
            if !data.join("p2sp.db").exists() {
                return Err(Operating::NoDatabase { path: data.display().to_string() }.into());
            }
            check_in_place(data).map_err(|error| refusal(error, data))?
        }
    };
    let lines: Vec<Startup> = match found.as_slice() {
        [] => vec![Operating::Whole.into()],
        found => found.iter().map(|violation| violated(violation).into()).collect(),
    };
    say(&lines, options.rules.lang);
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The line about a violation.
pub fn violated(violation: &Violation) -> Operating {
    let Violation { rule, count, example } = violation;
    Operating::Violated { rule, count: *count, example: example.clone() }
}

/// Fails if a file is only a part of a database: one that was copied without `backup` may have its
/// last part in the write-ahead log.
pub fn check_whole(file: &Path) -> Result<(), Startup> {
    if fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
        return Err(Operating::NotABackup { path: file.display().to_string() }.into());
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push("-wal");
    if !fs::metadata(&beside).is_ok_and(|meta| meta.len() > 0) {
        return Ok(());
    }
    let beside = Path::new(&beside).display().to_string();
    Err(Operating::LogBeside { path: file.display().to_string(), beside }.into())
}
