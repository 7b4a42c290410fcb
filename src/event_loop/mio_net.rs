//! The shipped [`Net`]: mio's poll, the listeners, the sockets by connection, the helper thread,
//! the signals and the only clock.
//!
//! Sockets are registered once, for both directions, when they are accepted; epoll then tells
//! each edge once. The token of a socket is its connection's whole name, slot and generation.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

use super::app::{Job, Peer};
use super::bound::Bound;
use super::net::{Events, Net, Readiness};
use super::worker::Worker;
use crate::by_conn::ByConn;
use crate::id::{Clock, ConnId, ListenerKind, Moment, Now};

/// Tokens above every connection's: slots never get so far.
const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);
/// The first listener; the others count down from it.
const LISTENERS: usize = usize::MAX - 2;

/// Lets a write beyond the limit on a file's size fail as on a full disk, instead of ending the
/// process by a signal.
///
/// # Errors
/// The system refuses a signal handler.
pub fn outlive_file_size_limit() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Decides whether the process at the other end of a Unix socket is let in.
pub type Check = fn(BorrowedFd) -> io::Result<()>;

struct Listener {
    socket: Listening,
    kind: ListenerKind,
    /// An edge came and accepting has not met `WouldBlock` since.
    acceptable: bool,
}

enum Listening {
    Tcp(TcpListener),
    /// Its file goes with it.
    Unix(UnixListener, PathBuf, Check),
}

/// A connection's socket.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The system, over mio.
pub struct MioNet<J: Job> {
    poll: Poll,
    polled: mio::Events,
    listeners: Vec<Listener>,
    sockets: ByConn<Stream>,
    signals: Signals,
    worker: Worker<J>,
    started: Instant,
    /// Closed to accept and turn away one peer when descriptors have run out: without it the
    /// peer would wait, and the listener stay ready, for ever.
    reserve: Option<File>,
}

impl<J: Job> MioNet<J> {
    /// Listens on what was bound.
    ///
    /// # Errors
    /// The system refuses a poll, a listener or a thread.
    pub fn new(bound: Bound) -> io::Result<MioNet<J>> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let mut net = MioNet {
            poll,
            polled: mio::Events::with_capacity(4096),
            listeners: Vec::new(),
            sockets: ByConn::default(),
            signals,
            worker: Worker::start(move || waker.wake())?,
            started: Instant::now(),
            reserve: File::open("/dev/null").ok(),
        };
        for (listener, kind) in bound.listen()? {
            net.listen(Listening::Tcp(TcpListener::from_std(listener)), kind)?;
        }
        Ok(net)
    }

    /// Listens at a Unix socket, too. A peer that `check` refuses is closed unread. The socket's
    /// file is removed when the loop stops.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn listen_unix(
        &mut self,
        listener: std::os::unix::net::UnixListener,
        kind: ListenerKind,
        path: PathBuf,
        check: Check,
    ) -> io::Result<()> {
        self.listen(Listening::Unix(UnixListener::from_std(listener), path, check), kind)
    }

    fn listen(&mut self, mut socket: Listening, kind: ListenerKind) -> io::Result<()> {
        let token = Token(LISTENERS - self.listeners.len());
        let source: &mut dyn Source = match &mut socket {
            Listening::Tcp(listener) => listener,
            Listening::Unix(listener, ..) => listener,
        };
        self.poll.registry().register(source, token, Interest::READABLE)?;
        self.listeners.push(Listener { socket, kind, acceptable: true });
        Ok(())
    }

    /// The clock of [`Net::moment`], for code that has no [`Net`].
    pub fn clock(&self) -> Clock {
        let started = self.started;
        Arc::new(move || Moment(started.elapsed().as_micros() as u64))
    }

    /// Accepts a peer from the first listener that has one, and registers it.
    fn accept_one(&mut self, conn: ConnId, reserved: bool) -> io::Result<Peer> {
        let (mut stream, peer) = self.accept_any(reserved)?;
        let source: &mut dyn Source = match &mut stream {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        };
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(source, Token(conn.to_bits() as usize), both)?;
        self.sockets.insert(conn, stream);
        Ok(peer)
    }

    fn accept_any(&mut self, reserved: bool) -> io::Result<(Stream, Peer)> {
        let is_meant = |listener: &&mut Listener| {
            listener.acceptable && listener.kind.is_reserved() == reserved
        };
        for listener in self.listeners.iter_mut().filter(is_meant) {
            match listener.socket.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => listener.acceptable = false,
                accepted => {
                    let (stream, address) = accepted?;
                    return Ok((stream, Peer { address, listener: listener.kind }));
                }
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Descriptors have run out: turns one peer away with the reserve.
    fn turn_away(&mut self) {
        self.reserve = None;
        drop(self.accept_any(false));
        self.reserve = File::open("/dev/null").ok();
    }

    fn socket(&mut self, conn: ConnId) -> io::Result<&mut Stream> {
        self.sockets.get_mut(conn).ok_or(ErrorKind::NotConnected.into())
    }
}

impl Listening {
    fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Listening::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                Ok((Stream::Tcp(stream), address))
            }
            Listening::Unix(listener, _, check) => loop {
                let (stream, _) = listener.accept()?;
                match check(stream.as_fd()) {
                    Ok(()) => return Ok((Stream::Unix(stream), (Ipv4Addr::LOCALHOST, 0).into())),
                    Err(why) => log::warn!("a process at a Unix socket was turned away: {why}"),
                }
            },
        }
    }
}

