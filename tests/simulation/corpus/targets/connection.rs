//! The machine of one connection under any sequence of events, against a model of what was sent
//! to it and of the deadlines that PROTOCOL.md and P23 promise.
//!
//! Invariants: its stages only go forward and its first reason stands; what the peer is sent are
//! whole frames in order, also when what was not begun is dropped (P17); between its marks it
//! stays as it was (P20); whatever comes, it ends in time (P23).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use p2sp::conn::{CloseReason, Connection, Conns, Due, Origin, Stage};
use p2sp::doors::frames::Frames;
use p2sp::doors::{Codec, Said};
use p2sp::id::{ConnId, Moment, Now};
use p2sp::limits::{
    FLUSH_SECONDS_MAX, FRAME_SECONDS_MAX, LINGER_BYTES_MAX, LINGER_SECONDS_MAX, Limits,
    SEND_HIGH_BYTES, SEND_LOW_BYTES,
};
use p2sp::store::{Opening, Store, Synchronous};
use p2sp::wire::response::Data;
use p2sp::wire::{Code, ResponseMessage};
use tempfile::TempDir;

use crate::worlds::choices::Choices;

const REASONS: &[CloseReason] = &[
    CloseReason::Protocol,
    CloseReason::TakenOver,
    CloseReason::PeerLeft,
    CloseReason::Shutdown,
    CloseReason::Idle,
];

thread_local! {
    /// An empty store, whose `Reads` allow to say something.
    static STORE: (Store, TempDir) = {
        let dir = tempfile::tempdir().expect("a directory");
        let synchronous = Synchronous::Off;
        let epoch = "0123456789abcdef";
        let opening = Opening { dir: dir.path(), epoch, mid_key: &[7; 16], synchronous };
        (Store::open(&opening).expect("a store").0, dir)
    };
}

/// A life of which every event is drawn from the bytes.
pub fn run(bytes: &[u8]) {
    let choices = Choices::of_bytes(bytes);
    let now = Moment(1_000_000);
    let mut conns = Conns::default();
    let id = ConnId { slot: 0, generation: 1 };
    let from = Origin::network(IpAddr::V4(Ipv4Addr::LOCALHOST));
    conns.insert(id, Connection::new(from, now));
    let mut life = Life {
        conns,
        id,
        limits: Limits { signin_seconds: 20, idle_seconds: 30, ..Limits::default() },
        now,
        bytes: Vec::new(),
        ends: Vec::new(),
        taken: 0,
        model: Model { stranger_since: Some(now), ..Model::default() },
        choices,
    };
    while !life.choices.are_spent() {
        let before = (rank(life.conn().stage), life.conn().reason);
        life.happen();
        life.check(before);
    }
}

/// What must hold, kept beside the machine.
#[derive(Default)]
struct Model {
    /// Not signed in since then.
    stranger_since: Option<Moment>,
    /// Signed in and confirming: the last sign of life.
    heard: Option<Moment>,
    /// The first byte of a frame that is not complete.
    begun: Option<Moment>,
    /// The kernel last took something, or there began to be something.
    progress: Option<Moment>,
    /// When it began to flush or to linger.
    closing: Option<Moment>,
    backed_up: bool,
    hash: bool,
    over_rate: bool,
    discarded: usize,
}

struct Life {
    conns: Conns,
    id: ConnId,
    limits: Limits,
    now: Moment,
    /// All that the peer should get, where its frames end, and how much of it the kernel took.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    taken: usize,
    model: Model,
    choices: Choices,
}

impl Life {
    fn conn(&self) -> &Connection {
        self.conns.get(self.id).expect("it is not removed")
    }

    fn conn_mut(&mut self) -> &mut Connection {
        self.conns.get_mut(self.id).expect("it is not removed")
    }

