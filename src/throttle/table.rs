//! Bounded tables whose changes of a tick can be undone, and counts within a window of time.

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

/// What undoes the changes of a tick.
pub(super) trait Undo {
    /// The tick stays: its changes cannot be undone any more.
    fn keep(&mut self);

    /// The tick runs again: all rows are as they were before it.
    fn rewind(&mut self);
}

/// Rows by their keys, as many as are allowed, and what they were before this tick.
#[derive(Debug)]
pub(super) struct Table<K, R> {
    pub(super) rows: HashMap<K, R>,
    before: Vec<(K, Option<R>)>,
}

impl<K: Clone + Eq + Hash, R: Row> Table<K, R> {
    pub(super) fn new() -> Table<K, R> {
        Table { rows: HashMap::new(), before: Vec::new() }
    }

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
}

impl<K: Clone + Eq + Hash, R: Row> Undo for Table<K, R> {
    fn keep(&mut self) {
        self.before.clear();
    }

    fn rewind(&mut self) {
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

/// Counts within a window of time.
#[derive(Debug)]
pub(super) struct Window<K> {
    span: Duration,
    pub(super) counts: Table<K, Count>,
}

impl<K: Copy + Eq + Hash> Window<K> {
    pub(super) fn of_seconds(seconds: u64) -> Window<K> {
        Window { span: Duration::from_secs(seconds), counts: Table::new() }
    }

    pub(super) fn row(&self, key: K, now: Moment) -> Count {
        let row = self.counts.get(&key).unwrap_or_default();
        match now.since(row.begun) < self.span && row.count > 0 {
            true => row,
            false => Count { begun: now, count: 0, open: row.open },
        }
    }

    /// Fails with the seconds to wait if there are `limit` events, those under way counted.
    pub(super) fn check(&self, key: K, limit: u64, now: Moment) -> Result<(), u64> {
        let row = self.row(key, now);
        match limit {
            0 => Ok(()),
            _ if row.count >= limit => Err(seconds_up(self.span - now.since(row.begun))),
            _ if row.count + row.open >= limit => Err(1),
            _ => Ok(()),
        }
    }

    pub(super) fn count(&mut self, key: K, now: Moment) {
        let row = self.row(key, now);
        self.counts.set(key, Count { count: row.count + 1, ..row });
    }

    /// Counts an event; fails with the seconds to wait if there are `limit` already.
    pub(super) fn take(&mut self, key: K, limit: u64, now: Moment) -> Result<(), u64> {
        self.check(key, limit, now)?;
        self.count(key, now);
        Ok(())
    }

    /// Takes an event back.
    pub(super) fn give_back(&mut self, key: K, now: Moment) {
        let row = self.row(key, now);
        self.counts.set(key, Count { count: row.count.saturating_sub(1), ..row });
    }

    /// An attempt begins, which may become an event.
    pub(super) fn open(&mut self, key: K, now: Moment) {
        let row = self.row(key, now);
        self.counts.set(key, Count { open: row.open + 1, ..row });
    }

    /// An attempt ends, and is an event or not.
    pub(super) fn close(&mut self, key: K, is_event: bool, now: Moment) {
        let row = self.row(key, now);
        let (count, open) = (row.count + u64::from(is_event), row.open.saturating_sub(1));
        self.counts.set(key, Count { count, open, ..row });
    }
}

/// The seconds of a span, rounded up.
pub(super) fn seconds_up(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
