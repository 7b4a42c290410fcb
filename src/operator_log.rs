//! The operator's log: a line for each sign-in, with a password or a key, each wrong password, each
//! takeover, new account and refused connection, and for all that an administrator does.
//!
//! Handlers stage a [`Line`] as an effect: it is written after COMMIT, so the log tells of nothing
//! that did not happen. A line has names, addresses and codes, and never a text, a password or a
//! key (P27). The name that a failed sign-in was tried with is told only where there is such a
//! user: a password is easily typed in a name's place.
//!
//! A line is a record of the `log` crate with its fields as key-value pairs; `main` writes it as
//! text or as JSON.

use std::net::IpAddr;

use log::kv::ToValue;
use log::{Level, Record};

use crate::id::Moment;
use crate::limits::REFUSED_LOGGED_PER_MINUTE;

/// The target of the operator's lines, to choose them by (`RUST_LOG=p2sp::operator_log=info`).
pub const TARGET: &str = module_path!();

/// A line of the operator's log. Fields that are left out are `None`.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// What happened: `sign_in`, `resume`, `sign_in_failed`, `takeover`, `register`, `refused`, or
    /// the type of an administrator's request.
    pub event: &'static str,
    /// Whose account it is about, or who did it; an act without it is the operator's.
    pub user: Option<String>,
    /// The user or the group to which it was done.
    pub about: Option<String>,
    /// The peer's address.
    pub from: Option<IpAddr>,
    /// The code with which it failed.
    pub code: Option<&'static str>,
}

impl Line {
    /// Writes the line.
    pub fn write(&self) {
        let from = self.from.map(|address| address.to_canonical().to_string());
        let fields = [
            ("user", self.user.as_deref()),
            ("about", self.about.as_deref()),
            ("from", from.as_deref()),
            ("code", self.code),
        ];
        let fields: Vec<_> = fields
            .iter()
            .filter_map(|(key, value)| Some((*key, value.as_ref()?.to_value())))
            .collect();
        let fields = fields.as_slice();
        let mut record = Record::builder();
        record.target(TARGET).level(Level::Info).key_values(&fields);
        log::logger().log(&record.args(format_args!("{}", self.event)).build());
    }
}

/// Refused connections are logged until there are too many: a flood of them must not fill the disk
/// of the log.
#[derive(Debug, Default)]
pub struct Refused {
    /// When the minute began, and the lines in it.
    minute: Moment,
    lines: u64,
}

impl Refused {
    /// Logs that a connection was refused, unless this minute has its lines.
    pub fn log(&mut self, from: IpAddr, now: Moment) {
        if now.since(self.minute).as_secs() >= 60 {
            (self.minute, self.lines) = (now, 0);
        }
        self.lines += 1;
        if self.lines <= REFUSED_LOGGED_PER_MINUTE {
            Line { event: "refused", from: Some(from), ..Line::default() }.write();
        }
    }
}
