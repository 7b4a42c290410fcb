//! One connection: bytes in → frames, messages → bytes out. It knows no user and no store.
//!
//! ```text
//!    ┌──── first byte 16 ──► handshaking ──┐ done: sniffing again, within TLS
//! sniffing ◄──────────────────────────────┘
//!    └──── first byte AB ──► native ──close()──► flushing ──all sent──► lingering ──► dead
//!                            │                     │ 5 s                  │ 2 s, 64 KiB, end
//!                            └── read or write failed, deadline ──────────┴──────► dead
//! ```
//!
//! The first three serve. *Flushing* sends what is left and reads nothing. *Lingering*
//! has shut down its own side and discards what still comes, for a close with unread input
//! would reset the connection and could destroy the last reply on its way. Only `reap` frees
//! the slot of a *dead* connection.
//!
//! An idle connection owns no buffer: see [`receive`], [`send`] and [`spare`]. Under [`tls`] the
//! buffers hold plaintext all the same.

pub mod receive;
pub mod send;
pub mod spare;
pub mod tls;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::id::{Door, Moment};
use crate::limits;
use crate::mutant::Mutant;
use receive::ReceiveBuffer;
use send::SendBuffer;
use spare::SpareBuffers;
use tls::Tls;

/// Why a connection ended. Each is counted under its name (P29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed, or its machine did.
    PeerLeft,
    /// Reading or writing failed.
    Io,
    /// The bytes were no frames or no messages; it was told which.
    Protocol,
    /// It confirmed what it had not been sent.
    AckTooHigh,
    /// It spoke in plaintext from another machine.
    Plaintext,
    /// It broke TLS, or shook hands with nothing that we could use.
    Tls,
    /// A TLS handshake was begun and not completed in time.
    HandshakeDeadline,
    /// It did not sign in in time.
    SignInDeadline,
    /// A frame was begun and not completed in time.
    FrameDeadline,
    /// It confirms, and nothing came from it for too long.
    Idle,
    /// It did not take what it was sent for too long.
    Stalled,
    /// The user signed in elsewhere.
    TakenOver,
    /// An administrator blocked the user.
    Blocked,
    /// The operator gave the user a new password.
    PasswordReset,
    /// The checkpoints could be held no longer for it.
    HoldEnded,
    /// A monitor was answered.
    Measured,
    /// The server stops.
    Shutdown,
    /// Too many connections, in all or from its address.
    Refused,
}

impl CloseReason {
    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::PeerLeft => "peer_left",
            CloseReason::Io => "io",
            CloseReason::Protocol => "protocol",
            CloseReason::AckTooHigh => "ack_too_high",
            CloseReason::Plaintext => "plaintext",
            CloseReason::Tls => "tls",
            CloseReason::HandshakeDeadline => "handshake_deadline",
            CloseReason::SignInDeadline => "sign_in_deadline",
            CloseReason::FrameDeadline => "frame_deadline",
            CloseReason::Idle => "idle",
            CloseReason::Stalled => "stalled",
            CloseReason::TakenOver => "taken_over",
            CloseReason::Blocked => "blocked",
            CloseReason::PasswordReset => "password_reset",
            CloseReason::HoldEnded => "hold_ended",
            CloseReason::Measured => "measured",
            CloseReason::Shutdown => "shutdown",
            CloseReason::Refused => "refused",
        }
    }
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing came yet, or nothing within TLS.
    Sniffing,
    /// It speaks TLS, and we do not understand each other yet.
    Handshaking,
    /// It speaks frames.
    Native,
    /// Decided to close; the last bytes are on their way.
    Flushing,
    /// Our side is shut down; what comes is discarded.
    Lingering,
    /// Nothing more happens; `reap` frees it.
    Dead,
}

/// What a connection's first byte says that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// TLS: a handshake record.
    Tls,
    /// Frames, or what will be told that it should.
    Frames,
}

impl Speaks {
    /// Every protocol of the port has its first byte here.
    pub fn from_first_byte(byte: u8) -> Speaks {
        if byte == 0x16 { Speaks::Tls } else { Speaks::Frames }
    }
}

/// Who is there, for the connection's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not signed in: it has until the sign-in deadline.
    SignIn,
    /// Signed in and confirming: it has to show signs of life.
    Idle,
    /// Signed in, not confirming: TCP keepalive looks after it.
    Keepalive,
    /// The operator's: as a session that confirms.
    Operator,
    /// The operator's while a backup is made, which has a deadline of its own.
    Backup,
    /// A monitor's: it asks at once, or not at all.
    Monitor,
}

/// No moment: an `Option` of one would make every connection eight bytes larger.
const NEVER: Moment = Moment(u64::MAX);

