//! Transactions beside the one of a tick, and the failure that nothing can be refused for: our own
//! disk or poll failed, and the process must end without another reply (P4).

use std::io;

use crate::store::{Store, StoreError};

/// Why the process has to end at once.
#[derive(Debug)]
pub struct Fatal(pub String);

/// What it means that the store failed where nothing can be refused for it.
pub(super) fn fatal(error: StoreError) -> Fatal {
    Fatal(match error {
        StoreError::Broken(why) => why,
        StoreError::Full => "the disk is full".into(),
        StoreError::NoMemory => "out of memory".into(),
    })
}

impl From<io::Error> for Fatal {
    fn from(error: io::Error) -> Fatal {
        Fatal(format!("poll failed: {error}"))
    }
}

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
