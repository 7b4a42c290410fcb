//! Facts that are kept in memory beside the database, and undone as it is.

/// What has become of the transaction, for all that is kept in memory beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It began.
    Begin,
    /// A request began within it.
    Savepoint,
    /// The request was undone.
    UndoSavepoint,
    /// All of it was undone.
    Rollback,
    /// It is committed.
    Commit,
}

/// A few facts as the statements so far left them, and as they were before.
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

    /// Keeps the facts, or takes back what was kept.
    pub fn follow(&mut self, step: Step) {
        match step {
            Step::Begin => self.at_begin = self.now,
            Step::Savepoint => self.at_savepoint = self.now,
            Step::UndoSavepoint => self.now = self.at_savepoint,
            Step::Rollback => self.now = self.at_begin,
            Step::Commit => {}
        }
    }
}
