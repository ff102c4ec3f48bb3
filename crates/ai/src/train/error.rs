//! What cannot be learnt from, and why.

use std::fmt;

/// Data or settings from which nothing can be learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    place: String,
    reason: String,
}

impl Error {
    pub(crate) fn new(place: impl Into<String>, reason: impl Into<String>) -> Error {
        Error { place: place.into(), reason: reason.into() }
    }

    /// Which argument or setting is at fault, such as `outcomes` or `learning_rate`.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for Error {}

/// What training gives, or why it gives nothing.
pub type Result<T> = std::result::Result<T, Error>;
