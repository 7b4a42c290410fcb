//! The shipped edge: mio's poll, the listeners, the sockets by connection, the hash thread, the
//! signals and the only clock.
//!
//! Sockets are registered once, for both directions, when they are accepted; epoll then tells
//! each edge once. The token of a socket is its connection's whole name, slot and generation.
//! Options are set on the listeners: what they accept has them as well. Nothing here knows what
//! bytes mean.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::net::{Events, Net, Readiness};
use crate::certificate::renewal::{Names, Renewal};
use crate::certificate::{Certificate, Source};
use crate::control;
use crate::id::{Clock, ConnId, Door, Moment, Now};
use crate::limits;
use crate::password::{Cost, Outcome, Task};

/// Tokens above every connection's: slots never get so far.
const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);
const CONTROL: Token = Token(usize::MAX - 2);
const METRICS: Token = Token(usize::MAX - 3);
/// The first listener; the others count down from it.
const LISTENERS: usize = usize::MAX - 4;

/// Connections that the kernel completes before we accept them.
const BACKLOG: i32 = 4096;
/// TCP looks after peers that say nothing: first probe after this long …
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// … then every …
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// … and this many unanswered probes end the connection.
const KEEPALIVE_PROBES: u32 = 5;

/// Lets a write beyond the limit on a file's size fail, like one to a full disk, instead of ending
/// the process by a signal.
///
/// # Errors
/// The system refuses a signal handler.
pub fn outlive_file_size_limit() -> io::Result<()> {
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).map(drop)
}

/// Addresses bound and not listened on yet: a port that is taken is known before anything is
/// touched.
pub struct Bound {
    sockets: Vec<(Socket, SocketAddr)>,
    metrics: Option<(Socket, SocketAddr)>,
}

impl Bound {
    /// Binds an address.
    ///
    /// # Errors
    /// The port is taken, or the address is not ours.
    pub fn bind(&mut self, address: SocketAddr) -> io::Result<()> {
        self.sockets.push(bind(address)?);
        Ok(())
    }

    /// Binds the address of `--metrics`.
    ///
    /// # Errors
    /// As [`Bound::bind`].
    pub fn bind_metrics(&mut self, address: SocketAddr) -> io::Result<()> {
        self.metrics = Some(bind(address)?);
        Ok(())
    }

    /// Nothing bound yet.
    pub fn new() -> Bound {
        Bound { sockets: Vec::new(), metrics: None }
    }

    /// Where monitors will ask.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// What was bound, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|(_, address)| *address).collect()
    }
}

impl Default for Bound {
    fn default() -> Bound {
        Bound::new()
    }
}

fn bind(address: SocketAddr) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(limits::KERNEL_UNSENT_BYTES)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_EVERY)
            .with_retries(KEEPALIVE_PROBES),
    )?;
    socket.bind(&address.into())?;
    let bound = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket, bound))
}

fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

struct Listener {
    socket: TcpListener,
    /// An edge came and accepting has not met `WouldBlock` since.
    acceptable: bool,
}

/// A connection's socket.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The edge over mio.
pub struct MioNet {
    poll: Poll,
    polled: mio::Events,
    listeners: Vec<Listener>,
    /// The operator's way in, and where it stands.
    control: Option<(UnixListener, PathBuf)>,
    /// Where monitors ask.
    metrics: Option<TcpListener>,
    /// By the connection's slot.
    sockets: Vec<Option<(u32, Stream)>>,
    signals: Signals,
    tasks: Sender<(ConnId, Task)>,
    outcomes: Receiver<(ConnId, Outcome)>,
    started: Instant,
    data: PathBuf,
    certificate: Option<Renewal>,
    /// Closed to accept and turn away one peer when descriptors have run out: without it the
    /// peer would wait, and the listener stay ready, for ever.
    reserve: Option<std::fs::File>,
}

impl MioNet {
    /// The clock of [`Net::moment`], for what cannot ask the edge.
    pub fn clock(&self) -> Clock {
        let started = self.started;
        Arc::new(move || Moment(started.elapsed().as_micros() as u64))
    }

