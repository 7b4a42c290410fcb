//! Serve: walk the intake, and let each request's handler stage what it causes.
//!
//! Only computation and SQLite happen here. The walk consumes nothing: if the transaction fails
//! for want of space, `commit` walks the same list again.

use std::time::Duration;

use super::intake::{Portion, fault_code};
use super::{Fatal, Intake, Server, fatal};
use crate::conn::Rest;
use crate::event_loop::app::{Clock, Share};
use crate::handlers::{self, Caller, Cx, ServerFacts, hashing};
use crate::id::{ConnId, Moment, Now};
use crate::limits;
use crate::locale;
use crate::store::StoreError;
use crate::wire::frame;
use crate::wire::{Code, MessageType, RequestMessage};

/// A frame's content, as far as it could be read.
type Content<'a> = Result<RequestMessage<'a>, Code>;

impl Server {
    /// Looks at the disk's free space, now and then.
    pub(super) fn look_at_disk(&mut self, now: Now) {
        let since = self.disk_looked.map(|looked| now.mono.since(looked));
        let soon = since.is_some_and(|since| (since.as_micros() as u64) < limits::DISK_LOOK_MICROS);
        if self.intake.is_idle() || soon {
            return;
        }
        let free_bytes = self.machine.disk_free().unwrap_or_else(|error| {
            log::warn!("the disk's free space is unknown: {error}");
            u64::MAX
        });
        self.disk_looked = Some(now.mono);
        self.storage_low = free_bytes < limits::DISK_FREE_BYTES_MIN;
    }

