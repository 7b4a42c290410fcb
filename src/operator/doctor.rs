//! `p2sp-server doctor`: what could keep the server from working, each complaint with the command
//! that mends it. Nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use p2sp::limits::{DISK_FREE_BYTES_MIN, RESERVED_FILES};
use p2sp::locale::doctor::{Check, Complaint};
use p2sp::locale::startup::Startup;
use p2sp::store::{OpenError, check_in_place};
use p2sp::visible::printable_line;
use p2sp::wire::MessageType;
use rustix::process::{Resource, getrlimit};
use serde_json::json;

use super::ask::Asked;
use super::{bind, refusal, unix_now};
use crate::entrance;
use crate::options::Options;

/// Fewer connections than this are soon too few.
const CONNECTIONS_FEW: u64 = 1_000;
/// A clock that shows less was never set: it is before this program was.
const UNIX_MIN: i64 = 1_760_000_000;
/// Files may be so much newer than now, in seconds.
const CLOCK_SLACK: i64 = 60;
/// With so much more free space than what the server refuses messages at, nobody need act.
const DISK_FREE_FACTOR: u64 = 16;

/// A certificate that ends in fewer days should have been renewed.
const CERTIFICATE_DAYS_FEW: i64 = 14;

/// A server that takes longer to say how it is doing is not well.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// A complaint, and the command that mends it.
type Mend = (Complaint, String);

/// Looks at everything, and prints it. Fails if there is a complaint.
pub fn run(options: &Options) -> ExitCode {
    let running = Asked::running(options);
    let is_running = matches!(running, Ok(Some(_)));
    let checks = [
        (Check::Port, if is_running { Vec::new() } else { port(options) }),
        (Check::OpenFiles, open_files()),
        (Check::Clock, clock(&options.data, unix_now())),
        (Check::Disk, disk(&options.data)),
        (Check::Files, files(&options.data)),
        (Check::Database, database(options, running)),
        (Check::Certificate, certificate(options)),
    ];
    let lang = options.rules.lang;
    let mut complaints = 0;
    for (check, found) in checks {
        if found.is_empty() {
            println!("{}: {}", check.say(lang), lang.pick("fine", "正常"));
        }
        for (complaint, command) in found {
            complaints += 1;
            let (complaint, command) = (complaint.say(lang), printable_line(&command));
            println!("{}: {}\n    {command}", check.say(lang), printable_line(&complaint));
        }
    }
    if complaints == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the addresses can be listened on.
fn port(options: &Options) -> Vec<Mend> {
    match bind(options) {
        Ok(_) => Vec::new(),
        Err(line) => {
            let port = options.listen.first().map_or(0, |address| address.port());
            let why = line.say(options.rules.lang);
            vec![(Complaint::Port { why }, format!("ss -ltnp 'sport = :{port}'"))]
        }
    }
}

fn open_files() -> Vec<Mend> {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let connections = files.saturating_sub(RESERVED_FILES);
    if connections >= CONNECTIONS_FEW {
        return Vec::new();
    }
    let mend = "sudo prlimit --pid $$ --nofile=65536".to_owned();
    vec![(Complaint::OpenFiles { files, connections }, mend)]
}

/// A clock that was set back makes keys live longer and messages look old.
fn clock(data: &Path, now: i64) -> Vec<Mend> {
    let mend = || "sudo timedatectl set-ntp true".to_owned();
    if now < UNIX_MIN {
        return vec![(Complaint::ClockUnset, mend())];
    }
    let changed = fs::metadata(data.join("p2sp.db")).and_then(|meta| meta.modified()).ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let ahead = changed.map_or(0, |age| age.as_secs() as i64) - now;
    match ahead > CLOCK_SLACK {
        true => vec![(Complaint::ClockBehind { seconds: ahead }, mend())],
        false => Vec::new(),
    }
}

/// Whether there is room for what is said, and for one more copy of the database.
fn disk(data: &Path) -> Vec<Mend> {
    let Some(place) = data.ancestors().find(|place| place.exists()) else { return Vec::new() };
    let Ok(disk) = rustix::fs::statvfs(place) else { return Vec::new() };
    let free = disk.f_bavail * disk.f_frsize;
    let database = fs::metadata(data.join("p2sp.db")).map_or(0, |meta| meta.len());
    let wanted = database.max(DISK_FREE_BYTES_MIN * DISK_FREE_FACTOR);
    if free >= wanted {
        return Vec::new();
    }
    let [free_mib, wanted_mib] = [free, wanted].map(|bytes| bytes >> 20);
    let mend = format!("sudo du -xh {} | sort -h | tail", quoted(place));
    vec![(Complaint::Disk { free_mib, wanted_mib }, mend)]
}

/// Whether the data is ours, and ours alone.
fn files(data: &Path) -> Vec<Mend> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(data) else {
        if data.exists() {
            let path = data.display().to_string();
            let mend = format!("sudo chown -R \"$USER\" {}", quoted(data));
            found.push((Complaint::NotOurs { path }, mend));
        }
        return found;
    };
    let paths = entries.flatten().map(|entry| entry.path());
    for path in [data.to_owned()].into_iter().chain(paths) {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o777;
        // The settings are no secret.
        let may_be_read = path.file_name().is_some_and(|name| name == "p2sp.toml");
        if mode & 0o077 != 0 && !may_be_read {
            let right = if meta.is_dir() { "700" } else { "600" };
            let mend = format!("chmod {right} {}", quoted(&path));
            found.push((Complaint::Open { path: path.display().to_string(), mode }, mend));
        }
    }
    found
}

