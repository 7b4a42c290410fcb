//! The two sources of what may be told: [`Committed`], which only a COMMIT makes, and [`Reads`],
//! which is lent only while no transaction is open. Whoever puts a stored fact into a send buffer
//! takes one of them, so a fact that may still be rolled back cannot get there (P2).

use super::{Page, Reader, Result, Store};
use crate::id::{Seq, UserId};

/// What a transaction staged, after its COMMIT returned.
#[derive(Debug)]
pub struct Committed<T>(pub(super) T);

impl<T> Committed<T> {
    /// What was staged.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// The store as the last COMMIT left it. It borrows the store, so no transaction can begin while
/// it is there.
#[derive(Clone, Copy)]
pub struct Reads<'a>(&'a Store);

impl Store {
    /// Lends the committed rows to be read for pushing: pages, presence, a monitor's figures.
    pub fn reads(&self) -> Reads<'_> {
        assert!(!self.in_transaction, "only what is committed is read for pushing");
        Reads(self)
    }
}

impl Reads<'_> {
    /// The last seq that was given.
    pub fn head(self) -> Seq {
        self.0.head()
    }

    /// As [`Store::page`].
    ///
    /// # Errors
    /// SQLite failed.
    pub fn page(self, reader: UserId, after: Seq, rows: usize) -> Result<Page> {
        self.0.written_page(reader, after, rows)
    }

    /// As [`Store::username`].
    ///
    /// # Errors
    /// SQLite failed.
    pub fn username(self, user: UserId) -> Result<Option<String>> {
        self.0.username(user)
    }

    /// As [`Store::friends_page`].
    ///
    /// # Errors
    /// SQLite failed.
    pub fn friends_page(
        self,
        user: UserId,
        after: UserId,
        rows: usize,
    ) -> Result<Vec<(UserId, String)>> {
        self.0.friends_page(user, after, rows)
    }

    /// As [`Store::readers_page`].
    ///
    /// # Errors
    /// SQLite failed.
    pub fn readers_page(self, after: UserId, rows: usize) -> Result<Vec<Reader>> {
        self.0.readers_page(after, rows)
    }
}
