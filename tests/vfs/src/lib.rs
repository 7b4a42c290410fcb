//! SQLite's own file system with two abilities that only tests want: it records, and it fails.
//!
//! [`install`] makes it the default of the process, so that `Store::open` runs over it unchanged.
//! It passes everything through until its thread asks for more, and what one thread asks for is
//! unknown to all others: tests that run beside each other do not meet here.
//!
//! ```text
//! fail(Fault { calls: &[Call::Sync], nth: 3, … })   the fourth sync from here on fails
//! fail(Fault { calls: ALL, lasting: true, … })      a kill -9 at the nth call: nothing reaches
//! …                                                 the files any more, not even by a close
//! let toll = heal();                                all is well again; what was seen and failed
//! freeze(true); drop(store); freeze(false);         a kill -9 here
//!
//! record(dir);    from here on, while nobody has a file of `dir` open
//! mark(7);        a point that the test names, and its place in the journal
//! let journal = stop();
//! Disk::new(&journal).run_to(op).image(&mut rng)    … the files as a power cut there leaves them
//! ```
//!
//! This is the only unsafe code of the project, and it is all in `shim`.

mod control;
mod disk;
mod journal;
mod memory;
mod shim;
#[cfg(test)]
mod tests;

pub use control::{ALL, Call, Failure, Fault, Toll, fail, freeze, heal, mark, record, stop};
pub use disk::{Disk, Image};
pub use journal::{Journal, Op};
pub use memory::{keep, read, release, remove, size, write};
pub use shim::{SOUND, install};
