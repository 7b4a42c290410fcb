//! `p2sp.toml` in the data directory: settings by the names of their flags.
//!
//! What it says stands behind flags and environment: it becomes the defaults of the command
//! line, so that there is one place that reads and checks a value. Limits are a table `limit`,
//! and each of them stands for itself: a flag that changes one leaves the others.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use clap::Command;
use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::wire::command::nearest;
use toml::{Table, Value};

use super::{is_flag, is_setting};

/// The file's name.
const NAME: &str = "p2sp.toml";

/// What the file says.
#[derive(Debug, Default)]
pub struct File {
    /// Values by the arguments' ids.
    values: BTreeMap<String, Vec<String>>,
    /// Limits as `--limit` takes them.
    pub limits: Vec<String>,
}

impl File {
    /// Whether the file has that setting.
    pub fn says(&self, id: &str) -> bool {
        self.values.contains_key(id)
    }

    /// The command line with what the file says as its defaults.
    pub fn behind(&self, command: Command) -> Command {
        self.values.iter().fold(command, |command, (id, values)| {
            command.mut_arg(id, |arg| arg.default_values(values.clone()))
        })
    }
}

/// Reads the file in a data directory, if there is one.
///
/// # Errors
/// It cannot be read, or says what no setting can be.
pub fn read(data: &Path, command: &Command) -> Result<File, Startup> {
    let path = data.join(NAME);
    let shown = path.display().to_string();
    let bad = |why: String| Operating::BadFile { path: shown.clone(), why };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(File::default());
        }
        Err(error) => return Err(bad(error.to_string()).into()),
    };
    let table: Table = text.parse().map_err(|error| bad(said(&text, &error)))?;
    let mut file = File::default();
    for (name, value) in table {
        if let ("limit", Value::Table(limits)) = (name.as_str(), &value) {
            let plain =
                |(name, value): (&String, &Value)| Some(format!("{name}={}", plain(value)?));
            let limits: Option<Vec<String>> = limits.iter().map(plain).collect();
            file.limits = limits.ok_or_else(|| bad("limit".into()))?;
            continue;
        }
        let id = id_of(command, &shown, &name)?;
        let values = values(&value).ok_or_else(|| bad(name.clone()))?;
        file.values.insert(id, values);
    }
    try_out(command, &file.values).map_err(bad)?;
    Ok(file)
}

/// The id of the argument of that name.
fn id_of(command: &Command, path: &str, name: &str) -> Result<String, Startup> {
    // Where the file is cannot stand in it.
    let settings =
        || command.get_arguments().filter(|arg| is_setting(arg) && arg.get_id() != "data");
    if let Some(arg) = settings().find(|arg| arg.get_long() == Some(name)) {
        return Ok(arg.get_id().as_str().to_owned());
    }
    let names = settings().filter_map(clap::Arg::get_long).chain(["limit"]);
    let nearest = nearest(name, names).map(str::to_owned);
    Err(Operating::UnknownSetting { path: path.to_owned(), name: name.to_owned(), nearest }.into())
}

/// Whether the command line takes these values, as if they had been typed.
fn try_out(command: &Command, values: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
    let mut typed = vec!["p2sp-server".to_owned()];
    for (id, values) in values {
        let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == id) else { continue };
        let name = arg.get_long().unwrap_or_default();
        match values.as_slice() {
            [one] if is_flag(arg) && one == "true" => typed.push(format!("--{name}")),
            [one] if is_flag(arg) && one == "false" => {}
            _ if is_flag(arg) => return Err(format!("{name}: true | false")),
            values => typed.extend(values.iter().map(|value| format!("--{name}={value}"))),
        }
    }
    let tried = command.clone().try_get_matches_from(typed);
    tried.map(drop).map_err(|error| {
        let text = error.to_string();
        // Up to its hints, which are about the command line.
        let lines: Vec<&str> =
            text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        lines.join(" ").trim_start_matches("error: ").to_owned()
    })
}

fn values(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.iter().map(plain).collect(),
        value => Some(vec![plain(value)?]),
    }
}

/// A value that is no table and no list, as it is typed.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// What is wrong, and on which line.
fn said(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}
