//! A request to a mounted service: on record before it is sent, and again before it is answered.
//!
//! The request runs as a task of its own. A caller that hangs up leaves it alone, and its repeat
//! finds the answer.

use std::{collections::VecDeque, pin::Pin, sync::Arc, task, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use hyper::body::{Body as _, Frame};
use plimsoll_core::{Code, Error, Result};
use plimsoll_store::Scope;
use tokio::sync::oneshot;

use super::{
    Ticket, answer, in_progress,
    layer::{ended, patience},
    record::{self, Outcome, Record},
    running::{Entry, Turn},
};
use crate::{
    Body,
    body::{Broken, Carried},
    exchange::Exchange,
    host::Host,
    stack::{Boxed, Next},
    telemetry::{Current, Within},
};

/// How long between two looks at what another process does.
const RELOOK: Duration = Duration::from_millis(100);
/// How often it is tried to put an answer on record.
const TRIES: u32 = 3;

/// What the task tells the request that waits for it.
enum Told {
    /// There is a record.
    Earlier(Record),
    /// It ran, with the exchange as the layers below left it.
    Ran(Box<Exchange>, Result<Response<Body>>),
    /// Nothing could be begun.
    Failed(Error),
}

/// Sends the request unless it was sent before.
pub(super) async fn answer(x: &mut Exchange, request: Request<Body>, ticket: Arc<Ticket>) -> Result<Response<Body>> {
    let host = x.host.clone();
    let (engine, until) = (&host.idempotency, patience(x));
    let mut request = Some(request);
    loop {
        let record = match engine.running.enter(&ticket) {
            Entry::First(turn) => {
                // The request itself may have to go back if it finds a record of one that runs elsewhere.
                let Some(sent) = request.take() else { return Err(Code::Internal.because("a request was sent twice")) };
                let (told, hears) = oneshot::channel();
                let current = Current { request: x.request, trace: x.trace };
                let inner: Boxed<'static, ()> = Box::pin(run(lent(x, &sent), copy(&sent), ticket.clone(), turn, told));
                request = Some(sent);
                tokio::spawn(Within { current, inner });
                match hears.await {
                    Ok(Told::Earlier(record)) => Some(record),
                    Ok(Told::Ran(mut ran, answered)) => {
                        x.headers.append(&mut ran.headers);
                        x.place = ran.place.take();
                        x.attempts = ran.attempts;
                        if let Some(layer) = ran.refused_by {
                            x.refused(layer);
                        }
                        return answered;
                    }
                    Ok(Told::Failed(error)) => return Err(error),
                    Err(_) => return Err(Code::Internal.because("the request to the service ended without an answer")),
                }
            }
            Entry::Busy(other) => {
                if !ended(other, until).await {
                    x.refused("replay");
                    return Err(in_progress());
                }
                engine.look(&host.store, &ticket).await?
            }
        };
        let Some(record) = record else { continue };
        match engine.judge(&ticket, &record) {
            Ok(Some(answer)) => return Ok(answer),
            // It runs in another process, which cannot wake us.
            Ok(None) if std::time::Instant::now() + RELOOK < until => tokio::time::sleep(RELOOK).await,
            Ok(None) => {
                x.refused("replay");
                return Err(in_progress());
            }
            Err(error) => {
                x.refused("replay");
                return Err(error);
            }
        }
    }
}

/// The same request once more; its body has been read.
fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copied = Request::new(Body::from(request.body().full().cloned().unwrap_or_default()));
    *copied.method_mut() = request.method().clone();
    *copied.uri_mut() = request.uri().clone();
    *copied.version_mut() = request.version();
    *copied.headers_mut() = request.headers().clone();
    // What is kept is to be readable for whoever repeats.
    copied.headers_mut().remove(header::ACCEPT_ENCODING);
    copied
}

/// An exchange for the task: what the layers below look at, and the place in the whole.
fn lent(x: &mut Exchange, request: &Request<Body>) -> Exchange {
    let mut lent = Exchange::new(x.host.clone(), x.peer, x.secure, request);
    (lent.request, lent.client_request, lent.trace) = (x.request, x.client_request.clone(), x.trace);
    (lent.started, lent.arrived, lent.deadline) = (x.started, x.arrived, x.deadline);
    (lent.caller, lent.cookie_auth) = (x.caller, x.cookie_auth);
    (lent.matched, lent.principal) = (x.matched.clone(), x.principal.clone());
    lent.later = x.later;
    lent.place = x.place.take();
    lent
}

/// The life of one request, whoever still waits for it.
async fn run(mut x: Exchange, request: Request<Body>, ticket: Arc<Ticket>, turn: Turn, told: oneshot::Sender<Told>) {
    let host = x.host.clone();
    let beginning = {
        let (host, ticket) = (host.clone(), ticket.clone());
        let now = host.clock.now();
        let store = host.store.clone();
        store
            .commit(Scope::Tenant(ticket.tenant), move |tx| {
                record::begin(tx, &ticket, &host.idempotency.instance, now, host.idempotency.lease)
            })
            .await
    };
    match beginning {
        Ok(None) => {}
        Ok(Some(record)) => {
            drop(turn);
            let _ = told.send(Told::Earlier(record));
            return;
        }
        Err(error) => {
            drop(turn);
            let _ = told.send(Told::Failed(error));
            return;
        }
    }
    let lease = Lease::renewed(host.clone(), ticket.clone());
    let answered = Next::below("replay").run(&mut x, request).await;
    let answered = settle(&host, &ticket, answered).await;
    drop(lease);
    drop(turn);
    let _ = told.send(Told::Ran(Box::new(x), answered));
}

