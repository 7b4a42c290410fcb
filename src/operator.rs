//! What the operator's commands do before, or instead of, the loop.

use std::io::{BufRead, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};

use p2sp::event_loop::EventLoop;
use p2sp::handlers::Rules;
use p2sp::id::{Moment, UserId};
use p2sp::limits::RESERVED_FILES;
use p2sp::locale::startup::Startup;
use p2sp::locale::{self, Lang};
use p2sp::mio_net::{Bound, MioNet, outlive_file_size_limit};
use p2sp::names::{Name, user_key};
use p2sp::password::{self, Outcome, Secret, Task};
use p2sp::server::Server;
use p2sp::store::{OpenError, Opened, Opening, Store, StoreError, Synchronous};
use p2sp::wire::{Code, Refusal};
use rand::TryRng;
use rand::rngs::SysRng;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::entrance::Entrance;
use crate::options::{AdminCommand, Options, PORT};

/// Binds every address; a default one of IPv6 may be missing.
///
/// # Errors
/// An address cannot be bound; nothing was touched.
pub fn bind(options: &Options) -> Result<Bound, Startup> {
    let mut bound = Bound::new();
    for &address in &options.listen {
        match bound.bind(address) {
            Ok(()) => {}
            Err(error) if options.listen_is_default && address.is_ipv6() => {
                let line = Startup::CannotBindDefault6 { why: error.to_string() };
                log::info!("{}", line.say(options.rules.lang));
            }
            Err(error) => {
                return Err(Startup::CannotBind {
                    address: address.to_string(),
                    why: error.to_string(),
                });
            }
        }
    }
    Ok(bound)
}

/// Opens the store, makes the first account, secures old passwords. Returns what to tell the
/// operator.
///
/// # Errors
/// The data cannot be used.
pub fn open_for_serving(
    options: &Options,
    addresses: &[SocketAddr],
) -> Result<(Store, Entrance, Vec<Startup>), Startup> {
    outlive_file_size_limit().map_err(|error| Startup::Broken { why: error.to_string() })?;
    let (mut store, opened) = open(options, options.synchronous)?;
    // Before the first account: its password is shown once, and must not be lost to a refusal.
    let entrance = Entrance::open(options, addresses)?;
    let mut lines = vec![Startup::Data { path: options.data.display().to_string() }];
    let listening: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    lines.push(Startup::Listening { addresses: listening.join(" ") });
    if opened.migrated_from.is_some() {
        lines.push(Startup::Migrated);
    }
    if options.synchronous == Synchronous::Off {
        lines.push(Startup::NoFsync);
    }
    wrap_old_passwords(&mut store, &opened, &options.rules)?;
    if store.user_count() == 0 {
        let password = make_admin(&mut store, &options.rules)?;
        lines.push(Startup::AdminPassword { password });
    }
    lines.push(Startup::HowToJoin { command: join_command(addresses) });
    lines.extend(entrance.lines());
    lines.push(Startup::HowToStop);
    Ok((store, entrance, lines))
}

/// The loop, ready to run.
///
/// # Errors
/// The system refuses what the loop needs.
pub fn event_loop(
    options: &Options,
    bound: Bound,
    store: Store,
    entrance: Entrance,
) -> Result<EventLoop<MioNet>, Startup> {
    let broken = |error: std::io::Error| Startup::Broken { why: error.to_string() };
    let mut net = MioNet::new(bound, &options.data, options.rules.hash_cost).map_err(broken)?;
    net.reads_certificate_from(options.certificate.clone());
    let mut rules = options.rules.clone();
    rules.invite = entrance.invite_hash();
    let mut server = Server::new(store, rules, random()?, Moment::default());
    server.set_certificate(entrance.certificate);
    Ok(EventLoop::new(net, server, raise_file_limit()))
}

/// Prints lines for the operator.
pub fn say(lines: &[Startup], lang: Lang) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // Nobody may be listening; the server runs all the same.
        let _ = writeln!(out, "{}", line.say(lang));
    }
    let _ = out.flush();
}

/// Changes an account while the server is stopped.
///
/// # Errors
/// There is no such user, the password is refused, or the data cannot be used.
pub fn administer(options: &Options, command: &AdminCommand) -> Result<(), Startup> {
    let (mut store, _) = open(options, Synchronous::Full)?;
    let done = match command {
        AdminCommand::Grant { name } => {
            let (user, name) = find(&store, name)?;
            write(&mut store, |store| store.set_admin(user, true))?;
            Startup::Granted { name }
        }
        AdminCommand::Revoke { name } => {
            let (user, name) = find(&store, name)?;
            write(&mut store, |store| store.set_admin(user, false))?;
            Startup::Revoked { name }
        }
        AdminCommand::Passwd { name } => {
            let (user, name) = find(&store, name)?;
            let stored = new_password(&name, &options.rules)?;
            write(&mut store, |store| {
                store.set_password(user, &stored)?;
                store.set_key(user, None, 0)
            })?;
            Startup::PasswordSet { name }
        }
    };
    store.close().map_err(broken)?;
    say(&[done], options.rules.lang);
    Ok(())
}

