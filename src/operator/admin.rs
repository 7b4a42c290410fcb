//! `p2sp-server admin`: users, groups, announcements and statistics, whether the server runs or
//! not.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::password;
use p2sp::visible::printable;
use p2sp::wire::{Code, MessageType, Refusal};
use serde_json::{Value, json};

use super::ask::{Asked, text};
use crate::options::{AdminCommand, Options, User};

/// Does what the command says, and prints the server's answer. Fails if it is refused.
pub fn run(options: &Options, command: &AdminCommand) -> Result<ExitCode, Text> {
    let named = |user: &User| json!({"username": user.name});
    let (kind, mut args) = match command {
        AdminCommand::Backup { file } => return super::backup::run(options, file),
        AdminCommand::Grant(user) => (MessageType::Grant, named(user)),
        AdminCommand::Revoke(user) => (MessageType::Revoke, named(user)),
        AdminCommand::Passwd(user) => (MessageType::Setpasswd, named(user)),
        AdminCommand::Block(user) => (MessageType::Blockuser, named(user)),
        AdminCommand::Unblock(user) => (MessageType::Unblockuser, named(user)),
        AdminCommand::Users { online, .. } => (MessageType::Allusers, json!({"online": online})),
        AdminCommand::Groups { .. } => (MessageType::Allgroup, json!({})),
        AdminCommand::Broadcast { text } => (MessageType::Broadcast, json!({"message": text})),
        AdminCommand::Stats { .. } => (MessageType::Stats, json!({})),
        AdminCommand::Audit { .. } => (MessageType::Audit, json!({})),
        AdminCommand::Connections { .. } => (MessageType::Connections, json!({})),
    };
    let mut asked = match command {
        AdminCommand::Connections { .. } => Asked::running(options)?
            .ok_or_else(|| Text::NothingRuns { path: options.data.display().to_string() })?,
        _ => Asked::any(options)?,
    };
    // Only now: where no server can be asked, no password is needed.
    if let AdminCommand::Passwd(user) = command {
        args["password"] = new_password(&user.name, options.rules.lang)?.into();
    }
    let printed = if command.is_json() { json_lines } else { text };
    print_all(&mut asked, kind, args, printed)?;
    asked.close()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the answer, and all pages if it is a list.
fn print_all(
    asked: &mut Asked,
    kind: MessageType,
    mut args: Value,
    printed: fn(&Value) -> String,
) -> Result<(), Text> {
    let mut out = std::io::stdout().lock();
    loop {
        let answer = asked.ask(kind, args.clone())?;
        // If the output is closed, the reader has seen enough.
        let text = printable(&printed(&answer));
        let written = if text.is_empty() { Ok(()) } else { writeln!(out, "{text}") };
        match answer["data"].get("next") {
            Some(next) if written.is_ok() => args["after"] = next.clone(),
            _ => return Ok(()),
        }
    }
}

/// The rows of an answer's list, one a line; of an answer without a list its data.
fn json_lines(answer: &Value) -> String {
    let data = &answer["data"];
    let list = data.as_object().and_then(|data| data.values().find_map(Value::as_array));
    match list {
        Some(rows) => rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
        None => data.to_string(),
    }
}

fn new_password(name: &str, lang: Lang) -> Result<String, Text> {
    let password = ask(&Text::PasswordPrompt, lang)?;
    // The server checks it as well, but here it is refused before it is typed again.
    if let Some(weakness) = password::weakness(&password, name) {
        let refusal = Refusal::about(Code::WeakPassword, weakness.name());
        return Err(Text::Weak { why: p2sp::locale::refusal::say(&refusal, lang) });
    }
    if password != ask(&Text::PasswordAgain, lang)? {
        return Err(Text::PasswordsDiffer);
    }
    Ok(password)
}

/// Asks for a password, which is not shown. Without a terminal it is a line of the input.
fn ask(prompt: &Text, lang: Lang) -> Result<String, Text> {
    let failed = |error: std::io::Error| Text::CannotReadPassword { why: error.to_string() };
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt.say(lang)).map_err(failed);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
