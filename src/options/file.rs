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
        try_out(command, &id, &name, &values).map_err(bad)?;
        file.values.insert(id, values);
    }
    Ok(file)
}

/// The id of the argument of that name.
fn id_of(command: &Command, path: &str, name: &str) -> Result<String, Startup> {
    // Where the file is cannot stand in it.
    let settings = || {
        let args = command.get_arguments().filter(|arg| is_setting(arg));
        args.filter_map(|arg| Some((arg.get_long()?, arg.get_id())))
            .filter(|(long, _)| *long != "data")
    };
    if let Some((_, id)) = settings().find(|(long, _)| *long == name) {
        return Ok(id.as_str().to_owned());
    }
    let names = command.get_arguments().filter(|arg| is_setting(arg));
    let names = names.filter_map(clap::Arg::get_long).filter(|name| *name != "data");
    let nearest = nearest(name, names.chain(["limit"])).map(str::to_owned);
    Err(Operating::UnknownSetting { path: path.to_owned(), name: name.to_owned(), nearest }.into())
}

/// Whether the argument takes these values, as if they had been typed.
fn try_out(command: &Command, id: &str, name: &str, values: &[String]) -> Result<(), String> {
    let flag = command.get_arguments().find(|arg| arg.get_id() == id).is_some_and(is_flag);
    if flag {
        let is_bool = matches!(values, [one] if one == "true" || one == "false");
        return if is_bool { Ok(()) } else { Err(format!("{name}: true | false")) };
    }
    for value in values {
        let typed = ["p2sp-server".to_owned(), format!("--{name}={value}")];
        command.clone().try_get_matches_from(typed).map_err(|error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        })?;
    }
    Ok(())
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
