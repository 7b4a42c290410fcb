//! `p2sp-server doctor`: what could keep the server from working, each complaint with the command
//! that mends it. Nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use p2sp::certificate::Source;
use p2sp::files::{self, Exposure, FileFault};
use p2sp::limits::{DISK_FREE_BYTES_MIN, DOCTOR_ANSWER_SECONDS_MAX, RESERVED_FILES};
use p2sp::locale::doctor::{Check, Complaint};
use p2sp::locale::operating::Operating;
use p2sp::locale::startup::Startup;
use p2sp::store::{OpenError, check_in_place};
use p2sp::visible::printable_line;
use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use super::ask::Asked;
use super::{bind, refusal};
use crate::entrance;
use crate::options::Options;
use crate::system::{startup_of, unix_now};

/// Fewer connections than this are soon too few.
const CONNECTIONS_FEW: u64 = 1_000;
/// A clock that shows less was never set: it is before this program was.
const UNIX_OF_THIS_VERSION: i64 = 1_760_000_000;
/// Files may be so much newer than now, in seconds.
const CLOCK_SLACK: i64 = 60;
/// With so much more free space than what the server refuses messages at, nobody need act.
const DISK_FREE_FACTOR: u64 = 16;

/// A certificate that ends in fewer days should have been renewed.
const CERTIFICATE_DAYS_FEW: i64 = 14;

/// A complaint, and the command that mends it.
type Mend = (Complaint, String);

/// Looks at everything, and prints it: of the server that runs, else of what a start now would
/// meet. Fails if there is a complaint.
pub fn run(options: &Options) -> ExitCode {
    let lang = options.rules.lang;
    let about = Asked::running(options).and_then(|running| match running {
        Some(server) => {
            server.within(Duration::from_secs(DOCTOR_ANSWER_SECONDS_MAX))?.about().map(Some)
        }
        None => Ok(None),
    });
    let (server, options) = match &about {
        Ok(Some(about)) => (super::config::running(about), &of_running(options, about)),
        _ => (Operating::NoServer { path: options.data.display().to_string() }, options),
    };
    let is_stopped = matches!(about, Ok(None));
    if about.is_ok() {
        println!("{}: {}", Check::Server.say(lang), server.say(lang));
    }
    let runs = about.as_ref().ok().and_then(Option::as_ref);
    let checks = [
        (Check::Port, if is_stopped { port(options) } else { Vec::new() }),
        (Check::OpenFiles, open_files(runs)),
        (Check::Clock, clock(&options.data, unix_now())),
        (Check::Disk, disk(&options.data)),
        (Check::Files, files(options)),
        (Check::Database, database(options, &about)),
        (Check::Certificate, certificate(options, runs)),
    ];
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

/// The options of the server that runs, as far as something is looked at by them.
fn of_running(options: &Options, about: &Value) -> Options {
    let path = |name: &str| about[name].as_str().map(PathBuf::from);
    let certificate = match (path("tls_cert"), path("tls_key")) {
        (Some(chain), Some(key)) => Source::Given { chain, key },
        _ => Source::Own(options.data.clone()),
    };
    Options { certificate, ..options.clone() }
}

/// Whether the addresses can be listened on.
fn port(options: &Options) -> Vec<Mend> {
    match bind(options) {
        Ok(_) => Vec::new(),
        Err(line) => {
            let port = options.listen.first().map_or(0, |address| address.port());
            let line = line.say(options.rules.lang);
            vec![(Complaint::Said { line }, format!("ss -ltnp 'sport = :{port}'"))]
        }
    }
}

/// Of the server that runs, else of what is started from here.
fn open_files(about: Option<&Value>) -> Vec<Mend> {
    let here = || getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let files = about.map_or_else(here, |about| about["open_files"].as_u64().unwrap_or(u64::MAX));
    let pid = about.and_then(|about| about["pid"].as_u64()).map(|pid| pid.to_string());
    let connections = files.saturating_sub(RESERVED_FILES);
    if connections >= CONNECTIONS_FEW {
        return Vec::new();
    }
    let mend = format!("sudo prlimit --pid {} --nofile=65536", pid.as_deref().unwrap_or("$$"));
    vec![(Complaint::OpenFiles { files, connections }, mend)]
}

/// A clock that was set back makes keys live longer and messages look old.
fn clock(data: &Path, now: i64) -> Vec<Mend> {
    let mend = || "sudo timedatectl set-ntp true".to_owned();
    if now < UNIX_OF_THIS_VERSION {
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

/// Whether there is room for messages, and for one more copy of the database.
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

/// Whether the data is ours, and ours alone; the operator's own key, too.
fn files(options: &Options) -> Vec<Mend> {
    let data = &options.data;
    if !data.exists() {
        let path = data.display().to_string();
        return vec![(Complaint::NoDirectory { path }, start(data))];
    }
    let mut faults = Vec::from_iter(files::look(data).err());
    let is_shared = matches!(faults.as_slice(), [FileFault::Shared(..)]);
    let mut found = if is_shared { Vec::new() } else { open_to_others(data) };
    if let Source::Given { key, .. } = &options.certificate {
        match files::look_at_key(key) {
            Ok(None) => {}
            Ok(Some(Exposure { path, mode, right })) => {
                let mend = format!("chmod {right:03o} {}", quoted(&path));
                found.push((Complaint::Open { path: path.display().to_string(), mode }, mend));
            }
            Err(fault) => faults.push(fault),
        }
    }
    for fault in faults {
        let mend = match &fault {
            FileFault::ParentExposed(path, _) => format!("sudo chmod o-w {}", quoted(path)),
            FileFault::Exposed(path, _) => format!("chmod go-rwx {}", quoted(path)),
            FileFault::Shared(path, _) => start(&path.join("p2sp")),
            FileFault::Foreign(path, _)
            | FileFault::InTheWay(path, _)
            | FileFault::System(path, _)
            | FileFault::Exists(path) => {
                format!("sudo chown -R \"$USER\" {}", quoted(path))
            }
        };
        let line = startup_of(fault).say(options.rules.lang);
        if !found.iter().any(|(_, other)| *other == mend) {
            found.push((Complaint::Said { line }, mend));
        }
    }
    found
}

/// The command whose first run makes what is missing.
fn start(data: &Path) -> String {
    format!("p2sp-server --data {}", quoted(data))
}

fn open_to_others(data: &Path) -> Vec<Mend> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(data) else {
        let path = data.display().to_string();
        let mend = format!("sudo chown -R \"$USER\" {}", quoted(data));
        found.push((Complaint::NotOurs { path }, mend));
        return found;
    };
    let paths = entries.flatten().map(|entry| entry.path());
    for path in [data.to_owned()].into_iter().chain(paths) {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o777;
        // The settings are no secret. A link has no mode.
        let may_be_read = path.file_name().is_some_and(|name| name == "p2sp.toml");
        let wrong = if may_be_read { mode & 0o022 } else { mode & 0o077 };
        if wrong != 0 && !meta.is_symlink() {
            let right = if meta.is_dir() { "700" } else { "600" };
            let mend = format!("chmod {right} {}", quoted(&path));
            found.push((Complaint::Open { path: path.display().to_string(), mode }, mend));
        }
    }
    found
}

/// Whether the database is whole; of a server that runs, whether it answers.
fn database(options: &Options, about: &Result<Option<Value>, Startup>) -> Vec<Mend> {
    let lang = options.rules.lang;
    let data = quoted(&options.data);
    let restore = || format!("p2sp-server --data {data} restore FILE");
    match about {
        Ok(Some(_)) => return Vec::new(),
        Ok(None) => {}
        Err(line) => return vec![unasked(options, line)],
    }
    if !options.data.join("p2sp.db").exists() {
        let path = options.data.display().to_string();
        return vec![(Complaint::NoDatabase { path }, start(&options.data))];
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
                OpenError::Empty | OpenError::NotADatabase | OpenError::Broken(_) => restore(),
            };
            vec![(Complaint::Said { line: refusal(error, &options.data).say(lang) }, mend)]
        }
    }
}

