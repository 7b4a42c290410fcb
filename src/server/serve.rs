//! Serve: walk the intake, and let each request's handler stage what it causes.
//!
//! Only computation and SQLite happen here. The walk consumes nothing: if the transaction fails
//! for want of space, `commit` walks the same list again.

use std::time::Duration;

use super::chat::Chat;
use super::intake::{Intake, Portion, fault_code};
use super::read::Reading;
use super::transaction::{Fatal, fatal};
use crate::conn::{Conns, Rest};
use crate::event_loop::app::{Clock, Share};
use crate::handlers::{self, Caller, Cost, Counted, Cx, ProvedKey, Row, ServerFacts, hashing};
use crate::id::{ConnId, Moment, Now};
use crate::limits;
use crate::locale;
use crate::store::{Store, StoreError};
use crate::wire::{Code, RequestMessage, frame};

/// A frame's content, as far as it could be read.
type Content<'a> = Result<RequestMessage<'a>, Code>;

/// The phase, and the parts that it borrows.
pub(super) struct Serve<'s> {
    pub conns: &'s mut Conns,
    pub chat: &'s mut Chat,
    pub store: &'s mut Store,
    /// What the other parts know; it does not change while requests are served.
    pub facts: ServerFacts,
    /// The key that was proved last; it goes with the phase.
    pub proved: ProvedKey,
    pub now: Now,
}

