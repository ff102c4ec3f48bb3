//! What the host learned about an attempt of a job, seen from its end.

use std::time::Duration;

use plimsoll_core::{Code, JobId, RequestId, TenantId, Time};

use super::Trace;

/// An attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempted<'x> {
    /// When it ended, on the host's clock.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// The id of the attempt in logs.
    pub request: RequestId,
    /// The trace of the request that made the job, with a span of its own.
    pub trace: Trace,
    /// Whose job.
    pub tenant: TenantId,
    /// Which one.
    pub job: JobId,
    /// Its kind.
    pub kind: &'x str,
    /// The number of the attempt.
    pub attempt: u64,
    /// `done`, `failed`, `dead`, `cancelled`, `given_back`, `lost`.
    pub outcome: &'static str,
    /// Why it failed.
    pub code: Option<Code>,
}