    /// Listens on what was bound. `data` is the directory whose disk is looked at; `cost` what
    /// a password hash costs.
    ///
    /// # Errors
    /// The system refuses a poll, a listener or a thread.
    pub fn new(bound: Bound, data: &Path, cost: Cost) -> io::Result<MioNet> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let mut listeners = Vec::new();
        for (socket, _) in bound.sockets {
            let mut listener = listen(socket)?;
            let token = Token(LISTENERS - listeners.len());
            registry.register(&mut listener, token, Interest::READABLE)?;
            listeners.push(Listener { socket: listener, acceptable: true });
        }
        let metrics = bound.metrics.map(|(socket, _)| listen(socket)).transpose()?;
        let metrics = match metrics {
            Some(mut listener) => {
                registry.register(&mut listener, METRICS, Interest::READABLE)?;
                Some(listener)
            }
            None => None,
        };
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, WAKER)?);
        let (tasks, to_do) = mpsc::channel();
        let (done, outcomes) = mpsc::channel();
        let beat = if has_one_core() { Some(start_beat()?) } else { None };
        thread::Builder::new()
            .name("password-hash".into())
            .spawn(move || hash_all(&to_do, &done, &waker, beat.as_ref(), cost))?;
        Ok(MioNet {
            poll,
            polled: mio::Events::with_capacity(4096),
            listeners,
            control: None,
            metrics,
            sockets: Vec::new(),
            signals,
            tasks,
            outcomes,
            started: Instant::now(),
            data: data.to_owned(),
            certificate: None,
            reserve: std::fs::File::open("/dev/null").ok(),
        })
    }

    /// Where the certificate is read again when a signal asks for it. Our own is renewed for these
    /// names when it should be.
    pub fn reads_certificate_from(&mut self, source: Source, names: Names) {
        self.certificate = Some(Renewal::new(source, names, self.moment()));
    }

    /// Listens for the operator at a socket in the data directory. One that is there already
    /// belongs to nobody: whoever has the database is the server.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen_for_operator(&mut self) -> io::Result<()> {
        let place = control::Place::in_dir(&self.data)?;
        let mut listener = UnixListener::from_std(control::listen(&place)?);
        self.poll.registry().register(&mut listener, CONTROL, Interest::READABLE)?;
        self.control = Some((listener, self.data.join(control::NAME)));
        Ok(())
    }

    /// Takes in what was accepted: from now on its readiness comes under the connection's id.
    fn take_in(&mut self, conn: ConnId, mut stream: Stream) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token(conn.to_bits() as usize);
        match &mut stream {
            Stream::Tcp(stream) => self.poll.registry().register(stream, token, both)?,
            Stream::Unix(stream) => self.poll.registry().register(stream, token, both)?,
        }
        if self.sockets.len() <= conn.index() {
            self.sockets.resize_with(conn.index() + 1, || None);
        }
        self.sockets[conn.index()] = Some((conn.generation, stream));
        Ok(())
    }

    fn socket(&mut self, conn: ConnId) -> io::Result<&mut Stream> {
        match self.sockets.get_mut(conn.index()) {
            Some(Some((generation, socket))) if *generation == conn.generation => Ok(socket),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Accepts from the first listener that somebody waits at.
    fn accept_any(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        for listener in self.listeners.iter_mut().filter(|listener| listener.acceptable) {
            match listener.socket.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => listener.acceptable = false,
                accepted => return accepted,
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Descriptors have run out: turns one peer away with the reserve.
    fn turn_away(&mut self) {
        self.reserve = None;
        drop(self.accept_any());
        self.reserve = std::fs::File::open("/dev/null").ok();
    }
}

/// Hashes one password after the other until the loop is gone.
fn hash_all(
    to_do: &Receiver<(ConnId, Task)>,
    done: &Sender<(ConnId, Outcome)>,
    waker: &Waker,
    beat: Option<&Beat>,
    cost: Cost,
) {
    if !stands_back(beat.is_some()) {
        log::warn!("password hashes compete with the loop where they share a core");
    }
    for (conn, task) in to_do {
        let (hashing, over) = mpsc::channel();
        let _ = beat.map(|beat| beat.send(over));
        let outcome = task.run(cost);
        drop(hashing);
        if done.send((conn, outcome)).is_err() {
            return;
        }
        if let Err(error) = waker.wake() {
            log::error!("the loop cannot be woken: {error}");
        }
    }
}

/// From now on this thread stands back behind the loop. Where they have a core for both of them a
/// low priority is not enough: the thread would still be let end its slice, and the loop, which
/// wakes up some hundred times a second, would wait for that (P21). There it takes what is left of
/// the core and gives it back at once (`SCHED_IDLE` in sched(7)); with more cores that would only
/// starve it when the machine has other work.
#[cfg(target_os = "linux")]
fn stands_back(has_one_core: bool) -> bool {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    if !has_one_core {
        // Of this thread alone.
        return rustix::process::setpriority_process(None, limits::HASH_NICENESS).is_ok();
    }
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let this = thread_priority::thread_native_id();
    // Says no as well where the policy is set and the whole process was made nice before.
    let _ = thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, policy);
    thread_priority::thread_schedule_policy().is_ok_and(|now| now == policy)
}

/// Elsewhere the scheduler is left to find out.
#[cfg(not(target_os = "linux"))]
fn stands_back(_has_one_core: bool) -> bool {
    true
}

/// Whether all threads share one core.
fn has_one_core() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() == 1)
}

