//! Passwords that wait to be hashed.
//!
//! A password is never hashed here: that would block the loop. A handler stages the work, the
//! connection waits, and the request goes on when a helper thread is done. An attempt at an
//! account's password counts when it begins, and is judged when the hash is done.

use rand::Rng;

use super::context::{Answer, Cx, Failure, Outcome};
use crate::id::Moment;
use crate::limits::Limits;
use crate::outbox::{Effect, Purpose, Waiting};
use crate::password::{self, Task};
use crate::store::{Store, StoreError};
use crate::throttle::{Attempt, Judged, Tally, Throttle, TriedFrom, Whom};
use crate::wire::{Code, Refusal};

/// Refuses a password that is too short, too long, too common, or the name itself.
///
/// # Errors
/// `weak_password`.
pub fn check_strength(password: &str, name: &str) -> Result<(), Failure> {
    match password::weakness(password, name) {
        None => Ok(()),
        Some(weakness) => Err(Refusal::about(Code::WeakPassword, weakness.name()).into()),
    }
}

/// An attempt at the account's password begins.
///
/// # Errors
/// `slow_down`: there were too many.
pub fn begin_attempt(cx: &mut Cx, namekey: &str, place: TriedFrom) -> Result<Attempt, Failure> {
    let (limits, now) = (&cx.rules.limits, cx.now.mono);
    let attempt = Attempt::new(cx.caller.address, namekey, place);
    cx.throttle.begin(&attempt, limits, now).map_err(Refusal::slow_down)?;
    Ok(attempt)
}

/// A fresh salt.
pub fn salt(cx: &mut Cx) -> [u8; 16] {
    let mut salt = [0; 16];
    cx.rng.fill_bytes(&mut salt);
    salt
}

/// Stages the hash. The connection is served no further until it is done.
pub fn wait_for_hash(cx: &mut Cx, task: Task, purpose: Purpose) -> Answer {
    let waiting = Waiting { re: cx.re.clone(), lang: cx.lang, purpose };
    let effect = Effect::Hash(cx.caller.conn, Box::new(task), Box::new(waiting));
    cx.outbox.stage(effect);
    Ok(Outcome::Later)
}

/// Judges an attempt by its hash, and counts it: also where its connection is gone.
///
/// # Errors
/// The store failed.
pub fn judge(
    store: &Store,
    throttle: &mut Throttle,
    limits: &Limits,
    purpose: &Purpose,
    outcome: &password::Outcome,
    now: Moment,
) -> Result<Judged, StoreError> {
    let judged = match (purpose, outcome) {
        (_, password::Outcome::Failed) => Ok(Judged::NotCompared),
        (Purpose::SignIn { user, stored, .. }, password::Outcome::Verified { ok, .. }) => {
            // The password may have been changed while this one was compared.
            let current = user.map(|user| store.people().password(user)).transpose();
            let is_right = |current: Option<String>| *ok && current.as_ref() == Some(stored);
            current.map(|current| Judged::of(is_right(current.flatten())))
        }
        (_, outcome) => Ok(Judged::of(!matches!(outcome, password::Outcome::Changed(None)))),
    };
    let counted = judged.as_ref().copied().unwrap_or(Judged::NotCompared);
    end_attempt(throttle, purpose, counted, limits, now);
    judged
}

/// Counts an attempt, or a registration, as it was judged.
pub fn end_attempt(
    throttle: &mut Throttle,
    purpose: &Purpose,
    judged: Judged,
    limits: &Limits,
    now: Moment,
) {
    match purpose {
        Purpose::SignIn { attempt, .. } | Purpose::Change(_, attempt) => {
            throttle.end(attempt, judged, limits, now);
        }
        Purpose::Register { counted_for: Some(address), .. } if judged == Judged::NotCompared => {
            let whom = Whom::Address(*address);
            throttle.give_back(Tally::Registrations, whom, limits, now);
        }
        Purpose::Register { .. } | Purpose::Reset(_) => {}
    }
}
