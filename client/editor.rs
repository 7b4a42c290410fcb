//! The line that a person edits: its history, its completion, and the text printed above it.
//!
//! The history is in memory only. It has commands that were understood, without the password of a
//! `login`: another line may be a password that was typed by mistake (P27). New text is printed
//! with the prompt, before it, so that it never stands in the line.

use std::borrow::Cow;
use std::sync::Arc;
use std::thread;

use p2sp::locale::{Lang, shown};
use p2sp::wire::command::{self, Command, GroupList, Typed};
use p2sp::wire::typed;
use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use crate::link::Link;
use crate::numbers::Numbers;
use crate::output::Reading;
use crate::roster::Roster;
use crate::session::Session;

/// The prompt of a line.
const PROMPT: &str = "> ";
/// Lines that the history keeps.
const HISTORY_LINES: usize = 1_000;

/// The line editor of a terminal.
pub struct LineEditor {
    editor: Editor<LineHelper, MemHistory>,
    link: Arc<Link>,
}

impl LineEditor {
    /// An editor, if the terminal allows one.
    pub fn new(link: &Arc<Link>) -> Option<LineEditor> {
        let config = Config::builder().completion_type(CompletionType::List).build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).ok()?;
        editor.set_max_history_size(HISTORY_LINES).ok()?;
        // The prompt is painted by us, with colours or not.
        editor.set_color_mode(ColorMode::Forced);
        editor.set_helper(Some(LineHelper(Arc::clone(link))));
        let printer = editor.create_external_printer().ok()?;
        link.output().hide_typing_between_lines();
        let repainting = Arc::clone(link);
        thread::spawn(move || repainting.output().keep_repainting(printer));
        Some(LineEditor { editor, link: Arc::clone(link) })
    }

    /// The next line.
    ///
    /// # Errors
    /// Ctrl-C, Ctrl-D, or the terminal is gone.
    pub fn line(&mut self) -> Result<String, ReadlineError> {
        self.link.output().begin_reading(Reading::Line);
        let line = self.editor.readline(PROMPT);
        self.link.output().end_reading();
        line
    }

    /// A password, which is not shown, and whether it was typed before the question. It is read
    /// from the same input as lines, so it may be a line that was typed ahead.
    ///
    /// # Errors
    /// As [`LineEditor::line`].
    pub fn password(&mut self, prompt: &str) -> Result<(String, bool), ReadlineError> {
        let output = self.link.output();
        output.begin_reading(Reading::Password);
        let line = self.editor.readline(prompt);
        let was_typed_ahead = output.was_typed_ahead();
        output.end_reading();
        // Pasted text may contain its line's end.
        line.map(|line| (line.trim_end_matches(['\r', '\n']).to_owned(), was_typed_ahead))
    }

    /// Adds a line to the history.
    pub fn remember(&mut self, line: &str) {
        // A history without it does no harm.
        let _ = self.editor.add_history_entry(line);
    }
}

/// Completes the line, hides passwords, and prints pending text before the prompt.
struct LineHelper(Arc<Link>);

impl Helper for LineHelper {}
impl Validator for LineHelper {}
impl Hinter for LineHelper {
    type Hint = String;
}

impl Highlighter for LineHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.0.output().is_reading_password() { Cow::Borrowed("") } else { Cow::Borrowed(line) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.0.output().is_reading_password()
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.0.output().take_pending() {
            shown if shown.is_empty() => Cow::Borrowed(prompt),
            shown => Cow::Owned(shown + prompt),
        }
    }
}

impl Completer for LineHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> Result<(usize, Vec<Pair>), ReadlineError> {
        if self.0.output().is_reading_password() {
            return Ok((position, Vec::new()));
        }
        let line = line.get(..position).unwrap_or_default();
        Ok(self.0.with(|session| candidates(line, session)))
    }
}

/// Where the last word of a line begins, and how it can be completed.
fn candidates(line: &str, session: &Session) -> (usize, Vec<Pair>) {
    let begin = line.char_indices().rev().find(|(_, c)| c.is_whitespace());
    let begin = begin.map_or(0, |(at, c)| at + c.len_utf8());
    let (before, word) = line.split_at(begin);
    let mut before = before.split_whitespace();
    let is_admin = session.is_admin() == Some(true);
    let found = match before.next() {
        None => commands(word, session.lang(), is_admin),
        Some(first) => {
            let command = Command::of_word(&typed::canonical(first));
            let argument = command.and_then(|command| command.typed.get(before.count()));
            argument.map_or_else(Vec::new, |argument| match argument {
                Typed::User | Typed::Creator => users(word, session.roster()),
                Typed::Conversation => {
                    let mut found = users(word, session.roster());
                    found.extend(numbers(word, session.numbers(), GroupList::Mine));
                    found
                }
                Typed::Group | Typed::JoinedGroup => groups(word, session.numbers()),
                Typed::GroupNumber(list) => numbers(word, session.numbers(), *list),
                Typed::Query => commands(word, session.lang(), is_admin),
                Typed::Online => words(word, &["online"]),
                Typed::Lang => words(word, &["zh", "en"]),
                Typed::StayOut => words(word, &["stay_out"]),
                Typed::GroupName
                | Typed::NewGroup
                | Typed::Password
                | Typed::Count
                | Typed::Words
                | Typed::Text => Vec::new(),
            })
        }
    };
    (begin, found)
}

