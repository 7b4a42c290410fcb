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
    /// FrameSplit
    FrameSplit: 1,
    /// RetriesBehindResume
    RetriesBehindResume: 1,
    /// Takeover
    Takeover: 1,
    /// Ghost
    Ghost: 1,
    /// RefusedSaidAgain
    RefusedSaidAgain: 1,
    /// WrongKey
    WrongKey: 1,
    /// UserBlocked
    UserBlocked: 1,
    /// UserUnblocked
    UserUnblocked: 1,
    /// PushedAgain
    PushedAgain: 1,
    /// ShortRead
    ShortRead: 1,
    /// ShortWrite
    ShortWrite: 1,
    /// ReadBlocks
    ReadBlocks: 1,
    /// WriteBlocks
    WriteBlocks: 1,
    /// FalseAlarm
    FalseAlarm: 1,
    /// KilledAtWait
    KilledAtWait: 1,
    /// KilledInTransaction
    KilledInTransaction: 1,
    /// KilledAtAccept
    KilledAtAccept: 1,
    /// KilledAtRead
    KilledAtRead: 1,
    /// KilledBeforeServe
    KilledBeforeServe: 1,
    /// KilledAtHash
    KilledAtHash: 1,
    /// KilledAtWrite
    KilledAtWrite: 1,
    /// KilledAtShutdown
    KilledAtShutdown: 1,
    /// KilledAtClose
    KilledAtClose: 1,
    /// KilledWhileStopping
    KilledWhileStopping: 1,
    /// DeafReader
    DeafReader: 1,
    /// WrongPassword
    WrongPassword: 1,
    /// DeadKey
    DeadKey: 1,
    /// ForeignKey
    ForeignKey: 1,
    /// FalseAck
    FalseAck: 1,
    /// NoAdmin
    NoAdmin: 1,
    /// Flood
    Flood: 1,
    /// Garbage
    Garbage: 1,
    /// HalfFrame
    HalfFrame: 1,
    /// Cut
    Cut: 1,
    /// HalfClose
    HalfClose: 1,
    /// Stall
    Stall: 1,
    /// SmallWindow
    SmallWindow: 1,
    /// HashesHeld
    HashesHeld: 1,
    /// OutOfFiles
    OutOfFiles: 1,
    /// DiskLow
    DiskLow: 1,
    /// WallClockJump
    WallClockJump: 1,
    /// LongSilence
    LongSilence: 1,
    /// HashForNobody
    HashForNobody: 1,
    /// DiskFullOnce
    DiskFullOnce: 1,
    /// DiskFull
    DiskFull: 1,
    /// DiskFails
    DiskFails: 1,
    /// KilledInStore
    KilledInStore: 1,
    /// Stopped
    Stopped: 1,
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
