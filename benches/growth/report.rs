//! What was found: the table, and how long the ticks of all servers took.

use hdrhistogram::Histogram;
use p2sp_bench::Outcome;
use p2sp_bench::edge::server::{SimulatedServer, tick_times};
use p2sp_bench::table::{Row, Table};

use super::scale::Scale;

/// A tick, but for one in a thousand, takes no longer than this, in microseconds.
const LAG_MICROS_MAX: u64 = 50_000;

/// The findings so far.
pub struct Report {
    /// The lines.
    pub table: Table,
    ticks: Histogram<u64>,
    busy: Histogram<u64>,
}

impl Report {
    /// Nothing found yet.
    pub fn new() -> Outcome<Report> {
        Ok(Report { table: Table::default(), ticks: tick_times()?, busy: tick_times()? })
    }

    /// A server is done: its ticks count.
    pub fn note_ticks(&mut self, server: &SimulatedServer) -> Outcome<()> {
        self.ticks.add(&server.ticks)?;
        Ok(self.busy.add(&server.busy)?)
    }

    /// Everything, as text.
    pub fn finish(mut self, scale: &Scale) -> String {
        let lag = self.ticks.value_at_quantile(0.999);
        let busy = self.busy.value_at_quantile(0.999);
        let [lag_ms, longest, busy] =
            [lag, self.ticks.max(), busy].map(|micros| micros as f64 / 1_000.0);
        let value = format!(
            "p99.9 {lag_ms:.1} ms, longest {longest:.1} ms; on the processor p99.9 {busy:.1} ms"
        );
        let what = format!("loop lag: {} ticks of all of the above", self.ticks.len());
        let row = Row::told(what, value);
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
