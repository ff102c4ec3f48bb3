//! Connections: what each is doing, and who ends it when it does nothing.
//!
//! A connection's [`Life`] is a few numbers that its own task writes and the [`Keeper`] reads.
//! The keeper looks at all of them a few times per timeout and gives orders: finish what you do
//! and close, or stop now. A request costs some relaxed atomic writes and no timer.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{
    Settings,
    shutdown::{Phase, Shutdown},
};

/// How long a quiet HTTP/1 connection is left open after listeners closed. A client that has just
/// sent a request into it is answered and told to close; closing at once would lose that request.
const LINGER: Duration = Duration::from_secs(1);
/// How long a connection that was told to finish may make no progress before it is cut.
const GRACE: Duration = Duration::from_secs(5);

/// What the keeper wants of a connection.
mod order {
    pub(super) const NONE: u8 = 0;
    pub(super) const FINISH: u8 = 1;
    pub(super) const CUT: u8 = 2;
}

/// One connection, as the keeper sees it.
pub struct Life {
    clock: Arc<Coarse>,
    /// HTTP/2: many requests at once, and bytes that belong to none.
    multiplexed: AtomicBool,
    /// Requests that are being answered.
    busy: AtomicU32,
    /// Part of a request's head has arrived, or nothing has ever arrived.
    head: AtomicBool,
    /// When it last went over to another state or made progress.
    since: AtomicU64,
    order: AtomicU8,
    waker: OnceLock<Waker>,
}

/// Milliseconds since the server began, as of the keeper's last look: good enough for timeouts,
/// and costs no system call.
struct Coarse {
    started: Instant,
    millis: AtomicU64,
}

impl Coarse {
    fn look(&self) -> u64 {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(now, Ordering::Relaxed);
        now
    }
    fn last(&self) -> u64 {
        self.millis.load(Ordering::Relaxed)
    }
}

impl Life {
    fn new(clock: Arc<Coarse>) -> Life {
        let since = AtomicU64::new(clock.look());
        Life {
            clock,
            multiplexed: AtomicBool::new(false),
            busy: AtomicU32::new(0),
            head: AtomicBool::new(true),
            since,
            order: AtomicU8::new(order::NONE),
            waker: OnceLock::new(),
        }
    }

