//! The form of what is shown: plain lines, JSON for programs, or for a person at a terminal lines
//! with the time, in colours, wrapped and aligned.
//!
//! Escape sequences are only here and in `output`. Every text has passed `show` before, so a peer's
//! text cannot contain one (P28). Long texts are wrapped here and not by the terminal, so that
//! their other lines are indented.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use p2sp::locale::client::{Text, day};
use p2sp::locale::{Lang, shown};
use p2sp::visible::is_hidden;
use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use super::show::{self, Item, Style};
use super::tables;

/// From so many waiting messages on, their number is shown.
const WAITED_MIN: u64 = 20;
/// The number so far is shown after each so many waiting messages.
const WAITED_STEP: u64 = 500;
/// A narrower terminal wraps texts by itself.
const COLUMNS_MIN: usize = 8;

/// The form of everything that is shown.
pub enum Screen {
    /// Plain lines, for a script.
    Plain,
    /// One JSON object on each line.
    Json,
    /// For a terminal.
    Person(Box<Person>),
}

/// The form for a terminal, and what it depends on.
pub struct Person {
    colours: bool,
    bell: bool,
    title: bool,
    zone: TimeZone,
    /// The day of the last line that has one.
    day: Date,
    /// Messages that waited for the user, while they come.
    waited: Option<u64>,
    /// Messages since the person last typed.
    unread: u64,
    columns: usize,
}

impl Screen {
    /// For a terminal.
    pub fn person(colours: bool, bell: bool, title: bool, zone: TimeZone) -> Screen {
        let day = Timestamp::now().to_zoned_datetime(zone.clone()).date();
        let (waited, unread, columns) = (None, 0, 0);
        Screen::Person(Box::new(Person {
            colours,
            bell,
            title,
            zone,
            day,
            waited,
            unread,
            columns,
        }))
    }

    /// Sets the width of the terminal.
    pub fn set_columns(&mut self, columns: usize) {
        if let Screen::Person(person) = self {
            person.columns = columns;
        }
    }

    /// The text to write, with its line's end.
    pub fn show(&mut self, item: Item, lang: Lang) -> String {
        let shown = match self {
            Screen::Plain => item.plain(lang),
            Screen::Json => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Some(escaped(&item.json(since_epoch.as_secs() as i64).to_string()))
            }
            Screen::Person(person) => person.show(&item, lang),
        };
        shown.map(|text| text + "\n").unwrap_or_default()
    }

    /// The person has typed, so all messages are read. Returns the text to write.
    pub fn typed(&mut self) -> &'static str {
        let Screen::Person(person) = self else { return "" };
        let unread = std::mem::take(&mut person.unread);
        if unread > 0 && person.title { "\x1b]0;p2sp\x07" } else { "" }
    }
}

impl Person {
    fn show(&mut self, item: &Item, lang: Lang) -> Option<String> {
        let Item::Message(message) = item else {
            let style = match item {
                Item::Refusal { .. } => Some(Style::Refusal),
                Item::Notice(_) => Some(Style::Notice),
                _ => None,
            };
            return item.plain(lang).map(|text| self.block(style, &text));
        };
        let (kind, payload) = (show::text(message, "type"), &message["payload"]);
        match kind {
            "normalmsg" | "login_success" => self.answer(item, kind, payload, lang),
            "sysmsg" if payload["event"] == "caught_up" => self.caught_up(lang),
            "usersend" | "groupsend" | "sysmsg" => Some(self.push(message, lang)),
            _ => None,
        }
    }

    fn answer(&mut self, item: &Item, kind: &str, payload: &Value, lang: Lang) -> Option<String> {
        if show::status(payload) >= 400 {
            return item.plain(lang).map(|text| self.block(Some(Style::Refusal), &text));
        }
        if kind == "login_success" {
            self.waited = Some(0);
        }
        let text = item.plain(lang)?;
        if let Some(messages) = payload["data"]["messages"].as_array() {
            let heading = self.paint(Style::Strong, text.lines().next().unwrap_or_default());
            let said = messages.iter().map(|message| self.said(message, lang));
            let shown = said.fold(heading, |text, line| text + "\n" + &line);
            // Each message has a line of the text. The lines after them are about the history.
            let behind = text.lines().skip(1 + messages.len());
            return Some(behind.fold(shown, |text, line| text + "\n" + &self.block(None, line)));
        }
        let columns = if self.breaks_lines() { self.columns } else { usize::MAX };
        let paint = |style, text: &str| self.paint(style, text);
        let table = tables::aligned(&text, &payload["data"], lang, &paint, columns);
        Some(table.unwrap_or_else(|| self.block(None, &text)))
    }