    /// Serves what was taken in, within the tick's budget of requests and time, and each
    /// connection within its slice: `clock` is looked at behind each request that may have been
    /// dear, and now and then.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn serve_all(&mut self, now: Now, clock: Clock) -> Result<(), Fatal> {
        self.outbox.release();
        self.throttle.keep();
        if self.intake.is_idle() {
            self.spent.clear();
            return Ok(());
        }
        self.store.begin().map_err(fatal)?;
        let mut intake = std::mem::take(&mut self.intake);
        let walked = self.walk(&mut intake, now, clock);
        self.intake = intake;
        match walked {
            Ok(()) => Ok(()),
            Err(StoreError::Broken(why)) => Err(Fatal(why)),
            // Full or out of memory: `commit` walks again, one request at a time.
            Err(_) => self.give_up_transaction(),
        }
    }

    /// The first walk: everything in one transaction.
    fn walk(&mut self, intake: &mut Intake, now: Now, clock: Clock) -> Result<(), StoreError> {
        let deadline = Moment(clock().0 + limits::SERVE_MICROS_MAX);
        let spent = std::mem::take(&mut self.spent);
        for index in 0..intake.hashes().len() {
            self.serve_hash(intake, index, now)?;
        }
        let (mut requests, mut is_over) = (0, false);
        for index in 0..intake.portions() {
            let Portion { conn, share, .. } = *intake.portion(index);
            // What others ask is answered without waiting for a slice of somebody who had one.
            if requests > 0 && spent.contains(&conn) {
                self.conns.rest_this_tick(conn, Rest::SliceSpent);
                continue;
            }
            let mut took = Duration::ZERO;
            for frame in 0..intake.portion(index).listed() {
                let look = requests > 0 && requests % limits::REQUESTS_PER_CLOCK_LOOK == 0;
                is_over |= requests >= limits::REQUESTS_PER_TICK || (look && clock() >= deadline);
                // The few requests of newcomers are served though there was no time for all others.
                if is_over && share == Share::Full {
                    // Whoever was served something goes behind those who were not.
                    self.conns.rest_this_tick(conn, Rest::TickFull);
                    if frame == 0 {
                        self.stopped_at.get_or_insert(conn);
                    }
                    break;
                }
                let content = content(intake, index, frame);
                if !self.admit(conn, &content, now) {
                    break;
                }
                let began = can_be_dear(&content).then(clock);
                let served = self.serve_frame(conn, &content, now);
                let timed = began.map(|began| (began, clock()));
                if let Some((began, end)) = timed
                    && let Some(user) = self.sessions.get(conn).map(|session| session.user)
                {
                    self.sessions.charges.charge(user, end.since(began), now.mono);
                }
                // One that failed counts too: the second walk finds out whether it fits alone.
                intake.set_served(index, frame + 1);
                served?;
                requests += 1;
                if let Some((began, end)) = timed {
                    is_over |= end >= deadline;
                    took += end.since(began);
                    // Another one might take as long again.
                    if 2 * took.as_micros() as u64 >= limits::SLICE_MICROS {
                        self.spent.push(conn);
                        self.conns.rest_this_tick(conn, Rest::SliceSpent);
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the connection's next frame is served in this tick. One that is over its rate
    /// waits: it is not refused.
    fn admit(&mut self, id: ConnId, content: &Content, now: Now) -> bool {
        let Some(conn) = self.conns.get_mut(id) else { return false };
        let room = limits::SEND_HIGH_BYTES.saturating_sub(conn.send.len());
        if self.outbox.holds(id) {
            self.conns.rest_this_tick(id, Rest::Held);
            return false;
        }
        if self.outbox.reply_bytes(id) > room {
            self.conns.rest_this_tick(id, Rest::BackedUp);
            return false;
        }
        let Some(session) = self.sessions.get_mut(id) else { return true };
        session.look_at_key(now.unix);
        let (limits, user) = (&self.rules.limits, session.user);
        if can_be_dear(content)
            && let Some(until) = self.sessions.charges.rests_until(user, limits, now.mono)
        {
            conn.limit_rate(Some(until));
            return false;
        }
        let Some(session) = self.sessions.get_mut(id) else { return true };
        let says = content.as_ref().is_ok_and(is_message);
        let over = session.pace(says, limits, now.mono).err();
        conn.limit_rate(over);
        over.is_none()
    }

    /// Serves one frame, without asking whether it is its turn.
    pub(super) fn serve_frame(
        &mut self,
        id: ConnId,
        content: &Content,
        now: Now,
    ) -> Result<(), StoreError> {
        let Some(caller) = self.caller(id) else { return Ok(()) };
        let mut cx = self.cx(caller, now);
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

    /// Goes on with a request whose password hash is done; a late one finds nobody (P24).
    pub(super) fn serve_hash(
        &mut self,
        intake: &Intake,
        index: usize,
        now: Now,
    ) -> Result<(), StoreError> {
        let (id, outcome) = &intake.hashes()[index];
        // It stays in its place until `deliver`: this tick may have to run again.
        let Some(waiting) = self.waiting.get(id).cloned() else { return Ok(()) };
        // Another hash of this tick may just have moved the session elsewhere (P17).
        let caller = self.caller(*id).filter(|_| !self.outbox.holds(*id));
        match caller {
            Some(caller) => handlers::hash_done(&mut self.cx(caller, now), &waiting, outcome),
            None => {
                // Nobody waits for it any more: it only counts.
                let (throttle, limits) = (&mut self.throttle, &self.rules.limits);
                let purpose = &waiting.purpose;
                hashing::judge(&self.store, throttle, limits, purpose, outcome, now.mono)?;
                Ok(())
            }
        }
    }

    /// Who asks, if they are still there and not about to go.
    pub(super) fn caller(&self, id: ConnId) -> Option<Caller> {
        let conn = self.conns.get(id).filter(|conn| conn.is_serving())?;
        let keyless = conn.protocol.is_keyless();
        Some(Caller { conn: id, address: conn.peer(), door: conn.door, keyless })
    }

    /// What one request is served from.
    pub(super) fn cx(&mut self, caller: Caller, now: Now) -> Cx<'_> {
        let server = self.facts(now);
        Cx {
            store: &mut self.store,
            sessions: &self.sessions,
            outbox: &mut self.outbox,
            throttle: &mut self.throttle,
            counters: &mut self.counters,
            rng: &mut self.rng,
            rules: &self.rules,
            now,
            server,
            caller,
            lang: self.rules.lang,
            re: None,
        }
    }

    /// What only the server itself knows.
    pub(super) fn facts(&self, now: Now) -> ServerFacts {
        ServerFacts {
            connections: self.conns.len() as u64,
            uptime_seconds: now.mono.since(self.started).as_secs(),
            send_bytes: self.conns.unsent_bytes() as u64,
            resting: self.conns.resting(),
            behind: self.behind.len() as u64,
            hashes_waiting: self.waiting.len() as u64,
            storage_low: self.storage_low || self.log_is_stuck,
            held_for: self.hold.map(|(conn, _)| conn),
        }
    }
}

/// What a listed frame holds.
pub(super) fn content(intake: &Intake, index: usize, frame: usize) -> Content<'_> {
    let frame = intake.frame(intake.portion(index), frame)?;
    let payload = frame::payload(frame).map_err(fault_code)?;
    RequestMessage::parse(payload).ok_or(Code::BadPayload)
}

fn can_be_dear(content: &Content) -> bool {
    content.as_ref().is_ok_and(|request| request.kind.is_some_and(handlers::can_be_dear))
}

/// Whether a request is charged as a message: it says something, or tells others who comes and
/// goes.
fn is_message(request: &RequestMessage) -> bool {
    matches!(
        request.kind,
        Some(
            MessageType::Newgroup
                | MessageType::Delgroup
                | MessageType::Addgroupuser
                | MessageType::Delgroupuser
                | MessageType::Leavegroup
                | MessageType::Send
                | MessageType::Sendgroup
                | MessageType::Adminsend
                | MessageType::Adminsendgroup
                | MessageType::Broadcast
        )
    )
}