    fn happen(&mut self) {
        let choices = self.choices.clone();
        match choices.below(16) {
            0 | 1 => self.now = self.now.after(Duration::from_secs(choices.below(12) as u64)),
            2 | 3 => self.append(),
            4 | 5 => self.kernel_takes(),
            6 => self.drop_unbegun(),
            7 => self.session_changes(),
            8 | 9 => self.bytes_come(),
            10 => self.tick_ends(),
            11 => self.hash_changes(),
            12 => {
                let until = self.now.after(Duration::from_secs(1));
                let until = choices.chance(50).then_some(until);
                self.conn_mut().rests.rate_limited_until = until;
                self.model.over_rate = until.is_some();
            }
            13 => self.close(),
            14 => self.obey_deadline(),
            _ => self.discard(),
        }
    }

    fn tick_ends(&mut self) {
        let (id, now) = (self.id, self.now);
        self.conns.end_tick(id, now);
        let conn = self.conn();
        assert_eq!(conn.rests.shown().map(|(why, _)| why), conn.rest());
        assert!(conn.rests.shown().is_none_or(|(_, since)| since <= now));
        let rests: u64 = self.conns.resting().iter().sum();
        assert_eq!(rests, u64::from(conn.rest().is_some()), "counted once");
    }

    fn hash_changes(&mut self) {
        self.model.hash = self.choices.chance(50);
        self.conn_mut().rests.hash = self.model.hash;
    }

    fn append(&mut self) {
        if !self.conn().is_serving() {
            return;
        }
        let length = *self.choices.pick(&[0, 1, 2_000, 65_000]);
        let (re, code, data) = (None, Code::Ok, Data::None);
        let text = "x".repeat(length);
        let response = ResponseMessage { re, code, text: text.as_str(), data };
        Frames.encode(&mut Said::Reply(&response), 0, &mut self.bytes);
        self.ends.push(self.bytes.len());
        if self.conn().send.is_empty() {
            self.model.progress = Some(self.now);
        }
        let now = Now { mono: self.now, unix: 0 };
        STORE.with(|(store, _)| {
            self.conns.say(self.id, Said::Reply(&response), store.reads(), now);
        });
        self.model.backed_up |= self.conn().send.len() > SEND_HIGH_BYTES;
    }

    fn kernel_takes(&mut self) {
        let unsent = self.conns.to_write(self.id);
        if unsent.is_empty() {
            return;
        }
        let part = *self.choices.pick(&[1, 13, 40_000, usize::MAX]);
        let count = part.min(unsent.len());
        let expected = &self.bytes[self.taken..self.taken + count];
        assert_eq!(expected, &unsent[..count], "the same bytes in order");
        self.conns.was_sent(self.id, count, self.now);
        self.taken += count;
        self.model.backed_up &= self.conn().send.len() >= SEND_LOW_BYTES;
        self.model.progress = Some(self.now);
    }

    fn drop_unbegun(&mut self) {
        let before = self.conns.unsent_bytes();
        self.conns.drop_unbegun(self.id);
        let dropped = before - self.conns.unsent_bytes();
        // The frame that is being written is all that is left.
        let begun = self.ends.partition_point(|end| *end < self.taken);
        let kept = if self.taken == 0 { 0 } else { begun + 1 };
        self.ends.truncate(kept);
        let end = self.ends.last().copied().unwrap_or(0);
        let unbegun = self.bytes.len() - end;
        self.bytes.truncate(end);
        assert_eq!(dropped, unbegun, "P17");
    }

    fn session_changes(&mut self) {
        let now = self.now;
        if !self.conn().is_serving() {
            return;
        }
        let (signed_in, acks) = (self.choices.chance(50), self.choices.chance(50));
        if signed_in {
            self.conn_mut().timeouts.signed_in(acks, now);
        } else {
            self.conn_mut().timeouts.signed_out(now);
        }
        self.model.stranger_since = (!signed_in).then_some(self.now);
        self.model.heard = (signed_in && acks).then_some(self.now);
    }

    fn bytes_come(&mut self) {
        let now = self.now;
        match self.choices.below(3) {
            0 => {
                // Also behind a read that failed: they came before that.
                self.conn_mut().timeouts.frames_came(now);
                self.model.begun = None;
                self.model.heard = self.model.heard.map(|_| self.now);
            }
            1 => {
                self.conn_mut().timeouts.begin(now);
                self.model.begun.get_or_insert(self.now);
            }
            _ => {
                self.conn_mut().timeouts.end();
                self.model.begun = None;
            }
        }
    }

