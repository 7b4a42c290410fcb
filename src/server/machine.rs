//! What the server asks of the machine that it runs on. None of it is the loop's business, and none
//! of it may be slow.

use std::io;

use crate::certificate::Certificate;

/// The machine.
pub trait Machine {
    /// Bytes that the disk of the data directory has left.
    ///
    /// # Errors
    /// The file system does not say.
    fn disk_free(&mut self) -> io::Result<u64>;

    /// Reads the server's certificate again, at this time in unix seconds. Our own is renewed where
    /// it should be.
    ///
    /// # Errors
    /// It cannot be used, and why.
    fn certificate(&mut self, unix: i64) -> Result<Certificate, String>;

    /// Whether our own certificate is to be renewed.
    fn certificate_is_due(&mut self, _unix: i64) -> bool {
        false
    }
}

/// A machine with room for everything, and without a certificate.
impl Machine for () {
    fn disk_free(&mut self) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn certificate(&mut self, _: i64) -> Result<Certificate, String> {
        Err("there is none".into())
    }
}