/// The machine of one peer.
pub struct Connection {
    /// See `ConnId`.
    pub generation: u32,
    /// Where it is in its life.
    pub stage: Stage,
    /// Why it closes; set once.
    pub reason: Option<CloseReason>,
    /// Bytes that came and were not served yet.
    pub received: ReceiveBuffer,
    /// Bytes to be sent; under TLS not sealed yet, or not gone yet.
    pub send: SendBuffer,
    /// Spoken over TLS. In a box: those who speak in plaintext pay no more than its place.
    pub tls: Option<Box<Tls>>,
    /// A password hash is under way: no frame is served until it is done.
    pub awaits_hash: bool,
    /// The peer sends no more; what it sent is served, then it closes.
    pub peer_finished: bool,
    /// It stands in the tick's list of connections that something happened to.
    pub touched: bool,
    /// Over its rate: no frame is served before this.
    pub paced_until: Option<Moment>,
    /// Who is there, for the log and the limits by address.
    pub peer: IpAddr,
    /// How long it may be silent.
    patience: Patience,
    /// The send buffer was above its high mark and is not below the low one yet.
    backed_up: bool,
    lingered_bytes: u32,
    /// What its stage and its patience count from: when it was accepted or signed out; while it
    /// confirms, its last frame; while it closes, when it began to flush or to linger.
    since: Moment,
    /// When the frame or the handshake that the peer owes us the rest of began; see [`NEVER`].
    begun: Moment,
    /// When the kernel last took bytes, or when there began to be any.
    last_progress: Moment,
}

/// What a deadline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Not yet: look again then.
    Later(Moment),
    /// No deadline at all.
    Never,
    /// The rate allows the next frame.
    GoOn,
    /// Close for this reason.
    Close(CloseReason),
    /// The last bytes were not taken in time, or the peer lingers: let it go.
    Drop,
}

impl Connection {
    /// A connection just accepted.
    pub fn new(generation: u32, peer: IpAddr, now: Moment) -> Connection {
        Connection {
            generation,
            stage: Stage::Sniffing,
            reason: None,
            received: ReceiveBuffer::default(),
            send: SendBuffer::default(),
            tls: None,
            awaits_hash: false,
            peer_finished: false,
            touched: false,
            paced_until: None,
            peer,
            patience: Patience::SignIn,
            backed_up: false,
            lingered_bytes: 0,
            since: now,
            begun: NEVER,
            last_progress: now,
        }
    }

    /// A connection just accepted at another door than the network's. Nobody signs in there: it
    /// has to show signs of life.
    pub fn inside(generation: u32, door: Door, now: Moment) -> Connection {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let patience = match door {
            Door::Front => Patience::SignIn,
            Door::Control => Patience::Operator,
            Door::Metrics => Patience::Monitor,
        };
        Connection { patience, ..Connection::new(generation, peer, now) }
    }

    /// Through which door it came.
    pub fn door(&self) -> Door {
        match self.patience {
            Patience::SignIn | Patience::Idle | Patience::Keepalive => Door::Front,
            Patience::Operator | Patience::Backup => Door::Control,
            Patience::Monitor => Door::Metrics,
        }
    }

    /// Whether frames are read and served at all.
    pub fn is_serving(&self) -> bool {
        matches!(self.stage, Stage::Sniffing | Stage::Handshaking | Stage::Native)
    }

    /// Whether a frame may be served now. A pause ends without a new edge: whoever ends it puts
    /// the connection on the ready list.
    pub fn may_be_served(&self) -> bool {
        self.is_serving() && !self.awaits_hash && self.paced_until.is_none() && !self.backed_up
    }

    /// Whether a push may be appended: a slow reader goes on from the log instead.
    pub fn may_be_fed(&self) -> bool {
        self.is_serving() && !self.backed_up
    }

    /// The checkpoints are held for it, which has a deadline of its own; or no longer.
    pub fn holds_checkpoints(&mut self, holds: bool, now: Moment) {
        self.patience = if holds { Patience::Backup } else { Patience::Operator };
        self.since = now;
    }

    /// A session began.
    pub fn signed_in(&mut self, acks: bool, now: Moment) {
        self.patience = if acks { Patience::Idle } else { Patience::Keepalive };
        self.since = now;
    }

    /// The session ended: the peer has as long as a new one to sign in again.
    pub fn signed_out(&mut self, now: Moment) {
        self.patience = Patience::SignIn;
        self.since = now;
    }

    /// Whole frames came; perhaps in front of an error that it died of, and stays dead of.
    pub fn frames_came(&mut self, now: Moment) {
        if !self.is_serving() {
            return;
        }
        self.stage = Stage::Native;
        self.begun = NEVER;
        if matches!(self.patience, Patience::Idle | Patience::Operator) {
            self.since = now;
        }
    }

