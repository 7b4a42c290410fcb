//! Why a request is refused. A refusal is an answer, and the connection goes on unless the code
//! says that it closes.

use super::Code;

/// Why a request is refused, and what the refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for programs.
    pub code: Code,
    /// What the refusal is about: an argument's name, a user's name; for the text. Never what
    /// a password or a key held.
    pub about: Option<String>,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal about something that the text names.
    pub fn about(code: Code, about: impl Into<String>) -> Refusal {
        Refusal { code, about: Some(about.into()), retry_after: None }
    }

    /// `slow_down`, to be tried again after so many seconds.
    pub fn slow_down(retry_after: u64) -> Refusal {
        Refusal { code: Code::SlowDown, about: None, retry_after: Some(retry_after) }
    }

    /// `quota_full`, likewise.
    pub fn quota_full(retry_after: u64) -> Refusal {
        Refusal { code: Code::QuotaFull, about: None, retry_after: Some(retry_after) }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        Refusal { code, about: None, retry_after: None }
    }
}
