//! `p2sp`: the client that reads commands from standard input.
//!
//! ```text
//!  person ─ terminal ─ shell ─┐                    ┌─ link ─ channel ─ server
//!             editor          ├─ session ─ stream ─┤
//!             output ─ screen ┘   roster   numbers └─ requests
//! ```
//!
//! [`session`] is the conversation and knows no I/O; [`link`] keeps the connection, [`shell`]
//! reads the commands. [`show`] makes plain lines of what is said, [`screen`] what a terminal
//! shows of them, and [`output`] writes it beside the line that [`editor`] has open. [`trust`]
//! decides whether the server is the right one, and [`known`] keeps whom it has met. It uses the
//! wire and the words of the library, nothing else of it.

#![forbid(unsafe_code)]

mod address;
mod channel;
mod editor;
mod flags;
mod known;
mod link;
mod numbers;
mod output;
mod requests;
mod roster;
mod screen;
mod session;
mod shell;
mod show;
mod stream;
mod tables;
mod terminal;
mod trust;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use jiff::tz::TimeZone;
use p2sp::locale::client::Text;

use flags::Flags;
use known::KnownServers;
use link::{EXIT_UNTRUSTED, Link, Security};
use output::Output;
use screen::Screen;
use session::Session;
use shell::Shell;
use terminal::Terminal;
use trust::Judge;

fn main() -> ExitCode {
    let flags = Flags::of_process();
    let lang = flags.lang();
    let security = match (flags.plaintext, flags.tls || flags.fingerprint.is_some()) {
        (true, _) => Security::Plaintext,
        (false, true) => Security::Tls,
        (false, false) => Security::Elsewhere,
    };
    let known = KnownServers::of_user();
    let met = match known.as_ref().map_or(Ok(None), |known| known.get(&flags.address)) {
        Ok(met) => met,
        Err(why) => {
            let (path, why) = (known.map(|k| k.path().display().to_string()), why.to_string());
            let path = path.unwrap_or_default();
            eprintln!("{}", Text::KnownServersUnreadable { path: &path, why: &why }.say(lang));
            return ExitCode::from(EXIT_UNTRUSTED);
        }
    };
    let screen = screen(&flags);
    let edited = terminal::is_screen() && matches!(screen, Screen::Person(_));
    let scripted = !terminal::is_interactive();
    let mut session = Session::new(lang);
    if edited && !scripted {
        session.be_curious();
    }
    let judge = Judge::new(flags.fingerprint, met);
    let to = (flags.address, security);
    let link = Arc::new(Link::new(to, judge, known, (scripted, Output::new(screen)), session));
    let connection = Arc::clone(&link);
    thread::spawn(move || connection.run());
    let terminal = Terminal::stdin(&link, edited);
    ExitCode::from(Shell::new(&link, terminal, flags.invite).run())
}

/// A script gets plain lines even where they end on a terminal.
fn screen(flags: &Flags) -> Screen {
    match (flags.json, terminal::is_interactive() && terminal::is_terminal()) {
        (true, _) => Screen::Json,
        (false, false) => Screen::Plain,
        (false, true) => {
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let colours = terminal::is_screen() && !unwanted;
            Screen::person(colours, flags.bell, flags.title, TimeZone::system())
        }
    }
}
