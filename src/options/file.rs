//! `p2sp.toml` in the data directory: settings by the names of their flags.
//!
//! Flags and environment win over the file: its values become the defaults of the command line, so
//! that values are read in one place. The limits are in a table `limit`, and a flag that changes
//! one limit leaves the others.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use p2sp::files::{FileFault, foreign_owner};
use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::locale::usage::{Usage, Wanted};
use p2sp::wire::typed::nearest;
use rustix::process::geteuid;
use toml::{Table, Value};

use super::values::{is_flag, is_setting};
use crate::system::file_fault;

/// The file's name.
const NAME: &str = "p2sp.toml";

/// The contents of the file.
#[derive(Debug, Default)]
pub struct File {
    /// Where it is.
    pub path: String,
    /// Values by the arguments' ids.
    values: BTreeMap<String, Vec<String>>,
    /// Limits as `--limit` takes them.
    pub limits: Vec<String>,
}

impl File {
    /// Whether the file has a setting.
    pub fn has(&self, id: &str) -> bool {
        self.values.contains_key(id)
    }

    /// What is wrong with a value of the file. The parser names the flag of that name.
    pub fn complaint(&self, mut usage: Usage, lang: Lang) -> Text {
        if let Usage::BadValue { place, .. } = &mut usage {
            *place = place.trim_start_matches('-').to_owned();
        }
        Text::BadFile { path: self.path.clone(), why: usage.say(lang) }
    }

    /// The command line with the file's values as its defaults.
    pub fn as_defaults_of(&self, command: Command) -> Command {
        self.values.iter().fold(command, |command, (id, values)| {
            command.mut_arg(id, |arg| arg.default_values(values.clone()))
        })
    }
}

/// Reads the file in a data directory, if there is one. Fails if it cannot be read or has an
/// unknown setting or a wrong value.
pub fn read(data: &Path, command: &Command, lang: Lang) -> Result<File, Text> {
    let path = data.join(NAME);
    let shown = path.display().to_string();
    let bad = |why: String| Text::BadFile { path: shown.clone(), why };
    let wrong = |place: &str, wanted: Wanted| {
        let usage = Usage::BadValue { place: place.to_owned(), value: String::new(), wanted };
        bad(usage.say(lang))
    };
    let none = || File { path: shown.clone(), ..File::default() };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(none());
        }
        Err(error) => return Err(bad(error.to_string())),
    };
    check_owner(&path)?;
    let table: Table = text.parse().map_err(|error| bad(at_line(&text, &error)))?;
    let mut file = none();
    for (name, value) in table {
        if let ("limit", Value::Table(limits)) = (name.as_str(), &value) {
            let plain =
                |(name, value): (&String, &Value)| Some(format!("{name}={}", plain(value)?));
            let limits: Option<Vec<String>> = limits.iter().map(plain).collect();
            file.limits = limits.ok_or_else(|| wrong("limit", Wanted::Plain))?;
            continue;
        }
        let id = id_of(command, &shown, &name)?;
        let values = values(&value).ok_or_else(|| wrong(&name, Wanted::Plain))?;
        if let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == id.as_str()) {
            check(arg, &values).map_err(|wanted| wrong(&name, wanted))?;
        }
        file.values.insert(id, values);
    }
    Ok(file)
}

/// Fails if the file belongs to another user: only the operator may change settings. A start closes
/// the file to others.
fn check_owner(path: &Path) -> Result<(), Text> {
    let owner = std::fs::metadata(path).ok().as_ref().and_then(foreign_owner);
    match owner.filter(|_| !geteuid().is_root()) {
        Some(owner) => Err(file_fault(FileFault::Foreign(path.to_owned(), owner))),
        None => Ok(()),
    }
}

/// Whether an argument takes so many values, and a flag true or false.
fn check(arg: &Arg, values: &[String]) -> Result<(), Wanted> {
    match values {
        [one] if is_flag(arg) && !["true", "false"].contains(&one.as_str()) => {
            Err(Wanted::TrueFalse)
        }
        [_] => Ok(()),
        _ if matches!(arg.get_action(), ArgAction::Append) => Ok(()),
        _ => Err(Wanted::One),
    }
}

/// The id of the argument of that name.
fn id_of(command: &Command, path: &str, name: &str) -> Result<String, Text> {
    // The file cannot hold its own place.
    let settings =
        || command.get_arguments().filter(|arg| is_setting(arg) && arg.get_id() != "data");
    if let Some(arg) = settings().find(|arg| arg.get_long() == Some(name)) {
        return Ok(arg.get_id().as_str().to_owned());
    }
    let names = settings().filter_map(clap::Arg::get_long).chain(["limit"]);
    let nearest = nearest(name, names).map(str::to_owned);
    Err(Text::UnknownSetting { path: path.to_owned(), name: name.to_owned(), nearest })
}

fn values(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.iter().map(plain).collect(),
        value => Some(vec![plain(value)?]),
    }
}

/// A value as it is typed on a command line; `None` for a table or a list.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// What is wrong, and on which line.
fn at_line(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}