/// Why the server that runs does not say how it is doing. Only one that does not answer is ended.
fn unasked(options: &Options, line: &Startup) -> Mend {
    let data = quoted(&options.data);
    let mend = match line {
        Startup::Operating(Operating::Refused { message }) => {
            let complaint = Complaint::Older { message: message.clone() };
            return (complaint, "sudo systemctl restart p2sp".to_owned());
        }
        Startup::Operating(Operating::Impostor { path, .. }) => {
            format!("rm {}", quoted(Path::new(path)))
        }
        Startup::Operating(Operating::Foreign { owner, .. }) => {
            format!("sudo -u '#{owner}' p2sp-server --data {data} doctor")
        }
        Startup::NotWritable { .. } => format!("sudo chown -R \"$USER\" {data}"),
        _ => format!("fuser -k -TERM {}", quoted(&options.data.join("p2sp.db"))),
    };
    (Complaint::Said { line: line.say(options.rules.lang) }, mend)
}

/// Whether the certificate can be used, and for how long, if there is one already. Our own is
/// renewed by the next start, and by a server that runs within a day.
fn certificate(options: &Options, about: Option<&Value>) -> Vec<Mend> {
    let until = match entrance::look(options) {
        Ok(until) => until,
        Err((line, mend)) => {
            return vec![(Complaint::Said { line: line.say(options.rules.lang) }, mend)];
        }
    };
    let days = until.map(|until| (until - unix_now()).div_euclid(86_400));
    let Some(days) = days.filter(|days| *days < CERTIFICATE_DAYS_FEW) else { return Vec::new() };
    let pid = about.and_then(|about| about["pid"].as_u64());
    let mend = match (options.certificate.is_due(&[], unix_now()), pid) {
        (true, None) => return Vec::new(),
        (true, Some(pid)) => format!("kill -HUP {pid}"),
        (false, _) => "sudo certbot renew && sudo pkill -HUP -x p2sp-server".to_owned(),
    };
    let complaint = if days < 0 { Complaint::Expired } else { Complaint::Ends { days } };
    vec![(complaint, mend)]
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
        let complaints = |now| {
            clock(nowhere, now).into_iter().map(|(complaint, _)| complaint).collect::<Vec<_>>()
        };
        assert_eq!(complaints(0), [Complaint::ClockUnset]);
        assert_eq!(complaints(UNIX_OF_THIS_VERSION - 1), [Complaint::ClockUnset]);
        assert_eq!(complaints(UNIX_OF_THIS_VERSION), []);
    }
}
