//! A seeded simulation of the shipped loop: `EventLoop` over pipes and SQLite, a clock that is
//! turned, people who keep the book and people who lie, weather, and killed processes.
//!
//! ```text
//! choices ─► world ─► clients, liars, newcomers ─► scene ─► PipeNet ─► EventLoop ─► SQLite
//!            storm, calm                             │        └ weather              └ vfs faults
//!            killed, started again     streams ◄─────┘ every byte that was written
//!                                         └─► ledger ◄── snapshot: the files, as they are
//! ```
//!
//! A *stream* is a connection as the edge sees it. The *ledger* is the model: it knows what was
//! asked and answered, and reads the log from a copy of the files by plain SQL. From the notices
//! in it it follows who may see what, and asks nothing of the server's own code. In the *calm* at
//! the end all must be told to all.
//!
//! ```text
//! P1, P2      what was written to anybody is in the files: Scene::absorb, at every kill, too
//! P3          notices stand whole, tables say what the log says: check_whole, check_state
//! P4          what was refused is neither in the log nor done: check_right, check_tallies
//! P5, P7      one entry and one seq a `mid`, in the order of saying: acknowledged, overtake
//! P6          seqs grow, and no entry changes: read, check_unchanged
//! P8          each push goes on from the one before: Stream::pushed
//! P9, P10, P12, P16   each push is the next that its reader may see: check_session, check_history
//! P11         who spoke might, when it was committed: check_right
//! P13         cursors grow, and not past what was confirmed: signed_in, absorb, confirmed
//! P14, P15    all is shown once, within five seconds of calm: check_shown, World::calm
//! P17, P18    nothing behind an end, nothing for a dead key: Stream::revoke, scene/answers.rs
//! P19         lies are refused by the right code: Ask::Lie; every cell of it: gate/
//! P20         what waits for one peer: Scene::hear; the rest: transcripts, benches/hardship
//! P21         in the calm an answer takes what its rate allows; rounds: fairness.rs
//! P22, P23    no idle turns, deadlines hold: World::pass, check_deadlines
//! P24         every answer has its request, what comes late meets nobody: Stream::answered
//! P25         every start is one on what a kill left: World::come_back
//! P29         what was refused is counted: check_figures
//! ```
//!
//! P26 to P28 are not of the loop: `tests/real/startup.rs`, the unit tests, `corpus/`.

pub mod choices;
pub mod client;
pub mod coverage;
pub mod ledger;
pub mod liar;
pub mod newcomer;
pub mod scene;
pub mod snapshot;
pub mod stream;
pub mod trace;
pub mod weather;
pub mod world;

use choices::Choices;
pub use world::Report;

/// Steps of a world's storm.
pub const STEPS: usize = 150;

/// Lets the world of a seed go by.
///
/// # Errors
/// The first promise that is broken, and the command that shows it again.
pub fn run(seed: u64) -> Result<Report, String> {
    world::run(Choices::of_seed(seed), STEPS).map_err(|why| {
        format!(
            "seed {seed}: {why}\n    again: P2SP_SEED={seed} P2SP_TRACE=1 cargo test --test \
             simulation one_world -- --nocapture"
        )
    })
}

/// Lets the world go by that a fuzzer chose; it ends where the bytes do.
///
/// # Errors
/// The first promise that is broken.
pub fn run_bytes(bytes: &[u8]) -> Result<Report, String> {
    world::run(Choices::of_bytes(bytes), STEPS)
}
