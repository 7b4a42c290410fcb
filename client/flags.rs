//! What the command line says, and its help in the person's language.

use clap::{Command, CommandFactory, FromArgMatches, Parser};
use p2sp::locale::Lang;
use p2sp::locale::client::OptionHelp;
use p2sp::wire::Fingerprint;

/// The options; their words are in [`HELP`].
#[derive(Parser)]
#[command(name = "p2sp", version)]
pub struct Flags {
    #[arg(value_name = "HOST[:PORT]", default_value = "127.0.0.1:18888")]
    pub address: String,
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,
    #[arg(long, value_name = "CODE")]
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

/// What each option is for.
const HELP: &[(&str, OptionHelp)] = &[
    ("address", OptionHelp::Address),
    ("fingerprint", OptionHelp::Fingerprint),
    ("invite", OptionHelp::Invite),
    ("tls", OptionHelp::Tls),
    ("plaintext", OptionHelp::Plaintext),
    ("lang", OptionHelp::Lang),
    ("json", OptionHelp::Json),
    ("bell", OptionHelp::Bell),
    ("title", OptionHelp::Title),
    ("help", OptionHelp::Help),
    ("version", OptionHelp::Version),
];

impl Flags {
    /// What this process was started with. Words that are no options, and `--help`, end it.
    pub fn of_process() -> Flags {
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let lang = Lang::of_command_line(words, variable);
        let matches = command(lang).get_matches();
        Flags::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The language to speak.
    pub fn lang(&self) -> Lang {
        match &self.lang {
            Some(tag) => Lang::from_tag(tag),
            None => Lang::from_environment(variable),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The options with their words.
fn command(lang: Lang) -> Command {
    let mut command = Flags::command()
        .about(OptionHelp::Program.say(lang))
        .after_help(OptionHelp::ExitCodes.say(lang));
    command.build();
    HELP.iter()
        .fold(command, |command, (id, help)| command.mut_arg(id, |arg| arg.help(help.say(lang))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_words() {
        let mut built = Flags::command();
        built.build();
        let ids: Vec<_> = built.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        let explained: Vec<_> = HELP.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, explained);
        let help = command(Lang::Zh).render_help().to_string();
        assert!(help.contains("服务器地址") && help.contains("显示帮助"), "{help}");
    }
}
