//! The person's end: lines in, lines out, passwords without an echo.
//!
//! Without a terminal the passwords are plain lines of the input, so that a script can give
//! them. Nothing here knows commands; what is printed was made fit for a terminal in `show`.

use std::io::{self, BufRead, IsTerminal, Read, StdinLock, Write};

/// The longest line, its end not counted: the longest message, and the command before it.
pub const LINE_BYTES_MAX: usize = 8 * 1024;

/// What the input holds next; a password perhaps, so it has no Debug outside tests (P27).
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub enum Line {
    /// A line, without its end.
    Text(String),
    /// More than [`LINE_BYTES_MAX`]; it was skipped.
    TooLong,
    /// Not UTF-8.
    NotText,
    /// Nothing more.
    End,
}

/// The input, and whether a person sits there.
pub struct Terminal<R> {
    input: R,
    interactive: bool,
}

impl Terminal<StdinLock<'static>> {
    /// Standard input.
    pub fn stdin() -> Terminal<StdinLock<'static>> {
        let stdin = io::stdin();
        let interactive = stdin.is_terminal();
        Terminal { input: stdin.lock(), interactive }
    }
}

impl<R: BufRead> Terminal<R> {
    /// Whether a person types, and not a script.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// The next line.
    pub fn line(&mut self) -> Line {
        let mut bytes = Vec::new();
        // Room for the end of the longest line, so that its absence tells a longer one.
        let room = LINE_BYTES_MAX as u64 + 2;
        match self.input.by_ref().take(room).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return Line::End,
            Ok(_) => {}
        }
        let ended = bytes.pop_if(|byte| *byte == b'\n').is_some();
        bytes.pop_if(|byte| ended && *byte == b'\r');
        if bytes.len() > LINE_BYTES_MAX {
            // If that fails, the next read says so.
            let _ = if ended { Ok(0) } else { self.input.skip_until(b'\n') };
            return Line::TooLong;
        }
        String::from_utf8(bytes).map_or(Line::NotText, Line::Text)
    }

    /// A password, or nothing if the input has ended.
    pub fn password(&mut self, prompt: &str) -> Option<String> {
        if self.interactive {
            return rpassword::prompt_password(prompt).ok();
        }
        match self.line() {
            Line::Text(password) => Some(password),
            _ => None,
        }
    }
}

/// Prints lines at once.
///
/// # Errors
/// Nobody reads them any more.
pub fn print(lines: &[String]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}")?;
    }
    stdout.flush()
}

#[cfg(test)]
impl<'a> Terminal<&'a [u8]> {
    /// An input for a test.
    pub fn script(input: &'a [u8]) -> Terminal<&'a [u8]> {
        Terminal { input, interactive: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_text() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        let input = format!("a\r\n\n{longest}\r\n{longest}x\n{longest}xyz tail\nb\n 你");
        let mut bytes = input.into_bytes();
        bytes.extend_from_slice(b"\xff\nlast\r");
        let mut terminal = Terminal::script(&bytes);
        for line in ["a", "", &longest] {
            assert_eq!(terminal.line(), Line::Text(line.into()));
        }
        assert_eq!(terminal.line(), Line::TooLong);
        assert_eq!(terminal.line(), Line::TooLong);
        assert_eq!(terminal.password("?"), Some("b".into()));
        assert_eq!(terminal.line(), Line::NotText);
        assert_eq!(terminal.line(), Line::Text("last\r".into()));
        assert_eq!((terminal.line(), terminal.password("?")), (Line::End, None));
    }
}