/// Whether the database is whole; of a server that runs, whether it answers.
fn database(options: &Options, running: Result<Option<Asked>, Startup>) -> Vec<Mend> {
    let lang = options.rules.lang;
    let data = quoted(&options.data);
    let restore = || format!("p2sp-server --data {data} restore FILE");
    let answer = running.and_then(|running| match running {
        Some(server) => {
            server.within(ANSWER_PATIENCE)?.ask(MessageType::Stats, json!({})).map(|_| true)
        }
        None => Ok(false),
    });
    match answer {
        Ok(true) => return Vec::new(),
        Ok(false) => {}
        Err(line) => {
            let mend = format!("fuser -k -TERM {}/p2sp.db", data.trim_end_matches('/'));
            return vec![(Complaint::Said { line: line.say(lang) }, mend)];
        }
    }
    if !options.data.join("p2sp.db").exists() {
        return Vec::new();
    }
    let violated =
        |violation| Complaint::Said { line: super::check::violated(violation).say(lang) };
    match check_in_place(&options.data) {
        Ok(found) => found.iter().map(|violation| (violated(violation), restore())).collect(),
        Err(error) => {
            let mend = match error {
                OpenError::InUse => format!("fuser -v {data}/p2sp.db"),
                OpenError::Newer { .. } => "cargo install --path .".to_owned(),
                OpenError::NotWritable { .. } => format!("sudo chown -R \"$USER\" {data}"),
                OpenError::NotADatabase | OpenError::Broken(_) => restore(),
            };
            vec![(Complaint::Said { line: refusal(error, &options.data).say(lang) }, mend)]
        }
    }
}

/// Whether the certificate can be used, and for how long, if there is one already.
fn certificate(options: &Options) -> Vec<Mend> {
    match entrance::look(options) {
        Ok(until) => {
            let days = until.map(|until| (until - unix_now()).div_euclid(86_400));
            let ending = days.filter(|days| *days < CERTIFICATE_DAYS_FEW);
            let mend = "sudo certbot renew && sudo pkill -HUP -x p2sp-server".to_owned();
            ending.map(|days| (Complaint::Ends { days }, mend)).into_iter().collect()
        }
        Err((line, mend)) => vec![(Complaint::Said { line: line.say(options.rules.lang) }, mend)],
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_a_complaint() {
        let nowhere = Path::new("/nonexistent");
        let complaints =
            |now| clock(nowhere, now).into_iter().map(|(said, _)| said).collect::<Vec<_>>();
        assert_eq!(complaints(0), [Complaint::ClockUnset]);
        assert_eq!(complaints(UNIX_MIN - 1), [Complaint::ClockUnset]);
        assert_eq!(complaints(UNIX_MIN), []);
    }
}
