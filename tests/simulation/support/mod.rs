//! What tests stand on: the shipped loop without sockets, and people who talk to it.
//!
//! [`pipe_net`] is the edge: [`pipes`] for sockets and a clock that moves only when it is told to,
//! and [`whims`] where a test wants them.
//! [`test_server`] is the shipped `EventLoop` and `Server` over a real store on that edge, which
//! can crash and start again. [`peer`] is one person's end of a pipe: frames out, frames in, and
//! the promises that hold for every connection checked on the way. [`script`] lets several of them
//! act out a text; [`expect`] compares what came with what a line says. [`secure`] is a person's
//! TLS, on [`tls_client`]; [`socket`] their WebSocket, [`line_client`] a person at nc, and
//! [`caller`] a connection with nothing above it.
//!
//! Nothing here draws a random number, reads a clock or knows a port.

pub mod caller;
pub mod expect;
pub mod line_client;
pub mod peer;
pub mod pipe;
pub mod pipe_net;
pub mod pipes;
pub mod replica;
pub mod script;
pub mod secure;
pub mod socket;
pub mod test_server;
pub mod tls_client;
pub mod whims;
