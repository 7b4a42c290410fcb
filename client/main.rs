//! `p2sp`: the client that reads commands from standard input.
//!
//! ```text
//!  person ─ terminal ─ shell ─┐                    ┌─ link ─ server
//!                             ├─ session ─ stream ─┤
//!          terminal ─ show ───┘      └─ requests ──┘
//! ```
//!
//! [`session`] is the conversation and knows no I/O; [`link`] keeps the connection, [`shell`]
//! reads the commands. It uses the wire and the words of the library, nothing else of it.

#![forbid(unsafe_code)]

mod address;
mod link;
mod numbers;
mod requests;
mod session;
mod shell;
mod show;
mod stream;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::Parser;
use p2sp::locale::Lang;

use address::Address;
use link::Link;
use session::Session;
use shell::Shell;
use terminal::Terminal;

/// Chat with a p2sp server. Commands come from standard input, one a line; `help` lists them.
#[derive(Parser)]
#[command(name = "p2sp", version)]
struct Flags {
    /// Where the server is
    #[arg(value_name = "HOST[:PORT]", default_value = "127.0.0.1:18888")]
    address: Address,
    /// The language to speak; otherwise that of P2SP_LANG, LC_ALL, LC_MESSAGES, LANG
    #[arg(long, value_name = "en|zh")]
    lang: Option<String>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let environment = |name: &str| std::env::var(name).ok();
    let lang = match flags.lang {
        Some(tag) => Lang::from_tag(&tag),
        None => Lang::from_environment(environment),
    };
    let terminal = Terminal::stdin();
    let scripted = !terminal.is_interactive();
    let link = Arc::new(Link::new(flags.address, scripted, Session::new(lang)));
    let connection = Arc::clone(&link);
    thread::spawn(move || connection.run());
    ExitCode::from(Shell::new(&link, terminal).run())
}
