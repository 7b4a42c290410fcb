//! The server between two reads: what came in is served, committed, delivered.
//!
//! The server has six parts, each a type of its own: connections hold bytes and no identity, the
//! chat knows who is signed in and holds no bytes, the store holds what was said. Each phase
//! borrows the parts that it names. It knows no socket and reads no clock: it is the application
//! that the event loop runs (`app`).
//!
//! ```text
//! read ─► intake ─► serve ─► outbox ─► commit ─► Committed ─► deliver ─► send buffers
//!            ▲ walked again, one request a transaction, if the disk is full ┘
//! ```

mod accept;
mod app;
mod commit;
mod connections;
mod decode;
mod deliver;
mod doors;
mod hashes;
mod hold;
mod indexing;
pub mod intake;
mod machine;
mod monitor;
mod proxied;
mod read;
mod reap;
mod retention;
mod serve;
mod upkeep;
mod watching;

use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::certificate::Certificate;
use crate::conn::Conns;
use crate::counters::Counters;
use crate::handlers::Rules;
use crate::id::{ConnId, Moment};
use crate::outbox::{Outbox, Waiting};
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;
pub use app::HashJob;
use deliver::Delivery;
use hashes::HashQueue;
pub use machine::Machine;
use read::Reading;
use upkeep::Upkeep;

/// Our own disk failed: the process must end without another reply (P4).
#[derive(Debug)]
pub struct Fatal(pub String);

/// Everything but the edge.
pub struct Server {
    /// Connections: bytes, stages, deadlines; no identity.
    conns: Conns,
    /// What this tick has read, and how it is understood.
    reading: Reading,
    /// What requests are served from beside the store.
    chat: Chat,
    /// What is on the disk.
    store: Store,
    /// How far each reader was told what is on the disk.
    delivery: Delivery,
    /// What no peer waits for.
    upkeep: Upkeep,
}

/// What requests are served from beside the store, and the effects that they stage.
struct Chat {
    sessions: Sessions,
    outbox: Outbox,
    throttle: Throttle,
    counters: Counters,
    rng: StdRng,
    rules: Rules,
    /// Requests that wait for a password hash, by their connection; until the hash is done, also of
    /// connections that are gone.
    waiting: HashMap<ConnId, Waiting>,
    /// Whose hash is begun next.
    hashes: HashQueue,
    started: Moment,
}

impl Server {
    /// A server over a store. `seed` feeds the generator of keys and salts.
    pub fn new(
        store: Store,
        rules: Rules,
        machine: Box<dyn Machine>,
        seed: [u8; 32],
        now: Moment,
    ) -> Server {
        Server {
            conns: Conns::default(),
            reading: Reading::new(),
            chat: Chat {
                sessions: Sessions::default(),
                outbox: Outbox::default(),
                throttle: Throttle::default(),
                counters: Counters::default(),
                rng: StdRng::from_seed(seed),
                rules,
                waiting: HashMap::new(),
                hashes: HashQueue::default(),
                started: now,
            },
            delivery: Delivery::new(store.head()),
            store,
            upkeep: Upkeep::new(machine, now),
        }
    }

    /// Connections that handshake from now on are shown this certificate.
    pub fn set_certificate(&mut self, certificate: Certificate) {
        self.reading.certificate = Some(certificate);
    }
}

fn fatal(error: StoreError) -> Fatal {
    Fatal(match error {
        StoreError::Broken(why) => why,
        StoreError::Full => "the disk is full".into(),
        StoreError::NoMemory => "out of memory".into(),
    })
}
