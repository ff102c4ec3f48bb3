//! What cannot be measured, and why.

use std::fmt;

/// A figure that has no meaning for what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    place: &'static str,
    reason: String,
}

impl Error {
    pub(crate) fn new(place: &'static str, reason: impl Into<String>) -> Error {
        Error { place, reason: reason.into() }
    }

    /// Which argument is at fault, such as `scores`.
    pub fn place(&self) -> &str {
        self.place
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for Error {}

/// What a measurement gives, or why it gives nothing.
pub type Result<T> = std::result::Result<T, Error>;
