//! Standard input: lines, and passwords that are not shown.
//!
//! Without a terminal passwords are lines of the input, so that a script can give them. A terminal
//! gets a line editor if that is possible. Of commands only their names are known here.

use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal, Read, StdinLock};
use std::sync::Arc;

use p2sp::limits::LINE_BYTES_MAX;
use p2sp::wire::command::Command;
use p2sp::wire::typed;
use rustyline::error::ReadlineError;
use zeroize::Zeroizing;

use crate::editor::LineEditor;
use crate::link::Link;
use crate::output::{Output, Reading, complain, prompt_for};

/// Some editors write it at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What was read. It may be a password, so it has no Debug outside tests (P27).
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Line {
    /// A line, without its end.
    Text(String),
    /// A line that was typed before a question for a password, and is not on the screen.
    Unshown(String),
    /// A line of more than [`LINE_BYTES_MAX`], which was skipped.
    TooLong,
    /// A line that is not UTF-8, or has a NUL as UTF-16 does.
    NotText,
    /// The input cannot be read.
    Failed(String),
    /// Ctrl-C.
    GivenUp,
    /// The end of the input, or Ctrl-D.
    End,
}

/// Standard input.
pub struct Terminal<R> {
    input: R,
    interactive: bool,
    editor: Option<LineEditor>,
    /// Lines that were read without the editor.
    count: u64,
    /// Commands that were typed before a question was shown, and wait until it is answered.
    unshown: VecDeque<String>,
    /// What was accepted as a password since the last line was read. Typed once too often it may
    /// look like a command, and must not be obeyed (P27).
    passwords: Vec<Zeroizing<String>>,
}

/// Whether a person types.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Whether the output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether that terminal can do more than print lines.
pub fn is_screen() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    is_terminal() && !matches!(&*term, "" | "dumb")
}

impl Terminal<StdinLock<'static>> {
    /// Standard input, with a line editor if that is wanted and possible.
    pub fn stdin(link: &Arc<Link>, edited: bool) -> Terminal<StdinLock<'static>> {
        let interactive = is_interactive();
        let editor = if edited && interactive { LineEditor::new(link) } else { None };
        Terminal::of(io::stdin().lock(), interactive, editor)
    }
}

impl<R: BufRead> Terminal<R> {
    fn of(input: R, interactive: bool, editor: Option<LineEditor>) -> Terminal<R> {
        let (unshown, passwords) = (VecDeque::new(), Vec::new());
        Terminal { input, interactive, editor, count: 0, unshown, passwords }
    }

    /// Whether a person types, and not a script.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// The number of the last line, from 1, in a script.
    pub fn line_number(&self) -> Option<u64> {
        (!self.interactive).then_some(self.count)
    }

    /// Adds a line to the history.
    pub fn remember(&mut self, line: &str) {
        if let Some(editor) = &mut self.editor {
            editor.remember(line);
        }
    }

    /// The next line. One that is a password is passed over, however often it was typed.
    pub fn line(&mut self) -> Line {
        let passwords = &self.passwords;
        self.unshown.retain(|line| !passwords.iter().any(|password| **password == *line));
        if let Some(line) = self.unshown.pop_front() {
            return Line::Unshown(line);
        }
        let passwords = std::mem::take(&mut self.passwords);
        loop {
            match self.read_line() {
                Line::Text(line) if passwords.iter().any(|password| **password == line) => {}
                line => return line,
            }
        }
    }

    fn read_line(&mut self) -> Line {
        match &mut self.editor {
            None => self.plain_line(),
            Some(editor) => match editor.line() {
                Ok(line) if line.len() > LINE_BYTES_MAX => {
                    // The person can shorten it.
                    editor.remember(&line);
                    Line::TooLong
                }
                Ok(line) => Line::Text(line),
                Err(ReadlineError::Interrupted) => Line::GivenUp,
                Err(_) => Line::End,
            },
        }
    }

