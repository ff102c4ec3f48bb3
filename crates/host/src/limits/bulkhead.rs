//! Layer `bulkhead`: no class of routes takes all the room.
//!
//! A class has places and a short queue. Waiting a little is better than refusing when work comes
//! in waves; a long queue only turns refusals into timeouts.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use http::{Request, Response};
use plimsoll_core::{Code, Error, Result};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::position;
use crate::{
    Body,
    edge::is_probe,
    exchange::Exchange,
    route::RouteClass,
    stack::{Boxed, Next},
};

/// The places of one class.
pub struct Places {
    free: Semaphore,
    places: usize,
    waiting: AtomicUsize,
    queue: usize,
    refused: AtomicU64,
}

impl Places {
    pub(super) fn new(places: usize, queue: usize) -> Places {
        let places = places.min(Semaphore::MAX_PERMITS);
        Places { free: Semaphore::new(places), places, waiting: AtomicUsize::new(0), queue, refused: AtomicU64::new(0) }
    }
    pub(super) fn taken(&self) -> usize {
        self.places.saturating_sub(self.free.available_permits())
    }
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A place, at once or after waiting no longer than `patience`.
    async fn take(&self, class: RouteClass, patience: Duration) -> Result<SemaphorePermit<'_>> {
        if let Ok(place) = self.free.try_acquire() {
            return Ok(place);
        }
        let _waiting = Waiting::join(self).ok_or_else(|| self.full(class))?;
        match tokio::time::timeout(patience, self.free.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.full(class)),
        }
    }

    fn full(&self, class: RouteClass) -> Error {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let (class, places) = (class.name(), self.places);
        Code::Overloaded
            .because(format!("all {places} places for requests of class `{class}` are taken and none became free in time; try again"))
            .retry_after(1)
    }
}

/// A place in the queue; left when dropped, also by a request whose caller hung up.
struct Waiting<'p>(&'p Places);

impl<'p> Waiting<'p> {
    fn join(places: &'p Places) -> Option<Waiting<'p>> {
        // Made first, so that dropping it takes the count back in either case.
        let position = places.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(places);
        (position < places.queue).then_some(waiting)
    }
}
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The name of a class's places among the refusals.
pub(super) const fn name(class: RouteClass) -> &'static str {
    match class {
        RouteClass::Read => "read_places",
        RouteClass::Write => "write_places",
        RouteClass::Auth => "auth_places",
        RouteClass::Page => "page_places",
    }
}

/// Holds a place of the route's class while the rest runs.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    // A mounted service has places of its own: were it slow, it must not take those of the host's routes.
    let mounted = x.matched.as_ref().is_some_and(|matched| matched.route.mount.is_some());
    if mounted || is_probe(request.uri().path()) || !x.host.holds("bulkhead") {
        return Box::pin(next.run(x, request));
    }
    let class = x.matched.as_ref().map_or(RouteClass::Read, |matched| matched.route.class);
    let host = x.host.clone();
    Box::pin(async move {
        let patience = host.limits.patience.min(x.deadline.saturating_duration_since(Instant::now()));
        match host.limits.places[position(class)].take(class, patience).await {
            Ok(_place) => next.run(x, request).await,
            Err(full) => {
                x.refused("bulkhead");
                Err(full)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn who_waits_gets_the_next_free_place() {
        let places = Places::new(1, 1);
        let first = places.take(RouteClass::Auth, LONG).await.unwrap();
        let (second, ()) = tokio::join!(places.take(RouteClass::Auth, LONG), async {
            tokio::task::yield_now().await;
            assert_eq!((places.taken(), places.waiting()), (1, 1));
            drop(first);
        });
        assert!(second.is_ok());
        assert_eq!(places.waiting(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let places = Places::new(1, 0);
        let _first = places.take(RouteClass::Auth, LONG).await.unwrap();
        let error = places.take(RouteClass::Auth, LONG).await.unwrap_err();
        assert_eq!((error.code(), error.retry_after_seconds()), (Code::Overloaded, Some(1)));
        assert_eq!((places.refused(), places.waiting()), (1, 0));
    }

    #[tokio::test]
    async fn patience_ends_and_leaves_the_queue() {
        let places = Places::new(1, 1);
        let _first = places.take(RouteClass::Auth, LONG).await.unwrap();
        assert_eq!(places.take(RouteClass::Auth, Duration::ZERO).await.unwrap_err().code(), Code::Overloaded);
        assert_eq!(places.waiting(), 0);
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_leaves_the_queue() {
        let places = Places::new(1, 1);
        let _first = places.take(RouteClass::Auth, LONG).await.unwrap();
        let gone = tokio::time::timeout(Duration::from_millis(1), places.take(RouteClass::Auth, LONG)).await;
        assert!(gone.is_err());
        assert_eq!((places.waiting(), places.refused()), (0, 0));
    }
}
