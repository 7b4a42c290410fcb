//! `p2sp-server doctor`: what could keep the server from working, each complaint with the command
//! that mends it. Nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use p2sp::certificate::Source;
use p2sp::files::{self, Exposure, FileFault};
use p2sp::limits::{DAY_SECONDS, DISK_FREE_BYTES_MIN, DOCTOR_ANSWER_SECONDS_MAX, RESERVED_FILES};
use p2sp::locale::doctor::{Check, Complaint};
use p2sp::locale::operator::Text;
use p2sp::store::{DATABASE, OpenError, check_in_place};
use p2sp::visible::printable_line;
use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use super::ask::Asked;
use super::{bind, refusal};
use crate::entrance;
use crate::options::Options;
use crate::system::{file_fault, unix_now};

/// Fewer connections than this are soon too few.
const CONNECTIONS_FEW: u64 = 1_000;
/// A clock that shows less was never set: it is before this program was.
const UNIX_OF_THIS_VERSION: i64 = 1_760_000_000;
/// Files may be so much newer than now, in seconds.
const CLOCK_SLACK: i64 = 60;
/// The free space should be so many times that below which the server refuses messages.
const DISK_FREE_FACTOR: u64 = 16;

/// A certificate that ends in fewer days should have been renewed.
const CERTIFICATE_DAYS_FEW: i64 = 14;

/// A complaint, and the command that mends it.
type Mend = (Complaint, String);

/// Checks the running server or, if none runs, what a start would find, and prints the result. The
/// exit code is 1 if there is a complaint.
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
        _ => (Text::NoServer { path: options.data.display().to_string() }, options),
    };
    let is_stopped = matches!(about, Ok(None));
    if about.is_ok() {
        println!("{}: {}", Check::Server.say(lang), server.say(lang));
    }
    let runs = about.as_ref().ok().and_then(Option::as_ref);
    let checks = [
        (Check::Port, Vec::from_iter(is_stopped.then(|| port(options)).flatten())),
        (Check::OpenFiles, Vec::from_iter(open_files(runs))),
        (Check::Clock, Vec::from_iter(clock(&options.data, unix_now()))),
        (Check::Disk, Vec::from_iter(disk(&options.data))),
        (Check::Files, files(options)),
        (Check::Database, database(options, &about)),
        (Check::Certificate, Vec::from_iter(certificate(options, runs))),
    ];
    let mut complaints = 0;
    for (check, found) in checks {
        if found.is_empty() {
            println!("{}: {}", check.say(lang), Check::Fine.say(lang));
        }
        for (complaint, command) in found {
            complaints += 1;
            let (complaint, command) = (complaint.say(lang), printable_line(&command));
            println!("{}: {}\n    {command}", check.say(lang), printable_line(&complaint));
        }
    }
    if complaints == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The options of the running server, as far as the checks need them.
fn of_running(options: &Options, about: &Value) -> Options {
    let path = |name: &str| about[name].as_str().map(PathBuf::from);
    let certificate = match (path("tls_cert"), path("tls_key")) {
        (Some(chain), Some(key)) => Source::Given { chain, key },
        _ => Source::Own(options.data.clone()),
    };
    Options { certificate, ..options.clone() }
}

/// Whether the addresses can be listened on.
fn port(options: &Options) -> Option<Mend> {
    let line = bind(options).err()?.say(options.rules.lang);
    let port = options.listen.first().map_or(0, |address| address.port());
    Some((Complaint::Said { line }, format!("ss -ltnp 'sport = :{port}'")))
}

/// Whether the running server, or a start from here, may open enough files.
fn open_files(about: Option<&Value>) -> Option<Mend> {
    let here = || getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let files = about.map_or_else(here, |about| about["open_files"].as_u64().unwrap_or(u64::MAX));
    let pid = about.and_then(|about| about["pid"].as_u64()).map(|pid| pid.to_string());
    let connections = files.saturating_sub(RESERVED_FILES);
    let mend = format!("sudo prlimit --pid {} --nofile=65536", pid.as_deref().unwrap_or("$$"));
    let are_few = connections < CONNECTIONS_FEW;
    are_few.then_some((Complaint::OpenFiles { files, connections }, mend))
}

/// A clock that was set back makes keys live longer and messages look old.
fn clock(data: &Path, now: i64) -> Option<Mend> {
    let mend = "sudo timedatectl set-ntp true".to_owned();
    if now < UNIX_OF_THIS_VERSION {
        return Some((Complaint::ClockUnset, mend));
    }
    let changed = fs::metadata(data.join(DATABASE)).and_then(|meta| meta.modified()).ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = changed.map_or(0, |age| age.as_secs() as i64) - now;
    (seconds > CLOCK_SLACK).then_some((Complaint::ClockBehind { seconds }, mend))
}

