//! The one way to standard output. While a line is typed, other lines wait.
//!
//! ```text
//!  link ─ show() ─┬─ no line is typed ───────────► standard output
//!                 └─ a line is typed ► pending ──► taken by the editor when it paints the line,
//!                                         │        and printed above it; behind the line's end
//!                        keep_ringing() ──┘        by release()
//! ```
//!
//! Lines never wait in the line editor's own queue, where those that it did not come to would be
//! lost at the end: the editor is only rung for, by a thread that may wait for it.

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

/// What the editor is rung with: it adds a line's end to whatever it prints, so one line up and
/// down again is nothing.
const RING: &str = "\x1b[A\n";

/// Everything that is shown goes through here.
pub struct Output {
    state: Mutex<State>,
    changed: Condvar,
    /// How the terminal was before a line was edited.
    before: Option<Termios>,
}

struct State {
    screen: Screen,
    quiet: Quiet,
    pending: String,
    /// The editor was rung for, and has not come yet.
    rung: bool,
    secret: Secret,
    lang: Lang,
    /// How the terminal is while nothing is typed.
    resting: Option<Termios>,
}

/// Why nothing may be written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// It may.
    No,
    /// A line is being edited.
    Editing,
    /// A password is being typed.
    Secret,
}

/// Whether an answer to a question for a secret was typed before the question could be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    /// The question is to be painted.
    Asked,
    /// It was painted, and what was typed ahead is being read.
    Shown,
    /// Nothing that was typed ahead is left; or there is no question.
    Answered,
}

impl Output {
    /// Shows everything in this way.
    pub fn new(screen: Screen) -> Output {
        let before = termios::tcgetattr(io::stdin()).ok();
        let state = State {
            screen,
            quiet: Quiet::No,
            pending: String::new(),
            rung: false,
            secret: Secret::Answered,
            lang: Lang::En,
            resting: before.clone(),
        };
        Output { state: Mutex::new(state), changed: Condvar::new(), before }
    }

    /// Shows things, or keeps them until they can be shown. Never waits for the editor. Ends the
    /// process if they cannot be written: what is asked from then on would be done unseen.
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
        if state.quiet == Quiet::No {
            self.write(&mut state);
        }
    }

    /// Waits until everything is on the screen.
    pub fn wait_shown(&self) {
        drop(self.wait_while(|state| !state.pending.is_empty()));
    }

    /// Has the editor take what is pending, whenever something is; returns when there is no
    /// editor any more. The editor comes only when it has read all that was typed, so it is rung
    /// for behind a question as well.
    pub fn keep_ringing(&self, mut bell: impl ExternalPrinter) {
        let nothing = |state: &State| match state.quiet {
            Quiet::No => true,
            Quiet::Editing => state.pending.is_empty() || state.rung,
            Quiet::Secret => state.secret != Secret::Shown,
        };
        loop {
            let mut state = self.wait_while(nothing);
            state.rung = true;
            let is_secret = state.quiet == Quiet::Secret;
            drop(state);
            // May wait for the editor, so no lock is held. It keeps one ring: if there is room for
            // a second, it has come for the first.
            let rings = if is_secret { 2 } else { 1 };
            if (0..rings).any(|_| bell.print(RING.to_owned()).is_err()) {
                return;
            }
            if is_secret {
                lock(&self.state).secret = Secret::Answered;
            }
        }
    }

    /// From now on nothing is written by itself.
    pub fn hold(&self, why: Quiet) {
        let mut state = lock(&self.state);
        state.quiet = why;
        state.secret = Secret::Asked;
        drop(state);
        if why == Quiet::Secret {
            // Before the question can be read: who types at once must not be shown either.
            self.before.as_ref().inspect(|before| set_terminal(&silent(before)));
        }
    }

    /// From now on the terminal does not show what is typed while no line is read. It is read
    /// later, and shown then unless it answers a question for a password.
    pub fn show_only_what_is_read(&self) {
        lock(&self.state).resting = self.before.as_ref().map(silent);
        self.rest();
    }

    /// Whether all that was read since the question was typed before it.
    pub fn was_typed_ahead(&self) -> bool {
        lock(&self.state).secret != Secret::Answered
    }

    /// Whether a password is being typed.
    pub fn is_secret(&self) -> bool {
        lock(&self.state).quiet == Quiet::Secret
    }

    /// What is to be printed above the line that is being edited; nothing above a password.
    pub fn take(&self) -> String {
        let mut state = lock(&self.state);
        state.rung = false;
        if state.quiet == Quiet::Secret {
            if state.secret == Secret::Asked {
                state.secret = Secret::Shown;
                self.changed.notify_all();
            }
            return String::new();
        }
        self.changed.notify_all();
        std::mem::take(&mut state.pending)
    }

    /// The line has its end: what came meanwhile is written, and all else at once again.
    pub fn release(&self) {
        self.rest();
        let mut state = lock(&self.state);
        (state.quiet, state.rung) = (Quiet::No, false);
        let seen = state.screen.typed();
        state.pending.insert_str(0, seen);
        self.write(&mut state);
        self.changed.notify_all();
    }

    fn rest(&self) {
        lock(&self.state).resting.as_ref().inspect(|resting| set_terminal(resting));
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

    /// Gives the terminal back as it was.
    pub fn restore(&self) {
        self.before.as_ref().inspect(|before| set_terminal(before));
    }

    /// Ends the process from wherever it is, with the terminal as it was.
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

/// Writes to standard error, where the text cannot be taken for output. If that fails, too, no
/// place is left to say so.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Asks for something that is no output.
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

/// What cannot be set stays as it is.
fn set_terminal(modes: &Termios) {
    let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, modes);
}
