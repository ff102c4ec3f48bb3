//! From a request that is ready to the head of its answer, whatever the upstream does.
//!
//! In this order: is the breaker closed; is there a place; then up to so
//! many attempts as may be made. What counts as a failure of the upstream: a connection that is
//! refused or breaks, an answer that is late or breaks off, and the statuses in `[resilience]
//! breaker_statuses`. What does not: any other answer, a caller that leaves, a body that the
//! caller broke off or that was too large. One request counts once, however often it was sent.
//! Nothing is repeated once a head has come that is passed on.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};
use plimsoll_core::{Code, Error, Result};

use super::{
    body::{Flow, Upload},
    breaker::Ending,
    mount::Mount,
    pool::Answered,
    resilience::{Guard, Verdict, one_more},
    retry::{self, Failure},
};
use crate::{
    Body,
    body::{Broken, Carried},
    exchange::Exchange,
    route::RouteClass,
    telemetry::TRACEPARENT,
};

/// How many milliseconds the caller still waits for the head of the answer. A service that can
/// do nothing useful in that time need not begin.
pub const TIME_LEFT: &str = "x-request-timeout-ms";
/// Which attempt this is, from the second on.
pub const ATTEMPT: &str = "x-plimsoll-attempt";

/// The head of an answer, and who has to hear how its body ends.
pub struct Called {
    /// The answer.
    pub answered: Answered,
    /// To be told when the body has ended or broken off.
    pub verdict: Verdict,
}

/// Sends a request to its upstream as often as it may be sent.
///
/// # Errors
/// `CircuitOpen`, `Overloaded` and `UpstreamUnreachable` when nothing was sent;
/// `UpstreamFailed` and `UpstreamTimeout` when the service may have acted; what was wrong with the
/// caller's body.
pub async fn call(x: &mut Exchange, mount: &Arc<Mount>, mut parts: Parts, body: Body) -> Result<Called> {
    let guard = mount.guard().clone();
    let host = x.host.clone();
    let bounded = host.holds("bulkhead");
    if bounded && mount.active() > guard.settings.streams {
        one_more(&guard.counts.crowded);
        return Err(Code::Overloaded.because("too many answers of the service behind this address are under way").retry_after(1));
    }
    let mut verdict = if host.holds("circuit-breaker") { guard.admit()? } else { guard.unguarded() };
    let class = x.matched.as_ref().map_or(RouteClass::Read, |matched| matched.route.class);
    let place = if bounded { Some(guard.enter(class, left(x.deadline)).await?) } else { None };
    guard.earn();
    let began = Instant::now();
    let timed = host.holds("outbound-timeouts");
    let patience = if x.later { left(x.deadline) } else { mount.answer_timeout };
    let deadline = if timed { x.deadline.min(began + patience) } else { x.deadline };
    let act_twice = retry::may_act_twice(&parts.method, &parts.headers, guard.settings.service_honours_keys);
    let repeats = if host.holds("retry-backoff") && !verdict.is_trial() { guard.settings.attempts } else { 1 };
    let asks = asks_first(&parts);
    let source = Source::of(body, mount, act_twice && repeats > 1, asks).await?;
    // A body may have taken its time to arrive; the time for the answer begins behind it.
    let deadline = match &source {
        Source::Nothing => deadline,
        _ if timed => Instant::now() + patience,
        _ => deadline.max(Instant::now() + patience),
    };
    if !matches!(source, Source::Passing(_)) {
        parts.headers.remove(header::EXPECT);
    }
    let mut way = Way { mount, guard: &guard, parts, source, deadline, timed, traceparent: traceparent(x), repeats, act_twice };
    let (ended, took) = way.go(&mut x.attempts, &host.seed).await;
    let failing = |answered: &Answered| guard.settings.breaker_statuses.contains(&answered.answer.status().as_u16());
    match &ended {
        Ok(answered) if failing(answered) => verdict.settle(Ending::Failed),
        // With its body there is more that can break off; a stream without end is not waited for.
        Ok(answered) if lasts(answered) => verdict.head_came(guard.ending(took)),
        Ok(_) => verdict.settle(guard.ending(took)),
        Err(error) if counts(error) => verdict.settle(Ending::Failed),
        Err(_) => {}
    }
    if let Some(place) = place {
        let came = ended.as_ref().is_ok_and(|answered| !failing(answered));
        let theirs = ended.is_ok() || ended.as_ref().is_err_and(counts);
        if theirs { place.leave(came.then_some(took), guard.now()) } else { drop(place) }
    }
    ended.map(|answered| Called { answered, verdict })
}

