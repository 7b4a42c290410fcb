//! The message log: the only queue. A message is appended to it once, whatever the number of its
//! readers; a reader who is behind reads pages of it.
//!
//! ```text
//!   append ─► rows of this transaction ─► table `log` ─► pruned, when they are too old
//!                │                           ├─ tail: the newest slices, in memory
//!                └─ mids: is this a retry?   ├─ slices: where the older entries are, on disk
//!                                            └─ words: the full-text index, which trails the log
//!   page, history, search ◄─ LogRef
//! ```
//!
//! The table has no index, so an append costs the same however long the log is: where entries are
//! is kept by slices of 65,536 seqs, the newest in memory. All of that follows from the log.
//!
//! [`Log`] is what is kept in memory; it holds no connection. The store lends it together with the
//! database, as [`LogMut`] to write and as [`LogRef`] to read: so the compiler sees that nothing is
//! appended while it is read. In a transaction a [`LogRef`] comes from [`LogMut::read`] alone,
//! which first writes the rows that were appended.
//!
//! This module knows ids of users and groups, but not who they are: which conversations a reader
//! may see, and from where to where, is handed in.

mod append;
mod entry;
mod mid;
mod mid_filter;
mod mids;
mod page;
mod read;
mod retention;
mod sealing;
mod search;
mod slices;
mod state;
mod sweep;
mod tail;
mod tokens;
mod unwritten;
mod words;

use crate::db::{Result, Sql, numbered};

pub use entry::{Entry, EntryKind, GroupLabel, NewEntry};
pub use mid::{MidHasher, MidKey, is_greater, parts_of};
pub use mids::Posted;
pub use page::{Page, Part};
pub use retention::Gap;
pub use search::{Found, Membership, Memberships};
pub use state::{Log, LogMut, LogRef};
pub use tail::{BLOCK_BITS, SLICE_BITS};
pub use tokens::Wanted;
