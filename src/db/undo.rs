//! Facts that are kept in memory beside the database, and undone as it is.

/// A few facts as the statements so far left them, and as they were before.
#[derive(Debug, Default)]
pub struct Undoable<T> {
    /// As they are now.
    pub now: T,
    at_savepoint: T,
    at_begin: T,
}

impl<T: Copy> Undoable<T> {
    /// Facts that were read from the database.
    pub fn new(now: T) -> Undoable<T> {
        Undoable { now, at_savepoint: now, at_begin: now }
    }

    /// As they were when the transaction began.
    pub fn at_begin(&self) -> T {
        self.at_begin
    }

    /// A transaction begins.
    pub fn begin(&mut self) {
        self.at_begin = self.now;
    }

    /// A request begins.
    pub fn savepoint(&mut self) {
        self.at_savepoint = self.now;
    }

    /// The request is undone.
    pub fn undo_savepoint(&mut self) {
        self.now = self.at_savepoint;
    }

    /// The transaction is undone.
    pub fn rollback(&mut self) {
        self.now = self.at_begin;
    }
}
