//! `p2sp`: the client that reads commands from standard input.
//!
//! ```text
//!  person ─ terminal ─ shell ─┐                    ┌─ link ─ channel ─ server
//!             editor          ├─ session ─ stream ─┤
//!             output ─ screen ┘   roster   numbers └─ requests
//! ```
//!
//! [`session`] has the state and knows no I/O; [`link`] keeps the connection, and [`shell`] reads
//! the commands. [`show`] makes lines of messages, [`screen`] gives them the form for a terminal,
//! and [`output`] writes them above the line that [`editor`] reads. [`trust`] decides whether the
//! server is the right one, and [`known`] keeps the keys of servers. Of the library it uses the
//! wire, the texts, the limits, and the files that are for their owner alone.

#![forbid(unsafe_code)]

mod address;
mod channel;
mod editor;
mod flags;
mod known;
mod link;
mod lock;
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

use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use jiff::tz::TimeZone;
use p2sp::locale::Lang;
use p2sp::locale::client::{AddressFault, Text};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use address::Address;
use flags::{EXIT_USAGE, Flags};
use known::KnownServers;
use link::{EXIT_UNTRUSTED, Link, Security};
use output::{Output, complain};
use screen::Screen;
use session::Session;
use shell::Shell;
use terminal::Terminal;
use trust::Judge;

/// The exit code after a panic, as Rust has it.
const EXIT_PANICKED: u8 = 101;

fn main() -> ExitCode {
    let flags = Flags::of_process();
    let lang = flags.lang();
    let security = match (flags.plaintext, flags.tls || flags.fingerprint.is_some()) {
        (true, _) => Security::Plaintext,
        (false, true) => Security::Tls,
        (false, false) => Security::Elsewhere,
    };
    let address: Address = match flags.address.parse() {
        Ok(address) => address,
        Err(why) => return misused(&flags.address, why, lang),
    };
    let known = KnownServers::of_user();
    let path = known.as_ref().map(|known| known.path().display().to_string()).unwrap_or_default();
    let met = match known.as_ref().map_or(Ok(None), |known| known.get(&address)) {
        Ok(met) => met,
        Err(why) => {
            let why = &why.to_string();
            return untrusted(Text::KnownServersUnreadable { path: &path, why }, lang);
        }
    };
    if security == Security::Plaintext && met.is_some() {
        let address = &address.to_string();
        return untrusted(Text::PlaintextToKnown { address, path: &path }, lang);
    }
    let screen = screen(&flags);
    let edited = terminal::is_screen() && matches!(screen, Screen::Person(_));
    let scripted = !terminal::is_interactive();
    let mut session = Session::new(lang);
    if edited && !scripted {
        session.complete_names();
    }
    let judge = Judge::new(flags.fingerprint, met);
    let to = (address, security);
    let link = Arc::new(Link::new(to, judge, known, (scripted, Output::new(screen)), session));
    let connection = Arc::clone(&link);
    thread::spawn(move || connection.run());
    let terminal = Terminal::stdin(&link, edited);
    end_in_order(&link);
    let code = Shell::new(&link, terminal, flags.invite).run();
    link.output().restore();
    ExitCode::from(code)
}

/// When a signal or a panic in any thread ends the program, the terminal is as it was before.
fn end_in_order(link: &Arc<Link>) {
    let (link, at_panic) = (Arc::clone(link), Arc::clone(link));
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        at_panic.output().restore();
        say(info);
        // Unwinding would set the modes of the line editor again.
        at_panic.output().exit(EXIT_PANICKED);
    }));
    if let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) {
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                link.output().restore();
                // It does not return: the signal ends the program as it would without us.
                let _ = emulate_default_handler(signal);
            }
        });
    }
}

fn untrusted(text: Text, lang: Lang) -> ExitCode {
    complain(&text.say(lang));
    ExitCode::from(EXIT_UNTRUSTED)
}

fn misused(address: &str, why: AddressFault, lang: Lang) -> ExitCode {
    complain(&Text::AddressUnfit { address, why: &why.say(lang) }.say(lang));
    ExitCode::from(EXIT_USAGE)
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