    fn close(&mut self) {
        let now = self.now;
        let reason = *self.choices.pick(REASONS);
        match self.choices.below(4) {
            0 => self.conn_mut().die(reason),
            1 if self.conn().stage == Stage::Flushing && self.conn().send.is_empty() => {
                self.conn_mut().linger(now);
                self.model.closing = Some(self.now);
            }
            _ => {
                if self.conn().is_serving() {
                    self.model.closing = Some(self.now);
                }
                self.conn_mut().close(reason, now);
            }
        }
    }

    /// As the server does when a deadline may have passed.
    fn obey_deadline(&mut self) {
        let now = self.now;
        let next = self.conn().next_deadline(&self.limits);
        match next.filter(|(at, _)| *at <= now).map(|(_, due)| due) {
            None => {}
            Some(Due::GoOn) => {
                self.conn_mut().rests.rate_limited_until = None;
                self.model.over_rate = false;
            }
            Some(Due::Close(reason)) => {
                self.conn_mut().close(reason, now);
                self.model.closing = Some(self.now);
            }
            Some(Due::Drop) => self.conn_mut().die(CloseReason::Io),
        }
    }

    fn discard(&mut self) {
        if self.conn().stage == Stage::Lingering {
            let count = *self.choices.pick(&[1, 4_096]);
            self.model.discarded += count;
            let enough = self.conn_mut().discard(count);
            assert_eq!(enough, self.model.discarded > LINGER_BYTES_MAX);
        }
    }

    fn check(&self, before: (usize, Option<CloseReason>)) {
        let conn = self.conn();
        assert!(rank(conn.stage) >= before.0, "{:?} after stage {}", conn.stage, before.0);
        assert!(before.1.is_none() || conn.reason == before.1, "the first reason stands");
        assert_eq!(conn.reason.is_none(), conn.is_serving(), "a reason, and only at the end");
        assert_eq!(conn.send.len(), self.bytes.len() - self.taken);
        assert_eq!(self.conns.unsent_bytes(), conn.send.len(), "the total");
        if conn.is_serving() {
            assert_eq!(conn.may_be_pushed(), !self.model.backed_up, "P20");
            let waits = self.model.hash || self.model.over_rate;
            assert_eq!(conn.owes_answer(), waits);
            assert_eq!(conn.may_be_served(), !self.model.backed_up && !waits);
        } else {
            assert!(!conn.may_be_pushed() && !conn.may_be_served());
            assert!(conn.received.is_empty());
        }
        self.check_deadlines();
    }

    fn check_deadlines(&self) {
        let next = self.conn().next_deadline(&self.limits).map(|(at, _)| at);
        let must_end = |since: Option<Moment>, seconds: u64| {
            let by = since.map(|since| since.after(Duration::from_secs(seconds)));
            by.is_some_and(|by| next.is_none_or(|at| at > by))
        };
        let late = match self.conn().stage {
            Stage::Dead => return assert_eq!(next, None),
            Stage::Flushing => must_end(self.model.closing, FLUSH_SECONDS_MAX),
            Stage::Lingering => must_end(self.model.closing, LINGER_SECONDS_MAX),
            _ => {
                must_end(self.model.begun, FRAME_SECONDS_MAX)
                    || must_end(self.model.stranger_since, self.limits.signin_seconds)
                    || must_end(self.model.heard, self.limits.idle_seconds)
                    || must_end(
                        self.model.progress.filter(|_| !self.conn().send.is_empty()),
                        self.limits.idle_seconds,
                    )
            }
        };
        assert!(!late, "P23: {next:?} in {:?} at {:?}", self.conn().stage, self.now);
    }
}

fn rank(stage: Stage) -> usize {
    match stage {
        Stage::Handshaking => 0,
        Stage::Open => 1,
        Stage::Flushing => 2,
        Stage::Lingering => 3,
        Stage::Dead => 4,
    }
}
