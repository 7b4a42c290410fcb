//! What a terminal gets of what is said: for the stdin client, and for telnet and nc alike (P28).
//!
//! A terminal breaks a long line where its width ends, and its width is not known for certain. So
//! a part of a peer's text may stand at the margin, and three rules keep it from being taken for
//! ours: what we say unasked begins with [`MARK`], which no text of a peer can show; a run of
//! spaces is one space, so nothing is moved to the margin unseen; and what has no width of its own
//! is shown as what it is, or belongs to the character before it.
//!
//! [`crate::visible`] tells which characters a person can see; [`class`] adds what is of terminals.

use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use super::Lang;
use super::client::Text;
use crate::limits::{INDENT_SPACES_MAX, LETTER_MARKS_MAX};
use crate::visible::{Shows, shows};
use crate::wire::Event;
use crate::wire::push::Push;

/// Stands before notices, refusals and messages of administrators, and nowhere else.
pub const MARK: char = '►';

/// What a peer's text has instead of [`MARK`] and what looks like it.
const NO_MARK: char = '>';
/// Carries a mark that has no letter before it.
const NO_LETTER: char = '◌';
/// Braille without a dot: it has a width, and nothing to see.
const BRAILLE_BLANK: char = '\u{2800}';

/// What a person sees of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Itself.
    Plain,
    /// Nothing, of some width.
    Space,
    /// Something on the character before it.
    Combining,
    /// Nothing: it only chooses how its neighbours look.
    Joiner,
    /// Nothing, or what it does to others.
    Hidden,
    /// [`MARK`], or what could be taken for it.
    Mark,
}

/// What a person sees of this character.
pub fn class(c: char) -> Class {
    match shows(c) {
        Shows::Space => Class::Space,
        _ if matches!(c, '\t' | BRAILLE_BLANK) => Class::Space,
        _ if is_like_mark(c) => Class::Mark,
        Shows::Part if is_joiner(c) => Class::Joiner,
        Shows::Part | Shows::Nothing => Class::Hidden,
        Shows::Unknown if is_noncharacter(c) => Class::Hidden,
        _ if c.width() == Some(0) => Class::Combining,
        _ => Class::Plain,
    }
}

fn is_like_mark(c: char) -> bool {
    matches!(u32::from(c),
        0x1405 | 0x1433 | 0x2023 | 0x22B3 | 0x23E9 | 0x23ED | 0x23EF | 0x23F5 | 0x25B6..=0x25BB
        | 0x27A2..=0x27A4 | 0x29D0 | 0x2B9E | 0x2BC8 | 0xE0B0 | 0x1D14C | 0x1D14D | 0x1F782
        | 0x1F892 | 0x1F896 | 0x1FB6C)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether a code is none of a character, now and for ever.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code)
}

/// One line of a peer's text, for a terminal of any width.
pub fn line(text: &str) -> String {
    fit(text, false)
}

/// The same for who breaks lines before the terminal does: its spaces stay.
pub fn spaced_line(text: &str) -> String {
    fit(text, true)
}

fn fit(text: &str, keep_spaces: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut marks) = (' ', 0);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let class = class(c);
        marks = if class == Class::Combining { marks + 1 } else { 0 };
        let shown = match class {
            Class::Plain => c,
            Class::Space
                if !keep_spaces && self::class(before) == Class::Space && !out.is_empty() =>
            {
                continue;
            }
            Class::Space if c == '\u{3000}' => c,
            Class::Space => ' ',
            Class::Mark => NO_MARK,
            Class::Joiner if belongs(c, before, chars.peek()) => continue,
            Class::Combining if marks <= LETTER_MARKS_MAX => {
                if marks == 1 && self::class(before) != Class::Plain {
                    out.push(NO_LETTER);
                }
                out.push(c);
                continue;
            }
            Class::Combining if marks > LETTER_MARKS_MAX + 1 => continue,
            Class::Joiner | Class::Combining | Class::Hidden => char::REPLACEMENT_CHARACTER,
        };
        out.push(shown);
        before = c;
    }
    out
}

/// Whether a joiner is part of what stands around it: then it can be left out without a loss.
fn belongs(joiner: char, before: char, next: Option<&char>) -> bool {
    match joiner {
        '\u{200D}' => is_picture(before) && next.is_some_and(|next| is_picture(*next)),
        '\u{FE0E}' | '\u{FE0F}' => {
            let is_key = next == Some(&'\u{20E3}') && matches!(before, '0'..='9' | '#' | '*');
            is_key || is_picture(before)
        }
        _ => matches!(u32::from(before), 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF),
    }
}

