//! What requests are served from beside the store.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::hash_queue::HashQueue;
use crate::counters::Counters;
use crate::handlers::Rules;
use crate::id::{ConnId, Moment};
use crate::operator_log::Refused;
use crate::outbox::{Outbox, Waiting};
use crate::sessions::Sessions;
use crate::throttle::Throttle;

/// What requests are served from beside the store, and the effects that they stage.
pub(super) struct Chat {
    pub sessions: Sessions,
    pub outbox: Outbox,
    pub throttle: Throttle,
    pub counters: Counters,
    pub rng: StdRng,
    pub rules: Rules,
    /// Requests that wait for a password hash, by their connection; until the hash is done, also of
    /// connections that are gone.
    pub waiting: HashMap<ConnId, Waiting>,
    /// Whose hash is begun next.
    pub hashes: HashQueue,
    pub refused: Refused,
    pub started: Moment,
}

impl Chat {
    /// No user is signed in. `seed` feeds the generator of keys and salts.
    pub fn new(rules: Rules, seed: [u8; 32], now: Moment) -> Chat {
        Chat {
            sessions: Sessions::default(),
            outbox: Outbox::default(),
            throttle: Throttle::default(),
            counters: Counters::default(),
            rng: StdRng::from_seed(seed),
            rules,
            waiting: HashMap::new(),
            hashes: HashQueue::default(),
            refused: Refused::default(),
            started: now,
        }
    }
}
