//! Our own disk or poll failed: the process must end without another reply (P4).

use std::io;

use crate::store::StoreError;

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