impl Serve<'_> {
    /// Serves what was taken in, within the tick's budget of requests and time, and each
    /// connection within its slice: `clock` is looked at behind each request that may have been
    /// dear, and now and then.
    pub fn run(&mut self, reading: &mut Reading, clock: Clock) -> Result<(), Fatal> {
        self.chat.outbox.release();
        self.chat.throttle.keep();
        if reading.intake.is_idle() {
            reading.spent.clear();
            return Ok(());
        }
        self.store.begin().map_err(fatal)?;
        match self.walk(reading, clock) {
            Ok(()) => Ok(()),
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            // Full or out of memory: `commit` walks again, one request at a time.
            Err(_) => self.give_up_transaction(),
        }
    }

    /// The first walk: everything in one transaction.
    fn walk(&mut self, reading: &mut Reading, clock: Clock) -> Result<(), StoreError> {
        let deadline = Moment(clock().0 + limits::SERVE_MICROS_MAX);
        let Reading { intake, spent, stopped_at, .. } = reading;
        let had_slice = std::mem::take(spent);
        for index in 0..intake.hashes.len() {
            self.serve_hash(intake, index)?;
        }
        let (mut requests, mut is_over) = (0, false);
        for index in 0..intake.portions.len() {
            let Portion { conn, share, .. } = intake.portions[index];
            // It had a slice in the last tick: the others are served first.
            if requests > 0 && had_slice.contains(&conn) {
                self.conns.rest_this_tick(conn, Rest::SliceSpent);
                continue;
            }
            let mut took = Duration::ZERO;
            for frame in 0..intake.portions[index].listed() {
                let look = requests > 0 && requests % limits::REQUESTS_PER_CLOCK_LOOK == 0;
                is_over |= requests >= limits::REQUESTS_PER_TICK || (look && clock() >= deadline);
                // The few requests of newcomers are served though there was no time for all others.
                if is_over && share == Share::Full {
                    // The next tick begins with the first connection that was served nothing.
                    self.conns.rest_this_tick(conn, Rest::TickFull);
                    if frame == 0 {
                        stopped_at.get_or_insert(conn);
                    }
                    break;
                }
                let content = content(intake, index, frame);
                if !self.admit(conn, &content) {
                    break;
                }
                let began = is_costly(&content).then(clock);
                let served = self.serve_frame(conn, &content);
                let timed = began.map(|began| (began, clock()));
                if let Some((began, end)) = timed
                    && let Some(user) = self.chat.sessions.get(conn).map(|session| session.who.user)
                {
                    self.chat.sessions.rates.charge(user, end.since(began), self.now.mono);
                }
                // One that failed counts too: the second walk finds out whether it fits alone.
                intake.portions[index].served = frame + 1;
                served?;
                requests += 1;
                if let Some((began, end)) = timed {
                    is_over |= end >= deadline;
                    took += end.since(began);
                    // Another one might take as long again.
                    if 2 * took.as_micros() as u64 >= limits::SLICE_MICROS {
                        spent.push(conn);
                        // With nothing left to serve it is idle, and nothing would end its rest.
                        if frame + 1 < intake.portions[index].listed() {
                            self.conns.rest_this_tick(conn, Rest::SliceSpent);
                        }
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the connection's next frame is served in this tick. One that is over its rate
    /// waits: it is not refused.
    fn admit(&mut self, id: ConnId, content: &Content) -> bool {
        let Some(conn) = self.conns.get_mut(id) else { return false };
        let room = limits::SEND_HIGH_BYTES.saturating_sub(conn.send.len());
        if self.chat.outbox.holds(id) {
            self.conns.rest_this_tick(id, Rest::Held);
            return false;
        }
        if self.chat.outbox.reply_bytes(id) > room {
            self.conns.rest_this_tick(id, Rest::BackedUp);
            return false;
        }
        let Some(session) = self.chat.sessions.get_mut(id) else { return true };
        session.look_at_key(self.now.unix);
        let (limits, user, now) = (&self.chat.rules.limits, session.who.user, self.now.mono);
        let rates = &mut self.chat.sessions.rates;
        let until = is_costly(content).then(|| rates.rests_until(user, limits, now)).flatten();
        let is_message = row(content).is_some_and(|row| row.counted == Counted::Message);
        let until = until.or_else(|| rates.take(user, is_message, limits, now).err());
        conn.rests.rate_limited_until = until;
        until.is_none()
    }

    /// Serves one frame, without asking whether it is its turn.
    pub(super) fn serve_frame(&mut self, id: ConnId, content: &Content) -> Result<(), StoreError> {
        let Some(caller) = self.caller(id) else { return Ok(()) };
        let mut cx = self.cx(caller);
        match content {
            Ok(request) => {
                log::trace!("{id}: {}", locale::excerpt(&request.type_name));
                handlers::dispatch(&mut cx, request)
            }
            Err(code) => {
                handlers::refuse(&mut cx, None, &(*code).into());
                Ok(())
            }
        }
    }

    /// Goes on with a request whose password hash is done. Its connection may be gone (P24).
    pub(super) fn serve_hash(&mut self, intake: &Intake, index: usize) -> Result<(), StoreError> {
        let (id, outcome) = &intake.hashes[index];
        // It stays in its place until `deliver`: this tick may have to run again.
        let Some(waiting) = self.chat.waiting.get(id).cloned() else { return Ok(()) };
        // Another hash of this tick may just have moved the session elsewhere (P17).
        let caller = self.caller(*id).filter(|_| !self.chat.outbox.holds(*id));
        match caller {
            Some(caller) => handlers::hash_done(&mut self.cx(caller), &waiting, outcome),
            None => {
                // The connection is gone: the attempt only counts.
                let (throttle, limits) = (&mut self.chat.throttle, &self.chat.rules.limits);
                let purpose = &waiting.purpose;
                hashing::judge(self.store, throttle, limits, purpose, outcome, self.now.mono)?;
                Ok(())
            }
        }
    }

    /// Where a request came from, if its connection is not closing.
    pub(super) fn caller(&self, id: ConnId) -> Option<Caller> {
        let conn = self.conns.get(id).filter(|conn| conn.is_serving())?;
        let keyless = conn.protocol.is_keyless();
        Some(Caller {
            conn: id,
            address: conn.from.address(),
            listener: conn.from.listener,
            keyless,
        })
    }

    /// What one request is served from.
    pub(super) fn cx(&mut self, caller: Caller) -> Cx<'_> {
        let Chat { sessions, outbox, throttle, counters, rng, rules, .. } = &mut *self.chat;
        let (lang, server, now) = (rules.lang, self.facts, self.now);
        let store = &mut *self.store;
        Cx {
            store,
            sessions,
            outbox,
            throttle,
            counters,
            rng,
            rules,
            now,
            server,
            connections: &*self.conns,
            caller,
            proved: &mut self.proved,
            lang,
            re: None,
        }
    }
}

/// What a listed frame holds.
pub(super) fn content(intake: &Intake, index: usize, frame: usize) -> Content<'_> {
    let frame = intake.frame(&intake.portions[index], frame)?;
    let payload = frame::payload(frame).map_err(fault_code)?;
    RequestMessage::parse(payload).ok_or(Code::BadPayload)
}

/// The row of what a frame asks for, if it is a request.
fn row(content: &Content) -> Option<&'static Row> {
    content.as_ref().ok()?.kind.map(Row::of)
}

fn is_costly(content: &Content) -> bool {
    row(content).is_some_and(|row| row.cost == Cost::Costly)
}
