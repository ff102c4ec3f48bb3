//! Why a model was refused.

use std::fmt;

/// A model that cannot be used: where in it, and one sentence that says what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    place: String,
    what: String,
}

impl ModelError {
    /// `place` names a part of the model ("tree 3, node 17", "byte 120"); empty means the whole.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    /// The same complaint, inside of something larger.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.place = if self.place.is_empty() { outer.to_owned() } else { format!("{outer}, {}", self.place) };
        self
    }

    /// The part of the model that is meant; empty for the whole.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => out.write_str(&self.what),
            place => write!(out, "{place}: {}", self.what),
        }
    }
}

impl std::error::Error for ModelError {}
