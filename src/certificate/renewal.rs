//! When the certificate is read again, and our own renewed.

use std::time::Duration;

use super::{Certificate, Source};
use crate::id::Moment;
use crate::limits::CERTIFICATE_LOOK_SECONDS;

/// How often it is looked whether our own certificate is to be renewed.
pub const LOOK_EVERY: Duration = Duration::from_secs(CERTIFICATE_LOOK_SECONDS);

/// The names and addresses that our own certificate is made for, as they are now.
pub type Names = Box<dyn Fn() -> super::Names>;

/// Where the certificate comes from, and the next look at it.
pub struct Renewal {
    source: Source,
    names: Names,
    /// When it is looked at next.
    pub look_at: Moment,
}

impl Renewal {
    /// The first look is a day from now: it was looked at at the start.
    pub fn new(source: Source, names: Names, now: Moment) -> Renewal {
        Renewal { source, names, look_at: now.after(LOOK_EVERY) }
    }

    /// Whether the time has come to renew our own certificate; it is looked once a day. The wall
    /// clock is in unix seconds.
    pub fn is_due(&mut self, now: Moment, unix: i64) -> bool {
        if now < self.look_at {
            return false;
        }
        self.look_at = now.after(LOOK_EVERY);
        self.source.is_due(&(self.names)().lasting, unix)
    }

    /// How long to wait at most, so that the next look is not missed.
    pub fn until_look(&self, now: Moment, timeout: Option<Duration>) -> Duration {
        let left = self.look_at.since(now) + Duration::from_micros(1);
        timeout.map_or(left, |timeout| timeout.min(left))
    }

    /// Reads the certificate, renewed if it should be.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn load(&self, unix: i64) -> Result<Certificate, String> {
        let loaded = self.source.load_or_make(&(self.names)(), unix);
        loaded.map_err(|fault| fault.to_string())
    }
}
