//! A request as a person types it: one line.
//!
//! ```text
//! addgroupuser  book club  bob      ─►  addgroupuser {groupname: "book club", username: "bob"}
//! └── word ──┘  └ Group ─┘ └ User
//! ```
//!
//! [`parse`] finds the command's row in [`COMMANDS`](super::command::COMMANDS) and reads what the
//! row says is typed. It knows no session: the caller tells which group a number stands for, and
//! asks the person for what may be left out (a password). The words for people are in
//! `locale::command`.
//!
//! Where the grammar stands, the full-width forms that a Chinese keyboard gives count as ASCII:
//! spaces, digits, `＠`, `．`. A text for people and a password stay as they were typed.

use std::fmt;

use serde_json::{Map, Value};

use super::argument::Name;
use super::command::{Command, GroupList, Role, Typed, offered};
use super::{Code, MessageType};

/// What a line asks for.
#[derive(Clone, PartialEq)]
pub enum Parsed {
    /// A request, with its arguments by their names on the wire.
    Request {
        /// Its type.
        kind: MessageType,
        /// Its arguments.
        args: Map<String, Value>,
    },
    /// Leave the client; nothing goes over the wire.
    Quit,
}

/// A password or a text may be among the arguments (P27).
impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parsed::Request { kind, .. } => write!(f, "{}(…)", kind.name()),
            Parsed::Quit => f.write_str("quit"),
        }
    }
}

/// Why a line is no command. Never holds what could be a password or a text (P27).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandFault {
    /// No such command, or none for this user.
    Unknown {
        /// The word, without its dot.
        word: String,
        /// The command that it was perhaps meant to be.
        nearest: Option<&'static str>,
    },
    /// An argument that must be there is not.
    Missing {
        /// The command.
        command: &'static Command,
        /// What it lacks.
        argument: Typed,
    },
    /// An argument is not one of those that it may be.
    Unfit {
        /// The command.
        command: &'static Command,
        /// What is wrong.
        argument: Typed,
    },
    /// More words than the command takes.
    TooMany {
        /// The command.
        command: &'static Command,
    },
    /// The list has no group of that number.
    NoGroup {
        /// The list that numbers the groups.
        list: GroupList,
        /// What stands where the number should.
        given: String,
    },
}

impl CommandFault {
    /// The code of a request that is refused for the same reason.
    pub fn code(&self) -> Code {
        match self {
            CommandFault::Unknown { .. } => Code::UnknownType,
            CommandFault::NoGroup { .. } => Code::NoSuchGroup,
            _ => Code::BadRequest,
        }
    }
}

/// A group as the wire names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRef {
    /// Who created it.
    pub creator: String,
    /// What they called it.
    pub groupname: String,
    /// Its id, where the list has it: another group may get the name.
    pub group_id: Option<i64>,
}

/// Looks up the group that a number in a list stands for.
pub type GroupNumbers<'a> = dyn Fn(GroupList, usize) -> Option<GroupRef> + 'a;

/// Reads one line. `is_admin` is `None` before the sign-in: then an administrator's command is
/// understood, and the server refuses it, but it is never suggested.
///
/// # Errors
/// What is wrong with the line, for `locale::command::fault` to say.
pub fn parse(
    line: &str,
    is_admin: Option<bool>,
    groups: &GroupNumbers,
) -> Result<Parsed, CommandFault> {
    let (word, rest) = split_word(line);
    let word = canonical(word);
    let hidden = |command: &&Command| command.role == Role::Admin && is_admin == Some(false);
    let Some(command) = Command::of_word(&word).filter(|command| !hidden(command)) else {
        let nearest = nearest(&word, offered(is_admin == Some(true)).flat_map(Command::words));
        return Err(CommandFault::Unknown { word, nearest });
    };
    let mut reader = Reader { command, rest, groups, args: Map::new() };
    for index in 0..command.typed.len() {
        reader.take(index)?;
    }
    if !reader.rest.trim().is_empty() {
        return Err(CommandFault::TooMany { command });
    }
    let args = reader.args;
    Ok(command.kind.map_or(Parsed::Quit, |kind| Parsed::Request { kind, args }))
}

/// A command's word as it stands in `COMMANDS`: without its dot, in small letters of ASCII.
pub fn canonical(word: &str) -> String {
    let word = halfwidth(word);
    word.strip_prefix(['.', '。']).unwrap_or(&word).to_lowercase()
}

/// The candidate that `word` was perhaps meant to be: one it begins, or one at most two slips of
/// the finger away (one, for a short word).
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let slips_max = if letters < 4 { 1 } else { 2 };
    candidates
        .map(|candidate| match candidate.starts_with(word) && letters >= 2 {
            true => (0, candidate),
            false => (strsim::osa_distance(word, candidate), candidate),
        })
        .filter(|(slips, candidate)| *slips <= slips_max && *slips < candidate.chars().count())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// A line being read against its command's row.
