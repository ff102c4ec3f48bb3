//! The places of one class of requests at one upstream, with a short queue.
//!
//! How many places there are follows the upstream ([`Adaptive`]). Who finds none waits in line
//! for a moment, and is refused when it becomes none: nothing has reached the upstream then.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::adaptive::Adaptive;

/// The places.
pub struct Places {
    room: Mutex<Room>,
    queue: usize,
    refused: AtomicU64,
}

struct Room {
    limit: Adaptive,
    taken: usize,
    line: VecDeque<oneshot::Sender<Place>>,
}

/// One place; free again when it is dropped.
pub struct Place {
    places: Option<Arc<Places>>,
}

/// What is going on there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Places there are at the moment.
    pub limit: usize,
    /// Places that are taken.
    pub taken: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// Requests refused since the start.
    pub refused: u64,
}

impl Places {
    /// As many places as `limit` says, and a line of `queue`.
    pub fn new(limit: Adaptive, queue: usize) -> Arc<Places> {
        Arc::new(Places { room: Mutex::new(Room { limit, taken: 0, line: VecDeque::new() }), queue, refused: AtomicU64::new(0) })
    }

    /// A place, at once or within `patience`; nothing when there is none.
    pub async fn enter(self: &Arc<Places>, patience: Duration) -> Option<Place> {
        let mut turn = {
            let mut room = self.room();
            if room.taken < room.limit.places() {
                room.taken += 1;
                return Some(Place { places: Some(self.clone()) });
            }
            if room.line.len() >= self.queue {
                // Those whose caller has left stand in line only until somebody looks.
                room.line.retain(|waiting| !waiting.is_closed());
            }
            if room.line.len() >= self.queue || patience.is_zero() {
                return self.refuse();
            }
            let (call, turn) = oneshot::channel();
            room.line.push_back(call);
            turn
        };
        match tokio::time::timeout(patience, &mut turn).await {
            Ok(Ok(place)) => Some(place),
            _ => {
                turn.close();
                // Called in the very moment in which patience ended.
                turn.try_recv().ok().or_else(|| self.refuse())
            }
        }
    }

    /// What is going on.
    pub fn figures(&self) -> Figures {
        let room = self.room();
        let waiting = room.line.iter().filter(|waiting| !waiting.is_closed()).count();
        Figures { limit: room.limit.places(), taken: room.taken, waiting, refused: self.refused.load(Ordering::Relaxed) }
    }

    fn refuse(&self) -> Option<Place> {
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Gives a place back, with what it learned, and calls those whose turn it is.
    fn leave(self: &Arc<Places>, learned: Option<(Option<Duration>, Duration)>) {
        let mut called = Vec::new();
        {
            let mut room = self.room();
            let busy = room.taken;
            if let Some((took, now)) = learned {
                room.limit.sample(took, busy, now);
            }
            room.taken = busy.saturating_sub(1);
            while room.taken < room.limit.places() {
                let Some(waiting) = room.line.pop_front() else { break };
                if !waiting.is_closed() {
                    room.taken += 1;
                    called.push(waiting);
                }
            }
        }
        for waiting in called {
            // Who has left in this moment gives the place back by dropping it.
            let _ = waiting.send(Place { places: Some(self.clone()) });
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives it back and says how long the upstream took to answer; nothing where it did not.
    pub fn leave(mut self, took: Option<Duration>, now: Duration) {
        if let Some(places) = self.places.take() {
            places.leave(Some((took, now)));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.places.take() {
            places.leave(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn places(most: usize, queue: usize) -> Arc<Places> {
        Places::new(Adaptive::new(1, most), queue)
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_free_place_in_order() {
        let places = places(1, 2);
        let first = places.enter(LONG).await.unwrap();
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        for name in ["second", "third"] {
            let (entered, done) = (places.clone(), done.clone());
            tokio::spawn(async move {
                let _place = entered.enter(LONG).await.unwrap();
                let _ = done.send(name);
            });
            while places.figures().waiting < usize::from(name == "third") + 1 {
                tokio::task::yield_now().await;
            }
        }
        assert!(places.enter(LONG).await.is_none(), "the line is full");
        drop(first);
        assert_eq!([order.recv().await, order.recv().await], [Some("second"), Some("third")]);
        while places.figures().taken > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(places.figures(), Figures { limit: 1, taken: 0, waiting: 0, refused: 1 });
    }

    #[tokio::test]
    async fn who_leaves_the_line_leaves_nothing_behind() {
        let places = places(1, 1);
        let first = places.enter(LONG).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(1), places.enter(LONG)).await.is_err());
        assert_eq!(places.figures().waiting, 0);
        assert!(places.enter(Duration::from_millis(1)).await.is_none(), "patience ends");
        drop(first);
        assert_eq!(places.figures().taken, 0);
        assert!(places.enter(Duration::ZERO).await.is_some());
    }

    #[tokio::test]
    async fn a_call_that_meets_nobody_is_passed_on() {
        let places = places(1, 2);
        let first = places.enter(LONG).await.unwrap();
        let mut gone = Box::pin(places.enter(LONG));
        assert!(ask(&mut gone).is_none());
        let mut second = Box::pin(places.enter(LONG));
        assert!(ask(&mut second).is_none());
        drop(first);
        // Called and never looked: the place goes on to the next in line.
        drop(gone);
        assert!(second.await.is_some());
        assert_eq!(places.figures().taken, 0);
    }

    /// Asks a future once.
    fn ask<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(future).poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
