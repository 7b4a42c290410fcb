//! What a COMMIT returned for. See also [`Reads`](super::Reads).

/// What a transaction staged, after its COMMIT returned: the licence to let it out. Only the store
/// makes one, so a fact that may still be rolled back cannot get into a send buffer (P2).
#[derive(Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    pub(super) fn new(staged: T) -> Committed<T> {
        Committed(staged)
    }

    /// What was staged.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}
