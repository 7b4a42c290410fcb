//! `p2sp-server config`: every setting, its value, and where the value came from.
//!
//! They are the settings of the running server or, if none runs, those that a start would have.
//! What is printed is valid for `p2sp.toml`.

use std::io::Write;
use std::process::ExitCode;

use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::store::DATABASE;
use p2sp::visible::printable_line;
use serde::Deserialize;
use serde_json::Value;

use super::ask::Asked;
use crate::options::{Options, Origin, Setting};

/// Prints the settings; fails if a running server cannot be asked.
pub fn run(options: &Options) -> Result<ExitCode, Text> {
    let lang = options.rules.lang;
    let path = options.data.display().to_string();
    match Asked::running(options)? {
        Some(mut server) => {
            let about = server.about()?;
            let settings = about["settings"].as_array().into_iter().flatten();
            let settings: Vec<Setting> =
                settings.filter_map(|setting| Setting::deserialize(setting).ok()).collect();
            print(&[running(&about)], &settings, lang);
        }
        None => {
            let mut lines = vec![Text::ConfigStopped { path: path.clone() }];
            if !options.data.join(DATABASE).exists() {
                lines.push(Text::ConfigNoDatabase { path });
            }
            print(&lines, &options.settings, lang);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The line about a server that runs.
pub fn running(about: &Value) -> Text {
    let listening = about["listening"].as_array().into_iter().flatten();
    let addresses: Vec<&str> = listening.filter_map(Value::as_str).collect();
    Text::ConfigRunning {
        version: about["version"].as_str().unwrap_or_default().to_owned(),
        pid: about["pid"].as_u64().unwrap_or_default(),
        addresses: addresses.join(" "),
    }
}

fn print(lines: &[Text], settings: &[Setting], lang: Lang) {
    let mut out = std::io::stdout().lock();
    // If the output is closed, the reader has seen enough.
    for line in lines {
        let _ = writeln!(out, "# {}", line.say(lang));
    }
    let mut in_limits = false;
    for Setting { name, value, origin } in settings {
        let origin = origin_name(*origin, lang);
        let limit = name.strip_prefix("limit.");
        let name = limit.unwrap_or(name);
        let table = limit.is_some() && !std::mem::replace(&mut in_limits, limit.is_some());
        let head = if table { "\n[limit]\n" } else { "" };
        // The file cannot hold its own place, nor a setting without a value.
        let mark = if name == "data" || value.is_none() { "# " } else { "" };
        let value = value.as_ref().map(|value| printable_line(&value.to_string()));
        let value = value.unwrap_or_default();
        let _ = writeln!(out, "{head}{mark}{name} = {value}  # {origin}");
    }
}

fn origin_name(origin: Origin, lang: Lang) -> &'static str {
    match origin {
        Origin::Flag => lang.pick("flag", "命令行"),
        Origin::Environment => lang.pick("environment", "环境变量"),
        Origin::File => "p2sp.toml",
        Origin::Default => lang.pick("default", "默认"),
    }
}
