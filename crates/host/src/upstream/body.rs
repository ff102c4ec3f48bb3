//! Bodies on their way through: counted, never held in full, and not waited for without end.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use plimsoll_core::{Code, Error};
use tokio::{sync::Notify, time::Sleep};

use super::{headers, mount::Active, pool::Link};
use crate::{
    Body,
    body::{Broken, Carried},
};

/// How long a service may take to say that it wants the body, where the caller asked it to say so.
const CONSENT: Duration = Duration::from_secs(1);

/// How far a request's body has come, for those who wait for the answer to it.
pub struct Flow {
    begun: Instant,
    /// Milliseconds after that at which something last moved.
    moved: AtomicU64,
    /// Whether it is the caller who owes the next bytes.
    owed: AtomicBool,
    consent: AtomicU8,
    said: Notify,
}

mod consent {
    pub(super) const OPEN: u8 = 0;
    pub(super) const GIVEN: u8 = 1;
    pub(super) const REFUSED: u8 = 2;
}

impl Flow {
    /// Nothing has moved yet.
    pub fn new() -> Arc<Flow> {
        let (begun, moved, owed) = (Instant::now(), AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Flow { begun, moved, owed, consent: AtomicU8::new(consent::OPEN), said: Notify::new() })
    }

    /// The service wants the body (100).
    pub fn agree(&self) {
        self.settle(consent::GIVEN);
    }
    /// The service has answered: where it did not ask for the body before, it never gets it.
    pub fn answered(&self) {
        self.settle(consent::REFUSED);
    }
    fn settle(&self, how: u8) {
        let _ = self.consent.compare_exchange(consent::OPEN, how, Ordering::SeqCst, Ordering::SeqCst);
        self.said.notify_one();
    }
    async fn agreed(self: Arc<Flow>) -> bool {
        let _ = tokio::time::timeout(CONSENT, self.said.notified()).await;
        // One that says nothing gets the body, as from a caller that does not ask.
        self.consent.compare_exchange(consent::OPEN, consent::GIVEN, Ordering::SeqCst, Ordering::SeqCst) != Err(consent::REFUSED)
    }

    /// Something moved.
    fn note(&self) {
        self.owed.store(false, Ordering::Relaxed);
        self.touch();
    }
    fn touch(&self) {
        self.moved.store(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    /// Waits for `answer` until nothing of the body has moved for `patience`. A caller who lets the
    /// service wait for the body takes nothing of that time; [`Upload`] says how long it may.
    pub async fn patient<T>(&self, patience: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        self.touch();
        loop {
            if self.owed.load(Ordering::Relaxed) {
                self.touch();
            }
            let until = Duration::from_millis(self.moved.load(Ordering::Relaxed)).saturating_add(patience);
            let left = until.checked_sub(self.begun.elapsed())?;
            if let Ok(answered) = tokio::time::timeout(left, answer.as_mut()).await {
                return Some(answered);
            }
        }
    }
}

/// A request's body: counted while it passes.
pub struct Upload {
    body: Body,
    left: u64,
    limit: usize,
    patience: Patience,
    flow: Option<Arc<Flow>>,
    consent: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
}

impl Upload {
    /// At most `limit` bytes, never standing still for longer than `idle`.
    pub fn new(body: Body, limit: usize, idle: Duration) -> Upload {
        Upload { body, left: limit as u64, limit, patience: Patience::new(idle), flow: None, consent: None }
    }
    /// Tells `flow` how far it has come. With `asks` the service has to agree before the first byte
    /// is taken from the caller.
    #[must_use]
    pub fn told_to(mut self, flow: &Arc<Flow>, asks: bool) -> Upload {
        self.consent = asks.then(|| Box::pin(flow.clone().agreed()) as Pin<Box<dyn Future<Output = bool> + Send>>);
        self.flow = Some(flow.clone());
        self
    }
    fn fail(error: Error) -> Broken {
        Carried(error).into()
    }
}

impl hyper::body::Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        if let Some(consent) = &mut this.consent {
            match consent.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(true) => this.consent = None,
                Poll::Ready(false) => return Poll::Ready(Some(Err("the service answered without asking for the body".into()))),
            }
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(mut frame))) => {
                this.patience.renew();
                if let Some(flow) = &this.flow {
                    flow.note();
                }
                if let Some(fields) = frame.trailers_mut() {
                    let foreign: Vec<_> = fields.keys().filter(|name| !headers::may_trail(name)).cloned().collect();
                    foreign.iter().for_each(|name| drop(fields.remove(name)));
                }
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = this.left.checked_sub(length) else {
                    return Poll::Ready(Some(Err(Upload::fail(crate::route::call::too_large(this.limit)))));
                };
                this.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                let error = Code::Malformed.because("the body broke off before its end").caused_by(cause.to_string());
                Poll::Ready(Some(Err(Upload::fail(error))))
            }
            Poll::Pending if this.patience.is_over(cx) => {
                Poll::Ready(Some(Err(Upload::fail(Code::BodyTimeout.because("the body stood still for too long")))))
            }
            Poll::Pending => {
                if let Some(flow) = &this.flow {
                    flow.owed.store(true, Ordering::Relaxed);
                }
                Poll::Pending
            }
            Poll::Ready(None) => {
                if let Some(flow) = &this.flow {
                    flow.note();
                }
                Poll::Ready(None)
            }
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; when it has ended, its connection is free for the next request.
pub struct Download {
    body: Incoming,
    active: Active,
    connection: Option<Link>,
    patience: Patience,
}

impl Download {
    /// The rest of an answer that came over `connection`; it may stand still for `idle`.
    pub fn new(body: Incoming, active: Active, connection: Link, idle: Duration) -> Download {
        let patience = Patience::new(idle);
        let mut download = Download { body, active, connection: Some(connection), patience };
        if download.body.is_end_stream() {
            download.finish();
        }
        download
    }
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.active.mount().pool.put_back(connection);
        }
    }
}

impl hyper::body::Body for Download {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        if let Some(connection) = &mut this.connection {
            connection.advance(cx);
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.renew();
                if this.body.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(cause))) => {
                this.connection = None;
                Poll::Ready(Some(Err(cause.into())))
            }
            Poll::Pending if this.patience.is_over(cx) => {
                this.connection = None;
                Poll::Ready(Some(Err(Carried(Code::UpstreamTimeout.because("the service's answer stood still for too long")).into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A timer that is made only once somebody has to wait, and set back only once it has run out.
struct Patience {
    length: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    moved: bool,
}

impl Patience {
    fn new(length: Duration) -> Patience {
        Patience { length, timer: None, moved: false }
    }
    fn renew(&mut self) {
        self.moved = true;
    }
    /// Between one and two lengths without a move.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let length = self.length;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(length)));
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if !std::mem::take(&mut self.moved) {
                return true;
            }
            self.timer = None;
        }
    }
}
