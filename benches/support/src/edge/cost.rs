//! What a message costs, under circumstances that are compared with one another.
//!
//! The mean of all runs and not their median: checkpoints and whatever else is done later fall
//! into some runs only, and belong to the cost.

use std::time::Duration;

use super::server::Spent;
use crate::table::{Row, Table};

/// A message may cost this much of what it costs under the first circumstances.
const FLAT_MAX: f64 = 1.15;

/// The cost under some circumstances.
pub struct Cost {
    circumstances: String,
    spent: Spent,
    messages: u64,
}

impl Cost {
    /// Nothing measured yet.
    pub fn new(circumstances: String) -> Cost {
        Cost { circumstances, spent: Spent::default(), messages: 0 }
    }

    /// A run.
    pub fn add(&mut self, spent: Spent, messages: u64) {
        self.spent.cpu += spent.cpu;
        self.spent.wall += spent.wall;
        self.messages += messages;
    }

    fn micros(&self, of: Duration) -> f64 {
        of.as_secs_f64() * 1e6 / self.messages as f64
    }
}

/// Adds a line for each; none may cost much more than the first.
pub fn compare<'a>(costs: impl IntoIterator<Item = &'a Cost>, table: &mut Table) {
    let mut first = None;
    for cost in costs {
        let [cpu, wall] = [cost.spent.cpu, cost.spent.wall].map(|time| cost.micros(time));
        let value = format!("{cpu:.2} µs a message (wall {wall:.1})");
        let row = Row::told(cost.circumstances.as_str(), value);
        table.add(match first {
            None => row,
            Some(first) => {
                let ratio = cpu / first;
                row.compared(ratio).wanted(format!("≤ {FLAT_MAX}"), ratio <= FLAT_MAX)
            }
        });
        first = first.or(Some(cpu));
    }
}
