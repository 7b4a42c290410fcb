//! Seeded bugs, one at a time, for the tests of the tests.
//!
//! A promise is only proven by a suite that fails when it is broken. So the places where a promise
//! is kept can be broken at run time, under the feature `mutants` that nothing but
//! `tests/mutants.rs` turns on: it switches on each mutant in turn and expects the simulation to
//! notice. Without the feature nothing can be switched on, which a constant below proves, so the
//! compiler drops every mutant from what is shipped.
//!
//! ```text
//! if Mutant::GateOpen.is_on() || admin { … }
//! ```
//!
//! A mutant is one plausible mistake in one place. The switch is the thread's, so that tests of
//! different mutants can run side by side. It knows nothing of what it breaks.

#[cfg(feature = "mutants")]
use std::cell::Cell;

macro_rules! mutants {
    ($($(#[doc = $what:literal])+ $name:ident = $promise:literal,)+) => {
        /// A seeded bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $what])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Mutant] = &[$(Mutant::$name,)+];

            /// The promise that it breaks.
            pub fn promise(self) -> &'static str {
                match self {
                    $(Mutant::$name => $promise,)+
                }
            }
        }
    };
}

mutants! {
    // --- commit ---
    /// A tick's COMMIT comes behind its writes.
    FlushBeforeCommit = "P2",
    /// A tick's effects are delivered whatever becomes of its COMMIT.
    EffectsBeforeCommit = "P2",
    /// Who was held in the transaction that was given up is held in the second walk, too.
    HoldOutlivesRollback = "P14",
    /// The second walk forgets what it served, and the next tick serves it again.
    SecondWalkForgotten = "P3",
    /// A database that is asked to sync every COMMIT syncs only checkpoints.
    NormalForFull = "P1",

    // --- the log ---
    /// The newest row is pruned before a start, and its seq is given once more.
    SeqReused = "P6",
    /// The newest requests of a connection are served first.
    SenderOrderSwapped = "P7",
    /// What was rolled back stays in the log's tail in memory.
    TailNotTruncated = "P3",
    /// A row of a sealed slice has lost its last entry.
    SliceLosesLast = "P9",
    /// A page of the log counts as the last one, however much stands behind it.
    PageIsLast = "P9",

    // --- `mid`s ---
    /// Who may write is asked before a retry is recognised.
    MidAfterMembership = "P5",
    /// Another content under a `mid` is answered as the first one was.
    MidReusedUnchecked = "P5",
    /// A start does not remember the `mid`s of the log's tail.
    MidsForgottenAtStart = "P5",

    // --- retention ---
    /// What is too old goes, whoever has not read it.
    PrunesUnread = "P16",
    /// A reader comes to where something is gone and is not told.
    GapUntold = "P16",

    // --- membership and rights ---
    /// A join is applied before what was said earlier in its tick.
    JoinsFirst = "P11",
    /// A membership begins one entry too early.
    JoinOffByOne = "P12",
    /// Who joins again sees what was said while they were away.
    RejoinShowsBetween = "P12",
    /// A reader who is online goes on reading a group that they left.
    LeaveNotApplied = "P12",
    /// Where a membership ended is not kept: who left never gets what they had not read.
    PastNotKept = "P9",
    /// A group is deleted before its members are told, so that only those online learn of it.
    DeletionUntold = "P12",
    /// Who was a friend may still write.
    FriendsRemembered = "P11",

    // --- delivery ---
    /// An entry is pushed past those that its reader still waits for.
    PushBypassesPump = "P8",
    /// The entry that found no room is skipped.
    SkipsWhatFoundNoRoom = "P9",
    /// `prev` is the seq before in the log, not the one pushed before.
    PrevFromLog = "P8",
    /// A sender is pushed their own message.
    PushedToSender = "P9",
    /// A reader who takes bytes again is not fed again.
    PumpForgotten = "P14",
    /// `caught_up` comes before what waited.
    CaughtUpTooEarly = "P9",

    // --- cursors ---
    /// An `ack` above what was pushed is believed.
    AckTooHighBelieved = "P13",
    /// A confirmation reaches to the head of the log, whatever was not sent yet.
    CursorPastSent = "P13",
    /// What is pushed counts as confirmed.
    PushConfirms = "P13",
    /// What was pushed counts as confirmed when the session ends.
    SignOutConfirms = "P13",
    /// A session begins at the cursor on disk, though a later one waits to be written.
    StaleCursor = "P13",

    // --- sessions ---
    /// The older session of a takeover is closed without a word.
    TakeoverUntold = "P17",
    /// The older session's connection stays open.
    OlderStaysOpen = "P17",
    /// The frame that is being written is cut off at a takeover.
    FrameCutOff = "P17",
    /// What waits in the older session's send buffer is still sent.
    OlderStillSent = "P17",
    /// A blocked user's session goes on.
    BlockedGoesOn = "P18",
    /// A blocked user may come back with their key.
    BlockedComesBack = "P18",
    /// A login key outlives its logout.
    LogoutKeepsKey = "P18",
    /// The session goes on under the key of the old password.
    PasswdKeepsKey = "P18",
    /// Any login key will do.
    KeyUnchecked = "P19",
    /// A member may call what only administrators may.
    GateOpen = "P19",

    // --- the loop ---
    /// An event or a completion for a dead connection meets the next one in its slot.
    NoGenerationCheck = "P24",
    /// A late password hash is taken for the one that the slot's next connection waits for.
    HashAdopted = "P24",
    /// What there is to read is forgotten while a connection is paused.
    ReadableLostOnPause = "P14",
    /// Frames that a pause kept from being served are dropped.
    PausedFramesLost = "P14",
    /// A short write counts as a full kernel.
    ShortWriteIsFull = "P14",
    /// An edge that says that there is room again is missed.
    WritableMissed = "P14",
    /// A deadline that came up early is not set anew.
    DeadlineNotSetAnew = "P23",
    /// Every byte gives a frame its whole time again.
    FrameTimeRenewed = "P23",
    /// A paused connection stays on the ready list.
    SpinsWhilePaused = "P22",
    /// A send buffer above its high mark is fed and served.
    HighMarkIgnored = "P20",
    /// A user has more stored in a day than the limit.
    QuotaIgnored = "P20",
    /// A tick that had no time for all is followed by one that begins in the same order.
    StopForgotten = "P21",
    /// Newcomers stand in line with everybody else.
    OneLineForAll = "P21",
    /// What is refused is not counted.
    RefusalUncounted = "P29",
}

#[cfg(feature = "mutants")]
thread_local! {
    static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
}

impl Mutant {
    /// Switches a mutant on in this thread, or all of them off.
    #[cfg(feature = "mutants")]
    pub fn switch(mutant: Option<Mutant>) {
        ON.set(mutant);
    }

    /// Whether this bug is in.
    #[cfg(feature = "mutants")]
    pub(crate) fn is_on(self) -> bool {
        ON.get() == Some(self)
    }

    /// Whether this bug is in: never.
    #[cfg(not(feature = "mutants"))]
    pub(crate) const fn is_on(self) -> bool {
        false
    }
}

/// What is shipped has no mutant: the compiler itself finds that none is ever on.
#[cfg(not(feature = "mutants"))]
const _: () = {
    let mut index = 0;
    while index < Mutant::ALL.len() {
        assert!(!Mutant::ALL[index].is_on());
        index += 1;
    }
};
