//! The help of the command line in the operator's language.
//!
//! The parser has the English help, from the doc comments of `options.rs`. The Chinese help of each
//! argument replaces it here.

use clap::{Arg, Command};
use p2sp::limits::Limits;
use p2sp::locale::Lang;
use p2sp::locale::options::chinese;

/// The command line with its help in a language.
pub fn speak(mut command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => command,
        Lang::Zh => {
            command.build();
            in_chinese(command)
        }
    }
}

fn in_chinese(command: Command) -> Command {
    let of = command.get_name().to_owned();
    let words = |arg: &Arg| {
        chinese(&format!("{of} {}", arg.get_id())).or_else(|| chinese(arg.get_id().as_str()))
    };
    let command = command.mut_args(|arg| match words(&arg) {
        Some(words) => arg.help(words).long_help(None),
        None => arg,
    });
    let command = match chinese(&of) {
        Some(words) => command.about(words),
        None => command,
    };
    command.mut_subcommands(in_chinese)
}

/// Every limit, its default and what it bounds.
pub fn limits(lang: Lang) -> String {
    let end = "0 is no limit; loopback is on or off.";
    let end = lang.pick(end, "0 表示不限制；loopback 取 on 或 off。");
    let line = |&(name, default, english): &(&str, u64, &'static str)| {
        let words = lang.pick(Some(english), chinese(&format!("limit.{name}")));
        format!("{name:<24}{default:>8} {}\n", words.unwrap_or(english).trim())
    };
    Limits::TABLE.iter().map(line).chain([format!("{end}\n")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Arguments;
    use clap::CommandFactory;

    /// Everything that the help of a command and those below it says.
    fn said(command: &Command, all: &mut Vec<String>) {
        let args = command.get_arguments().filter_map(|arg| arg.get_help());
        all.extend(command.get_about().into_iter().chain(args).map(ToString::to_string));
        command.get_subcommands().for_each(|below| said(below, all));
    }

    #[test]
    fn every_option_command_and_limit_has_its_chinese_words() {
        let mut all = Vec::new();
        said(&speak(Arguments::command(), Lang::Zh), &mut all);
        assert!(all.len() > 40, "{all:?}");
        let english = |words: &&String| words.is_ascii();
        assert_eq!(all.iter().filter(english).collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(limits(Lang::Zh).lines().all(|line| !line.is_ascii()), "{}", limits(Lang::Zh));
        assert!(limits(Lang::En).is_ascii());
    }
}