/// Told of each hash, by what is closed when it is done.
type Beat = Sender<Receiver<()>>;

/// A thread that does nothing, often, while a password is hashed on the loop's core: each time it
/// wakes up the scheduler decides anew who goes on. Else, whenever the loop was pushed aside for a
/// moment, for a thread of the kernel's, the hash might have the core until the next tick of the
/// scheduler's clock, four milliseconds later.
fn start_beat() -> io::Result<Beat> {
    let (beat, hashes) = mpsc::channel::<Receiver<()>>();
    let every = Duration::from_micros(limits::HASH_BEAT_MICROS);
    thread::Builder::new().name("beat".into()).spawn(move || {
        for over in hashes {
            while over.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {}
        }
    })?;
    Ok(beat)
}

impl Net for MioNet {
    fn wait(&mut self, timeout: Option<Duration>, events: &mut Events) -> io::Result<Now> {
        let certificate = self.certificate.as_ref();
        let look = certificate.map(|renewal| renewal.until_look(self.moment(), timeout));
        let timeout = look.or(timeout);
        match self.poll.poll(&mut self.polled, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => self.polled.clear(),
            polled => polled?,
        }
        for event in &self.polled {
            match event.token() {
                // The whole queue below: one wake may stand for many.
                WAKER => {}
                CONTROL | METRICS => events.knocked = true,
                SIGNALS => {
                    for signal in self.signals.pending() {
                        match signal {
                            SIGHUP => events.reload = true,
                            _ => events.stops += 1,
                        }
                    }
                }
                Token(token) if token > LISTENERS - self.listeners.len() => {
                    self.listeners[LISTENERS - token].acceptable = true;
                    events.acceptable = true;
                }
                Token(token) => events.ready.push(Readiness {
                    conn: ConnId::from_bits(token as u64),
                    readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                    writable: event.is_writable() || event.is_write_closed() || event.is_error(),
                }),
            }
        }
        events.hashes.extend(self.outcomes.try_iter());
        let unix = unix_now();
        let mono = self.moment();
        let renewal = self.certificate.as_mut();
        events.reload |= renewal.is_some_and(|renewal| renewal.is_due(mono, unix));
        Ok(Now { mono, unix })
    }

    fn moment(&self) -> Moment {
        Moment(self.started.elapsed().as_micros() as u64)
    }

    fn accept(&mut self, conn: ConnId) -> io::Result<SocketAddr> {
        let (socket, peer) = self.accept_any().inspect_err(|error| {
            if is_out_of_files(error) {
                self.turn_away();
            }
        })?;
        self.take_in(conn, Stream::Tcp(socket))?;
        Ok(peer)
    }

