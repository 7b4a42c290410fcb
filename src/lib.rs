//! p2sp: a self-hosted chat server on one hand-rolled event loop.
//!
//! `PROMISES.md` says what it never breaks; comments and tests name its rows (P1, P2, …).
//!
//! Read the modules in the order in which they stand here, and follow one message from socket
//! to socket:
//!
//! ```text
//! wait ─► expire ─► accept ─► read ─► decode ─► serve ─► commit ─► deliver ─► write ─► reap
//! epoll   deadlines          kernel   TLS,      BEGIN …  COMMIT    effects    send       │
//!   ▲                        ─► recv  frames    handlers fsync     ─► send    buffer     ▼
//!   └──────────────────────────────────────────────────── buffer ─────────── ─► kernel upkeep
//! ```
//!
//! [`event_loop`] turns; each turn has these eleven phases. `event_loop::net` is everything outside
//! it, `event_loop::mio_net` the shipped outside, with the operator's [`control`] socket.
//! [`server`] is what the phases do to the connections ([`conn`]): bytes become requests
//! ([`doors`], [`wire`]), and a request meets its handler ([`handlers`]), which reads the [`store`]
//! and the [`sessions`] and stages effects in the [`outbox`]. The store puts three parts together:
//! the message [`log`], [`people`], and the database ([`db`]). All requests of a tick are one
//! transaction. After COMMIT the effects are applied and the readers fed from the log, which is the
//! only queue. [`locale`] has the words for people.
//!
//! [`certificate`] has the server's TLS certificate. Below all of it: [`throttle`] delays attempts,
//! [`counters`] count events, and [`password`] hashes. [`names`] has the rules for names, and
//! [`visible`] tells which characters a person can see. [`id`] has the ids, [`limits`] every bound,
//! and [`files`] the files that only their owner can access.
//! [`operator_log`] tells the operator who came and what administrators did. [`by_conn`] is a table
//! by connection.
#![forbid(unsafe_code)]

pub mod event_loop;

pub mod control;

pub mod server;

pub mod conn;
pub mod doors;
pub mod wire;

pub mod handlers;

pub mod store;

pub mod log;
pub mod people;

pub mod db;

pub mod outbox;
pub mod sessions;

pub mod by_conn;

pub mod locale;

pub mod certificate;

pub mod counters;
pub mod throttle;

pub mod files;
pub mod id;
pub mod limits;
pub mod names;
pub mod operator_log;
pub mod password;
pub mod visible;
