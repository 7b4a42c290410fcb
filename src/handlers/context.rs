//! What a handler sees, and what it answers.
//!
//! A handler gets [`Cx`]: the facts (what is stored, who is signed in, what time it is), and the
//! outbox in which it stages effects. It sees no connection but its id, no socket, no byte and no
//! protocol. Only the store is written at once, within the tick's transaction; all else happens
//! after COMMIT.

use std::net::IpAddr;

use rand::rngs::StdRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::conn::Rest;
use crate::counters::Counters;
use crate::id::{ConnId, ListenerKind, Moment, Now, UserId};
use crate::limits::Limits;
use crate::locale::Lang;
use crate::locale::reply::{ConnectionLine, Reply};
use crate::operator_log::Line;
use crate::outbox::{Effect, Outbox};
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
    /// The language where a client named none.
    pub lang: Lang,
    /// The limits.
    pub limits: Limits,
    /// Connections from other machines must use TLS.
    pub tls_required: bool,
    /// The hash of the invite code that registering from another machine needs.
    pub invite: Option<KeyHash>,
    /// Names by which browsers may address this server, beside `localhost`; in lower case.
    pub hosts: Vec<String>,
    /// Addresses of the proxies whose word on a client's address is trusted.
    pub proxies: Vec<IpAddr>,
    /// Days that the log is kept; 0: for ever.
    pub keep_days: u32,
    /// The answer to `config`.
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
    /// Rate limits by address, account and user.
    pub throttle: &'a mut Throttle,
    /// Counts since the start.
    pub counters: &'a mut Counters,
    /// For keys and salts.
    pub rng: &'a mut StdRng,
    /// What the operator decided.
    pub rules: &'a Rules,
    /// What time it is.
    pub now: Now,
    /// What only the server itself knows.
    pub server: ServerFacts,
    /// The connections, for the operator to look at.
    pub connections: &'a dyn ConnectionList,
    /// Where the request came from.
    pub caller: Caller,
    /// The key that a connection proved last.
    pub proved: &'a mut ProvedKey,
    /// The language of the answer.
    pub lang: Lang,
    /// The request's id.
    pub re: Option<RequestId>,
}

/// The connections, as the operator may look at them.
pub trait ConnectionList {
    /// At most so many of them, from a slot on, without the names of their users.
    fn lines(
        &self,
        from_slot: usize,
        rows: usize,
        limits: &Limits,
        now: Moment,
    ) -> Vec<(ConnId, ConnectionLine)>;
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
    /// Sessions that are behind in the log and can be pushed more.
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
    /// The connection, by its id.
    pub conn: ConnId,
    /// The peer's address.
    pub address: IpAddr,
    /// Through which listener.
    pub listener: ListenerKind,
    /// A request typed as a line carries no login key; the connection's session is enough.
    pub keyless: bool,
}

/// The login key that a connection proved last while a tick's requests are served: another
/// request with the same key need not be hashed. It lives no longer than the phase, and its bytes
/// are wiped.
#[derive(Default)]
pub struct ProvedKey {
    conn: Option<ConnId>,
    key: Zeroizing<Vec<u8>>,
}

impl ProvedKey {
    /// Whether a key is the one that the connection's session has. While requests are served no
    /// session changes, so what was proved once is only compared with, in a time that does not
    /// tell where two keys differ.
    pub(super) fn proves(&mut self, conn: ConnId, key: &str, hash: &KeyHash) -> bool {
        if self.conn == Some(conn) && are_equal(&self.key, key.as_bytes()) {
            return true;
        }
        let is_right = KeyHash::of(key) == *hash;
        if is_right {
            self.conn = Some(conn);
            self.key.zeroize();
            self.key.extend_from_slice(key.as_bytes());
        }
        is_right
    }
}

/// Whether two keys are equal, in a time that only depends on their lengths. What differs is
/// gathered word by word and looked at once: `subtle` alone looks at each byte.
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let pairs = words.iter().zip(other_words);
    let differing = pairs.fold(0, |all, (one, other)| all | (word(one) ^ word(other)));
    let is_equal = differing.ct_eq(&0) & rest.ct_eq(other_rest);
    one.len() == other.len() && is_equal.into()
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
    /// Done, with a text and no data.
    pub fn said(reply: Reply) -> Outcome {
        Outcome::Done(reply, Data::None)
    }
}

/// Refuses a request with this code, if it is so.
///
/// # Errors
/// The code.
pub fn refuse_if(is_so: bool, code: Code) -> Result<(), Failure> {
    if is_so { Err(code.into()) } else { Ok(()) }
}

impl Cx<'_> {
    /// The name of a user who exists.
    ///
    /// # Errors
    /// The store failed.
    pub fn name_of(&self, user: UserId) -> Result<String, Failure> {
        Ok(self.store.people().username(user)?.ok_or(Code::Internal)?)
    }

    /// Stages a line of the operator's log about the caller.
    pub fn log(&mut self, event: &'static str, user: Option<&str>, code: Option<Code>) {
        let (user, from) = (user.map(str::to_owned), Some(self.caller.address));
        let code = code.map(Code::name);
        let line = Line { event, user, from, code, about: None };
        self.outbox.stage(Effect::Log(Box::new(line)));
    }

    /// Refuses what takes space while the disk is nearly full.
    ///
    /// # Errors
    /// `storage_full`.
    pub fn need_storage(&self) -> Result<(), Failure> {
        refuse_if(self.server.storage_low, Code::StorageFull)
    }

    /// Serves nothing more of the user's sessions in this tick: in the next one they have other
    /// rights, or have ended (P18).
    pub fn hold_sessions(&mut self, user: UserId) {
        self.sessions.conns_of(user).into_iter().for_each(|conn| self.outbox.hold(conn));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p19_keys_that_differ_anywhere_are_not_equal() {
        let key: Vec<u8> = (0..43).collect();
        assert!(are_equal(&key, &key) && are_equal(b"", b""));
        for at in 0..key.len() {
            let mut other = key.clone();
            other[at] ^= 1;
            assert!(!are_equal(&key, &other) && !are_equal(&key, &key[..at]), "at {at}");
        }
    }
}
