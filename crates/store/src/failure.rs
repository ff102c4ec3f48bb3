//! What went wrong in a database, in words that can be said to several callers at once.

use std::borrow::Cow;

use plimsoll_core::{Code, Error};

/// An error that can be handed to every caller of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    public: Cow<'static, str>,
    cause: String,
    retry: Option<u32>,
    reason: Option<&'static str>,
    /// Whether the connection is of no further use.
    pub(crate) lost: bool,
    /// Whether a table is missing.
    pub(crate) no_table: bool,
}

impl Failure {
    pub(crate) fn new(code: Code, public: impl Into<Cow<'static, str>>) -> Failure {
        Failure { code, public: public.into(), cause: String::new(), retry: None, reason: None, lost: false, no_table: false }
    }
    pub(crate) fn caused(mut self, cause: impl Into<String>) -> Failure {
        self.cause = cause.into();
        self
    }
    pub(crate) fn retry(mut self, seconds: u32) -> Failure {
        self.retry = Some(seconds);
        self
    }
    pub(crate) fn reason(mut self, class: &'static str) -> Failure {
        self.reason = Some(class);
        self
    }
    pub(crate) fn lost(mut self) -> Failure {
        self.lost = true;
        self
    }
    pub(crate) fn no_table(mut self) -> Failure {
        self.no_table = true;
        self
    }

    #[track_caller]
    pub(crate) fn error(&self) -> Error {
        let mut error = self.code.because(self.public.clone());
        if !self.cause.is_empty() {
            error = error.caused_by(self.cause.clone());
        }
        if let Some(seconds) = self.retry {
            error = error.retry_after(seconds);
        }
        match self.reason {
            Some(class) => error.reasoned(class),
            None => error,
        }
    }

    pub(crate) fn busy() -> Failure {
        Failure::new(Code::DatabaseBusy, "No database connection became free in time; try again in a moment.").retry(1)
    }
    pub(crate) fn closing() -> Failure {
        Failure::new(Code::Draining, "The server is stopping and takes no further work; try again in a moment.").retry(2)
    }
    pub(crate) fn full() -> Failure {
        Failure::new(Code::StorageFull, "The database has no room left; nothing of this change was kept. Free space, then try again.")
    }
    pub(crate) fn slow() -> Failure {
        Failure::new(Code::StatementTimeout, "A query ran longer than the limit and was stopped; ask for less at a time.").retry(1)
    }
    pub(crate) fn away() -> Failure {
        Failure::new(Code::DatabaseUnavailable, "The database does not answer; try again in a moment.").retry(2)
    }
    pub(crate) fn unknown_outcome() -> Failure {
        let sentence = "The database went away while the change was being made durable; it is not known whether the change was kept. \
                        Read before trying again.";
        Failure::new(Code::DatabaseUnavailable, sentence).retry(2)
    }
    pub(crate) fn conflict(reason: &'static str) -> Failure {
        let sentence =
            "The change conflicts with what is stored: a value that must be unique is taken, or a record it refers to is missing.";
        Failure::new(Code::Conflict, sentence).reason(reason)
    }
    pub(crate) fn invalid() -> Failure {
        Failure::new(Code::Invalid, "A value breaks a rule of the stored data; check the request against the API description.")
    }
    pub(crate) fn unmigrated() -> Failure {
        Failure::new(Code::SchemaMismatch, "The database has not been set up for this version. Run `migrate up`.")
    }
    pub(crate) fn internal() -> Failure {
        Failure::new(Code::Internal, Code::Internal.title())
    }
    /// For changes that did nothing wrong and were undone with a neighbour's.
    pub(crate) fn neighbour(cause: &Failure) -> Failure {
        if matches!(cause.code, Code::StorageFull | Code::DatabaseUnavailable) {
            return cause.clone();
        }
        Failure::new(Code::DatabaseBusy, "The change was undone together with another one that failed; nothing was kept. Try again.")
            .retry(1)
            .caused(format!("the transaction of the group ended: {}", cause.cause))
    }
}

/// What a panic said.
pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Error {
    let said = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Code::Internal.error().caused_by(format!("a transaction's closure panicked: {said}"))
}
