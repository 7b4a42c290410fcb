//! The store: everything that outlives the process, in one SQLite file.
//!
//! It puts three parts together: the database ([`crate::db`]), the message log ([`crate::log`]) and
//! people ([`crate::people`]). It has the transaction, what needs both log and people (a membership
//! begins at a seq; a page shows what a reader may see), and the journey of the file itself: open,
//! upgrade, check, copy. One connection, opened for itself alone, and one transaction a tick:
//!
//! ```text
//! begin ─► (savepoint ─► reads and writes ─► release | rollback_to_savepoint)* ─► commit
//! ```
//!
//! [`Store::commit`] gives back what a tick staged as [`Committed`]; [`Store::reads`] lends what is
//! read for pushing. Stored facts reach a peer through these two alone (P2).
//!
//! The store asks no clock, draws no random number and knows no connection. It does not ask whether
//! a user *may* do a thing: the handlers do, before they write. A constraint that fails here is our
//! own mistake, and fatal.

mod check;
mod copy;
mod file;
mod memberships;
mod migrate;
mod open;
mod shape;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod transaction;
mod upgrade;

use crate::db::{Sql, numbered};

pub use crate::db::{Change, Result, Sink, StoreError};
pub use crate::log::{
    Entry, EntryKind, Found, Gap, GroupLabel, NewEntry, Page, Part, Posted, Wanted,
};
pub use crate::people::{
    Act, Addressee, Group, GroupStatus, KeyOwner, Member, Reader, Receipts, User, Waiting,
};
pub use check::{RULES, Violation, check_copy, check_in_place, look_in_place};
pub use copy::put_in_place;
pub use file::{DATABASE, OpenError, Synchronous};
pub use open::{COPY_BEFORE_UPGRADE, Opened, Opening};
pub use snapshot::{Reads, Snapshot};
pub use transaction::{Committed, Store};
