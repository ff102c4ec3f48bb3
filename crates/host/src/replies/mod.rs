//! Replies: answers that are kept, so that asking again costs less or does no harm.

pub mod cache;
pub mod idempotency;
