//! `p2sp`: the client that reads commands from standard input.
//!
//! ```text
//!  person ─ terminal ─ shell ─┐                    ┌─ link ─ channel ─ server
//!                             ├─ session ─ stream ─┤
//!          terminal ─ show ───┘      └─ requests ──┘
//! ```
//!
//! [`session`] is the conversation and knows no I/O; [`link`] keeps the connection, [`shell`]
//! reads the commands. [`trust`] decides whether the server is the right one, and [`known`] keeps
//! whom it has met. It uses the wire and the words of the library, nothing else of it.

#![forbid(unsafe_code)]

mod address;
mod channel;
mod known;
mod link;
mod numbers;
mod requests;
mod session;
mod shell;
mod show;
mod stream;
mod terminal;
mod trust;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::Parser;
use p2sp::locale::Lang;
use p2sp::locale::client::Text;
use p2sp::wire::Fingerprint;

use address::Address;
use known::KnownServers;
use link::{EXIT_UNTRUSTED, Link, Security};
use session::Session;
use shell::Shell;
use terminal::Terminal;
use trust::Judge;

/// Chat with a p2sp server. Commands come from standard input, one a line; `help` lists them.
#[derive(Parser)]
#[command(name = "p2sp", version)]
struct Flags {
    /// Where the server is
    #[arg(value_name = "HOST[:PORT]", default_value = "127.0.0.1:18888")]
    address: Address,
    /// The fingerprint of the server's key, as the server printed it; asks for TLS
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<Fingerprint>,
    /// The code that lets one register from another machine
    #[arg(long, value_name = "CODE")]
    invite: Option<String>,
    /// Speak TLS even with a server on this machine
    #[arg(long)]
    tls: bool,
    /// Speak no TLS: for a server that has none; whoever is on the way can read everything
    #[arg(long, conflicts_with_all = ["tls", "fingerprint"])]
    plaintext: bool,
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
    let judge = Judge::new(flags.fingerprint, met);
    let to = (flags.address, security);
    let link = Arc::new(Link::new(to, judge, known, scripted, Session::new(lang)));
    let connection = Arc::clone(&link);
    thread::spawn(move || connection.run());
    ExitCode::from(Shell::new(&link, terminal, flags.invite).run())
}
