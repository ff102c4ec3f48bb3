//! Errors with two faces.
//!
//! The public face is a code, one sentence for the caller and, for invalid input, every fault
//! with its pointer. The private face is the cause with its chain and the place in the source.
//! They never mix: only the public face is serialised, only the log sees the private one.

use std::{borrow::Cow, fmt, panic::Location};

use crate::Code;

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong: for the caller and, apart from that, for the log.
///
/// Deliberately not a `std::error::Error` itself: that allows `?` on every foreign error, which
/// becomes [`Code::Internal`] with the foreign error as its private cause.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    public: Cow<'static, str>,
    faults: Vec<Fault>,
    retry_after_seconds: Option<u32>,
    reason: Option<&'static str>,
    cause: Option<Cause>,
    at: &'static Location<'static>,
}

/// One broken rule in a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// JSON pointer into the body (`/title`, `/items/3/url`), or `?name` for a query parameter.
    pub pointer: String,
    /// What the rule is and how it was broken, in one sentence; never the value itself.
    pub detail: Cow<'static, str>,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Fault {
        Fault { pointer: pointer.into(), detail: detail.into() }
    }
}

impl Code {
    /// An error of this code with a sentence for the caller.
    #[track_caller]
    pub fn because(self, public: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Inner {
            code: self,
            public: public.into(),
            faults: Vec::new(),
            retry_after_seconds: None,
            reason: None,
            cause: None,
            at: Location::caller(),
        }))
    }

    /// An error of this code that says no more than its title.
    #[track_caller]
    pub fn error(self) -> Error {
        self.because(self.title())
    }
}

impl Error {
    /// Input that breaks rules; lists all of them. `faults` must not be empty.
    #[track_caller]
    pub fn invalid(faults: Vec<Fault>) -> Error {
        debug_assert!(!faults.is_empty(), "an invalid request has at least one fault");
        let public = match faults.len() {
            1 => faults[0].detail.clone(),
            many => Cow::Owned(format!("{many} rules are broken; see `errors`")),
        };
        let mut error = Code::Invalid.because(public);
        error.0.faults = faults;
        error
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }
    /// The sentence for the caller.
    pub fn public(&self) -> &str {
        &self.0.public
    }
    /// Every broken rule, when the input was invalid.
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }
    /// Seconds after which a repetition may succeed, where that is known.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.0.retry_after_seconds
    }
    /// The class of the reason, for logs, metrics and `WWW-Authenticate` (`expired`, `signature`).
    pub fn reason(&self) -> Option<&'static str> {
        self.0.reason
    }
    /// Where in the source the error was raised.
    pub fn at(&self) -> &'static Location<'static> {
        self.0.at
    }
    /// The private cause with its chain, for the log.
    pub fn cause(&self) -> Option<String> {
        let mut text = self.0.cause.as_ref()?.to_string();
        let mut next = self.0.cause.as_ref()?.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        Some(text)
    }

    /// The same error with these faults listed.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Error {
        self.0.faults = faults;
        self
    }
    /// The same error with its private cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Error {
        self.0.cause = Some(cause.into());
        self
    }
    /// The same error, saying when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Error {
        self.0.retry_after_seconds = Some(seconds);
        self
    }
    /// The same error with a reason class.
    #[must_use]
    pub fn reasoned(mut self, class: &'static str) -> Error {
        self.0.reason = Some(class);
        self
    }
    /// Puts `prefix` before every fault's pointer: an item of a list becomes `/items/3/title`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Error {
        for fault in &mut self.0.faults {
            fault.pointer.insert_str(0, prefix);
        }
        self
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(cause: E) -> Error {
        Code::Internal.error().caused_by(cause)
    }
}

/// The private view: for logs and test failures, never for callers.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) at {}", self.0.code.stable(), self.0.public, self.0.at)?;
        for fault in &self.0.faults {
            write!(f, "; {}: {}", fault.pointer, fault.detail)?;
        }
        match self.cause() {
            Some(cause) => write!(f, "; cause: {cause}"),
            None => Ok(()),
        }
    }
}

/// The public sentence.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_error_becomes_internal_and_stays_private() {
        fn fails() -> Result<i32> {
            Ok("x".parse::<i32>()?)
        }
        let error = fails().unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.to_string().contains("digit"), "the cause leaked: {error}");
        assert!(error.cause().unwrap().contains("digit"));
        assert!(error.at().file().ends_with("error.rs"));
    }

    #[test]
    fn faults_of_an_item_can_be_moved_under_their_list() {
        let error = Error::invalid(vec![Fault::at("/title", "is missing")]).under("/items/3");
        assert_eq!(error.faults()[0].pointer, "/items/3/title");
    }
}
