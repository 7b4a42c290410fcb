//! Standard output: all that is shown goes through here. While a line is edited, new text waits.
//!
//! ```text
//!  link ─ show() ─┬─ no line is edited ─► standard output
//!                 └─ a line is edited ──► pending ─► the editor takes it when it paints the line,
//!                                          │         and prints it above; the rest is written by
//!                      keep_repainting() ──┘         end_reading()
//! ```
//!
//! Text never waits in the line editor's own queue: what the editor had not printed at the end of
//! the line would be lost. The editor is only asked to repaint, by a thread that may wait for it.

use std::io::{self, Write};
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use p2sp::locale::Lang;
use p2sp::locale::client::Text;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use rustyline::ExternalPrinter;

use crate::lock::lock;
use crate::screen::Screen;
use crate::show::Item;

/// The exit code when what is to be shown cannot be written.
const EXIT_UNWRITTEN: u8 = 4;

/// What the editor prints to repaint the line: one line up and one down. It ends what it prints
/// with a new line.
const REPAINT: &str = "\x1b[A\n";

/// Standard output, and the terminal's modes.
pub struct Output {
    state: Mutex<State>,
    changed: Condvar,
    /// The terminal's modes at the start.
    modes_at_start: Option<Termios>,
}

struct State {
    screen: Screen,
    /// What is being read: nothing is written meanwhile.
    reading: Option<Reading>,
    pending: String,
    /// The editor was asked to repaint, and has not done it yet.
    is_repaint_asked: bool,
    typed_ahead: TypedAhead,
    lang: Lang,
    /// The terminal's modes while no line is read.
    modes_between_lines: Option<Termios>,
}

/// What is read from the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A line, which is edited.
    Line,
    /// A password, which is not shown.
    Password,
}

/// The state of what was typed before a question for a password was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TypedAhead {
    /// The question is not painted yet.
    Unpainted,
    /// The question is painted, and what was typed before it is being read.
    BeingRead,
    /// All of it was read; or there is no question.
    Read,
}

impl Output {
    /// Standard output in the form of `screen`.
    pub fn new(screen: Screen) -> Output {
        let modes_at_start = termios::tcgetattr(io::stdin()).ok();
        let state = State {
            screen,
            reading: None,
            pending: String::new(),
            is_repaint_asked: false,
            typed_ahead: TypedAhead::Read,
            lang: Lang::En,
            modes_between_lines: modes_at_start.clone(),
        };
        Output { state: Mutex::new(state), changed: Condvar::new(), modes_at_start }
    }

    /// Shows items, or keeps them until they can be shown. Never waits for the editor. Ends the
    /// process if they cannot be written, because the person would not see what it does from then
    /// on.
    pub fn show(&self, items: Vec<Item>, lang: Lang) {
        if items.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        state.lang = lang;
        if let Ok(size) = termios::tcgetwinsize(io::stdout()) {
            state.screen.set_columns(size.ws_col.into());
        }
        for item in items {
            let text = state.screen.show(item, lang);
            state.pending += &text;
        }
        self.changed.notify_all();
        if state.reading.is_none() {
            self.write(&mut state);
        }
    }

    /// Waits until all items are on the screen.
    pub fn wait_shown(&self) {
        drop(self.wait_while(|state| !state.pending.is_empty()));
    }

    /// Asks the editor to repaint whenever text is pending; returns when there is no editor any
    /// more. The editor repaints only after it has read all that was typed, so that a repaint after
    /// the question for a password tells that nothing typed ahead is left.
    pub fn keep_repainting(&self, mut printer: impl ExternalPrinter) {
        let nothing_to_do = |state: &State| match state.reading {
            None => true,
            Some(Reading::Line) => state.pending.is_empty() || state.is_repaint_asked,
            Some(Reading::Password) => state.typed_ahead != TypedAhead::BeingRead,
        };
        loop {
            let mut state = self.wait_while(nothing_to_do);
            state.is_repaint_asked = true;
            let is_password = state.reading == Some(Reading::Password);
            drop(state);
            // This may wait for the editor, so no lock is held. The editor's queue has room for
            // one: when it takes a second text, it has printed the first.
            let count = if is_password { 2 } else { 1 };
            if (0..count).any(|_| printer.print(REPAINT.to_owned()).is_err()) {
                return;
            }
            if is_password {
                lock(&self.state).typed_ahead = TypedAhead::Read;
            }
        }
    }