    pub(super) fn set_multiplexed(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
        self.head.store(false, Ordering::Relaxed);
    }
    /// A request's head is complete; its answer is, when the guard is dropped.
    pub(super) fn answering(self: &Arc<Life>) -> Answering {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.head.store(false, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Something has left, or another state has begun.
    pub(super) fn moved(&self) {
        self.since.store(self.clock.last(), Ordering::Relaxed);
    }
    /// Bytes have arrived.
    pub(super) fn received(&self) {
        let between = self.busy.load(Ordering::Relaxed) == 0 && !self.multiplexed.load(Ordering::Relaxed);
        if between && !self.head.load(Ordering::Relaxed) {
            self.head.store(true, Ordering::Relaxed);
            self.moved();
        }
    }
    fn tell(&self, order: u8) {
        self.order.fetch_max(order, Ordering::SeqCst);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// What is to be done with this connection at `now`, by its timeouts.
    fn due(&self, now: u64, header_timeout: Duration, idle_timeout: Duration) -> u8 {
        if self.busy.load(Ordering::Relaxed) > 0 {
            return order::NONE;
        }
        let quiet = Duration::from_millis(now.saturating_sub(self.since.load(Ordering::Relaxed)));
        match self.head.load(Ordering::Relaxed) {
            true if quiet > header_timeout => order::CUT,
            _ if quiet > idle_timeout + GRACE => order::CUT,
            _ if quiet > idle_timeout => order::FINISH,
            _ => order::NONE,
        }
    }
}

/// Counts one request as being answered.
pub struct Answering(Arc<Life>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.moved();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a connection until it ends or is told to. `finish` asks it to close after what it does.
pub(super) async fn drive<C: Future>(life: &Life, connection: C, finish: impl Fn(Pin<&mut C>)) {
    let mut connection = pin!(connection);
    let mut told = false;
    poll_fn(|cx| {
        life.waker.get_or_init(|| cx.waker().clone());
        match life.order.load(Ordering::SeqCst) {
            order::CUT => return Poll::Ready(()),
            order::FINISH if !told => {
                told = true;
                finish(connection.as_mut());
            }
            _ => {}
        }
        connection.as_mut().poll(cx).map(drop)
    })
    .await;
}

/// Knows every open connection.
pub(super) struct Keeper {
    lives: Mutex<HashMap<u64, Arc<Life>>>,
    next: AtomicU64,
    clock: Arc<Coarse>,
    empty: Notify,
    header_timeout: Duration,
    idle_timeout: Duration,
}

/// An open connection; closed when dropped.
pub(super) struct Open {
    keeper: Arc<Keeper>,
    number: u64,
    pub(super) life: Arc<Life>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut lives = self.keeper.lives();
        lives.remove(&self.number);
        if lives.is_empty() {
            self.keeper.empty.notify_waiters();
        }
    }
}

impl Keeper {
    pub(super) fn new(settings: &Settings) -> Keeper {
        Keeper {
            lives: Mutex::default(),
            next: AtomicU64::new(0),
            clock: Arc::new(Coarse { started: Instant::now(), millis: AtomicU64::new(0) }),
            empty: Notify::new(),
            header_timeout: settings.header_timeout,
            idle_timeout: settings.idle_timeout,
        }
    }

    pub(super) fn open(&self) -> usize {
        self.lives().len()
    }
    pub(super) fn admit(self: &Arc<Keeper>) -> Open {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let life = Arc::new(Life::new(self.clock.clone()));
        self.lives().insert(number, life.clone());
        Open { keeper: self.clone(), number, life }
    }
    /// Waits until no connection is open and none will be.
    pub(super) async fn emptied(&self) {
        loop {
            let mut emptied = pin!(self.empty.notified());
            emptied.as_mut().enable();
            if self.lives().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Looks after the connections until the end; answers how many had to be cut then.
    pub(super) async fn keep(self: Arc<Keeper>, shutdown: Shutdown) -> usize {
        let pause = (self.header_timeout.min(self.idle_timeout) / 8).clamp(Duration::from_millis(10), Duration::from_secs(1));
        while shutdown.phase() < Phase::Closing {
            tokio::select! {
                () = tokio::time::sleep(pause) => self.look(),
                () = shutdown.reached(Phase::Closing) => {}
            }
        }
        self.tell(order::FINISH, |life| life.multiplexed.load(Ordering::Relaxed));
        tokio::select! {
            () = tokio::time::sleep(LINGER) => {}
            () = shutdown.reached(Phase::Forced) => {}
        }
        while shutdown.phase() < Phase::Forced {
            self.tell(order::FINISH, |_| true);
            self.look();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.reached(Phase::Forced) => {}
            }
        }
        self.tell(order::CUT, |_| true)
    }

    fn look(&self) {
        let now = self.clock.look();
        for life in self.lives().values() {
            match life.due(now, self.header_timeout, self.idle_timeout) {
                order::NONE => {}
                due => life.tell(due),
            }
        }
    }
    fn tell(&self, order: u8, whom: impl Fn(&Life) -> bool) -> usize {
        self.lives().values().filter(|life| whom(life)).map(|life| life.tell(order)).count()
    }
    fn lives(&self) -> MutexGuard<'_, HashMap<u64, Arc<Life>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    #[test]
    fn each_state_has_its_own_patience() {
        let clock = Arc::new(Coarse { started: Instant::now(), millis: AtomicU64::new(0) });
        let life = Arc::new(Life::new(clock));
        let due = |millis| life.due(life.since.load(Ordering::Relaxed) + millis, HEADER, IDLE);
        assert_eq!((due(10_000), due(10_001)), (order::NONE, order::CUT), "a new connection has to send a head");
        let answering = life.answering();
        assert_eq!(due(3_600_000), order::NONE, "work in progress is bounded elsewhere");
        drop(answering);
        assert_eq!((due(75_000), due(75_001), due(80_001)), (order::NONE, order::FINISH, order::CUT));
        life.received();
        assert_eq!(due(10_001), order::CUT, "the next head has begun");
    }

    #[test]
    fn bytes_between_requests_of_a_multiplexed_connection_are_no_head() {
        let life = Arc::new(Life::new(Arc::new(Coarse { started: Instant::now(), millis: AtomicU64::new(0) })));
        life.set_multiplexed();
        life.received();
        assert_eq!(life.due(life.since.load(Ordering::Relaxed) + 10_001, HEADER, IDLE), order::NONE);
    }
}