struct Reader<'a> {
    command: &'static Command,
    rest: &'a str,
    groups: &'a GroupNumbers<'a>,
    args: Map<String, Value>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, index: usize) -> Result<(), CommandFault> {
        let argument = self.command.typed[index];
        match argument {
            Typed::User => self.take_user(Name::username, argument)?,
            Typed::Creator => self.take_user(Name::creator, argument)?,
            Typed::Group | Typed::JoinedGroup => {
                let name = self.words_before_the_last(index)?;
                match number(name) {
                    Some(_) => self.set_group(GroupList::Mine, name)?,
                    None => self.set(Name::groupname, name),
                }
            }
            Typed::GroupName | Typed::NewGroup => {
                let name = self.words_before_the_last(index)?;
                self.set(Name::groupname, name);
            }
            Typed::GroupNumber(list) => {
                let number = self.required(argument)?;
                self.set_group(list, number)?;
            }
            Typed::Conversation => {
                let name = self.required(argument)?;
                match number(name) {
                    Some(_) => self.set_group(GroupList::Mine, name)?,
                    None => self.set_user(Name::username, name, argument)?,
                }
            }
            Typed::Text => match self.verbatim() {
                Some(text) => self.set(Name::message, text),
                None => return Err(self.missing(argument)),
            },
            Typed::Words => match self.verbatim() {
                Some(words) => self.set(Name::query, words),
                None => return Err(self.missing(argument)),
            },
            Typed::Lang => match &*halfwidth(self.required(argument)?).to_lowercase() {
                "zh" | "中文" => self.set(Name::lang, "zh"),
                "en" | "英文" => self.set(Name::lang, "en"),
                _ => return Err(self.unfit(argument)),
            },
            Typed::Password | Typed::Count | Typed::Online | Typed::Query | Typed::StayOut => {
                self.take_optional(argument)?
            }
        }
        Ok(())
    }

    fn take_optional(&mut self, argument: Typed) -> Result<(), CommandFault> {
        if argument == Typed::Password {
            if let Some(password) = self.verbatim() {
                self.set(Name::password, password);
            }
            return Ok(());
        }
        let Some(word) = self.word() else { return Ok(()) };
        match argument {
            Typed::Count => match number(word).and_then(|digits| digits.parse::<u32>().ok()) {
                Some(count) if count > 0 => self.set(Name::count, count),
                _ => return Err(self.unfit(argument)),
            },
            Typed::Online if matches!(word, "online" | "在线") => self.set(Name::online, true),
            Typed::Query => self.set(Name::query, canonical(word)),
            Typed::StayOut if is_stay_out(word) => self.set(Name::stay_out, true),
            _ => return Err(self.unfit(argument)),
        }
        Ok(())
    }

    fn take_user(&mut self, key: Name, argument: Typed) -> Result<(), CommandFault> {
        let name = self.required(argument)?;
        self.set_user(key, name, argument)
    }

    fn set_user(&mut self, key: Name, name: &str, what: Typed) -> Result<(), CommandFault> {
        match name.strip_prefix(['@', '＠']).unwrap_or(name) {
            "" => Err(self.missing(what)),
            name => {
                self.set(key, name);
                Ok(())
            }
        }
    }

    fn set_group(&mut self, list: GroupList, given: &str) -> Result<(), CommandFault> {
        let index = number(given).and_then(|digits| digits.parse().ok());
        let Some(group) = index.and_then(|index| (self.groups)(list, index)) else {
            return Err(CommandFault::NoGroup { list, given: given.to_owned() });
        };
        self.set(Name::creator, group.creator);
        self.set(Name::groupname, group.groupname);
        if let Some(id) = group.group_id {
            self.set(Name::group_id, id);
        }
        Ok(())
    }

    fn set(&mut self, name: Name, value: impl Into<Value>) {
        self.args.insert(name.as_str().to_owned(), value.into());
    }

    /// All words but as many at the end as the command has arguments after this one.
    fn words_before_the_last(&mut self, index: usize) -> Result<&'a str, CommandFault> {
        let text = self.rest.trim();
        let after = match &self.command.typed[index + 1..] {
            [Typed::StayOut] if !text.split_whitespace().next_back().is_some_and(is_stay_out) => {
                &[]
            }
            after => after,
        };
        let words = text.split_whitespace().count();
        if words <= after.len() {
            return Err(self.missing(self.command.typed[index + words]));
        }
        let mut name = text;
        for _ in after {
            name = name.trim_end_matches(|c: char| !c.is_whitespace()).trim_end();
        }
        self.rest = &text[name.len()..];
        Ok(name)
    }

    fn required(&mut self, argument: Typed) -> Result<&'a str, CommandFault> {
        self.word().ok_or_else(|| self.missing(argument))
    }

    fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = split_word(self.rest);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The rest of the line, spaces and all.
    fn verbatim(&mut self) -> Option<&'a str> {
        let text = std::mem::take(&mut self.rest);
        (!text.is_empty()).then_some(text)
    }

    fn missing(&self, argument: Typed) -> CommandFault {
        CommandFault::Missing { command: self.command, argument }
    }

    fn unfit(&self, argument: Typed) -> CommandFault {
        CommandFault::Unfit { command: self.command, argument }
    }
}

fn is_stay_out(word: &str) -> bool {
    matches!(&*halfwidth(word).to_lowercase(), "stay_out" | "不再加入")
}

/// The first word, and what follows it after one space.
fn split_word(text: &str) -> (&str, &str) {
    text.trim_start().split_once(char::is_whitespace).unwrap_or((text.trim(), ""))
}

/// The digits of a word that has nothing else; `parse` alone would take `+1` too.
fn number(word: &str) -> Option<String> {
    let digits = halfwidth(word);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// The full-width forms of ASCII as ASCII.
fn halfwidth(word: &str) -> String {
    let narrow = |c| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c => c,
    };
    word.chars().map(narrow).collect()
}

#[cfg(test)]
mod tests;
