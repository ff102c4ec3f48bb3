//! The word that the breaker is told about one request.

use std::sync::{Arc, atomic::Ordering};

use super::{Guard, one_more};
use crate::upstream::breaker::{Ending, Ticket};

/// What will be said to the breaker about a request. Dropped without a word, it says nothing: the
/// caller has left.
pub struct Verdict {
    pub(super) guard: Arc<Guard>,
    pub(super) ticket: Option<Ticket>,
    pub(super) guarded: bool,
    pub(super) settled: bool,
    pub(super) head: Ending,
}

impl Verdict {
    /// Whether the request is a trial, which is not repeated.
    pub fn is_trial(&self) -> bool {
        self.ticket.is_some_and(Ticket::is_trial)
    }
    /// Notes how the head of the answer came, to be said when its body has ended.
    pub fn head_came(&mut self, ending: Ending) {
        self.head = ending;
    }
    /// Says that the body has ended as it should.
    pub fn ended(&mut self) {
        self.settle(self.head);
    }
    /// Says how the request ended. Only the first word counts, except for a failure that shows
    /// later, in the body.
    pub fn settle(&mut self, ending: Ending) {
        let (guard, now) = (&self.guard, self.guard.now());
        let ticket = self.ticket.take();
        if !self.settled && ending != Ending::Failed {
            guard.last_good.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        match ticket {
            Some(ticket) => guard.on_breaker(|breaker| breaker.settle(ticket, ending, now)),
            None if self.settled && self.guarded && ending == Ending::Failed => guard.on_breaker(|breaker| breaker.fail_late(now)),
            None => {}
        }
        self.settled = true;
    }
    /// Counts an answer that broke off.
    pub fn broke_off(&mut self) {
        one_more(&self.guard.counts.broken);
        self.settle(Ending::Failed);
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.guard.on_breaker(|breaker| breaker.give_back(ticket));
        }
    }
}
