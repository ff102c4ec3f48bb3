//! What came of requests with a key, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use http::Response;
use plimsoll_core::{Code, Result};

use super::REPLAYED;
use crate::{Body, telemetry::Page};

/// What came of a request with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was the first, and it was done.
    Executed,
    /// It came again, and was answered from the record or told that its answer was not kept.
    Replayed,
    /// What a service did for it is not known, now or when it came first.
    Unknown,
    /// Its key came before with another request.
    Mismatch,
    /// The first with its key still ran.
    InProgress,
}

impl Outcome {
    const ALL: [(Outcome, &'static str); 5] = [
        (Outcome::Executed, "executed"),
        (Outcome::Replayed, "replayed"),
        (Outcome::Unknown, "unknown"),
        (Outcome::Mismatch, "mismatch"),
        (Outcome::InProgress, "in_progress"),
    ];

    /// What an answer says; nothing where the key is still unused.
    fn of(answered: &Result<Response<Body>>) -> Option<Outcome> {
        match answered {
            Ok(answer) if answer.headers().contains_key(&REPLAYED) => Some(Outcome::Replayed),
            Ok(_) => Some(Outcome::Executed),
            Err(error) => match error.code() {
                Code::IdempotencyKeyReused => Some(Outcome::Mismatch),
                Code::IdempotencyInProgress => Some(Outcome::InProgress),
                Code::IdempotencyNotReplayable => Some(Outcome::Replayed),
                Code::OutcomeUnknown | Code::UpstreamFailed | Code::UpstreamTimeout => Some(Outcome::Unknown),
                Code::NotFound | Code::PreconditionFailed | Code::Internal => Some(Outcome::Executed),
                _ => None,
            },
        }
    }
}

/// Counters of requests with a key.
#[derive(Default)]
pub struct Tally([AtomicU64; Outcome::ALL.len()]);

impl Tally {
    /// Counts an answer.
    pub(super) fn answered(&self, answered: &Result<Response<Body>>) {
        if let Some(outcome) = Outcome::of(answered) {
            self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes them out.
    pub fn write(&self, page: &mut Page) {
        let name = "plimsoll_idempotency_total";
        page.family(name, "counter", "Requests with an Idempotency-Key, by what came of them.");
        for (outcome, word) in Outcome::ALL {
            page.sample(name, &[("outcome", word)], self.0[outcome as usize].load(Ordering::Relaxed));
        }
    }
}