    fn plain_line(&mut self) -> Line {
        let mut bytes = Vec::new();
        // With the end of the longest line: without that end, the line is longer.
        let room = LINE_BYTES_MAX as u64 + 2;
        match self.input.by_ref().take(room).read_until(b'\n', &mut bytes) {
            Ok(0) => return Line::End,
            // The terminal was closed.
            Err(_) if self.interactive => return Line::End,
            Err(error) => return Line::Failed(error.to_string()),
            Ok(_) => {}
        }
        self.count += 1;
        if self.count == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        let ended = bytes.pop_if(|byte| *byte == b'\n').is_some();
        bytes.pop_if(|byte| ended && *byte == b'\r');
        if bytes.len() > LINE_BYTES_MAX {
            // If that fails, the next read fails as well.
            let _ = if ended { Ok(0) } else { self.input.skip_until(b'\n') };
            return Line::TooLong;
        }
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        text.map_or(Line::NotText, Line::Text)
    }

    /// A password, or `None` if the person gives none.
    pub fn password(&mut self, prompt: &str, output: &Output) -> Option<String> {
        if self.editor.is_some() {
            return self.edited_password(prompt);
        }
        if self.interactive {
            output.begin_reading(Reading::Password);
            prompt_for(prompt);
        }
        let line = self.plain_line();
        if self.interactive {
            // The line's end was not shown either.
            complain("");
            output.end_reading();
        }
        match line {
            Line::Text(password) => Some(password),
            _ => None,
        }
    }
}

impl<R> Terminal<R> {
    /// A password. A command that was typed before the question was shown is no answer: it is
    /// obeyed afterwards, and the question is asked again.
    fn edited_password(&mut self, prompt: &str) -> Option<String> {
        let editor = self.editor.as_mut()?;
        loop {
            let (line, was_typed_ahead) = editor.password(prompt).ok()?;
            let word = line.split_whitespace().next().unwrap_or_default();
            let is_command = Command::of_word(&typed::canonical(word)).is_some();
            if !was_typed_ahead || !is_command {
                self.passwords.push(Zeroizing::new(line.clone()));
                return Some(line);
            }
            self.unshown.push_back(line);
        }
    }
}

#[cfg(test)]
impl<'a> Terminal<&'a [u8]> {
    /// An input for a test.
    pub fn script(input: &'a [u8]) -> Terminal<&'a [u8]> {
        Terminal::of(input, false, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Screen;

    #[test]
    fn p27_a_password_is_no_command_however_often_it_was_typed() {
        let mut terminal = Terminal::script(b"send bob x\nwhoami\nsend bob x\n");
        terminal.passwords = ["help", "send bob x"].map(|text| text.to_owned().into()).into();
        let held = ["send bob x", "help", "groups", "send bob x", "help", "groups"];
        terminal.unshown = held.map(str::to_owned).into();
        for _ in 0..2 {
            assert_eq!(terminal.line(), Line::Unshown("groups".into()));
        }
        assert_eq!(terminal.line(), Line::Text("whoami".into()));
        assert_eq!(terminal.line(), Line::Text("send bob x".into()), "long afterwards");
    }

    #[test]
    fn lines_are_bounded_and_text() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        let input = format!("\u{feff}a\r\n\n{longest}\r\n{longest}x\n{longest}xyz tail\nb\n 你");
        let mut bytes = input.into_bytes();
        bytes.extend_from_slice(b"\xff\nr\0e\0g\0\n\0\xef\xbb\xbflast\r");
        let mut terminal = Terminal::script(&bytes);
        let output = Output::new(Screen::Plain);
        for line in ["a", "", &longest] {
            assert_eq!(terminal.line(), Line::Text(line.into()));
        }
        assert_eq!(terminal.line(), Line::TooLong);
        assert_eq!(terminal.line(), Line::TooLong);
        assert_eq!(terminal.password("?", &output), Some("b".into()));
        for _ in 0..3 {
            assert_eq!(terminal.line(), Line::NotText);
        }
        assert_eq!(terminal.line_number(), Some(9));
        assert_eq!((terminal.line(), terminal.password("?", &output)), (Line::End, None));
    }
}