/// Puts on record how the request ended; the answer for its caller.
async fn settle(host: &Arc<Host>, ticket: &Arc<Ticket>, answered: Result<Response<Body>>) -> Result<Response<Body>> {
    let engine = &host.idempotency;
    let answer = match answered {
        Ok(answer) => answer,
        Err(error) => {
            if never_sent(error.code()) {
                write(host, ticket, None).await?;
            } else {
                write(host, ticket, Some(Outcome::unknown(error.public()))).await?;
            }
            return Err(error);
        }
    };
    if did_nothing(&answer) {
        write(host, ticket, None).await?;
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    if let Some(reason) = answer::withheld(answer.headers()) {
        write(host, ticket, Some(Outcome::withheld(status, reason))).await?;
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    match gather(body, engine.body_limit).await {
        Gathered::Whole(bytes) => {
            let answer = Response::from_parts(head, Body::from(bytes));
            write(host, ticket, Some(engine.outcome(ticket, &answer)?)).await?;
            Ok(answer)
        }
        Gathered::More(rest) => {
            let reason = format!("it was larger than {} bytes", engine.body_limit);
            write(host, ticket, Some(Outcome::withheld(status, reason))).await?;
            Ok(Response::from_parts(head, Body::stream(rest)))
        }
        Gathered::Broken(cause) => {
            write(host, ticket, Some(Outcome::unknown("the service broke off in the middle of its answer"))).await?;
            let late = cause.downcast_ref::<Carried>().is_some_and(|carried| carried.0.code() == Code::UpstreamTimeout);
            let code = if late { Code::UpstreamTimeout } else { Code::UpstreamFailed };
            Err(code.because("the service broke off in the middle of its answer; whether it acted is not known").caused_by(cause))
        }
    }
}

/// Makes the end durable, or takes the beginning back. Nobody gets an answer that is not on record.
async fn write(host: &Arc<Host>, ticket: &Arc<Ticket>, outcome: Option<Outcome>) -> Result<()> {
    let mut tried = 0;
    loop {
        let (engine, row, outcome) = (host.clone(), ticket.clone(), outcome.clone());
        let written = host.store.commit(Scope::Tenant(ticket.tenant), move |tx| match &outcome {
            Some(outcome) => record::put(tx, &row, outcome),
            None => record::forget(tx, &row, &engine.idempotency.instance),
        });
        let Err(error) = written.await else { return Ok(()) };
        tried += 1;
        if tried == TRIES {
            let public = "the service has been asked, and what came of it could not be put on record; ask again with the same key";
            return Err(Code::DatabaseUnavailable.because(public).caused_by(format!("{error:?}")).retry_after(1));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether an error says that the service was never asked.
fn never_sent(code: Code) -> bool {
    matches!(
        code,
        Code::UpstreamUnreachable
            | Code::CircuitOpen
            | Code::ServiceStarting
            | Code::Overloaded
            | Code::Draining
            | Code::QuotaExceeded
            | Code::Forbidden
            | Code::Malformed
            | Code::Invalid
            | Code::UnsupportedMedia
    )
}

/// Whether the service itself says that it did not begin: not allowed, not now, in conflict.
fn did_nothing(answer: &Response<Body>) -> bool {
    let later = answer.headers().contains_key(header::RETRY_AFTER);
    match answer.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => later,
        _ => false,
    }
}

/// Tells other processes that this one lives, for as long as it is held.
struct Lease(tokio::task::JoinHandle<()>);

impl Lease {
    fn renewed(host: Arc<Host>, ticket: Arc<Ticket>) -> Lease {
        Lease(tokio::spawn(async move {
            let lease = host.idempotency.lease;
            loop {
                tokio::time::sleep(lease / 3).await;
                let (engine, row, until) = (host.clone(), ticket.clone(), host.clock.now().plus(lease));
                let renewed =
                    host.store.commit(Scope::Tenant(ticket.tenant), move |tx| record::renew(tx, &row, &engine.idempotency.instance, until));
                if let Err(error) = renewed.await {
                    tracing::warn!(error = ?error, "the lease of a running request could not be renewed");
                }
            }
        }))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer's body, as far as it was read.
enum Gathered {
    Whole(Bytes),
    More(Resumed),
    Broken(Broken),
}

async fn gather(mut body: Body, limit: usize) -> Gathered {
    if let Some(bytes) = body.full().filter(|bytes| bytes.len() <= limit) {
        return Gathered::Whole(bytes.clone());
    }
    let (mut held, mut length) = (VecDeque::new(), 0);
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame {
            Err(cause) => return Gathered::Broken(cause),
            Ok(frame) => {
                length += frame.data_ref().map_or(0, Bytes::len);
                held.push_back(frame);
            }
        }
        if length > limit {
            return Gathered::More(Resumed { held, body });
        }
    }
    let data = held.into_iter().filter_map(|frame| frame.into_data().ok());
    Gathered::Whole(
        data.fold(bytes::BytesMut::with_capacity(length), |mut all, piece| {
            all.extend_from_slice(&piece);
            all
        })
        .freeze(),
    )
}

/// A body of which the beginning was read already.
struct Resumed {
    held: VecDeque<Frame<Bytes>>,
    body: Body,
}

impl hyper::body::Body for Resumed {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.held.pop_front() {
            Some(frame) => task::Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.body).poll_frame(cx),
        }
    }
    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.body.is_end_stream()
    }
}
