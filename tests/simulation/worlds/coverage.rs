//! What happened, by name: every kind of fault, and the rare states that faults lead to.
//!
//! A simulation in which nothing goes wrong proves nothing. Each name has a number of times that
//! it must have happened in a batch of so many seeds; [`Coverage::lacking`] tells which did not.

use std::cell::RefCell;
use std::rc::Rc;

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $name:ident: $times:literal,)+) => {
        /// Something that happens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Happening {
            $($(#[doc = $doc])+ $name,)+
        }

        /// Each with how often it must have happened in [`BATCH`] seeds.
        pub const HAPPENINGS: &[(Happening, u64)] = &[$((Happening::$name, $times),)+];
    };
}

/// The numbers of [`HAPPENINGS`] are those of so many seeds.
pub const BATCH: u64 = 256;

happenings! {
    /// A frame left in two pieces.
    FrameSplit: 5000,
    /// A connection was cut in the middle of one.
    CutInFrame: 40,
    /// What was not answered was said again in the segment of the `resume`.
    RetriesBehindResume: 100,
    /// What was refused was said again, under the same `mid`.
    RefusedSaidAgain: 200,
    /// What was answered before was answered again, with the same seq.
    RetryAnswered: 500,
    /// So was what its sender may not say any more.
    RetryOfTheFormer: 15,
    /// A user signed in on another connection.
    Takeover: 300,
    /// They confirmed on the older one in the same breath.
    AckBesideTakeover: 100,
    /// A session ended with pushes that its peer had not taken.
    EndedWhileBehind: 300,
    /// Something was asked for by a session that was over.
    Ghost: 8,
    /// A member went out of a group with messages of it not pushed to them yet.
    LeftWhileBehind: 3,
    /// What was not confirmed was pushed again.
    PushedAgain: 5000,
    /// A member was taken out of a group, and let in again behind something that was said.
    LetInAgain: 20,
    /// A send buffer was above its high mark.
    AboveHighMark: 30,
    /// A tick had no time for all that was asked.
    TickOutOfTime: 200,
    /// A slice of the log was full, and sealed.
    SliceSealed: 15,
    /// Somebody registered.
    Newcomer: 25,
    /// A user was blocked.
    UserBlocked: 40,
    /// A user was let in again.
    UserUnblocked: 80,
    /// A blocked user knocked.
    BlockedAtTheDoor: 5,
    /// A key had expired.
    KeyExpired: 15,
    /// `storage_full` was answered.
    StorageFull: 300,
    /// `mailbox_full` was.
    MailboxFull: 4,
    /// `quota_full` was.
    QuotaFull: 300,
    /// `slow_down` was.
    SlowDown: 2,
    /// `group_blocked` was.
    GroupBlocked: 150,
    /// `not_member` was.
    NotMember: 500,
    /// `no_such_group` was.
    NoSuchGroup: 500,
    /// A read brought only a piece.
    ShortRead: 3000,
    /// A write took only a piece.
    ShortWrite: 3000,
    /// A read blocked though there were bytes.
    ReadBlocks: 2000,
    /// A write blocked though there was room.
    WriteBlocks: 2000,
    /// An event came for nothing, some for connections that were gone.
    FalseAlarm: 2000,
    /// A connection was reset.
    Cut: 120,
    /// A peer sent no more, and listened.
    HalfClose: 60,
    /// A reader stopped reading, or went on.
    Stall: 100,
    /// A window became small.
    SmallWindow: 60,
    /// Nothing happened for long.
    LongSilence: 30,
    /// A session was ended by its deadline.
    EndedIdle: 30,
    /// So was a connection without one.
    EndedOutside: 15,
    /// The wall clock jumped.
    WallClockJump: 30,
    /// Descriptors ran out, or were there again.
    OutOfFiles: 30,
    /// The disk was nearly full, or was not any more.
    DiskLow: 30,
    /// A write found the disk full.
    DiskFullOnce: 6,
    /// All writes did, for a while.
    DiskFull: 6,
    /// SQLite met an I/O error.
    DiskFails: 8,
    /// Password hashes took for ever, or came at last.
    HashesHeld: 60,
    /// One came for a connection that was gone.
    HashForNobody: 5,
    /// The process was killed before it waited ….
    KilledAtWait: 4,
    /// … before it accepted.
    KilledAtAccept: 3,
    /// … before it read.
    KilledAtRead: 2,
    /// … before its transaction.
    KilledBeforeServe: 1,
    /// … in it.
    KilledInTransaction: 12,
    /// … in a call of SQLite.
    KilledInStore: 15,
    /// … behind its commit.
    KilledAtHash: 2,
    /// … before it wrote.
    KilledAtWrite: 20,
    /// … before it shut a connection down.
    KilledAtShutdown: 1,
    /// … before it let one go.
    KilledAtClose: 1,
    /// … while it drained.
    KilledWhileStopping: 4,
    /// What was committed was seen by nobody before the end.
    CommittedUnseen: 12,
    /// The server was asked to stop, and drained.
    Stopped: 30,
    /// A liar read nothing of what they were sent.
    DeafReader: 25,
    /// One asked for much at once.
    Flood: 60,
    /// One sent what is no frame.
    Garbage: 80,
    /// One sent half a frame.
    HalfFrame: 15,
    /// One confirmed what nobody was pushed.
    FalseAck: 20,
    /// One said something else under a `mid` that was used.
    MidReused: 10,
    /// One asked for what only administrators may.
    NoAdmin: 20,
    /// A session used a key that is not its own.
    WrongKey: 200,
    /// A wrong password was tried.
    WrongPassword: 60,
    /// A revoked key was tried.
    DeadKey: 30,
    /// Another's key was tried without a session.
    ForeignKey: 50,
}

/// Counts, shared by all who see something happen.
#[derive(Clone, Debug, Default)]
pub struct Coverage(Rc<RefCell<Counts>>);

/// How often each thing happened, in the order of [`HAPPENINGS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Counts {
        Counts(vec![0; HAPPENINGS.len()])
    }
}

impl Coverage {
    /// It happened.
    pub fn saw(&self, happening: Happening) {
        self.0.borrow_mut().0[happening as usize] += 1;
    }

    /// All that happened.
    pub fn counts(&self) -> Counts {
        self.0.borrow().clone()
    }
}

impl Counts {
    /// Adds what happened elsewhere.
    pub fn add(&mut self, more: &Counts) {
        for (count, more) in self.0.iter_mut().zip(&more.0) {
            *count += more;
        }
    }

    /// Each happening and how often it was.
    pub fn rows(&self) -> impl Iterator<Item = (Happening, u64)> {
        HAPPENINGS.iter().map(|(happening, _)| (*happening, self.0[*happening as usize]))
    }

    /// What did not happen often enough in so many seeds.
    pub fn lacking(&self, seeds: u64) -> Vec<String> {
        HAPPENINGS
            .iter()
            .filter(|(happening, least)| self.0[*happening as usize] * BATCH < least * seeds)
            .map(|(happening, least)| {
                let count = self.0[*happening as usize];
                format!("{happening:?}: {count} times in {seeds} seeds, not {least} in {BATCH}")
            })
            .collect()
    }
}