/// Roughly the characters that may be shown as emoji.
fn is_picture(c: char) -> bool {
    matches!(u32::from(c),
        0xA9 | 0xAE | 0x203C | 0x2049 | 0x2122 | 0x2139 | 0x2190..=0x21FF | 0x2300..=0x23FF
        | 0x24C2 | 0x25A0..=0x27BF | 0x2900..=0x297F | 0x2B00..=0x2BFF | 0x3030 | 0x303D
        | 0x3297 | 0x3299 | 0x1F000..=0x1FAFF)
}

/// The lines of an answer or a push; none if its type is not known. Further lines of one text
/// follow after `joint`.
pub fn lines(message: &Value, lang: Lang, joint: &str) -> Vec<String> {
    let (kind, payload) = (string(message, "type"), &message["payload"]);
    match kind {
        "normalmsg" | "login_success" if payload["status"].as_i64() >= Some(400) => {
            vec![refusal(string(payload, "message"), string(payload, "code"), joint)]
        }
        "normalmsg" | "login_success" => answer(string(payload, "message"), &payload["data"]),
        "usersend" | "groupsend" | "sysmsg" => {
            let head = head(kind, payload, lang);
            vec![format!("{head} {}", text(string(payload, "message"), joint, line))]
        }
        _ => Vec::new(),
    }
}

/// A refusal, with its code.
pub fn refusal(said: &str, code: &str, joint: &str) -> String {
    format!("{MARK}! {} [{}]", text(said, joint, line), line(code))
}

/// Something to know.
pub fn notice(said: &str, joint: &str) -> String {
    format!("{MARK}* {}", text(said, joint, line))
}

/// The line of a push.
pub fn push(push: &Push, lang: Lang, joint: &str) -> String {
    let (sender, by_admin) = match push {
        Push::User { fromusername, system, .. } => (Sender::Person(fromusername), *system),
        Push::Group { creator, groupname, fromusername: name, system, .. } => {
            (Sender::Member { creator, group: groupname, name }, *system)
        }
        Push::System { notice, .. } => {
            (Sender::System, matches!(notice.event, Event::Admin | Event::Broadcast))
        }
    };
    format!("{} {}", head_of(sender, by_admin, lang), text(push.message(), joint, line))
}

/// What stands before the text of a push of that type.
pub fn head(kind: &str, payload: &Value, lang: Lang) -> String {
    let by_admin = matches!(string(payload, "event"), "admin" | "broadcast");
    let by_admin = by_admin || payload["system"] == true;
    let [creator, group, name] =
        ["creator", "groupname", "fromusername"].map(|key| string(payload, key));
    let sender = match kind {
        "sysmsg" => Sender::System,
        "groupsend" => Sender::Member { creator, group, name },
        _ => Sender::Person(name),
    };
    head_of(sender, by_admin, lang)
}

/// Whose text a push has.
enum Sender<'a> {
    System,
    Person(&'a str),
    Member { creator: &'a str, group: &'a str, name: &'a str },
}

/// The mark of an administrator's message stands before the name, where no text of a peer ever
/// stands.
fn head_of(sender: Sender, by_admin: bool, lang: Lang) -> String {
    // A name has no `>`: that sign ends it.
    let shown = |name: &str| line(name).replace('>', "›");
    let system = if by_admin { Text::SystemMark.say(lang) + " " } else { String::new() };
    let mark = if by_admin { MARK.to_string() } else { String::new() };
    match sender {
        Sender::System => format!("{MARK}* {system}").trim_end().to_owned(),
        Sender::Person(name) => format!("{mark}{system}{}>", shown(name)),
        Sender::Member { creator, group, name } => {
            format!("{mark}{system}{}/{} {}>", shown(creator), shown(group), shown(name))
        }
    }
}

/// A text of several lines as part of one: `joint` stands between them, and each is made by `line`.
pub fn text(text: &str, joint: &str, line: impl Fn(&str) -> String) -> String {
    let lines = text.trim_end_matches(['\r', '\n']).lines();
    lines.map(line).collect::<Vec<_>>().join(joint)
}

/// The lines of a text of our own: they may be indented.
pub fn own_lines(text: &str) -> Vec<String> {
    let indented = |own: &str| {
        let rest = own.trim_start_matches(' ');
        " ".repeat((own.len() - rest.len()).min(INDENT_SPACES_MAX)) + &line(rest)
    };
    text.lines().map(indented).collect()
}

/// An answer has lines of its own; names and texts of others stand inside them. The notices in a
/// history look as they did when they came.
pub fn answer(said: &str, data: &Value) -> Vec<String> {
    let mut lines = own_lines(said);
    let messages = data["messages"].as_array().into_iter().flatten();
    for (line, message) in lines.iter_mut().skip(1).zip(messages) {
        if message["type"] == "sysmsg" {
            line.insert(0, MARK);
        }
    }
    lines
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
