//! Addresses that are bound and not listened on yet, so that a port that is taken is known before
//! anything else is done.
//!
//! Options are set on the listeners. The sockets that they accept inherit them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::id::ListenerKind;
use crate::limits::{
    self, ACCEPT_BACKLOG, KEEPALIVE_AFTER_SECONDS, KEEPALIVE_EVERY_SECONDS, KEEPALIVE_PROBES,
};

/// Sockets bound to addresses.
#[derive(Default)]
pub struct Bound(Vec<BoundSocket>);

struct BoundSocket {
    socket: Socket,
    address: SocketAddr,
    kind: ListenerKind,
}

impl Bound {
    /// Binds an address.
    ///
    /// # Errors
    /// The port is taken, or the address is not ours.
    pub fn bind(&mut self, address: SocketAddr, kind: ListenerKind) -> io::Result<()> {
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
                .with_time(Duration::from_secs(KEEPALIVE_AFTER_SECONDS))
                .with_interval(Duration::from_secs(KEEPALIVE_EVERY_SECONDS))
                .with_retries(KEEPALIVE_PROBES),
        )?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        self.0.push(BoundSocket { socket, address, kind });
        Ok(())
    }

    /// What was bound for that kind of listener, with the ports that the system chose.
    pub fn addresses(&self, kind: ListenerKind) -> Vec<SocketAddr> {
        self.0.iter().filter(|bound| bound.kind == kind).map(|bound| bound.address).collect()
    }

    /// Listens on all of them.
    ///
    /// # Errors
    /// The system refuses it.
    pub(super) fn listen(self) -> io::Result<Vec<(TcpListener, ListenerKind)>> {
        let listen = |bound: BoundSocket| {
            bound.socket.listen(ACCEPT_BACKLOG)?;
            bound.socket.set_nonblocking(true)?;
            Ok((bound.socket.into(), bound.kind))
        };
        self.0.into_iter().map(listen).collect()
    }
}