    /// Whether what is kept is the beginning of a frame whose rest the peer owes us. A frame
    /// that waits for us, because the connection is paused, is not held against the peer.
    pub fn frame_is_begun(&mut self, begun: bool, now: Moment) {
        if Mutant::FrameTimeRenewed.is_on() {
            self.begun = NEVER;
        }
        self.begun = if begun { self.begun.min(now) } else { NEVER };
    }

    fn begun(&self) -> Option<Moment> {
        (self.begun != NEVER).then_some(self.begun)
    }

    /// Its first byte is TLS's.
    pub fn begin_tls(&mut self, tls: Tls, now: Moment) {
        self.tls = Some(Box::new(tls));
        self.stage = Stage::Handshaking;
        self.frame_is_begun(true, now);
    }

    /// The handshake is done: within TLS, the first byte tells again what it speaks.
    pub fn shook_hands(&mut self) {
        self.stage = Stage::Sniffing;
        self.begun = NEVER;
    }

    /// Appends whole frames to what is to be sent.
    pub fn append(
        &mut self,
        now: Moment,
        spare: &mut SpareBuffers,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.send.is_empty() {
            self.last_progress = now;
        }
        write(self.send.tail(spare));
        let is_high = self.send.len() > limits::SEND_HIGH_BYTES;
        self.backed_up |= is_high && !Mutant::HighMarkIgnored.is_on();
    }

    /// All send buffers together are full: this one is above its high mark with whatever it holds,
    /// until the kernel takes some of it.
    pub fn back_up(&mut self) {
        self.backed_up = true;
    }

    /// Everything that waits to be sent, sealed or not.
    pub fn unsent_bytes(&self) -> usize {
        self.send.len() + self.tls.as_ref().map_or(0, |tls| tls.unsent().len())
    }

    /// Whether something waits to be sent, the word that TLS ends among it.
    pub fn wants_write(&self) -> bool {
        match &self.tls {
            None => !self.send.is_empty(),
            Some(tls) => {
                let open = !tls.has_ended() && !tls.is_handshaking();
                let to_seal = open && (!self.send.is_empty() || self.stage == Stage::Flushing);
                to_seal || !tls.unsent().is_empty()
            }
        }
    }

    /// Under TLS: seals a record, if none is on its way.
    pub fn seal(&mut self, spare: &mut SpareBuffers) {
        let Some(tls) = &mut self.tls else { return };
        let mut sealed = tls.seal(self.send.unsent(), spare);
        if self.stage == Stage::Flushing && self.send.is_empty() {
            sealed = sealed.and_then(|()| tls.end(spare));
        }
        if let Err(fault) = sealed {
            log::debug!("nothing can be sealed: {}", fault.0);
            self.die(CloseReason::Tls);
        }
    }

    /// What the kernel is to be given next.
    pub fn to_write(&self) -> &[u8] {
        self.tls.as_ref().map_or(self.send.unsent(), |tls| tls.unsent())
    }

    /// The kernel took `bytes`. Returns how much plaintext has left with them.
    pub fn was_sent(&mut self, bytes: usize, now: Moment, spare: &mut SpareBuffers) -> usize {
        let plain = match &mut self.tls {
            None => bytes,
            Some(tls) => tls.was_sent(bytes, spare),
        };
        self.send.consume(plain, spare);
        self.backed_up &= self.unsent_bytes() >= limits::SEND_LOW_BYTES;
        self.last_progress = now;
        plain
    }

    /// Drops everything behind the frame that is being written, or sealed. Returns the number of
    /// bytes.
    pub fn drop_unbegun(&mut self, spare: &mut SpareBuffers) -> usize {
        let covered = self.tls.as_ref().map_or(0, |tls| tls.covered());
        self.send.drop_unbegun(covered, spare)
    }

    /// Decides to close. The first reason stands.
    pub fn close(&mut self, reason: CloseReason, now: Moment) {
        if self.is_serving() {
            self.stage = Stage::Flushing;
            self.reason = Some(reason);
            self.since = now;
            self.received.clear();
        }
    }

    /// Our side was shut down: what still comes is discarded.
    pub fn linger(&mut self, now: Moment) {
        self.stage = Stage::Lingering;
        self.since = now;
    }

    /// Bytes came that nobody wants. True once it is enough.
    pub fn discard(&mut self, bytes: usize) -> bool {
        self.lingered_bytes = self.lingered_bytes.saturating_add(bytes as u32);
        self.lingered_bytes as usize > limits::LINGER_BYTES_MAX
    }

    /// Ends at once: nothing can be sent any more.
    pub fn die(&mut self, reason: CloseReason) {
        self.reason.get_or_insert(reason);
        self.stage = Stage::Dead;
        self.received.clear();
    }

