//! Transactions beside the one of a tick.

use super::fatal::{Fatal, fatal};
use crate::store::{Store, StoreError};

/// Does some work on the store in a transaction of its own, when no tick's is open. `None`: there
/// was no room for it, and nothing of it has happened.
pub(super) fn apart<T>(
    store: &mut Store,
    work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
) -> Result<Option<T>, Fatal> {
    store.begin().map_err(fatal)?;
    match work(store).and_then(|done| store.commit(done)) {
        Ok(done) => Ok(Some(done.into_inner())),
        Err(StoreError::Broken(why)) => Err(Fatal(why)),
        Err(_) => roll_back(store).map(|()| None),
    }
}

/// Ends the transaction, if a COMMIT that failed has not ended it already.
pub(super) fn roll_back(store: &mut Store) -> Result<(), Fatal> {
    if store.in_transaction() { store.rollback().map_err(fatal) } else { Ok(()) }
}
