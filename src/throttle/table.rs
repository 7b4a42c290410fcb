//! Bounded tables whose changes of a tick can be undone, and what stands in their rows.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::id::Moment;
use crate::limits::THROTTLE_ROWS_MAX;

/// A row of a table.
pub(super) trait Row: Copy {
    /// When a table is full, rows with an earlier moment are removed first.
    fn moment(&self) -> Moment;

    /// Whether an attempt of the row is under way. Such a row is never removed: the attempt's end
    /// would not be counted.
    fn is_open(&self) -> bool;
}

/// The moment at which a bucket is full again.
impl Row for Moment {
    fn moment(&self) -> Moment {
        *self
    }

    fn is_open(&self) -> bool {
        false
    }
}

/// Rows by their keys, as many as are allowed, and what they were before this tick.
#[derive(Debug)]
pub(super) struct Table<K, R> {
    pub(super) rows: HashMap<K, R>,
    before: Vec<(K, Option<R>)>,
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Table<K, R> {
        Table { rows: HashMap::new(), before: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, R: Row> Table<K, R> {
    pub(super) fn get(&self, key: &K) -> Option<R> {
        self.rows.get(key).copied()
    }

    pub(super) fn set(&mut self, key: K, row: R) {
        if !self.rows.contains_key(&key) {
            make_room(&mut self.rows);
        }
        let before = self.rows.insert(key.clone(), row);
        self.before.push((key, before));
    }

    pub(super) fn forget(&mut self, key: K) {
        if let Some(row) = self.rows.remove(&key) {
            self.before.push((key, Some(row)));
        }
    }

    /// The tick stays: its changes cannot be undone any more.
    pub(super) fn keep(&mut self) {
        self.before.clear();
    }

    /// The tick runs again: all rows are as they were before it.
    pub(super) fn rewind(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

/// Removes the older half of a full table.
pub(super) fn make_room<K: Eq + Hash, R: Row>(rows: &mut HashMap<K, R>) {
    if rows.len() < THROTTLE_ROWS_MAX {
        return;
    }
    let mut ages: Vec<Moment> = rows.values().map(Row::moment).collect();
    let middle = ages.len() / 2;
    let (_, &mut median, _) = ages.select_nth_unstable(middle);
    rows.retain(|_, row| row.moment() > median || row.is_open());
}

/// Events within a span that begins with the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    begun: Moment,
    count: u64,
    /// Attempts under way: each counts as an event until its result is known.
    open: u64,
}

impl Row for Count {
    fn moment(&self) -> Moment {
        self.begun
    }

    fn is_open(&self) -> bool {
        self.open > 0
    }
}

impl Count {
    /// What is counted of the span now.
    fn within(self, span: Duration, now: Moment) -> Count {
        match now.since(self.begun) < span && self.count > 0 {
            true => self,
            false => Count { begun: now, count: 0, open: self.open },
        }
    }

    /// Fails with the seconds to wait if there are `limit` events, those under way counted; 0 is no
    /// limit.
    pub(super) fn check(self, span: Duration, limit: u64, now: Moment) -> Result<(), u64> {
        let Count { begun, count, open } = self.within(span, now);
        match limit {
            0 => Ok(()),
            _ if count >= limit => Err(seconds_up(span - now.since(begun))),
            _ if count + open >= limit => Err(1),
            _ => Ok(()),
        }
    }

    /// So many events and attempts under way more, or fewer.
    pub(super) fn add(self, (events, open): (i64, i64), span: Duration, now: Moment) -> Count {
        let before = self.within(span, now);
        Count {
            count: before.count.saturating_add_signed(events),
            open: before.open.saturating_add_signed(open),
            ..before
        }
    }
}

/// The seconds of a span, rounded up.
pub(super) fn seconds_up(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
