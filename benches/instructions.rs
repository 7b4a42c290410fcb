//! Instructions: what the server executes for a message, a sign-in, a page of history, a search.
//!
//! ```text
//! this process              fills a database, and starts for each work
//! └ valgrind, callgrind     counts what is executed, once the work is warm, and sums it up
//!   └ this program again    the shipped loop and server over a simulated edge (`edge`)
//! ```
//!
//! Time on a shared machine is noise; the number of instructions is not. The server's clock is
//! stepped by the edge, so that each run does the same in the same ticks. A figure has all of a
//! tick but the kernel's share. The index of words and the sealing of slices are works of their
//! own, because a server does them later, at its own time. Valgrind's processor has no
//! instructions for SHA-256, so hashes cost what they cost on a machine without.
//!
//! ```text
//! cargo bench --bench instructions                     counts, and compares with instructions.txt
//! cargo bench --bench instructions -- send             only works whose names begin so
//! cargo bench --bench instructions -- --write          writes instructions.txt
//! cargo bench --bench instructions -- --budget send    which parts take the instructions
//! cargo test --bench instructions -- --count           the same in the build of the tests
//! ```
//!
//! In the build of the tests only the packages are optimised, and p2sp checks its assertions: its
//! own part of a figure is several times what it is in a release. It changes when the code changes,
//! so `.ci/run` compares these figures, and needs no other build.
//!
//! A work that takes 3 % more than its figure ends the bench with exit code 1. Without valgrind
//! (`apt-get install valgrind`) the bench says so, and counts nothing.
#![forbid(unsafe_code)]

#[path = "instructions/budget.rs"]
mod budget;
#[path = "instructions/callgrind.rs"]
mod callgrind;
#[path = "instructions/figures.rs"]
mod figures;
#[path = "instructions/works.rs"]
mod works;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use p2sp_bench::Outcome;
use p2sp_bench::edge::data::Data;

use callgrind::Run;
use figures::Figures;
use works::{WORKS, Work};

/// Counts the instructions of the server
#[derive(Parser)]
#[command(name = "instructions", bin_name = "instructions")]
struct Plan {
    /// Only works whose names begin with one of these
    works: Vec<String>,
    /// Write the figures into their file, instead of comparing them with it
    #[arg(long)]
    write: bool,
    /// Tell which parts of the server take the instructions
    #[arg(long)]
    budget: bool,
    /// Do it with the database there: what runs under callgrind
    #[arg(long, hide = true, value_name = "DIR")]
    inside: Option<PathBuf>,
    /// Count in a test run, too
    #[arg(long)]
    count: bool,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Plan::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("instructions: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Outcome<()> {
    let works: Vec<&'static Work> = WORKS.iter().filter(|work| plan.wants(work)).collect();
    if let Some(dir) = &plan.inside {
        return works.iter().try_for_each(|work| work.run(Data::of_another(dir.clone())));
    }
    if !plan.bench && !plan.count {
        // A test run (`cargo test --benches`): whether it works.
        return works.iter().try_for_each(|work| work.run(work.fill()?));
    }
    if callgrind::version().is_none() {
        println!("SKIPPED, nothing is counted: no valgrind (apt-get install valgrind)");
        return Ok(());
    }
    let mut figures = Figures::read()?;
    let mut too_much = Vec::new();
    // As many at a time as there are processors: what is counted is not time.
    for works in works.chunks(thread::available_parallelism()?.get()) {
        let runs: Vec<Run> = works.iter().map(|work| Run::begin(work)).collect::<Outcome<_>>()?;
        for run in runs {
            let work = run.work;
            let profile = run.profile()?;
            if plan.budget {
                println!("{}", budget::table(work, &profile)?);
                continue;
            }
            let took = budget::total(&profile)? / work.units;
            let ratio = figures.ratio(work, took);
            let compared = ratio.map_or("no figure".into(), |ratio| format!("× {ratio:.3}"));
            println!("{:<8}{took:>10}  {compared}  a {}", work.name, work.unit);
            if ratio.is_none_or(Figures::is_too_much) {
                too_much.push(work.name);
            }
            figures.put(work, took);
        }
    }
    if plan.budget { Ok(()) } else { judge(plan, &figures, &too_much) }
}

impl Plan {
    fn wants(&self, work: &Work) -> bool {
        let begins = |begin: &String| work.name.starts_with(begin.as_str());
        self.works.is_empty() || self.works.iter().any(begins)
    }
}

/// Writes the figures, or says whether a work took too much.
fn judge(plan: &Plan, figures: &Figures, too_much: &[&str]) -> Outcome<()> {
    if plan.write && !figures.are_of_here() && !plan.works.is_empty() {
        return Err("with another compiler, C library or valgrind all works are counted".into());
    }
    if plan.write {
        return figures.write();
    }
    if !figures.are_of_here() {
        println!("not judged: the figures are of another compiler, C library or valgrind");
        return Ok(());
    }
    match too_much {
        [] => Ok(()),
        names => Err(format!("without a figure, or 3 % above it: {}", names.join(", ")).into()),
    }
}
