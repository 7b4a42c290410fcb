//! How lines of the log are written: as text, or as a JSON object each, to the standard error.
//!
//! A thread of its own writes a server's lines. The reader of the standard error may stop reading
//! (a pipe fills, a terminal is paused), and the loop must not wait for it. Between loop and thread
//! is a bounded queue; lines that do not fit are dropped and counted.
//!
//! ```text
//! 2026-12-01T08:30:12Z INFO sign_in user=bob from=192.168.1.7
//! {"event":"sign_in","from":"192.168.1.7","level":"INFO","time":"2026-12-01T08:30:12Z",…}
//! ```

use std::io::{self, Write};
use std::iter;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use env_logger::fmt::Formatter;
use env_logger::{Builder, Env, Target};
use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use p2sp::limits::{LOG_FLUSH_SECONDS_MAX, LOG_LINES_WAITING_MAX, LOG_PAUSE_MILLIS};
use p2sp::operator_log;
use p2sp::visible::printable_line;
use serde_json::{Map, json};

/// Begins to write what the program logs. A server tells who came and what administrators did; the
/// other commands only warn. `RUST_LOG` chooses otherwise.
pub fn begin(is_server: bool, json: bool) {
    let operator = operator_log::TARGET;
    let filter = if is_server { format!("warn,{operator}=info") } else { "warn".to_owned() };
    let mut logger = Builder::from_env(Env::default().default_filter_or(filter));
    if is_server {
        let (lines, written) = sync_channel(LOG_LINES_WAITING_MAX);
        let is_first = WRITER.set(lines.clone()).is_ok();
        debug_assert!(is_first, "the log begins once");
        thread::spawn(move || write_all(&written));
        logger.target(Target::Pipe(Box::new(Lines(lines))));
    }
    logger.format(if json { write_json } else { write_text }).init();
}

/// Waits until all lines are written, or a second: before the process ends.
pub fn finish() {
    let Some(writer) = WRITER.get() else { return };
    let (done, is_done) = channel();
    if writer.try_send(Asked::Flush(done)).is_ok() {
        // Whether it was in time makes no difference.
        let _ = is_done.recv_timeout(Duration::from_secs(LOG_FLUSH_SECONDS_MAX));
    }
}

/// What the thread that writes is asked for.
enum Asked {
    Line(Vec<u8>),
    /// To tell when all lines before are written.
    Flush(Sender<()>),
}

static WRITER: OnceLock<SyncSender<Asked>> = OnceLock::new();

/// Lines that did not fit since the last that did.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Hands lines to the thread that writes them.
struct Lines(SyncSender<Asked>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Asked::Line(line.to_vec())).is_err() {
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what is asked for: all lines of some milliseconds at once, so that many sign-ins do not
/// wake this thread for each. A failed write is ignored: an error in the log cannot be logged.
fn write_all(asked: &Receiver<Asked>) {
    let mut text = Vec::new();
    while let Ok(first) = asked.recv() {
        for asked in iter::once(first).chain(asked.try_iter()) {
            match asked {
                Asked::Line(line) => text.extend_from_slice(&line),
                Asked::Flush(done) => {
                    let _ = io::stderr().write_all(&std::mem::take(&mut text));
                    let _ = done.send(());
                }
            }
        }
        let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            let line = format!("{} WARN {left_out} lines were left out\n", time_now());
            text.extend_from_slice(line.as_bytes());
        }
        let _ = io::stderr().write_all(&text);
        text.clear();
        thread::sleep(Duration::from_millis(LOG_PAUSE_MILLIS));
    }
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