/// Whether there is room for messages, and for one more copy of the database.
fn disk(data: &Path) -> Option<Mend> {
    let place = data.ancestors().find(|place| place.exists())?;
    let disk = rustix::fs::statvfs(place).ok()?;
    let free = disk.f_bavail * disk.f_frsize;
    let database = fs::metadata(data.join(DATABASE)).map_or(0, |meta| meta.len());
    let wanted = database.max(DISK_FREE_BYTES_MIN * DISK_FREE_FACTOR);
    let [free_mib, wanted_mib] = [free, wanted].map(|bytes| bytes >> 20);
    let mend = format!("sudo du -xh {} | sort -h | tail", quoted(place));
    (free < wanted).then_some((Complaint::Disk { free_mib, wanted_mib }, mend))
}

/// Whether the data, and the operator's own key, belong to us and are closed to others.
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
            | FileFault::Exists(path) => chown(path),
        };
        let line = file_fault(fault).say(options.rules.lang);
        if !found.iter().any(|(_, other)| *other == mend) {
            found.push((Complaint::Said { line }, mend));
        }
    }
    found
}

/// The command that makes what is missing when it runs first.
fn start(data: &Path) -> String {
    format!("p2sp-server --data {}", quoted(data))
}

fn chown(path: &Path) -> String {
    format!("sudo chown -R \"$USER\" {}", quoted(path))
}

/// What others have access to in the data directory, files that are not ours included.
fn open_to_others(data: &Path) -> Vec<Mend> {
    let Ok(entries) = fs::read_dir(data) else {
        return vec![(Complaint::NotOurs { path: data.display().to_string() }, chown(data))];
    };
    let mut found = Vec::new();
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

/// Whether the database is whole or, if a server runs, whether it answers.
fn database(options: &Options, about: &Result<Option<Value>, Text>) -> Vec<Mend> {
    let lang = options.rules.lang;
    let data = quoted(&options.data);
    let restore = || format!("p2sp-server --data {data} restore FILE");
    match about {
        Ok(Some(_)) => return Vec::new(),
        Ok(None) => {}
        Err(line) => return vec![unasked(options, line)],
    }
    if !options.data.join(DATABASE).exists() {
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
                OpenError::NotWritable { .. } => chown(&options.data),
                OpenError::Empty | OpenError::NotADatabase | OpenError::Broken(_) => restore(),
            };
            vec![(Complaint::Said { line: refusal(error, &options.data).say(lang) }, mend)]
        }
    }
}

/// Why the running server did not answer as it should. The command ends a server only if it does
/// not answer at all.
fn unasked(options: &Options, line: &Text) -> Mend {
    let data = quoted(&options.data);
    let mend = match line {
        Text::Refused { message } => {
            let complaint = Complaint::Older { message: message.clone() };
            return (complaint, "sudo systemctl restart p2sp".to_owned());
        }
        Text::Impostor { path, .. } => {
            format!("rm {}", quoted(Path::new(path)))
        }
        Text::Foreign { owner, .. } => {
            format!("sudo -u '#{owner}' p2sp-server --data {data} doctor")
        }
        Text::NotWritable { .. } => chown(&options.data),
        _ => format!("fuser -k -TERM {}", quoted(&options.data.join(DATABASE))),
    };
    (Complaint::Said { line: line.say(options.rules.lang) }, mend)
}

/// Whether the certificate can be used, and for how long, if there is one. Our own needs no command
/// without a server: the next start renews it.
fn certificate(options: &Options, about: Option<&Value>) -> Option<Mend> {
    let until = match entrance::look(options) {
        Ok(until) => until?,
        Err((line, mend)) => {
            return Some((Complaint::Said { line: line.say(options.rules.lang) }, mend));
        }
    };
    let days = (until - unix_now()).div_euclid(DAY_SECONDS);
    if days >= CERTIFICATE_DAYS_FEW {
        return None;
    }
    let mend = if options.certificate.is_due(&[], unix_now()) {
        format!("kill -HUP {}", about?["pid"].as_u64()?)
    } else {
        "sudo certbot renew && sudo pkill -HUP -x p2sp-server".to_owned()
    };
    let complaint = if days < 0 { Complaint::Expired } else { Complaint::Ends { days } };
    Some((complaint, mend))
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
