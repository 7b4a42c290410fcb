//! The options of the command line, and their help in the person's language.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory, FromArgMatches, Parser};
use p2sp::locale::Lang;
use p2sp::locale::client::{Text, option_help};
use p2sp::locale::usage::{Usage, Wanted};
use p2sp::wire::Fingerprint;

/// The exit code of a wrong command line.
pub const EXIT_USAGE: u8 = 2;

/// The options; [`option_help`] has their help.
#[derive(Parser)]
#[command(name = "p2sp", version)]
pub struct Flags {
    #[arg(value_name = "HOST[:PORT]", default_value = "127.0.0.1:18888")]
    pub address: String,
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,
    #[arg(long, value_name = "FILE")]
    invite_file: Option<PathBuf>,
    /// Refused: all users of a machine can see it in the list of processes.
    #[arg(long = "invite", num_args = 0..=1, hide = true)]
    invite_in_sight: Option<Option<String>>,
    /// The invite code, from the file or the environment.
    #[arg(skip)]
    pub invite: Option<String>,
    #[arg(long)]
    pub tls: bool,
    #[arg(long, conflicts_with_all = ["tls", "fingerprint"])]
    pub plaintext: bool,
    #[arg(long, value_name = "en|zh")]
    lang: Option<String>,
    #[arg(long)]
    pub json: bool,
    #[arg(long, conflicts_with = "json")]
    pub bell: bool,
    #[arg(long, conflicts_with = "json")]
    pub title: bool,
}

impl Flags {
    /// The options of this process. A wrong one, and `--help`, end it.
    pub fn of_process() -> Flags {
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let lang = Lang::of_command_line(words, variable);
        let parsed =
            command(lang).try_get_matches().and_then(|matches| Flags::from_arg_matches(&matches));
        let mut flags = parsed.unwrap_or_else(|error| match Usage::of(&error) {
            Some(usage) => refuse(&named(usage).say(lang)),
            None => error.exit(),
        });
        if flags.invite_in_sight.is_some() {
            refuse(&Text::InviteInSight.say(lang));
        }
        flags.invite = match &flags.invite_file {
            Some(path) => Some(read_invite(path).unwrap_or_else(|why| {
                let path = &*path.display().to_string();
                refuse(&Text::InviteUnreadable { path, why: &why }.say(lang))
            })),
            None => variable("P2SP_INVITE").map(|code| code.trim().to_owned()),
        };
        flags.invite = flags.invite.filter(|code| !code.is_empty());
        flags
    }

    /// The language of the client's texts.
    pub fn lang(&self) -> Lang {
        match &self.lang {
            Some(tag) => Lang::from_tag(tag),
            None => Lang::from_environment(variable),
        }
    }
}

/// A variable that is empty counts as absent.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn read_invite(path: &Path) -> Result<String, String> {
    Ok(fs::read_to_string(path).map_err(|error| error.to_string())?.trim().to_owned())
}

/// Names what was wanted where the parser does not know it in both languages.
fn named(usage: Usage) -> Usage {
    match usage {
        Usage::BadValue { place, value, .. } if place == "--fingerprint" => {
            Usage::BadValue { place, value, wanted: Wanted::Fingerprint }
        }
        usage => usage,
    }
}

/// One line that says what is wrong and what to do, and the end.
fn refuse(line: &str) -> ! {
    eprintln!("p2sp: {line}");
    std::process::exit(EXIT_USAGE.into())
}

/// The options with their words.
fn command(lang: Lang) -> Command {
    let mut command = Flags::command()
        .about(option_help(lang, "p2sp"))
        .after_help(option_help(lang, "exit codes"));
    command.build();
    command.mut_args(|arg| {
        let help = option_help(lang, arg.get_id().as_str());
        arg.help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_words() {
        let mut built = Flags::command();
        built.build();
        let shown = built.get_arguments().filter(|arg| !arg.is_hide_set());
        for id in shown.map(|arg| arg.get_id().as_str()) {
            assert!(!option_help(Lang::En, id).is_empty(), "{id}");
        }
        let help = command(Lang::Zh).render_help().to_string();
        assert!(help.contains("服务器地址") && help.contains("显示帮助"), "{help}");
    }
}
