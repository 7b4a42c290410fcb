//! The start of the server, and the operator's commands.
//!
//! The start is here, and so is what the commands share. Each command has a module of its own.

pub mod admin;
mod ask;
pub mod backup;
pub mod check;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod restore;

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use p2sp::certificate::{Certificate, Source};
use p2sp::control;
use p2sp::doors::http::{self, origin::Host};
use p2sp::event_loop::bound::Bound;
use p2sp::event_loop::mio_net::{MioNet, outlive_file_size_limit};
use p2sp::event_loop::{Ended, EventLoop};
use p2sp::files::{self, FileFault};
use p2sp::handlers::Rules;
use p2sp::id::{ListenerKind, Moment};
use p2sp::limits::RESERVED_FILES;
use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::names::Name;
use p2sp::password::{Outcome, Secret, Task};
use p2sp::server::{HashJob, Machine, Server};
use p2sp::store::{
    COPY_BEFORE_UPGRADE, DATABASE, OpenError, Opened, Opening, Store, StoreError, Synchronous,
    look_in_place,
};
use p2sp::visible::printable;
use p2sp::wire::PORT;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::entrance::Entrance;
use crate::options::{Options, client_command};
use crate::system::{code, file_fault, random, random_epoch, unix_now};

/// The exit code when our own disk or poll failed: `EX_IOERR` of sysexits.h.
const EXIT_IO_ERROR: u8 = 74;

/// The shipped loop.
pub type Loop = EventLoop<MioNet<HashJob>, Server>;

/// Binds every address, and fails if one cannot be bound. A default address of IPv6 may be missing.
pub fn bind(options: &Options) -> Result<Bound, Text> {
    let mut bound = Bound::default();
    for &address in &options.listen {
        match bound.bind(address, ListenerKind::Public) {
            Ok(()) => {}
            Err(error) if options.listen_is_default && address.is_ipv6() => {
                let line = Text::CannotBindDefault6 { why: error.to_string() };
                log::info!("{}", line.say(options.rules.lang));
            }
            Err(error) => return Err(cannot_bind(address, &error)),
        }
    }
    if let Some(address) = options.metrics {
        bound.bind(address, ListenerKind::Metrics).map_err(|error| cannot_bind(address, &error))?;
    }
    Ok(bound)
}

fn cannot_bind(address: SocketAddr, error: &std::io::Error) -> Text {
    let (port, address) = (address.port(), address.to_string());
    match error.kind() {
        ErrorKind::AddrInUse => Text::AddressTaken { address },
        ErrorKind::AddrNotAvailable => Text::AddressNotOurs { address },
        ErrorKind::PermissionDenied if port < 1024 => Text::PortPrivileged { address },
        _ => Text::CannotBind { address, why: error.to_string() },
    }
}

/// Opens the store, makes the first account and wraps old passwords. Returns what to tell the
/// operator, and fails if the data cannot be used.
pub fn open_for_serving(
    options: &Options,
    addresses: &[SocketAddr],
    metrics: Option<SocketAddr>,
) -> Result<(Store, Entrance, Vec<Text>), Text> {
    outlive_file_size_limit().map_err(|error| Text::SystemRefuses { why: error.to_string() })?;
    let (mut store, opened) = open(options, options.synchronous)?;
    // Before the first account: its password is shown once, and must not be lost to a refusal.
    let entrance = Entrance::open(options, addresses)?;
    let mut lines = vec![Text::Data { path: options.data.display().to_string() }];
    let listening: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    lines.push(Text::Listening { addresses: listening.join(" ") });
    if let Some(address) = metrics {
        lines.push(Text::Metrics { address: address.to_string() });
    }
    if opened.migrated_from.is_some() {
        lines.push(Text::Migrated);
    }
    if options.synchronous == Synchronous::Off {
        lines.push(Text::NoFsync);
    }
    wrap_old_passwords(&mut store, &opened, options)?;
    if store.people().user_count() == 0 {
        let password = make_admin(&mut store, &options.rules)?;
        lines.push(Text::AdminPassword { password });
    }
    lines.push(Text::HowToJoin { command: join_command(addresses) });
    lines.extend(entrance.lines());
    lines.push(Text::HowToStop);
    Ok((store, entrance, lines))
}

