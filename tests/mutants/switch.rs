//! Which seeded bug is on. It stands only in the copy that `tests/mutants/main.rs` makes, as
//! `src/mutant.rs`: the word `MUTANT` of a patch becomes a call of [`is_on`].
//!
//! The switch is the thread's, so that tests of different bugs run side by side.

use std::cell::Cell;

thread_local! {
    static ON: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Switches a bug on in this thread, or all of them off.
pub fn switch(name: Option<&'static str>) {
    ON.set(name);
}

/// Whether that bug is on in this thread.
pub(crate) fn is_on(name: &str) -> bool {
    ON.get() == Some(name)
}
