//! Real connections: how fast they come, what they take, and that those who talk do not notice.
//!
//! Two servers stand side by side, one with a few sessions and one with all; pairs of either talk
//! in turn. Memory and the rate are those of the second half: the first has touched what all
//! share. The kernel's memory is what its slabs grew by: sockets, files, their names and their
//! places in the poll, of both ends; buffers of sockets that hold nothing are not there. Nothing
//! else should happen on the machine meanwhile.

use std::time::{Duration, Instant};

use p2sp_bench::Outcome;
use p2sp_bench::meter::{Memory, Sample};
use p2sp_bench::sizes::Population;
use p2sp_bench::table::{Row, Table, median};
use p2sp_bench::world::{Machine, World};

use super::counts::Counts;
use super::generator::{Generator, PAIRS};
use super::settings;

/// Sessions of the server that few are signed in to.
const FEW: usize = 64;
/// What a session may take of the server's memory, in bytes.
const SESSION_BYTES_MAX: f64 = 512.0;

/// A server and the processes that hold connections to it.
struct Hall {
    world: World,
    generators: Vec<Generator>,
}

/// Holds them, and lets a few of them talk.
pub fn measure(counts: &Counts, table: &mut Table) -> Outcome<()> {
    let machine = Machine::prepare(0)?;
    let count = counts.count.max(2 * FEW);
    let mut small = Hall::open(&machine, FEW)?;
    small.hold(FEW)?;
    let mut large = Hall::open(&machine, count)?;
    large.hold(count / 2)?;
    let before = large.memory()?;
    let began = Instant::now();
    large.hold(count)?;
    let took = began.elapsed().as_secs_f64();
    let after = large.memory()?;
    let added = count - count / 2;

    let processes = large.generators.len();
    let what = format!("{count} connections of {processes} process(es), signed in");
    table.add(Row::told(what, format!("{:.0} /s", added as f64 / took)));
    let each = Sample::of_memory(&before, &after, added);
    let bytes = each.value;
    let row = Row::told("server memory of each", format!("{bytes:.0} bytes"));
    table.add(row.wanted(format!("≤ {SESSION_BYTES_MAX}"), bytes <= SESSION_BYTES_MAX));
    let value = each.kernel.map_or("not told".into(), |bytes| format!("{bytes:.0} bytes"));
    table.add(Row::told("kernel memory of each (slabs, both ends)", value));
    compare(counts, [&mut small, &mut large], table)?;
    small.end()?;
    large.end()
}

/// Lets both halls talk, in turn.
fn compare(counts: &Counts, mut halls: [&mut Hall; 2], table: &mut Table) -> Outcome<()> {
    let mut runs = [Vec::new(), Vec::new()];
    for _ in 0..counts.runs {
        for (hall, runs) in halls.iter_mut().zip(&mut runs) {
            runs.push(hall.talk(counts.span())?);
        }
    }
    let names = [FEW, halls[1].world.users];
    let middle = |runs: &[Vec<f64>], column: usize| {
        median(runs.iter().filter_map(|run| run.get(column).copied()).collect())
    };
    for (column, quantile) in ["p50", "p99"].into_iter().enumerate() {
        let medians = runs.each_ref().map(|runs| middle(runs, column));
        for (index, (value, sessions)) in medians.into_iter().zip(names).enumerate() {
            let what = format!("{quantile} of {PAIRS} pairs, window 1, {sessions} sessions");
            let row = Row::told(what, format!("{:.2} ms", value / 1_000.0));
            table.add(if index == 0 { row } else { row.compared(value / medians[0]) });
        }
    }
    Ok(())
}

impl Hall {
    /// A server for so many users, who are friends two and two, and its generators.
    fn open(machine: &Machine, users: usize) -> Outcome<Hall> {
        let world = World::begin(machine, &Population { users, friends: true, group: false })?;
        let mut hall = Hall { world, generators: Vec::new() };
        for first in (0..users).step_by(share()) {
            let number = hall.generators.len();
            let generator =
                Generator::start(hall.world.address(0), settings::origin(number), first)?;
            hall.generators.push(generator);
        }
        Ok(hall)
    }

    /// Signs in the first so many users.
    fn hold(&mut self, users: usize) -> Outcome<()> {
        for (number, generator) in self.generators.iter_mut().enumerate() {
            generator.hold(users.saturating_sub(number * share()).min(share()))?;
        }
        self.generators.iter_mut().try_for_each(|generator| generator.answer().map(drop))
    }

    fn talk(&mut self, span: Duration) -> Outcome<Vec<f64>> {
        let first = self.generators.first_mut().ok_or("nobody is there")?;
        first.talk(span)?;
        first.answer()
    }

    fn memory(&self) -> Outcome<Memory> {
        Memory::at_rest(self.world.process())
    }

    fn end(self) -> Outcome<()> {
        drop(self.generators);
        self.world.end()
    }
}

/// Connections of one generator; an even number, so that no pair is torn apart.
fn share() -> usize {
    (settings::per_generator() / 2 * 2).max(2)
}
