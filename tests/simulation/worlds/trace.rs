//! What happened, as one number that two runs of a seed must have in common, and as lines to read
//! where somebody wants to.

/// The variable that asks for lines.
pub const TRACE: &str = "P2SP_TRACE";

/// A trace.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    lines: bool,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, lines: std::env::var_os(TRACE).is_some() }
    }
}

impl Trace {
    /// Something happened; the line is only made if it is read.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if self.lines {
            eprintln!("{}", line());
        }
    }

    /// These bytes went over the edge.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.number(u64::from(crc32fast::hash(bytes)));
    }

    /// A number that must be the same.
    pub fn number(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    /// All that happened.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}
