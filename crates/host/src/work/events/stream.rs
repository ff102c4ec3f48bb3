//! A stream of server-sent events: what follows, until somebody ends it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use hyper::body::Frame;
use plimsoll_core::{Code, Error, Principal, Result};
use plimsoll_store::{Pace, Scope};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{
    Published,
    hub::Waiter,
    read::{Extent, PAGE, Wanted, rows},
};
use crate::{
    Body, Host,
    body::Broken,
    ctx::{Ctx, Read},
    identity::Credential,
};

/// How soon a stream notices that the server stops or that a credential was revoked here.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon it notices a credential that was revoked by another process.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long a client waits before it comes back, in milliseconds.
const RETRY: u64 = 2000;

static PACE: Pace = Pace::new();

/// Opens a stream after the event `after`, or after the newest one.
///
/// # Errors
/// [`Code::Overloaded`] or [`Code::QuotaExceeded`] where there are too many; what the database says.
pub(super) async fn open(ctx: &Ctx<(), Read>, headers: &HeaderMap, wanted: Wanted, after: Option<i64>) -> Result<Response<Body>> {
    let bus = &ctx.host.work.bus;
    // Before the first look, so that nothing which is written after it goes unnoticed.
    let waiter = bus.hub.join(ctx.tenant, bus.streams, bus.streams_per_tenant).ok_or_else(|| {
        if bus.hub.waiting() >= bus.streams {
            Code::Overloaded.because("too many streams of events are open here").retry_after(30)
        } else {
            Code::QuotaExceeded.because(format!("a tenant may hold {} streams of events open", bus.streams_per_tenant)).retry_after(30)
        }
    })?;
    let extent = ctx.read(Extent::of).await?;
    let credential = Credential::of(headers, ctx.secure)?;
    let (sender, receiver) = mpsc::channel(1);
    let stream = Stream {
        host: ctx.host.clone(),
        who: ctx.who.clone(),
        credential,
        wanted,
        after: after.unwrap_or(extent.head),
        sender,
        waiter,
        said: Instant::now(),
        asked: Instant::now(),
        generation: ctx.host.identity.generation(),
    };
    tokio::spawn(stream.run(extent));
    let mut answer = Response::new(Body::stream(Pipe(receiver)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // A proxy that collects an answer before it passes it on would make a stream useless.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

/// What is to be sent next; the end where nobody sends any more.
struct Pipe(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pipe {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

struct Stream {
    host: Arc<Host>,
    who: Principal,
    credential: Option<Credential>,
    wanted: Wanted,
    /// The last event that was told or passed over.
    after: i64,
    sender: mpsc::Sender<Bytes>,
    waiter: Waiter,
    /// When something was last sent,
    said: Instant,
    /// and when the credential was last looked at.
    asked: Instant,
    generation: u64,
}

/// Why a stream is over.
enum End {
    /// The client has gone.
    Gone,
    /// The client is told why.
    Told(&'static str, String),
}

impl From<Error> for End {
    fn from(error: Error) -> End {
        End::Told(error.code().slug(), error.public().to_owned())
    }
}

impl Stream {
    async fn run(mut self, extent: Extent) {
        let Err(end) = self.follow(extent).await;
        if let End::Told(reason, detail) = end {
            let last = frame("end", self.after, &json!({ "reason": reason, "detail": detail }));
            // Who has gone in the meantime needs no reason.
            let _ = tokio::time::timeout(LOOK_EVERY, self.sender.send(last)).await;
        }
    }

    async fn follow(&mut self, extent: Extent) -> Result<std::convert::Infallible, End> {
        self.send(Bytes::from(format!("retry: {RETRY}\n\n"))).await?;
        if self.after > extent.head {
            let lost = extent.lacks(self.after).map_or_else(String::new, |error| error.public().to_owned());
            self.after = extent.head;
            self.send(frame("reset", self.after, &json!({ "head": extent.head, "detail": lost }))).await?;
        } else if self.after < extent.first - 1 {
            self.lost(extent.first).await?;
        }
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.waiter.caught_up();
            self.catch_up().await?;
            loop {
                tokio::select! {
                    () = self.waiter.news() => break,
                    () = self.sender.closed() => return Err(End::Gone),
                    _ = look.tick() => {}
                }
                self.stands().await?;
                if self.said.elapsed() >= self.host.work.bus.heartbeat {
                    // No event: but whoever comes back after this begins where nothing was for them.
                    self.send(Bytes::from(format!("id: {}\n: alive\n\n", self.after))).await?;
                }
            }
        }
    }

    /// Tells what there is to tell.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            let (after, scope) = (self.after, Scope::Tenant(self.who.tenant));
            let (host, who) = (self.host.clone(), self.who.clone());
            let look = move |tx: &plimsoll_store::Tx<'_>| {
                let page = rows(tx, after, PAGE)?;
                let heard = host.heard(tx, &who, &page)?;
                Ok((page, heard))
            };
            let (page, heard) = self.host.store.read(scope, &PACE, look).await?;
            let Some(last) = page.last().map(|event| event.seq) else { return Ok(()) };
            // Nobody hears of anything by a credential that counts no more.
            self.stands().await?;
            // There are no gaps but those of what was removed while a slow client listened.
            if page[0].seq > self.after + 1 {
                self.lost(page[0].seq).await?;
            }
            let told = page.iter().zip(heard).filter(|(event, heard)| *heard && self.wanted.includes(event, &self.who));
            let told: Vec<u8> = told.flat_map(|(event, _)| shown(event)).collect();
            self.after = last;
            if !told.is_empty() {
                self.send(told.into()).await?;
            }
        }
    }

    /// What lies before `first` and was not told is not kept any more.
    async fn lost(&mut self, first: i64) -> Result<(), End> {
        let lost =
            json!({ "from": self.after + 1, "to": first - 1, "detail": "these events are not kept any more; read what you need anew" });
        self.after = first - 1;
        self.send(frame("lost", self.after, &lost)).await
    }

    /// Whether this stream may go on: the server does, and the credential counts.
    async fn stands(&mut self) -> Result<(), End> {
        if self.host.health.draining() {
            return Err(End::Told("draining", "the server stops; come back and go on after the last event".to_owned()));
        }
        let generation = self.host.identity.generation();
        if generation == self.generation && self.asked.elapsed() < ASK_EVERY {
            return Ok(());
        }
        let Some(credential) = &self.credential else { return Ok(()) };
        match credential.stands(&self.host).await {
            Ok(who) => self.who = who,
            Err(error) if error.code().status() == 401 => return Err(error.into()),
            // The database is away: nothing can be read either. The next look decides.
            Err(_) => return Ok(()),
        }
        if !self.who.holds("events:read", plimsoll_core::Role::Viewer) {
            return Err(Code::Forbidden.because("this needs the permission events:read").into());
        }
        (self.generation, self.asked) = (generation, Instant::now());
        Ok(())
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), End> {
        self.sender.send(bytes).await.map_err(|_| End::Gone)?;
        self.said = Instant::now();
        Ok(())
    }
}

/// An event as a client reads it.
fn shown(event: &Published) -> Vec<u8> {
    // An event can always be written as JSON; one line, since JSON escapes line breaks.
    let data = event.json().unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq, event.kind).into_bytes()
}

/// Something about the stream itself.
fn frame(name: &str, id: i64, data: &Value) -> Bytes {
    format!("id: {id}\nevent: {name}\ndata: {data}\n\n").into()
}