    /// From now on nothing is written, until [`Output::end_reading`].
    pub fn begin_reading(&self, reading: Reading) {
        let mut state = lock(&self.state);
        state.reading = Some(reading);
        state.typed_ahead = TypedAhead::Unpainted;
        drop(state);
        if reading == Reading::Password {
            // Before the question is shown: a quick answer must not be shown either.
            self.modes_at_start.as_ref().inspect(|modes| set_terminal(&silent(modes)));
        }
    }

    /// From now on the terminal does not show what is typed between lines. It is shown when it is
    /// read, unless it answers a question for a password.
    pub fn hide_typing_between_lines(&self) {
        lock(&self.state).modes_between_lines = self.modes_at_start.as_ref().map(silent);
        self.set_modes_between_lines();
    }

    /// Whether what was read since the question was typed before it.
    pub fn was_typed_ahead(&self) -> bool {
        lock(&self.state).typed_ahead != TypedAhead::Read
    }

    /// Whether a password is being read.
    pub fn is_reading_password(&self) -> bool {
        lock(&self.state).reading == Some(Reading::Password)
    }

    /// The text to print above the line that is painted now; none above a password.
    pub fn take_pending(&self) -> String {
        let mut state = lock(&self.state);
        state.is_repaint_asked = false;
        if state.reading == Some(Reading::Password) {
            if state.typed_ahead == TypedAhead::Unpainted {
                state.typed_ahead = TypedAhead::BeingRead;
                self.changed.notify_all();
            }
            return String::new();
        }
        self.changed.notify_all();
        std::mem::take(&mut state.pending)
    }

    /// The line is read: what is pending is written, and from now on everything at once.
    pub fn end_reading(&self) {
        self.set_modes_between_lines();
        let mut state = lock(&self.state);
        (state.reading, state.is_repaint_asked) = (None, false);
        let seen = state.screen.typed();
        state.pending.insert_str(0, seen);
        self.write(&mut state);
        self.changed.notify_all();
    }

    fn set_modes_between_lines(&self) {
        lock(&self.state).modes_between_lines.as_ref().inspect(|modes| set_terminal(modes));
    }

    fn write(&self, state: &mut State) {
        if let Err(error) = state.write() {
            let text = Text::CannotWrite { why: &error.to_string() };
            complain(&text.say(state.lang));
            self.exit(EXIT_UNWRITTEN);
        }
    }

    fn wait_while(&self, waits: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let wait = self.changed.wait_while(lock(&self.state), |state| waits(state));
        wait.unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the terminal the modes that it had at the start.
    pub fn restore(&self) {
        self.modes_at_start.as_ref().inspect(|modes| set_terminal(modes));
    }

    /// Ends the process, with the terminal as it was at the start.
    pub fn exit(&self, code: u8) -> ! {
        self.restore();
        process::exit(code.into())
    }
}

impl State {
    fn write(&mut self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(std::mem::take(&mut self.pending).as_bytes())?;
        stdout.flush()
    }
}

/// Writes to standard error, where the text cannot be taken for output. If that fails, there is no
/// place to say so.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a prompt to standard error, because it is no output.
pub fn prompt_for(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// The same modes without an echo.
fn silent(modes: &Termios) -> Termios {
    let mut silent = modes.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent
}

/// Sets the terminal's modes, if that is possible.
fn set_terminal(modes: &Termios) {
    let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, modes);
}