fn open(options: &Options, synchronous: Synchronous) -> Result<(Store, Opened), Startup> {
    let path = options.data.display().to_string();
    let epoch: String = random::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let opening = Opening { dir: &options.data, epoch: &epoch, synchronous };
    Store::open(&opening).map_err(|error| match error {
        OpenError::NotWritable { path, why } => {
            Startup::NotWritable { path: path.display().to_string(), why }
        }
        OpenError::InUse => Startup::InUse { path },
        OpenError::Newer { found, known } => Startup::Newer { found, known },
        OpenError::NotADatabase => Startup::NotADatabase { path },
        OpenError::Broken(why) => Startup::Broken { why },
    })
}

fn wrap_old_passwords(store: &mut Store, opened: &Opened, rules: &Rules) -> Result<(), Startup> {
    if opened.old_passwords == 0 {
        return Ok(());
    }
    let mut salts = std::iter::from_fn(|| random().ok());
    let mut salt = || salts.next().unwrap_or_default();
    let lang = rules.lang;
    let mut progress = |done, total| say(&[Startup::Wrapping { done, total }], lang);
    store.wrap_old_passwords(rules.hash_cost, &mut salt, &mut progress).map_err(broken)
}

/// Makes the account `admin` with a password that nobody has to invent.
fn make_admin(store: &mut Store, rules: &Rules) -> Result<String, Startup> {
    let password = code()?;
    let stored = hash(&password, rules)?;
    let unix = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| age.as_secs() as i64);
    let name = Name { text: "admin".into(), key: "admin".into() };
    write(store, |store| store.add_user(&name, &stored, true, unix).map(drop))?;
    Ok(password)
}

fn find(store: &Store, name: &str) -> Result<(UserId, String), Startup> {
    let user = store.user_by_key(&user_key(name)).map_err(broken)?;
    let user = user.ok_or_else(|| Startup::NoSuchUser { name: locale::one_line(name) })?;
    Ok((user.id, user.name))
}

fn new_password(name: &str, rules: &Rules) -> Result<String, Startup> {
    let password = ask(&Startup::PasswordPrompt, rules.lang)?;
    if let Some(weakness) = password::weakness(&password, name) {
        let refusal = Refusal::about(Code::WeakPassword, weakness.name());
        return Err(Startup::Weak { why: locale::refusal::say(&refusal, rules.lang) });
    }
    if password != ask(&Startup::PasswordAgain, rules.lang)? {
        return Err(Startup::PasswordsDiffer);
    }
    hash(&password, rules)
}

/// Asks for a password without showing it; without a terminal it is a line.
fn ask(prompt: &Startup, lang: Lang) -> Result<String, Startup> {
    let failed = |error: std::io::Error| Startup::CannotReadPassword { why: error.to_string() };
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt.say(lang)).map_err(failed);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn hash(password: &str, rules: &Rules) -> Result<String, Startup> {
    let task = Task::Hash { password: Secret::from(password), salt: random()? };
    match task.run(rules.hash_cost) {
        Outcome::Hashed(stored) => Ok(stored),
        _ => Err(Startup::Broken { why: "out of memory".into() }),
    }
}

fn write(
    store: &mut Store,
    change: impl FnOnce(&mut Store) -> Result<(), StoreError>,
) -> Result<(), Startup> {
    store.begin().map_err(broken)?;
    change(store).map_err(broken)?;
    store.commit(()).map(drop).map_err(broken)
}

fn broken(error: StoreError) -> Startup {
    Startup::Broken { why: error.to_string() }
}

/// Sixteen random letters and digits that cannot be taken for one another; 32 of them, so that
/// each stands for five bits.
pub fn code() -> Result<String, Startup> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(random::<16>()?.iter().map(letter).collect())
}

/// Bytes from the system's generator.
fn random<const COUNT: usize>() -> Result<[u8; COUNT], Startup> {
    let mut bytes = [0; COUNT];
    let filled = SysRng.try_fill_bytes(&mut bytes);
    filled.map_err(|error| Startup::Broken { why: error.to_string() })?;
    Ok(bytes)
}

/// Raises the limit of open files as far as it goes; returns how many connections that allows.
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
    let command = "cargo run --release --bin p2sp";
    // Every interface: loopback is one of them.
    let first = addresses.first().map(|first| match first.ip() {
        ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, first.port()).into(),
        _ => *first,
    });
    match first {
        Some(first) if first.port() != PORT || !first.ip().is_loopback() => {
            format!("{command} {first}")
        }
        _ => command.to_owned(),
    }
}