    /// What the connection's deadlines ask for at `now` (P23).
    pub fn due(&self, now: Moment, settings: &limits::Limits) -> Due {
        let seconds = Duration::from_secs;
        match self.stage {
            Stage::Dead => Due::Never,
            Stage::Flushing => self.drop_at(seconds(limits::FLUSH_SECONDS_MAX), now),
            Stage::Lingering => self.drop_at(seconds(limits::LINGER_SECONDS_MAX), now),
            Stage::Sniffing | Stage::Handshaking | Stage::Native => {
                let mut next: Option<Moment> = None;
                for (at, verdict) in self.deadlines(settings).into_iter().flatten() {
                    if at <= now {
                        return verdict;
                    }
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
                next.map_or(Due::Never, Due::Later)
            }
        }
    }

    fn drop_at(&self, span: Duration, now: Moment) -> Due {
        let at = self.since.after(span);
        if at <= now { Due::Drop } else { Due::Later(at) }
    }

    /// Every deadline of a serving connection, and what it asks for.
    fn deadlines(&self, settings: &limits::Limits) -> [Option<(Moment, Due)>; 4] {
        let limit = |since: Moment, seconds: u64, reason| {
            (seconds > 0).then(|| (since.after(Duration::from_secs(seconds)), Due::Close(reason)))
        };
        let life = match self.patience {
            Patience::SignIn => {
                limit(self.since, settings.signin_seconds, CloseReason::SignInDeadline)
            }
            Patience::Idle | Patience::Operator => {
                limit(self.since, settings.idle_seconds, CloseReason::Idle)
            }
            Patience::Monitor => {
                limit(self.since, limits::FRAME_SECONDS_MAX, CloseReason::FrameDeadline)
            }
            Patience::Keepalive | Patience::Backup => None,
        };
        let (seconds, late) = match self.stage {
            Stage::Handshaking => (limits::HANDSHAKE_SECONDS_MAX, CloseReason::HandshakeDeadline),
            _ => (limits::FRAME_SECONDS_MAX, CloseReason::FrameDeadline),
        };
        let frame = self.begun().and_then(|begun| limit(begun, seconds, late));
        let stall = (!self.send.is_empty())
            .then(|| limit(self.last_progress, settings.idle_seconds, CloseReason::Stalled))
            .flatten();
        [life, frame, stall, self.paced_until.map(|until| (until, Due::GoOn))]
    }
}

/// A million idle connections are a million of these (P20).
const _: () = assert!(std::mem::size_of::<Connection>() <= 128);

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(0, IpAddr::V4(Ipv4Addr::LOCALHOST), Moment(0))
    }

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn p23_a_connection_that_does_not_sign_in_ends_whatever_it_sends() {
        let settings = limits::Limits::default();
        let mut conn = connection();
        assert_eq!(conn.due(at(0), &settings), Due::Later(at(180)));
        conn.frames_came(at(179));
        assert_eq!(conn.due(at(180), &settings), Due::Close(CloseReason::SignInDeadline));
    }

    #[test]
    fn p23_a_frame_completes_in_time_or_the_connection_ends() {
        let settings = limits::Limits::default();
        let mut conn = connection();
        conn.frame_is_begun(true, at(1));
        conn.frame_is_begun(true, at(9));
        assert_eq!(conn.due(at(9), &settings), Due::Later(at(16)));
        assert_eq!(conn.due(at(16), &settings), Due::Close(CloseReason::FrameDeadline));
        conn.frame_is_begun(false, at(16));
        assert_eq!(conn.due(at(16), &settings), Due::Later(at(180)));
    }

    #[test]
    fn p20_backed_up_it_rests_until_the_kernel_takes_something() {
        let mut conn = connection();
        let mut spare = SpareBuffers::default();
        conn.append(at(1), &mut spare, |out| out.extend_from_slice(&[0; 100]));
        assert!(conn.may_be_fed() && conn.may_be_served());
        conn.back_up();
        assert!(!conn.may_be_fed() && !conn.may_be_served());
        conn.was_sent(1, at(2), &mut spare);
        assert!(conn.may_be_fed() && conn.may_be_served());
    }

    #[test]
    fn p24_frames_in_front_of_an_error_revive_nobody() {
        let mut conn = connection();
        conn.die(CloseReason::Io);
        conn.frames_came(at(1));
        assert_eq!(conn.stage, Stage::Dead);
    }

    #[test]
    fn a_closing_connection_flushes_then_lingers_then_goes() {
        let settings = limits::Limits::default();
        let mut conn = connection();
        conn.close(CloseReason::Protocol, at(1));
        conn.close(CloseReason::Idle, at(2));
        assert_eq!(conn.reason, Some(CloseReason::Protocol));
        assert_eq!(conn.due(at(2), &settings), Due::Later(at(6)));
        assert_eq!(conn.due(at(6), &settings), Due::Drop);
        conn.linger(at(3));
        assert_eq!(conn.due(at(4), &settings), Due::Later(at(5)));
        assert!(!conn.discard(limits::LINGER_BYTES_MAX));
        assert!(conn.discard(1));
    }
}
