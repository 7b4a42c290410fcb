//! What was found: the table, and how long the ticks of all servers took.

use hdrhistogram::Histogram;

use super::Outcome;
use super::edge::house::House;
use super::edge::table::{Row, Table};
use super::scale::Scale;

/// A tick, but for one in a thousand, takes no longer than this, in microseconds.
const LAG_MICROS_MAX: u64 = 50_000;

/// The findings so far.
pub struct Report {
    /// The lines.
    pub table: Table,
    ticks: Histogram<u64>,
}

impl Report {
    /// Nothing found yet.
    pub fn new() -> Outcome<Report> {
        let ticks = Histogram::new_with_bounds(1, 60_000_000, 3)?;
        Ok(Report { table: Table::default(), ticks })
    }

    /// A server is done: its ticks count.
    pub fn note_ticks(&mut self, house: &House) -> Outcome<()> {
        Ok(self.ticks.add(&house.ticks)?)
    }

    /// Everything, as text.
    pub fn finish(mut self, scale: &Scale) -> String {
        let lag = self.ticks.value_at_quantile(0.999);
        let [p50, p999, longest] = [self.ticks.value_at_quantile(0.5), lag, self.ticks.max()]
            .map(|micros| micros as f64 / 1_000.0);
        let count = self.ticks.len();
        let value = format!(
            "p50 {p50:.1} ms, p99.9 {p999:.1} ms, longest {longest:.1} ms of {count} ticks"
        );
        let row = Row::told("loop lag: ticks of all of the above", value);
        self.table.add(row.wanted("p99.9 ≤ 50 ms", lag <= LAG_MICROS_MAX));
        let build =
            if cfg!(debug_assertions) { "debug build, numbers mean nothing" } else { "release" };
        let (version, runs, messages) = (env!("CARGO_PKG_VERSION"), scale.runs, scale.messages);
        format!(
            "p2sp {version}, {build}; simulated edge, real disk, synchronous=FULL; means of {runs} \
             run(s) of {messages} messages, processor time with all that is put off\n\n{}",
            self.table
        )
    }
}
