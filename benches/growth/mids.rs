//! One sender uses more and more `mid`s in no order. To find out that another is new, or that it
//! is a retry, costs what it cost among few.

use std::time::Instant;

use p2sp::id::{Conversation, UserId};
use p2sp::limits::WAL_PAGES_MAX;
use p2sp::store::{EntryKind, NewEntry, Store};
use p2sp_bench::Outcome;
use p2sp_bench::edge::data::{BODY, Data, Filling};
use p2sp_bench::table::{Row, median};

use super::report::Report;
use super::scale::Scale;

/// `mid`s that are looked for in one run.
const LOOKS: u64 = 1_000;
/// Messages of one transaction.
const ROWS: u64 = 4_096;

const SENDER: UserId = UserId(1);

/// Takes turns between the numbers.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let mut places = Vec::new();
    for count in scale.mids() {
        let data = Data::fill(&Filling { users: 2, friends: 2, ..Filling::default() })?;
        let mut store = data.open()?;
        say(&mut store, count)?;
        places.push((count, store, [Vec::new(), Vec::new()], data));
    }
    for _ in 0..scale.runs {
        for (count, store, micros, _) in &mut places {
            for is_used in [false, true] {
                let began = Instant::now();
                look(store, *count, is_used)?;
                let elapsed = began.elapsed().as_secs_f64() * 1e6 / LOOKS as f64;
                micros[usize::from(is_used)].push(elapsed);
            }
        }
    }
    for (is_used, what) in [(false, "a new mid"), (true, "a retry of any message")] {
        let mut first = None;
        for (count, _, micros, _) in &mut places {
            let micros = median(std::mem::take(&mut micros[usize::from(is_used)]));
            let ratio = micros / *first.get_or_insert(micros);
            let what = format!("look for {what} out of order, among {count} of its sender");
            report.table.add(Row::told(what, format!("{micros:.1} µs")).compared(ratio));
        }
    }
    Ok(())
}

/// Looks for `mid`s that were never used, or for some from the whole length of the log.
#[inline(never)] // so that a profiler can count what it costs
fn look(store: &mut Store, count: u64, is_used: bool) -> Outcome<()> {
    for look in 0..LOOKS {
        let number = if is_used { 1 + look * (count - 1) / LOOKS } else { count + look };
        if store.log_mut().find_mid(SENDER, &mid(number))?.is_some() != is_used {
            return Err("a mid was not found, or found and never used".into());
        }
    }
    Ok(())
}

/// The greatest comes first, so none of the others rises.
fn say(store: &mut Store, count: u64) -> Outcome<()> {
    for begin in (0..count).step_by(ROWS as usize) {
        store.begin()?;
        for number in begin..count.min(begin + ROWS) {
            let (conversation, kind) = (Conversation::Inbox(UserId(2)), EntryKind::Text);
            let mid = if number == 0 { "~".repeat(64) } else { mid(number) };
            let (sender, mid) = (Some(SENDER), Some(mid.as_str()));
            store.log_mut().append(&NewEntry {
                conversation,
                sender,
                unix: 1,
                kind,
                body: BODY,
                mid,
            })?;
        }
        store.commit(())?;
        // As the server does. Else each page that is read would be looked for in a write-ahead
        // log that holds everything.
        if store.wal_pages() >= WAL_PAGES_MAX {
            store.checkpoint()?;
        }
    }
    store.checkpoint()?;
    Ok(())
}

/// Numbers in no order.
fn mid(number: u64) -> String {
    format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