/// The loop, ready to run; fails if the system refuses what it needs.
pub fn event_loop(
    options: &Options,
    bound: Bound,
    mut store: Store,
    entrance: Entrance,
) -> Result<Loop, Text> {
    let refused = |error: std::io::Error| Text::SystemRefuses { why: error.to_string() };
    let mut net = MioNet::new(bound).map_err(refused)?;
    if let Err(error) = listen_for_operator(&mut net, &options.data) {
        // Without the operator's commands the server still serves its users.
        let why = error.to_string();
        log::warn!("{}", Text::NoControl { why }.say(options.rules.lang));
    }
    store.set_clock(net.clock());
    let machine = Box::new(System {
        data: options.data.clone(),
        certificate: options.certificate.clone(),
        listening: entrance.listening.clone(),
    });
    let mut rules = options.rules.clone();
    rules.invite = entrance.invite_hash();
    rules.hosts.extend(own_names());
    rules.about = Arc::new(about(options, &entrance));
    let mut server = Server::new(store, rules, machine, random()?, Moment::default());
    server.set_certificate(entrance.certificate);
    http::compress();
    Ok(EventLoop::new(net, server, raise_file_limit()))
}

/// Listens for the operator's commands at a socket in the data directory. A socket that is there
/// already belongs to no running server: this process has the database.
fn listen_for_operator(net: &mut MioNet<HashJob>, data: &Path) -> std::io::Result<()> {
    let listener = control::listen(&control::SocketPath::in_dir(data)?)?;
    let check = |peer: BorrowedFd| control::check_operator(&peer);
    net.listen_unix(listener, ListenerKind::Control, data.join(control::NAME), check)
}

/// The disk and the certificate, as the server asks for them.
struct System {
    data: PathBuf,
    certificate: Source,
    listening: Vec<SocketAddr>,
}

impl Machine for System {
    fn disk_free(&mut self) -> std::io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.data)?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    fn certificate(&mut self, unix: i64) -> Result<Certificate, String> {
        let names = crate::entrance::names(&self.listening);
        self.certificate.load_or_make(&names, unix).map_err(|fault| fault.to_string())
    }

    fn certificate_is_due(&mut self, unix: i64) -> bool {
        let names = crate::entrance::names(&self.listening);
        self.certificate.is_due(&names.lasting, unix)
    }
}

/// The names of this machine in its own network. A name with a dot may have come from that network
/// itself, so it counts only if the operator gave it.
fn own_names() -> Vec<String> {
    let system = rustix::system::uname();
    match Host::parse(&system.nodename().to_string_lossy()) {
        Some(Host::Name(name)) if !name.contains('.') => vec![format!("{name}.local"), name],
        _ => Vec::new(),
    }
}

/// What a running server tells the operator about itself.
fn about(options: &Options, entrance: &Entrance) -> Value {
    let show = |path: &Path| std::path::absolute(path).ok().map(|path| path.display().to_string());
    let (chain, key) = match &options.certificate {
        Source::Own(_) => (None, None),
        Source::Given { chain, key } => (show(chain), show(key)),
    };
    let listening: Vec<String> = entrance.listening.iter().map(SocketAddr::to_string).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "listening": listening,
        "fingerprint": entrance.certificate.fingerprint.to_string(),
        "tls_cert": chain,
        "tls_key": key,
        "open_files": getrlimit(Resource::Nofile).maximum,
        "settings": options.settings,
    })
}

/// Runs the loop to its end.
pub fn run_loop(event_loop: Loop) -> ExitCode {
    match event_loop.run() {
        Ok(Ended::Drained) => ExitCode::SUCCESS,
        Ok(Ended::AtOnce) => ExitCode::FAILURE,
        Err(fatal) => {
            log::error!("stopping at once: {}", fatal.0);
            ExitCode::from(EXIT_IO_ERROR)
        }
    }
}

/// Prints lines for the operator.
pub fn say(lines: &[Text], lang: Lang) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // If standard output is closed, the server runs all the same.
        let _ = writeln!(out, "{}", printable(&line.say(lang)));
    }
    let _ = out.flush();
}

fn open(options: &Options, synchronous: Synchronous) -> Result<(Store, Opened), Text> {
    // First without a change: files of others are left as they are, and so are their modes.
    files::look(&options.data).map_err(data_fault)?;
    look_in_place(&options.data).map_err(|error| refusal(error, &options.data))?;
    secure(&options.data, options.rules.lang)?;
    let epoch = random_epoch()?;
    let opening = Opening { dir: &options.data, epoch: &epoch, mid_key: &random()?, synchronous };
    Store::open(&opening).map_err(|error| refusal(error, &options.data))
}