    /// The text of a push, which is counted.
    fn push(&mut self, message: &Value, lang: Lang) -> String {
        let mut shown = self.said(message, lang);
        if message["payload"]["seq"].is_null() {
            return shown;
        }
        match &mut self.waited {
            Some(count) => {
                *count += 1;
                if *count % WAITED_STEP == 0 {
                    let text = Text::Receiving { count: *count }.say(lang);
                    let text = shown::notice(&text, "");
                    shown += &format!("\n{}", self.paint(Style::Faint, &text));
                }
            }
            None => shown += &self.arrived(),
        }
        shown
    }

    /// The notice after the waiting messages, if they were many.
    fn caught_up(&mut self, lang: Lang) -> Option<String> {
        let count = self.waited.take().filter(|count| *count >= WAITED_MIN)?;
        let text = shown::notice(&Text::Waited { count }.say(lang), "");
        Some(self.paint(Style::Notice, &text) + &self.arrived())
    }

    /// The title and the bell that tell of a new message.
    fn arrived(&mut self) -> String {
        self.unread += 1;
        let mut signs = String::new();
        if self.title {
            signs += &format!("\x1b]0;({}) p2sp\x07", self.unread);
        }
        if self.bell {
            signs.push('\x07');
        }
        signs
    }

    /// A message with its time, under a heading if it is of another day.
    fn said(&mut self, message: &Value, lang: Lang) -> String {
        let (kind, payload) = (show::text(message, "type"), &message["payload"]);
        let (mut heading, mut time) = (String::new(), String::new());
        if let Some(at) = self.local(&message["timestamp"]) {
            if at.date() != self.day {
                self.day = at.date();
                let weekday = at.weekday().to_monday_zero_offset() as usize;
                let date = day(lang, (at.year(), at.month(), at.day()), weekday);
                heading = self.paint(Style::Faint, &format!("── {date} ──")) + "\n";
            }
            time = format!("{:02}:{:02} ", at.hour(), at.minute());
        }
        let by_admin = payload["system"] == true
            || matches!(show::text(payload, "event"), "admin" | "broadcast");
        let style = match kind {
            _ if by_admin => Style::System,
            "sysmsg" => Style::Notice,
            "groupsend" => Style::Group,
            _ => Style::Name,
        };
        let [head, text] = show::said(kind, payload, lang, self.breaks_lines());
        // The name of a group may be wider than the terminal.
        let head = self.wrap(&head, columns_of(&time));
        let begin = match head.rsplit_once('\n') {
            Some((_, last)) => columns_of(last),
            None => columns_of(&time) + columns_of(&head),
        };
        let text = self.wrap(&text, begin + 1);
        let (time, head) = (self.paint(Style::Faint, &time), self.paint(style, &head));
        let text = if style == Style::Notice { self.paint(style, &text) } else { text };
        format!("{heading}{time}{head} {text}")
    }

    fn local(&self, timestamp: &Value) -> Option<ZonedDateTime> {
        let at = Timestamp::from_second(timestamp.as_i64()?).ok()?;
        Some(at.to_zoned_datetime(self.zone.clone()))
    }

    /// Wrapped, and in one colour.
    fn block(&self, style: Option<Style>, text: &str) -> String {
        let text = self.wrap(text, 0);
        style.map(|style| self.paint(style, &text)).unwrap_or(text)
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if !self.colours || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Faint => "2",
            Style::Strong => "1",
            Style::Name => "1;36",
            Style::Group => "1;34",
            Style::Notice => "33",
            Style::System => "1;35",
            Style::Refusal => "31",
            Style::Online => "32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Whether lines are broken here, and not by the terminal.
    fn breaks_lines(&self) -> bool {
        self.columns >= COLUMNS_MIN
    }

    /// Breaks lines that are too long, at a space if there is one, and indents the next ones. The
    /// first begins at column `begin`.
    fn wrap(&self, text: &str, begin: usize) -> String {
        if !self.breaks_lines() {
            return text.to_owned();
        }
        let (mut out, mut column, mut space) = (String::new(), begin, None);
        for c in text.chars() {
            let width = c.width().unwrap_or(0);
            if column + width > self.columns {
                match space.take().filter(|_| c != ' ') {
                    Some(at) => {
                        out.replace_range(at..=at, "\n  ");
                        column = columns_of(&out[at + 1..]);
                    }
                    None => {
                        out.push_str("\n  ");
                        column = 2;
                    }
                }
            }
            match c {
                '\n' => (column, space) = (0, None),
                ' ' if column > 2 => space = Some(out.len()),
                _ => {}
            }
            out.push(c);
            column += if c == '\n' { 0 } else { width };
        }
        out
    }
}

/// The most columns that a text may take: some terminals show the parts of an emoji one by one.
fn columns_of(text: &str) -> usize {
    text.chars().filter_map(|c| c.width()).sum()
}

/// JSON without characters that a terminal hides or obeys (P28): they are only in strings, where
/// they are escaped.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

// The fuzzing target mounts this file, too, and from there the path is the same.
#[cfg(test)]
#[path = "screen/tests.rs"]
mod tests;
