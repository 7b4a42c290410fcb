//! `p2sp-server check`: whether the database, or a copy of one, is whole.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use p2sp::locale::operator::Text;
use p2sp::store::{DATABASE, Violation, check_copy, check_in_place};

use super::{refusal, refusal_of_copy, say};
use crate::options::Options;

/// Prints each violation. The exit code is 1 if there is one.
pub fn run(options: &Options, copy: Option<&Path>) -> Result<ExitCode, Text> {
    let found = match copy {
        Some(copy) => {
            check_whole(copy)?;
            check_copy(copy).map_err(|error| refusal_of_copy(error, copy))?
        }
        None => {
            let data = &options.data;
            if !data.join(DATABASE).exists() {
                return Err(Text::NoDatabase { path: data.display().to_string() });
            }
            check_in_place(data).map_err(|error| refusal(error, data))?
        }
    };
    let lines: Vec<Text> = match found.as_slice() {
        [] => vec![Text::Whole],
        found => found.iter().map(violated).collect(),
    };
    say(&lines, options.rules.lang);
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fails with the first violation, if there is one.
pub fn refuse_violated(found: &[Violation]) -> Result<(), Text> {
    found.first().map_or(Ok(()), |first| Err(violated(first)))
}

/// The line about a violation.
pub fn violated(violation: &Violation) -> Text {
    let Violation { rule, count, example } = violation;
    Text::Violated { rule, count: *count, example: example.clone() }
}

/// Fails if a file is only a part of a database: one that was copied without `backup` may have its
/// last part in the write-ahead log.
pub fn check_whole(file: &Path) -> Result<(), Text> {
    if fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
        return Err(Text::NotABackup { path: file.display().to_string() });
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push("-wal");
    if !fs::metadata(&beside).is_ok_and(|meta| meta.len() > 0) {
        return Ok(());
    }
    let beside = Path::new(&beside).display().to_string();
    Err(Text::LogBeside { path: file.display().to_string(), beside })
}
