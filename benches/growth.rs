//! Growth: what a message costs does not depend on how much there is.
//!
//! ```text
//! log      10,000 … 10,000,000 messages        50 pairs, and 10,000 pairs in turn
//! users    1,000 and 1,000,000; then 100,000 idle connections beside
//! groups   of 10 … 10,000 members, nobody there: one row a message
//! late     somebody with 200 groups and 10,000 waiting messages signs in again and again
//! search   in one's own conversations, for what everybody says
//! mids     in no order, 1,000 … 1,000,000 of one sender
//! ```
//!
//! The shipped loop and server over a simulated edge (`edge`), with a real database on a real
//! disk, fully durable. Lines that are compared take turns, run by run, so that a slow minute of
//! the machine falls on all of them, and a line's ratio is to the first of its kind.
//!
//! The cost of a message is the processor time of the loop's thread, from the first byte until the
//! loop has come to rest: its share of writing cursors, of checkpoints and of whatever else is put
//! off is in it. It is what is judged, because it repeats within a few percent. Wall time, told in
//! brackets, waits for a disk that others use too.
//!
//! A missed target is a finding and no error. `--smoke` does all of it in a few seconds.
#![forbid(unsafe_code)]

#[path = "growth/groups.rs"]
mod groups;
#[path = "growth/late.rs"]
mod late;
#[path = "growth/logs.rs"]
mod logs;
#[path = "growth/mids.rs"]
mod mids;
#[path = "growth/people.rs"]
mod people;
#[path = "growth/report.rs"]
mod report;
#[path = "growth/scale.rs"]
mod scale;
#[path = "growth/search.rs"]
mod search;

use std::process::ExitCode;

use p2sp_bench::Outcome;

use report::Report;
use scale::{Part, Scale};

fn main() -> ExitCode {
    match run(&Scale::from_command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("growth: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(scale: &Scale) -> Outcome<()> {
    let mut report = Report::new()?;
    for part in scale.parts() {
        eprintln!("{part:?}");
        match part {
            Part::Log => logs::measure(scale, &mut report)?,
            Part::Users => people::measure(scale, &mut report)?,
            Part::Groups => groups::measure(scale, &mut report)?,
            Part::Late => late::measure(scale, &mut report)?,
            Part::Search => search::measure(scale, &mut report)?,
            Part::Mids => mids::measure(scale, &mut report)?,
        }
    }
    print!("{}", report.finish(scale));
    Ok(())
}
