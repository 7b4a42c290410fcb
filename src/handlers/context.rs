//! What a handler sees, and what it answers.
//!
//! A handler gets [`Cx`]: the facts (what is stored, who is signed in, what time it is), and the
//! outbox in which it stages effects. It sees no connection but its id, no socket, no byte and no
//! protocol. Only the store is written at once, within the tick's transaction; all else happens
//! after COMMIT.

use std::net::IpAddr;

use rand::rngs::StdRng;

use crate::conn::Rest;
use crate::counters::Counters;
use crate::id::{ConnId, Door, Now, UserId};
use crate::limits::Limits;
use crate::locale::Lang;
use crate::locale::reply::Reply;
use crate::outbox::Outbox;
use crate::password::KeyHash;
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;
use crate::wire::response::Data;
use crate::wire::{Code, Refusal, RequestId};

/// What the operator decided.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whether friends must be accepted.
    pub friend_approval: bool,
    /// The language of those who named none.
    pub lang: Lang,
    /// The limits.
    pub limits: Limits,
    /// From elsewhere than loopback, only TLS is spoken.
    pub tls_required: bool,
    /// Registering from elsewhere than loopback needs this code: its hash.
    pub invite: Option<KeyHash>,
    /// Names under which browsers may ask for this server, beside `localhost`; in lower case.
    pub hosts: Vec<String>,
    /// Addresses of proxies that are believed for whom they speak.
    pub proxies: Vec<IpAddr>,
    /// Days that the log is kept; 0: for ever.
    pub keep_days: u32,
    /// What the operator is told who asks what this server runs with.
    pub about: std::sync::Arc<serde_json::Value>,
    /// What a password hash costs; only tests lower it.
    pub hash_cost: crate::password::Cost,
}

/// What a handler sees: the facts, who asks, and where effects are staged.
pub struct Cx<'a> {
    /// What is stored.
    pub store: &'a mut Store,
    /// Who is signed in. Changes are effects.
    pub sessions: &'a Sessions,
    /// Where effects are staged.
    pub outbox: &'a mut Outbox,
    /// How often may be tried.
    pub throttle: &'a mut Throttle,
    /// What happened.
    pub counters: &'a mut Counters,
    /// For keys and salts.
    pub rng: &'a mut StdRng,
    /// What the operator decided.
    pub rules: &'a Rules,
    /// What time it is.
    pub now: Now,
    /// What only the server itself knows.
    pub server: ServerFacts,
    /// Whose request it is.
    pub caller: Caller,
    /// The language of the answer.
    pub lang: Lang,
    /// The request's id.
    pub re: Option<RequestId>,
}

/// What only the server itself knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerFacts {
    /// Connections.
    pub connections: u64,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Bytes in all send buffers.
    pub send_bytes: u64,
    /// Connections that rest for each reason of [`Rest::ALL`].
    pub resting: [u64; Rest::ALL.len()],
    /// Readers who are behind and can be fed.
    pub behind: u64,
    /// Password hashes that wait or are under way, those of this tick not counted.
    pub hashes_waiting: u64,
    /// The disk is nearly full: nothing new is taken.
    pub storage_low: bool,
    /// The connection of the backup that runs.
    pub held_for: Option<ConnId>,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// On which connection; a name, nothing more.
    pub conn: ConnId,
    /// From which address.
    pub address: IpAddr,
    /// Through which door.
    pub door: Door,
    /// Lines carry no key: the connection's session stands for it.
    pub keyless: bool,
}

/// What a handler makes of a request.
pub type Answer = Result<Outcome, Failure>;

/// Why a request was not done.
#[derive(Debug)]
pub enum Failure {
    /// It was refused: a reply, and the connection goes on.
    Refused(Refusal),
    /// The store failed.
    Store(StoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        Failure::Refused(code.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

/// What became of a request.
pub enum Outcome {
    /// Done: the answer.
    Done(Reply, Data),
    /// Answered when its password hash is done.
    Later,
    /// A confirmation, which is only answered if it has an id.
    Confirmed,
}

impl Outcome {
    /// Done, with nothing for programs to read.
    pub fn said(reply: Reply) -> Outcome {
        Outcome::Done(reply, Data::None)
    }

    /// The answer's text and data.
    pub fn into_parts(self) -> (Reply, Data) {
        match self {
            Outcome::Done(reply, data) => (reply, data),
            Outcome::Later | Outcome::Confirmed => (Reply::Confirmed, Data::None),
        }
    }
}

impl Cx<'_> {
    /// The name of a user who exists.
    ///
    /// # Errors
    /// The store failed.
    pub fn name_of(&self, user: UserId) -> Result<String, Failure> {
        Ok(self.store.people().username(user)?.ok_or(Code::Internal)?)
    }

    /// Refuses what takes space while the disk is nearly full.
    ///
    /// # Errors
    /// `storage_full`.
    pub fn need_storage(&self) -> Result<(), Failure> {
        if self.server.storage_low { Err(Code::StorageFull.into()) } else { Ok(()) }
    }

    /// Does something of which either all is written or nothing (P3).
    ///
    /// # Errors
    /// Those of `act`, whose writes are undone then.
    pub fn atomically(&mut self, act: impl FnOnce(&mut Self) -> Answer) -> Answer {
        self.store.savepoint()?;
        let answer = act(self);
        match &answer {
            Ok(_) => self.store.release()?,
            Err(Failure::Refused(_)) => self.store.rollback_to_savepoint()?,
            // The whole transaction is given up.
            Err(Failure::Store(_)) => {}
        }
        answer
    }
}
