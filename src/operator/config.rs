//! `p2sp-server config`: every setting, its value, and where that came from. What is printed can
//! be written to `p2sp.toml`.

use std::io::Write;
use std::process::ExitCode;

use p2sp::locale::Lang;
use p2sp::visible::printable_line;

use crate::options::{Options, Origin, Setting};

/// Prints the settings.
pub fn run(options: &Options) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut in_limits = false;
    for Setting { name, value, origin } in &options.settings {
        let origin = origin_name(*origin, options.rules.lang);
        let limit = name.strip_prefix("limit.");
        let name = limit.unwrap_or(name);
        let table = limit.is_some() && !std::mem::replace(&mut in_limits, limit.is_some());
        let head = if table { "\n[limit]\n" } else { "" };
        // Where the file is cannot stand in it, and neither can nothing.
        let mark = if name == "data" || value.is_none() { "# " } else { "" };
        let value = value.as_ref().map(|value| printable_line(&value.to_string()));
        let value = value.unwrap_or_default();
        // Whoever closes the output has read enough.
        let _ = writeln!(out, "{head}{mark}{name} = {value}  # {origin}");
    }
    ExitCode::SUCCESS
}

fn origin_name(origin: Origin, lang: Lang) -> &'static str {
    match origin {
        Origin::Flag => lang.pick("flag", "命令行"),
        Origin::Environment => lang.pick("environment", "环境变量"),
        Origin::File => "p2sp.toml",
        Origin::Default => lang.pick("default", "默认"),
    }
}
