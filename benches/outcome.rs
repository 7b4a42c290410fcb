//! What a bench returns.

/// What everything here returns: a bench that cannot go on says why and ends.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
