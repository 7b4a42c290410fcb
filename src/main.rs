//! `p2sp-server`: flags → logger → store → edge → loop → exit code.
#![forbid(unsafe_code)]

mod entrance;
mod logger;
mod operator;
mod options;
mod system;

use std::process::ExitCode;

use options::{Options, Subcommands};
use p2sp::id::ListenerKind;
use p2sp::locale::operator::Text;
use p2sp::visible::printable_line;
use rustix::fs::Mode;

/// The exit code of a wrong command line or variable.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    // Only the server's own user can access the files that it writes.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let options = match Options::from_command_line() {
        Ok(options) => options,
        Err((line, lang)) => {
            let refused = refuse(&line.say(lang));
            // As other programs do for a wrong command line.
            let is_usage = matches!(line, Text::Usage(_));
            return if is_usage { ExitCode::from(EXIT_USAGE) } else { refused };
        }
    };
    logger::begin(options.command.is_none(), options.log_json);
    let lang = options.rules.lang;
    let done = match &options.command {
        None if options.help_limits => {
            print!("{}", options::help::limits(lang));
            Ok(ExitCode::SUCCESS)
        }
        None => serve(&options),
        Some(Subcommands::Demo) => operator::demo::run(&options),
        Some(Subcommands::Doctor) => Ok(operator::doctor::run(&options)),
        Some(Subcommands::Config) => operator::config::run(&options),
        Some(Subcommands::Admin(command)) => operator::admin::run(&options, command),
        Some(Subcommands::Backup { file }) => operator::backup::run(&options, file),
        Some(Subcommands::Restore { file }) => operator::restore::run(&options, file),
        Some(Subcommands::Check { file }) => operator::check::run(&options, file.as_deref()),
    };
    let code = done.unwrap_or_else(|line| refuse(&line.say(lang)));
    logger::finish();
    code
}

fn serve(options: &Options) -> Result<ExitCode, Text> {
    let bound = operator::bind(options)?;
    let addresses = bound.addresses(ListenerKind::Public);
    let metrics = bound.addresses(ListenerKind::Metrics).first().copied();
    let (store, entrance, welcome) = operator::open_for_serving(options, &addresses, metrics)?;
    let event_loop = operator::event_loop(options, bound, store, entrance)?;
    operator::say(&welcome, options.rules.lang);
    Ok(operator::run_loop(event_loop))
}

/// Prints one line that says what is wrong and what to do.
fn refuse(line: &str) -> ExitCode {
    eprintln!("p2sp-server: {}", printable_line(line));
    ExitCode::FAILURE
}
