//! People: their accounts, friends, groups, cursors and what they have read.
//!
//! ```text
//!   users ── sign in    friends ── write to each other    groups ── memberships
//!   cursors, receipts ── how far the log reached whom     quota ── what they had stored today
//!   addressees ── who is written to     readable ── what a reader may see of the log
//!   audit ── what administrators did
//! ```
//!
//! A file has the tables of one noun; each statement is a constant above the one function that runs
//! it. [`People`] is what is kept in memory; it holds no connection. The store lends it together
//! with the database, as [`PeopleRef`] to read and as [`PeopleMut`] to write: so the compiler sees
//! that nothing is written while it is read, and no lock is needed.
//!
//! This module knows seqs of the log, but not the log: the store lends it with the log's head,
//! where a membership begins and ends. It does not ask whether a user *may* do a thing: the
//! handlers do, before they write.

mod addressees;
mod audit;
mod cursors;
mod friends;
mod groups;
mod memberships;
mod quota;
mod readable;
mod receipts;
mod state;
mod usage;
mod user;
mod users;

use crate::db::{Result, Sql, numbered, unsigned};

pub use addressees::Addressee;
pub use audit::Act;
pub use cursors::{Reader, Waiting};
pub use groups::{Group, GroupStatus};
pub use memberships::{Ended, Member};
pub use readable::Readable;
pub use receipts::Receipts;
pub use state::{People, PeopleMut, PeopleRef};
pub use user::{KeyOwner, User};