fn pair(display: &str, word: &str) -> Pair {
    Pair { display: display.to_owned(), replacement: format!("{word} ") }
}

fn words(start: &str, words: &[&str]) -> Vec<Pair> {
    words.iter().filter(|word| word.starts_with(start)).map(|word| pair(word, word)).collect()
}

/// Commands. Chinese names only in Chinese, or if the word has begun.
fn commands(start: &str, lang: Lang, is_admin: bool) -> Vec<Pair> {
    let (dot, start) = match start.strip_prefix('.') {
        Some(rest) => (".", rest),
        None => ("", start),
    };
    let start = typed::canonical(start);
    let meant = |name: &&str| {
        name.starts_with(&start) && (name.is_ascii() || lang == Lang::Zh || !start.is_empty())
    };
    let names = command::offered(is_admin).flat_map(Command::words).filter(meant);
    names.map(|name| pair(name, &format!("{dot}{name}"))).collect()
}

fn users(start: &str, roster: &Roster) -> Vec<Pair> {
    let (at, start) = match start.strip_prefix(['@', '＠']) {
        Some(rest) => ("@", rest),
        None => ("", start),
    };
    roster.beginning(start).map(|name| pair(name, &format!("{at}{name}"))).collect()
}

/// The user's groups by name; a name with spaces only while its first word is typed.
fn groups(start: &str, numbers: &Numbers) -> Vec<Pair> {
    let names = numbers.all(GroupList::Mine).map(|(_, group)| shown::line(&group.groupname));
    names.filter(|name| name.starts_with(start)).map(|name| pair(&name, &name)).collect()
}

/// Groups by number; the beginning of a name becomes its number.
fn numbers(start: &str, numbers: &Numbers, list: GroupList) -> Vec<Pair> {
    let all = numbers
        .all(list)
        .map(|(number, group)| (number.to_string(), shown::line(&group.groupname)));
    all.filter(|(number, name)| number.starts_with(start) || name.starts_with(start))
        .map(|(number, name)| pair(&format!("{number}. {name}"), &number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::{Args, Purpose};
    use p2sp::wire::MessageType;
    use serde_json::json;

    fn session() -> Session {
        let mut session = Session::new(Lang::En);
        session.connected();
        for (kind, data) in [
            (MessageType::Friends, json!({"friends": [{"username": "bob"}, {"username": "bea"}]})),
            (
                MessageType::Groups,
                json!({"groups": [{"creator": "al", "groupname": "team"},
                                  {"creator": "al", "groupname": "读书会"}]}),
            ),
        ] {
            session.ask(kind, Args::new(), Purpose::Numbers);
            let re = if kind == MessageType::Friends { 2 } else { 3 };
            let payload = json!({"re": re, "status": 200, "data": data});
            session.received(json!({"type": "normalmsg", "payload": payload}));
        }
        session
    }

    #[test]
    fn commands_friends_and_groups_are_completed() {
        let session = session();
        for (line, begin, found) in [
            ("sen", 0, &["send ", "sendgroup "][..]),
            (".sendg", 0, &[".sendgroup "]),
            ("私", 0, &["私聊 "]),
            ("broad", 0, &[]),
            ("send b", 5, &["bea ", "bob "]),
            ("私聊　＠bo", 9, &["@bob "]),
            ("send bob b", 9, &[]),
            ("sendgroup te", 10, &["1 "]),
            ("群发 读", 7, &["2 "]),
            ("history ", 8, &["bea ", "bob ", "1 ", "2 "]),
            ("addgroupuser te", 13, &["team "]),
            ("help 好", 5, &["好友 ", "好友列表 "]),
            ("lang ", 5, &["zh ", "en "]),
            ("nonsense ", 9, &[]),
        ] {
            let (at, pairs) = candidates(line, &session);
            let words: Vec<_> = pairs.iter().map(|pair| &*pair.replacement).collect();
            assert_eq!((at, &*words), (begin, found), "{line}");
        }
    }
}