impl<J: Job> Net for MioNet<J> {
    type Job = J;

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Events<J>) -> io::Result<Now> {
        match self.poll.poll(&mut self.polled, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => self.polled.clear(),
            polled => polled?,
        }
        for event in &self.polled {
            match event.token() {
                // The whole queue below: one wake may stand for many.
                WAKER => {}
                SIGNALS => {
                    for signal in self.signals.pending() {
                        match signal {
                            SIGHUP => events.reload = true,
                            _ => events.stops += 1,
                        }
                    }
                }
                Token(token) if token > LISTENERS - self.listeners.len() => {
                    let listener = &mut self.listeners[LISTENERS - token];
                    listener.acceptable = true;
                    events.acceptable |= !listener.kind.is_reserved();
                    events.reserved_acceptable |= listener.kind.is_reserved();
                }
                Token(token) => events.ready.push(Readiness {
                    conn: ConnId::from_bits(token as u64),
                    readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                    writable: event.is_writable() || event.is_write_closed() || event.is_error(),
                }),
            }
        }
        events.done.extend(self.worker.finished());
        let age = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix = age.map_or(0, |age| age.as_secs() as i64);
        Ok(Now { mono: self.moment(), unix })
    }

    fn moment(&self) -> Moment {
        Moment(self.started.elapsed().as_micros() as u64)
    }

    fn accept(&mut self, conn: ConnId, reserved: bool) -> io::Result<Peer> {
        self.accept_one(conn, reserved).inspect_err(|error| {
            if is_out_of_files(error) && !reserved {
                self.turn_away();
            }
        })
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
        // Closing the descriptor takes it out of epoll.
        self.sockets.remove(conn);
    }

    fn stop_accepting(&mut self) {
        for listener in self.listeners.drain(..) {
            if let Listening::Unix(_, path, _) = listener.socket {
                // A file that stays would only be replaced at the next start.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn run(&mut self, conn: ConnId, job: J) {
        self.worker.run(conn, job);
    }
}

/// Out of descriptors, here or in the whole system.
fn is_out_of_files(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(code, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::super::app::NoJob;
    use super::*;
    use crate::limits;

    const CONN: ConnId = ConnId { slot: 0, generation: 1 };

    #[test]
    fn what_is_accepted_has_the_listeners_options() {
        let mut bound = Bound::default();
        bound
            .bind("127.0.0.1:0".parse().expect("an address"), ListenerKind::Public)
            .expect("a port");
        let address = bound.addresses(ListenerKind::Public)[0];
        let mut net = MioNet::<NoJob>::new(bound).expect("a poll");
        let _peer = std::net::TcpStream::connect(address).expect("a connection");
        net.accept(CONN, false).expect("a peer waits");
        let Stream::Tcp(socket) = net.socket(CONN).expect("accepted") else {
            unreachable!("no other listener");
        };
        assert!(socket.nodelay().expect("an option"));
        let options = socket2::SockRef::from(&*socket);
        assert!(options.keepalive().expect("an option"));
        assert_eq!(options.tcp_keepalive_time().expect("an option"), Duration::from_secs(60));
        assert_eq!(options.tcp_keepalive_retries().expect("an option"), 5);
        #[cfg(target_os = "linux")]
        assert_eq!(options.tcp_notsent_lowat().expect("an option"), limits::KERNEL_UNSENT_BYTES);
    }
}
