//! Jobs for lanes, and what becomes of their results.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use plimsoll_core::{Code, Error, Result};
use tokio::sync::oneshot;

use crate::{
    Scope,
    dialect::APPEND,
    failure::{Failure, panicked},
    gauges::add,
    log::Capture,
    queue::Claim,
    tx::{Head, Shared, Tx},
};

/// A batch takes no more changes than this,
pub(crate) const BATCH: usize = 256;
/// nor any more after this long, so that its first callers need not wait for its last.
pub(crate) const BATCH_TIME: Duration = Duration::from_millis(50);

/// A read that waits for a thread.
pub(crate) struct Look {
    pub(crate) claim: Claim,
    pub(crate) scope: Scope,
    pub(crate) work: LookWork,
}

type LookWork = Box<dyn FnOnce(Result<&Tx<'_>>) + Send>;

/// A change that waits for a writer.
pub(crate) struct Change {
    pub(crate) claim: Claim,
    pub(crate) scope: Scope,
    pub(crate) work: ChangeWork,
}

type ChangeWork = Box<dyn FnOnce(Result<&mut Tx<'_>>) -> Done + Send>;

type Answer = Box<dyn FnOnce(Option<&Failure>) + Send>;

/// A change whose closure has run and whose caller waits for the verdict.
pub(crate) struct Done {
    /// Whether the closure wants its changes kept.
    pub(crate) kept: bool,
    answer: Answer,
}

impl Done {
    /// Tells the caller: its own result, or `failure` where it succeeded and yet is not kept.
    pub(crate) fn answer(self, shared: &Shared, failure: Option<&Failure>) {
        add(if self.kept && failure.is_none() { &shared.counts.commits } else { &shared.counts.rollbacks });
        (self.answer)(failure);
    }
}

/// Runs a closure and turns a panic into an error.
pub(crate) fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

/// A read's job and where its result arrives, with the time the closure took.
pub(crate) fn look<T: Send + 'static>(
    scope: Scope,
    f: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
) -> (Look, oneshot::Receiver<(Result<T>, Duration)>) {
    let (sender, receiver) = oneshot::channel();
    let work: LookWork = Box::new(move |tx| {
        let started = std::time::Instant::now();
        let result = tx.and_then(|tx| guarded(|| f(tx)));
        // A caller that has gone away needs no answer.
        let _ = sender.send((result, started.elapsed()));
    });
    (Look { claim: Claim::default(), scope, work }, receiver)
}

/// A change's job and where its result arrives.
pub(crate) fn change<T: Send + 'static>(
    scope: Scope,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> (Change, oneshot::Receiver<Result<T>>) {
    let (sender, receiver) = oneshot::channel();
    let work: ChangeWork = Box::new(move |tx| {
        let result = tx.and_then(|tx| {
            let result = guarded(|| f(tx));
            match (result, tx.broken()) {
                (Ok(_), Some(code)) => Err(swallowed(code)),
                (result, _) => result,
            }
        });
        let kept = result.is_ok();
        let answer: Answer = Box::new(move |failure: Option<&Failure>| {
            let verdict = match failure {
                Some(failure) if kept => Err(failure.error()),
                _ => result,
            };
            let _ = sender.send(verdict);
        });
        Done { kept, answer }
    });
    (Change { claim: Claim::default(), scope, work }, receiver)
}

fn swallowed(code: Code) -> Error {
    let cause = format!("a statement failed ({}) and the closure went on as if it had not; use `attempt`", code.stable());
    Code::Internal.error().caused_by(cause)
}

/// The changes of one database transaction.
pub(crate) struct Batch<'s> {
    shared: &'s Shared,
    heads: HashMap<Scope, Head>,
    done: Vec<Done>,
    /// Channels to wake once the batch is committed.
    notices: BTreeSet<&'static str>,
    /// What its changes changed, while the change log is on.
    log: Option<RefCell<Capture>>,
}

/// What a lane does after one change of a batch.
pub(crate) enum Verdict {
    Keep,
    Undo,
}

impl<'s> Batch<'s> {
    pub(crate) fn new(shared: &'s Shared, logging: bool) -> Batch<'s> {
        let log = logging.then(RefCell::default);
        Batch { shared, heads: HashMap::new(), done: Vec::new(), notices: BTreeSet::new(), log }
    }

    pub(crate) fn len(&self) -> usize {
        self.done.len()
    }

    /// Runs one change; its answer waits for the end of the batch. Also tells the code of the
    /// statement that failed in it, if one did.
    pub(crate) fn run(&mut self, link: crate::tx::Link<'_>, job: Change) -> (Verdict, Option<Code>) {
        let noted = self.log.as_ref().map(|log| log.borrow().mark());
        let mut tx = Tx::new(link, self.shared, job.scope, self.heads.get(&job.scope).copied()).logged(self.log.as_ref());
        let done = (job.work)(Ok(&mut tx));
        let (kept, broken, head, notices) = (done.kept, tx.broken(), tx.head, std::mem::take(&mut tx.notices));
        if kept {
            self.notices.extend(notices);
            if let Some(head) = head {
                self.heads.insert(job.scope, head);
            }
        } else if let (Some(log), Some(noted)) = (&self.log, noted) {
            log.borrow_mut().undo(noted);
        }
        self.done.push(done);
        (if kept { Verdict::Keep } else { Verdict::Undo }, broken)
    }

    /// Refuses a change that did not run, when the batch ends.
    pub(crate) fn refuse(&mut self, job: Change, failure: &Failure) {
        self.done.push((job.work)(Err(failure.error())));
    }

    /// What the change log has to say about it, if anything.
    pub(crate) fn body(&self) -> Option<Vec<u8>> {
        self.log.as_ref()?.borrow().body()
    }

    /// The last words to a server within the transaction: for the change log and for other processes.
    pub(crate) fn words(&self) -> String {
        let mut words = self.shared.hub.words(&self.notices);
        if let Some(body) = self.body() {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            words.reserve(body.len() * 2 + 200);
            words.push_str(APPEND.0);
            for byte in body {
                words.push(char::from(DIGITS[usize::from(byte >> 4)]));
                words.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
            words.push_str(APPEND.1);
        }
        words
    }

    /// Ends the batch: every caller learns its result, or `failure` where nothing was kept.
    pub(crate) fn end(self, failure: Option<&Failure>) {
        add(&self.shared.counts.batches);
        // Where the outcome is not known, one look too many does no harm.
        self.notices.iter().for_each(|channel| self.shared.hub.fire(channel));
        for done in self.done {
            done.answer(self.shared, failure);
        }
    }
}

/// Refuses a change that did not run.
pub(crate) fn refuse(shared: &Shared, job: Change, failure: &Failure) {
    (job.work)(Err(failure.error())).answer(shared, None);
}
