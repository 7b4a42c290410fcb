//! What was found: the table, and how long the ticks of all servers took.

use std::fmt::Write;

use hdrhistogram::Histogram;

use super::Outcome;
use super::edge::house::{House, Spent};
use super::edge::table::{Row, Table, median};
use super::scale::Scale;

/// A message may cost this much of what it costs where there is little.
const FLAT_MAX: f64 = 1.15;
/// A tick, but for one in a thousand, takes no longer than this, in microseconds.
const LAG_MICROS_MAX: u64 = 50_000;

/// The findings so far.
pub struct Report {
    /// The lines.
    pub table: Table,
    ticks: Histogram<u64>,
}

/// A line that is compared with others: the runs of one kind of talk.
pub struct Line {
    /// What was measured.
    pub what: String,
    /// Microseconds a message, on the processor and by the clock, of each run.
    runs: Vec<[f64; 2]>,
}

impl Line {
    /// Nothing measured yet.
    pub fn new(what: String) -> Line {
        Line { what, runs: Vec::new() }
    }

    /// A run.
    pub fn add(&mut self, spent: Spent, messages: u64) {
        let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / messages as f64;
        self.runs.push([micros(spent.cpu), micros(spent.wall)]);
    }

    fn medians(&self) -> [f64; 2] {
        [0, 1].map(|column| median(self.runs.iter().map(|run| run[column]).collect()))
    }
}

impl Report {
    /// Nothing found yet.
    pub fn new() -> Outcome<Report> {
        let ticks = Histogram::new_with_bounds(1, 60_000_000, 3)?;
        Ok(Report { table: Table::default(), ticks })
    }

    /// Lines of one kind: none may cost much more than the first.
    pub fn compare(&mut self, lines: &[Line]) {
        let first = lines.first().map_or(0.0, |line| line.medians()[0]);
        for (index, line) in lines.iter().enumerate() {
            let [cpu, wall] = line.medians();
            let value = format!("{cpu:.2} µs a message (wall {wall:.1})");
            let row = Row::told(line.what.as_str(), value);
            self.table.add(if index == 0 {
                row
            } else {
                let ratio = cpu / first;
                row.compared(ratio).wanted(format!("≤ {FLAT_MAX}"), ratio <= FLAT_MAX)
            });
        }
    }

    /// A server is done: its ticks count.
    pub fn note_ticks(&mut self, house: &House) -> Outcome<()> {
        Ok(self.ticks.add(&house.ticks)?)
    }

    /// Everything, as text.
    pub fn finish(mut self, scale: &Scale) -> String {
        let lag = self.ticks.value_at_quantile(0.999);
        let millis = |micros: u64| micros as f64 / 1_000.0;
        let value = format!(
            "p50 {:.1} ms, p99.9 {:.1} ms, longest {:.1} ms of {} ticks",
            millis(self.ticks.value_at_quantile(0.5)),
            millis(lag),
            millis(self.ticks.max()),
            self.ticks.len(),
        );
        let row = Row::told("loop lag: ticks of all of the above", value);
        self.table.add(row.wanted("p99.9 ≤ 50 ms", lag <= LAG_MICROS_MAX));
        let build =
            if cfg!(debug_assertions) { "debug build, numbers mean nothing" } else { "release" };
        let (version, runs, messages) = (env!("CARGO_PKG_VERSION"), scale.runs, scale.messages);
        let mut out = String::new();
        let _ = writeln!(
            out,
            "p2sp {version}, {build}; simulated edge, real disk, synchronous=FULL; medians of {runs} \
             run(s) of {messages} messages; processor time, with the checkpoint\n\n{}",
            self.table
        );
        out
    }
}
