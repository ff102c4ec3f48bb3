//! Requests that are accepted now and done later: `Prefer: respond-async` (RFC 7240).
//!
//! **Promises.** The caller of a changing request to a mounted service, or to a native route that
//! says so, may ask not to wait for it. The request is put into the log of jobs and answered 202
//! with the address of its job; where the preference was followed, `Preference-Applied` says so.
//! The job sends the request with an `Idempotency-Key` made from its own id, on behalf of the caller
//! as far as the caller is still allowed to: a native route takes effect once, a mounted service is
//! asked once. What is not known (the service broke off, the host died while it waited) is a dead
//! letter that says so and is not sent again by itself.
//!
//! **Does not promise** that the request carries everything: credentials and cookies end here, and
//! of the headers only those that say what the body is and what is wanted go along.

mod job;
mod layer;

pub use layer::{around, wants};

use super::Jobs;

/// The kind that does it.
pub(crate) fn declare(jobs: &mut Jobs<'_, ()>) {
    jobs.runs::<job::Request>();
}