/// Opens the database, which must exist.
fn open_existing(options: &Options) -> Result<Store, Text> {
    let path = options.data.join(DATABASE);
    if !path.exists() {
        return Err(Text::NoDatabase { path: options.data.display().to_string() });
    }
    open(options, Synchronous::Full).map(|(store, _)| store)
}

/// Makes the data accessible to us alone, and logs what was not.
fn secure(data: &Path, lang: Lang) -> Result<(), Text> {
    for files::Exposure { path, mode, right } in files::secure(data).map_err(data_fault)? {
        let path = path.display().to_string();
        let line = match mode == right {
            true => Text::StillOpen { path, mode },
            false => Text::Tightened { path, mode, right },
        };
        log::warn!("{}", line.say(lang));
    }
    Ok(())
}

/// The operator's text for a fault of the data directory.
fn data_fault(fault: FileFault) -> Text {
    match fault {
        FileFault::System(path, why) => Text::NotWritable { path: path.display().to_string(), why },
        fault => file_fault(fault),
    }
}

/// The operator's text for a database that cannot be opened.
fn refusal(error: OpenError, path: &Path) -> Text {
    let path = path.display().to_string();
    match error {
        OpenError::NotWritable { path, why } => {
            Text::NotWritable { path: path.display().to_string(), why }
        }
        OpenError::InUse => Text::InUse { path },
        OpenError::Newer { found, known } => Text::Newer { found, known },
        OpenError::Empty => Text::EmptyFile { path },
        OpenError::NotADatabase => Text::NotADatabase { path },
        OpenError::Broken(why) => Text::Broken { why },
    }
}

/// The operator's text for a backup that cannot be opened.
fn refusal_of_copy(error: OpenError, path: &Path) -> Text {
    let shown = path.display().to_string();
    match error {
        OpenError::NotWritable { why, .. } => Text::CannotRead { path: shown, why },
        OpenError::NotADatabase => Text::NotABackup { path: shown },
        error => refusal(error, path),
    }
}

fn wrap_old_passwords(store: &mut Store, opened: &Opened, options: &Options) -> Result<(), Text> {
    let rules = &options.rules;
    if opened.old_passwords == 0 {
        return Ok(());
    }
    let mut salts = std::iter::from_fn(|| random().ok());
    let mut salt = || salts.next().unwrap_or_default();
    let lang = rules.lang;
    let mut progress = |done, total| say(&[Text::Wrapping { done, total }], lang);
    store.wrap_old_passwords(rules.hash_cost, &mut salt, &mut progress).map_err(broken)?;
    // The copy from before the upgrade still has the old digests, which are easy to attack.
    let _ = std::fs::remove_file(options.data.join(COPY_BEFORE_UPGRADE));
    Ok(())
}

/// Makes the account `admin` with a random password.
fn make_admin(store: &mut Store, rules: &Rules) -> Result<String, Text> {
    let password = code()?;
    let stored = hash(&password, rules)?;
    let unix = unix_now();
    let name = Name { text: "admin".into(), key: "admin".into() };
    write(store, |store| store.people_mut().add_user(&name, &stored, true, unix).map(drop))?;
    Ok(password)
}

fn hash(password: &str, rules: &Rules) -> Result<String, Text> {
    let task = Task::Hash { password: Secret::from(password), salt: random()? };
    match task.run(rules.hash_cost) {
        Outcome::Hashed(stored) => Ok(stored),
        _ => Err(Text::SystemRefuses { why: "out of memory".into() }),
    }
}

fn write(
    store: &mut Store,
    change: impl FnOnce(&mut Store) -> Result<(), StoreError>,
) -> Result<(), Text> {
    store.begin().map_err(broken)?;
    change(store).map_err(broken)?;
    store.commit(()).map(drop).map_err(broken)
}

fn broken(error: StoreError) -> Text {
    Text::Broken { why: error.to_string() }
}

/// Raises the limit of open files to its maximum; returns how many connections that allows.
fn raise_file_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::warn!("the limit of open files stays as it is: {error}");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    files.saturating_sub(RESERVED_FILES).max(1).min(u64::from(u32::MAX)) as usize
}

fn join_command(addresses: &[SocketAddr]) -> String {
    let command = client_command();
    match addresses.first().map(local) {
        Some(first) if first.port() != PORT || !first.ip().is_loopback() => {
            format!("{command} {first}")
        }
        _ => command.to_owned(),
    }
}

/// An address as this machine reaches it: loopback, if every interface is listened on.
pub fn local(address: &SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => return *address,
    };
    SocketAddr::new(ip, address.port())
}
