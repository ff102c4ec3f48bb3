//! Work on its way to a thread.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

/// A bounded line of jobs. Once closed it takes no more, and yields those it has.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    wake: Condvar,
    limit: usize,
}

struct State<J> {
    jobs: VecDeque<J>,
    open: bool,
}

/// What waiting for a job came to.
pub(crate) enum Next<J> {
    Job(J),
    /// Patience ended first.
    Quiet,
    /// The queue is closed and empty.
    End,
}

/// Why a job was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Crowded,
    Closed,
}

impl<J> Queue<J> {
    pub(crate) fn new(limit: usize) -> Arc<Queue<J>> {
        Arc::new(Queue { state: Mutex::new(State { jobs: VecDeque::new(), open: true }), wake: Condvar::new(), limit })
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        // Nothing in here can panic half way, so a poisoned lock still guards a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, job: J) -> Result<(), Full> {
        let mut state = self.state();
        if !state.open {
            return Err(Full::Closed);
        }
        if state.jobs.len() >= self.limit {
            return Err(Full::Crowded);
        }
        state.jobs.push_back(job);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Waits for a job; `None` once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<J> {
        loop {
            match self.pop_within(|| None) {
                Next::Job(job) => return Some(job),
                Next::End => return None,
                Next::Quiet => {}
            }
        }
    }

    /// Waits for a job no longer than `patience` says, which is asked whenever somebody nudges.
    pub(crate) fn pop_within(&self, patience: impl Fn() -> Option<Duration>) -> Next<J> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Next::Job(job);
            }
            if !state.open {
                return Next::End;
            }
            state = match patience() {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let (state, waited) = self.wake.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && state.jobs.is_empty() && state.open {
                        return Next::Quiet;
                    }
                    state
                }
            };
        }
    }

    /// Lets whoever waits ask its patience again.
    pub(crate) fn nudge(&self) {
        // Taken and given back, so that nobody is between asking and waiting.
        drop(self.state());
        self.wake.notify_all();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().open
    }

    /// The first waiting job that `fits`, without waiting for one.
    pub(crate) fn pop_fitting(&self, fits: impl Fn(&J) -> bool) -> Option<J> {
        let mut state = self.state();
        let at = state.jobs.iter().position(fits)?;
        state.jobs.remove(at)
    }

    pub(crate) fn len(&self) -> usize {
        self.state().jobs.len()
    }

    pub(crate) fn close(&self) {
        self.state().open = false;
        self.wake.notify_all();
    }
}

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// Whether a job has started: either its thread or its impatient caller decides, never both.
#[derive(Clone, Default)]
pub(crate) struct Claim(Arc<AtomicU8>);

impl Claim {
    fn turn(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
    /// The thread starts the job; false where the caller has given up.
    pub(crate) fn start(&self) -> bool {
        self.turn(STARTED)
    }
    /// The caller gives up; false where the job has started.
    pub(crate) fn abandon(&self) -> bool {
        self.turn(ABANDONED)
    }
}

/// Gives up a claim when dropped: a read nobody waits for any more need not run.
pub(crate) struct Interest(pub(crate) Claim);

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_queue_yields_what_it_has_and_takes_no_more() {
        let queue = Queue::new(2);
        assert_eq!((queue.push(1), queue.push(2), queue.push(3)), (Ok(()), Ok(()), Err(Full::Crowded)));
        queue.close();
        assert_eq!(queue.push(4), Err(Full::Closed));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn fitting_jobs_are_taken_in_order_and_others_stay() {
        let queue = Queue::new(9);
        for job in [1, 2, 3, 4] {
            queue.push(job).unwrap();
        }
        assert_eq!(queue.pop_fitting(|job| job % 2 == 0), Some(2));
        assert_eq!(queue.pop_fitting(|job| job % 2 == 0), Some(4));
        assert_eq!(queue.pop_fitting(|job| job % 2 == 0), None);
        assert_eq!((queue.pop(), queue.pop()), (Some(1), Some(3)));
    }

    #[test]
    fn a_job_is_started_or_abandoned_never_both() {
        let claim = Claim::default();
        assert!(claim.start() && !claim.abandon());
        let claim = Claim::default();
        drop(Interest(claim.clone()));
        assert!(!claim.start());
    }
}