/// Whether the caller sends the body only once it is asked for.
fn asks_first(parts: &Parts) -> bool {
    parts.headers.get(header::EXPECT).is_some_and(|word| word.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Whether an error is the upstream's.
fn counts(error: &Error) -> bool {
    matches!(error.code(), Code::UpstreamUnreachable | Code::UpstreamFailed | Code::UpstreamTimeout)
}

/// The last attempt found nobody, but an earlier one was sent: "nothing was sent" would be a lie.
fn after_all(error: Error) -> Error {
    if error.code() != Code::UpstreamUnreachable {
        return error;
    }
    let failed = Code::UpstreamFailed.because("the service broke off and was not to be reached again; whether it acted is not known");
    match error.cause() {
        Some(cause) => failed.caused_by(cause),
        None => failed,
    }
}

/// Whether the end of the body is near enough to wait for it before the request counts as good.
fn lasts(answered: &Answered) -> bool {
    let body = answered.answer.body();
    !body.is_end_stream() && body.size_hint().exact().is_some()
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn traceparent(x: &Exchange) -> Option<HeaderValue> {
    (x.trace.trace_id != 0).then(|| HeaderValue::try_from(x.trace.traceparent()).ok()).flatten()
}

impl Guard {
    fn ending(&self, took: Duration) -> Ending {
        if self.settings.slow_call.is_some_and(|slow| took > slow) { Ending::Slow } else { Ending::Good }
    }
}

/// One request on its way, attempt after attempt.
struct Way<'w> {
    mount: &'w Arc<Mount>,
    guard: &'w Arc<Guard>,
    parts: Parts,
    source: Source,
    deadline: Instant,
    timed: bool,
    traceparent: Option<HeaderValue>,
    repeats: u32,
    act_twice: bool,
}

impl Way<'_> {
    /// How it ended at last, and how long the last attempt took.
    async fn go(&mut self, attempts: &mut u32, seed: &plimsoll_core::Seed) -> (Result<Answered>, Duration) {
        let mut sent = false;
        loop {
            *attempts += 1;
            let began = Instant::now();
            let (ended, failure) = self.attempt(*attempts).await;
            let took = began.elapsed();
            let ended = if sent { ended.map_err(after_all) } else { ended };
            sent |= failure.is_some_and(|failure| failure != Failure::Unsent);
            let pause = failure
                .filter(|_| *attempts < self.repeats && self.source.repeatable())
                .and_then(|failure| retry::pause(failure, self.act_twice, &self.guard.settings.backoff, *attempts, seed))
                .filter(|pause| *pause < left(self.deadline) && self.guard.is_closed());
            let Some(pause) = pause.filter(|_| self.guard.spend()) else {
                if let (Source::Passing(passing), Ok(_)) = (&self.source, &ended) {
                    passing.flow.answered();
                }
                return (ended, took);
            };
            // Let go of the connection first: nobody reads the rest of this answer.
            drop(ended);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&mut self, number: u32) -> (Result<Answered>, Option<Failure>) {
        let settings = &self.guard.settings;
        let time = match settings.attempt_timeout.filter(|_| self.timed) {
            Some(own) => own.min(left(self.deadline)),
            None => left(self.deadline),
        };
        let request = self.request(number, time);
        let sending = self.mount.pool.send(request);
        // A body takes as long as it takes while it moves; the time for the answer begins behind it.
        let answered = match &self.source {
            Source::Passing(passing) => passing.flow.patient(time, sending).await,
            _ => tokio::time::timeout(time, sending).await.ok(),
        };
        if let Some(error) = self.source.fault() {
            return (Err(error), None);
        }
        let counts = &self.guard.counts;
        match answered {
            Some(Ok(answered)) => {
                let status = answered.answer.status().as_u16();
                if settings.breaker_statuses.contains(&status) {
                    one_more(&counts.failing_status);
                }
                let healing = settings.retry_statuses.contains(&status);
                let failure = healing.then(|| retry::status_failure(answered.answer.headers()));
                (Ok(answered), failure)
            }
            Some(Err(error)) if error.code() == Code::UpstreamUnreachable => {
                one_more(&counts.unreachable);
                (Err(error), Some(Failure::Unsent))
            }
            Some(Err(error)) => {
                one_more(&counts.broken);
                (Err(error), Some(Failure::Broken))
            }
            None => {
                one_more(&counts.late);
                let late = "the service did not answer in time; whether it acted is not known";
                (Err(Code::UpstreamTimeout.because(late)), Some(Failure::Late))
            }
        }
    }

    fn request(&mut self, number: u32, time: Duration) -> Request<Body> {
        let mut request = Request::new(self.source.lend());
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.version_mut() = self.parts.version;
        let more = number < self.repeats && self.source.repeatable();
        let mut headers = if more { self.parts.headers.clone() } else { std::mem::take(&mut self.parts.headers) };
        if self.timed {
            headers.insert(TIME_LEFT, u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into());
        }
        if let Some(traceparent) = &self.traceparent {
            headers.insert(&TRACEPARENT, traceparent.clone());
        }
        if number > 1 {
            headers.insert(ATTEMPT, number.into());
        }
        *request.headers_mut() = headers;
        if let Source::Passing(passing) = &self.source
            && passing.asks
        {
            let flow = passing.flow.clone();
            hyper::ext::on_informational(&mut request, move |said| {
                if said.status() == StatusCode::CONTINUE {
                    flow.agree();
                }
            });
        }
        request
    }
}

/// Where the bytes of a request's body come from, attempt after attempt.
enum Source {
    /// There are none.
    Nothing,
    /// Kept here.
    Kept(Bytes),
    /// They pass by once.
    Passing(Arc<Passing>),
}

impl Source {
    async fn of(body: Body, mount: &Mount, keep: bool, asks: bool) -> Result<Source> {
        if body.is_end_stream() {
            return Ok(Source::Nothing);
        }
        let small = body.size_hint().upper().is_some_and(|most| most <= mount.guard().settings.retry_body as u64);
        if let Some(bytes) = body.full().filter(|bytes| bytes.len() <= mount.body_limit) {
            return Ok(Source::Kept(bytes.clone()));
        }
        let body = Upload::new(body, mount.body_limit, mount.idle_timeout);
        // What the service has to ask for is not taken from the caller before; until it is, the
        // request can be repeated all the same.
        if asks || !(keep && small) {
            let flow = Flow::new();
            return Ok(Source::Passing(Arc::new(Passing {
                body: Mutex::new(Body::stream(body.told_to(&flow, asks))),
                flow,
                asks,
                touched: AtomicBool::new(false),
                fault: Mutex::default(),
            })));
        }
        // As one that passes by: it takes as long as it takes while it moves.
        Ok(Source::Kept(body.collect().await.map_err(theirs)?.to_bytes()))
    }

    /// The body for an attempt.
    fn lend(&self) -> Body {
        match self {
            Source::Nothing => Body::empty(),
            Source::Kept(bytes) => Body::Full(bytes.clone()),
            Source::Passing(passing) => Body::stream(Lent(passing.clone())),
        }
    }
    /// Whether it can be sent from its beginning again.
    fn repeatable(&self) -> bool {
        match self {
            Source::Nothing | Source::Kept(_) => true,
            Source::Passing(passing) => !passing.touched.load(Ordering::SeqCst),
        }
    }
    /// What went wrong on the caller's side, if that is why an attempt failed.
    fn fault(&self) -> Option<Error> {
        let Source::Passing(passing) = self else { return None };
        passing.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What was wrong with a caller's body.
fn theirs(broken: Broken) -> Error {
    match broken.downcast::<Carried>() {
        Ok(carried) => carried.0,
        Err(cause) => Code::Malformed.because("the body broke off before its end").caused_by(cause),
    }
}

/// A body that stays here while an attempt reads it: what no attempt has touched, the next may have.
struct Passing {
    body: Mutex<Body>,
    flow: Arc<Flow>,
    /// Whether the service has to agree before the body is taken from the caller.
    asks: bool,
    touched: AtomicBool,
    fault: Mutex<Option<Error>>,
}

impl Passing {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent(Arc<Passing>);

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let passing = &self.0;
        let polled = Pin::new(&mut *passing.body()).poll_frame(cx);
        if polled.is_ready() {
            passing.touched.store(true, Ordering::SeqCst);
        }
        polled.map(|frame| {
            frame.map(|frame| {
                frame.map_err(|broken| {
                    *passing.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(theirs(broken));
                    Broken::from("the caller's body broke off")
                })
            })
        })
    }
    fn is_end_stream(&self) -> bool {
        self.0.body().is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.0.body().size_hint()
    }
}

impl Verdict {
    /// The body of the answer, told of at its end.
    pub fn over<B>(self, body: B) -> Watched<B> {
        Watched { body, verdict: Some(self) }
    }
}

/// An answer's body whose end the breaker hears of.
pub struct Watched<B> {
    body: B,
    verdict: Option<Verdict>,
}

impl<B: hyper::body::Body<Data = Bytes, Error = Broken> + Unpin> hyper::body::Body for Watched<B> {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Err(_))) => {
                if let Some(mut verdict) = this.verdict.take() {
                    verdict.broke_off();
                }
            }
            Poll::Ready(None) => {
                if let Some(mut verdict) = this.verdict.take() {
                    verdict.ended();
                }
            }
            Poll::Ready(Some(Ok(_))) if this.body.is_end_stream() => {
                if let Some(mut verdict) = this.verdict.take() {
                    verdict.ended();
                }
            }
            _ => {}
        }
        polled
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
