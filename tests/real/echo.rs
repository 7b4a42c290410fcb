//! `examples/echo.rs` holds a thousand connections, split and slow ones among them: the loop needs
//! nothing of the chat server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use p2sp::event_loop::EventLoop;
use p2sp::event_loop::bound::Bound;
use p2sp::event_loop::mio_net::MioNet;
use p2sp::id::ListenerKind;
use rustix::process::{Resource, getrlimit, setrlimit};

#[path = "../../examples/echo.rs"]
#[expect(dead_code, reason = "the example's own `main`")]
mod program;

/// What a connection says at once, and what it says while it does not listen: more than the
/// kernel's buffers and the server take.
const SHORT: usize = 100;
const LONG: usize = 16 * 1024 * 1024;

/// An echo that runs until the tests are over.
fn start() -> SocketAddr {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("descriptors");
    let mut bound = Bound::default();
    bound.bind("127.0.0.1:0".parse().expect("an address"), ListenerKind::Public).expect("a port");
    let address = bound.addresses(ListenerKind::Public)[0];
    let net = MioNet::new(bound).expect("an edge");
    let event_loop = EventLoop::new(net, program::Echo::default(), 2_000);
    thread::spawn(move || event_loop.run().expect("a loop"));
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    socket
}

/// Bytes that no two connections have in common.
fn bytes(seed: usize, count: usize) -> Vec<u8> {
    (0..count).map(|index| (index * 31 + seed * 7 + index / 251) as u8).collect()
}

#[test]
fn the_echo_holds_a_thousand_connections_split_and_slow_ones_among_them() {
    let address = start();
    let mut peers: Vec<TcpStream> = (0..1_000).map(|_| connect(address)).collect();
    let mut slow = connect(address);
    let writer = {
        let mut slow = slow.try_clone().expect("a socket");
        thread::spawn(move || {
            slow.write_all(&bytes(0, LONG)).expect("written");
            slow.shutdown(Shutdown::Write).expect("an end");
        })
    };
    // What each says comes in two pieces, the others' between them.
    for half in [0..SHORT / 2, SHORT / 2..SHORT] {
        for (seed, peer) in peers.iter_mut().enumerate() {
            peer.write_all(&bytes(seed, SHORT)[half.clone()]).expect("written");
        }
    }
    for (seed, peer) in peers.iter_mut().enumerate() {
        let mut heard = [0; SHORT];
        peer.read_exact(&mut heard).expect("an echo");
        assert_eq!(heard[..], bytes(seed, SHORT), "connection {seed}");
    }
    assert!(!writer.is_finished(), "a peer that does not listen is not read");
    let mut heard = Vec::new();
    slow.read_to_end(&mut heard).expect("an echo and its end");
    writer.join().expect("all is written");
    assert!(heard == bytes(0, LONG));
}
