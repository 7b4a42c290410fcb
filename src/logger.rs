//! How lines of the log are written: as text, or as a JSON object each, to the standard error.
//!
//! ```text
//! 2026-12-01T08:30:12Z INFO sign_in user=bob from=192.168.1.7
//! {"time":"2026-12-01T08:30:12Z","level":"INFO","event":"sign_in","user":"bob",…}
//! ```

use std::io::{self, Write};

use env_logger::fmt::Formatter;
use env_logger::{Builder, Env};
use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use p2sp::operator_log;
use p2sp::visible::printable_line;
use serde_json::{Map, json};

/// Begins to write what the program logs. A server tells who came and what administrators did; the
/// other commands only warn. `RUST_LOG` chooses otherwise.
pub fn begin(is_server: bool, json: bool) {
    let operator = operator_log::TARGET;
    let filter = if is_server { format!("warn,{operator}=info") } else { "warn".to_owned() };
    let mut logger = Builder::from_env(Env::default().default_filter_or(filter));
    logger.format(if json { write_json } else { write_text }).init();
}

fn write_text(out: &mut Formatter, record: &Record) -> io::Result<()> {
    let mut line = format!("{} {} {}", time_now(), record.level(), record.args());
    let read = record.key_values().visit(&mut Fields(|key: &str, value: &str| {
        // A name may have spaces.
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
        line += &if value.chars().all(is_word) {
            format!(" {key}={value}")
        } else {
            format!(" {key}={value:?}")
        };
    }));
    debug_assert!(read.is_ok(), "all fields are texts");
    writeln!(out, "{}", printable_line(&line))
}

fn write_json(out: &mut Formatter, record: &Record) -> io::Result<()> {
    let name = if record.target() == operator_log::TARGET { "event" } else { "message" };
    let mut line = Map::new();
    line.insert("time".into(), json!(time_now()));
    line.insert("level".into(), json!(record.level().as_str()));
    line.insert(name.into(), json!(record.args().to_string()));
    let read = record.key_values().visit(&mut Fields(|key: &str, value: &str| {
        line.insert(key.to_owned(), json!(value));
    }));
    debug_assert!(read.is_ok(), "all fields are texts");
    writeln!(out, "{}", serde_json::Value::Object(line))
}

/// The time of the wall clock, in whole seconds of UTC.
fn time_now() -> String {
    let now = jiff::Timestamp::from_second(crate::system::unix_now());
    now.unwrap_or_default().to_string()
}

/// Reads a record's fields as texts.
struct Fields<F>(F);

impl<'kvs, F: FnMut(&str, &str)> VisitSource<'kvs> for Fields<F> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        (self.0)(key.as_str(), &value.to_string());
        Ok(())
    }
}