    fn accept_inside(&mut self, conn: ConnId) -> io::Result<Door> {
        if let Some((listener, _)) = &self.control {
            match accept_operator(listener) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                accepted => {
                    self.take_in(conn, Stream::Unix(accepted?))?;
                    return Ok(Door::Control);
                }
            }
        }
        let Some(listener) = &self.metrics else { return Err(ErrorKind::WouldBlock.into()) };
        let (stream, _) = listener.accept()?;
        self.take_in(conn, Stream::Tcp(stream))?;
        Ok(Door::Metrics)
    }

    fn read(&mut self, conn: ConnId, room: &mut [u8]) -> io::Result<usize> {
        match self.socket(conn)? {
            Stream::Tcp(stream) => stream.read(room),
            Stream::Unix(stream) => stream.read(room),
        }
    }

    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> io::Result<usize> {
        match self.socket(conn)? {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn shutdown(&mut self, conn: ConnId) {
        // A peer that is gone already needs not be told.
        let _ = self.socket(conn).and_then(|socket| match socket {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        });
    }

    fn close(&mut self, conn: ConnId) {
        if self.socket(conn).is_ok() {
            // Closing the descriptor takes it out of epoll.
            self.sockets[conn.index()] = None;
        }
    }

    fn stop_accepting(&mut self) {
        self.listeners.clear();
        self.metrics = None;
        if let Some((_, path)) = self.control.take() {
            // What is left of it would only be replaced at the next start.
            let _ = std::fs::remove_file(path);
        }
    }

    fn hash(&mut self, conn: ConnId, task: Task) {
        if self.tasks.send((conn, task)).is_err() {
            log::error!("the password-hash thread is gone");
        }
    }

    fn disk_free(&mut self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.data)?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    fn certificate(&mut self) -> Result<Certificate, String> {
        self.certificate.as_ref().ok_or("no files were named")?.load(unix_now())
    }
}

fn unix_now() -> i64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH);
    age.map_or(0, |age| age.as_secs() as i64)
}

/// Accepts the next who may command; the others are let go unheard.
fn accept_operator(listener: &UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept()?;
        match control::check_operator(&stream) {
            Ok(()) => return Ok(stream),
            Err(why) => log::warn!("a process at the control socket was turned away: {why}"),
        }
    }
}

/// Out of descriptors, here or in the whole system.
fn is_out_of_files(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(code, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::renewal::LOOK_EVERY;

    const CONN: ConnId = ConnId { slot: 0, generation: 1 };

    #[test]
    fn what_is_accepted_has_the_listeners_options() {
        let mut bound = Bound::new();
        bound.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let address = bound.addresses()[0];
        let mut net = MioNet::new(bound, Path::new("/"), Cost::default()).expect("an edge");
        let _peer = std::net::TcpStream::connect(address).expect("a connection");
        net.accept(CONN).expect("somebody waits");
        let Stream::Tcp(socket) = net.socket(CONN).expect("accepted") else {
            unreachable!("nobody else listens");
        };
        assert!(socket.nodelay().expect("an option"));
        let options = socket2::SockRef::from(&*socket);
        assert!(options.keepalive().expect("an option"));
        assert_eq!(options.tcp_keepalive_time().expect("an option"), Duration::from_secs(60));
        assert_eq!(options.tcp_keepalive_retries().expect("an option"), 5);
        #[cfg(target_os = "linux")]
        assert_eq!(options.tcp_notsent_lowat().expect("an option"), limits::KERNEL_UNSENT_BYTES);
    }

    #[test]
    fn once_a_day_it_is_looked_whether_the_certificate_is_due_and_then_it_is_renewed() {
        let dir = tempfile::tempdir().expect("a directory");
        let source = Source::Own(dir.path().into());
        let names = || crate::certificate::Names {
            lasting: vec!["localhost".to_owned()],
            passing: Vec::new(),
        };
        let long_ago = unix_now() - 300 * 86_400;
        let first = source.load_or_make(&names(), long_ago).expect("a certificate");
        let mut net = MioNet::new(Bound::new(), dir.path(), Cost::default()).expect("an edge");
        net.reads_certificate_from(source.clone(), Box::new(names));
        let look = |net: &mut MioNet| {
            let mut events = Events::default();
            net.wait(Some(Duration::ZERO), &mut events).expect("a poll");
            events.reload
        };
        assert!(!look(&mut net), "not before its time");
        let now = net.moment();
        let renewal = net.certificate.as_mut().expect("named");
        let left = renewal.until_look(now, None);
        assert!(left > LOOK_EVERY / 2 && left <= LOOK_EVERY + Duration::from_micros(1));
        renewal.look_at = Moment::default();
        assert!(look(&mut net));
        let second = net.certificate().expect("a certificate");
        assert_eq!(first.fingerprint, second.fingerprint);
        assert!(!source.is_due(&names().lasting, unix_now()));
        net.certificate.as_mut().expect("named").look_at = Moment::default();
        assert!(!look(&mut net), "what is renewed is not due");
    }
}
